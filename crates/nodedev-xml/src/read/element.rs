//! An element of a parsed document and the values in it. Knows no device.

use core::str::FromStr;

use nodedev_types::{Fields, Key};
use roxmltree::Node;

use crate::Error;
use crate::excerpt::excerpt;

/// An element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a, 'i>(Node<'a, 'i>);

impl<'a, 'i> Element<'a, 'i> {
    pub(super) const fn new(node: Node<'a, 'i>) -> Self {
        Self(node)
    }

    /// As the parser knows it.
    pub(crate) const fn node(self) -> Node<'a, 'i> {
        self.0
    }

    /// Name of the element.
    pub(super) fn tag(self) -> &'a str {
        self.0.tag_name().name()
    }

    /// Name of the element for an error.
    pub(super) fn shown_tag(self) -> String {
        excerpt(self.tag())
    }

    /// The elements of that name directly inside, in order; none that is in a namespace.
    pub(super) fn children(self, tag: &str) -> impl Iterator<Item = Self> {
        let is_called = move |node: &Node<'_, '_>| {
            let name = node.tag_name();
            name.name() == tag && name.namespace().is_none_or(str::is_empty)
        };
        self.0.children().filter(is_called).map(Self)
    }

    /// The first element of that name directly inside.
    pub(super) fn child(self, tag: &str) -> Option<Self> {
        self.children(tag).next()
    }

    /// The first capability of that type directly inside.
    pub(super) fn capability(self, kind: &str) -> Option<Self> {
        self.children("capability").find(|element| element.attribute("type") == Some(kind))
    }

    /// All text directly inside, exactly as it is.
    pub(super) fn text(self) -> String {
        self.0.children().filter_map(text_of).collect()
    }

    /// All text inside, also in the elements inside.
    pub(super) fn all_text(self) -> String {
        self.0.descendants().filter_map(text_of).collect()
    }

    /// Text of the first element of that name.
    pub(super) fn child_text(self, tag: &str) -> Option<String> {
        self.child(tag).map(Self::text)
    }

    /// Whether the element was written as one tag, `<x/>`. To an XML reader that is the same as
    /// `<x></x>`, but libvirt prints the one for an absent value and the other for an empty one.
    pub(super) fn is_one_tag(self) -> bool {
        self.0.document().input_text()[self.0.range()].ends_with("/>")
    }

    /// Value of an attribute.
    pub(super) fn attribute(self, name: &str) -> Option<&'a str> {
        self.0.attribute(name)
    }

    /// Value of an attribute that has to be there.
    pub(super) fn required(self, name: &str) -> Result<&'a str, Error> {
        self.attribute(name).ok_or_else(|| Error::MissingAttribute {
            element: self.path(),
            attribute: name.to_owned(),
        })
    }

    /// The text as a decimal number.
    pub(super) fn number<T: FromStr>(self) -> Result<T, Error> {
        let text = self.text();
        decimal(&text).ok_or_else(|| self.invalid_text(&text, "a decimal number in range"))
    }

    /// The text of an element that has to be there as a decimal number.
    pub(super) fn required_number<T: FromStr>(self, tag: &str) -> Result<T, Error> {
        self.child(tag).ok_or_else(|| self.missing(tag))?.number()
    }

    /// The text as a decimal number; a negative one stands for the number with the same 32 bits.
    fn signed<T: TryFrom<u64>>(self) -> Result<T, Error> {
        let text = self.text();
        let number = signed(&text).and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.invalid_text(&text, "a decimal number in range"))
    }

    /// The text of an element that has to be there, as a number that may be printed with a sign.
    pub(super) fn required_signed<T: TryFrom<u64>>(self, tag: &str) -> Result<T, Error> {
        self.child(tag).ok_or_else(|| self.missing(tag))?.signed()
    }

    /// The text as a hexadecimal number, with `0x` in front or not.
    pub(super) fn hex(self) -> Result<u64, Error> {
        let text = self.text();
        hexadecimal(&text).ok_or_else(|| self.invalid_text(&text, "a hexadecimal number"))
    }

    /// An attribute as a decimal number, if it is there.
    pub(super) fn attribute_number(self, name: &str) -> Result<Option<u64>, Error> {
        let Some(value) = self.attribute(name) else {
            return Ok(None);
        };
        match decimal(value) {
            Some(number) => Ok(Some(number)),
            None => Err(self.invalid_attribute(name, "a decimal number in range")),
        }
    }

    /// An attribute that has to be there as a hexadecimal number, with `0x` in front or not.
    pub(super) fn required_hex(self, name: &str) -> Result<u64, Error> {
        hexadecimal(self.required(name)?)
            .ok_or_else(|| self.invalid_attribute(name, "a hexadecimal number"))
    }

    /// Sets the field to the text of the first element of that name, if there is one.
    pub(super) fn text_into(self, fields: &mut Fields, key: Key<String>, tag: &str) {
        if let Some(text) = self.child_text(tag) {
            fields.set(key, text);
        }
    }

    /// Sets the field to the decimal number in the first element of that name, if there is one.
    pub(super) fn number_into(
        self,
        fields: &mut Fields,
        key: Key<u64>,
        tag: &str,
    ) -> Result<(), Error> {
        self.read_into(fields, key, tag, Self::number::<u64>)
    }

    /// As [`Element::number_into`], for numbers of 32 bits that libvirt prints with a sign.
    pub(super) fn signed_into(
        self,
        fields: &mut Fields,
        key: Key<u64>,
        tag: &str,
    ) -> Result<(), Error> {
        self.read_into(fields, key, tag, Self::signed::<u64>)
    }

    /// Sets the field to the hexadecimal number in the first element of that name, if there is one.
    pub(super) fn hex_into(
        self,
        fields: &mut Fields,
        key: Key<u64>,
        tag: &str,
    ) -> Result<(), Error> {
        self.read_into(fields, key, tag, Self::hex)
    }

    fn read_into(
        self,
        fields: &mut Fields,
        key: Key<u64>,
        tag: &str,
        read: impl FnOnce(Self) -> Result<u64, Error>,
    ) -> Result<(), Error> {
        if let Some(element) = self.child(tag) {
            fields.set(key, read(element)?);
        }
        Ok(())
    }

    /// The error for an element that is not directly inside.
    pub(super) fn missing(self, tag: &str) -> Error {
        Error::MissingElement { element: format!("{}/{tag}", self.path()) }
    }

    /// The error for an element that is there `count` times.
    pub(super) fn repeated(self, count: usize) -> Error {
        Error::RepeatedElement { element: self.path(), count }
    }

    /// The error for a text that is not what it has to be.
    pub(super) fn invalid_text(self, text: &str, expected: &'static str) -> Error {
        Error::InvalidText { element: self.path(), value: excerpt(text), expected }
    }

    /// The error for the value of an attribute that is not what it has to be.
    pub(super) fn invalid_attribute(self, name: &str, expected: &'static str) -> Error {
        Error::InvalidAttribute {
            element: self.path(),
            attribute: name.to_owned(),
            value: excerpt(self.attribute(name).unwrap_or_default()),
            expected,
        }
    }

    fn path(self) -> String {
        let mut tags: Vec<_> = self
            .0
            .ancestors()
            .filter(Node::is_element)
            .map(|node| node.tag_name().name())
            .collect();
        tags.reverse();
        tags.join("/")
    }
}

fn text_of<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    if node.is_text() { node.text() } else { None }
}

/// Digits only: the standard library's readers also take a sign.
fn decimal<T: FromStr>(text: &str) -> Option<T> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn signed(text: &str) -> Option<u64> {
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().map(|number: i32| number.cast_unsigned().into())
        }
        Some(_) => None,
        None => decimal(text),
    }
}

fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_root<T>(xml: &str, check: impl FnOnce(Element<'_, '_>) -> T) -> T {
        let tree = roxmltree::Document::parse(xml).expect("the test's own document");
        check(Element::new(tree.root_element()))
    }

    #[test]
    fn text_is_taken_whole_and_untouched() {
        with_root("<a> x<!-- y --> &lt;<![CDATA[<z>]]>&#233;\t<b>no</b> </a>", |a| {
            assert_eq!(a.text(), " x <<z>é\t ");
        });
    }

    #[test]
    fn one_tag_and_an_empty_pair_are_told_apart() {
        with_root("<a><b/><c /><d></d><e><f/></e></a>", |a| {
            let one_tag = |tag| a.child(tag).unwrap().is_one_tag();
            assert!(one_tag("b") && one_tag("c"));
            assert!(!one_tag("d") && !one_tag("e"));
        });
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(decimal::<u64>("007"), Some(7));
        assert_eq!(decimal::<u64>("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551616"] {
            assert_eq!(decimal::<u64>(bad), None, "{bad:?}");
        }
        assert_eq!(decimal::<u8>("256"), None);

        assert_eq!(signed("-1"), Some(u32::MAX.into()));
        assert_eq!(signed("-2147483648"), Some(0x8000_0000));
        assert_eq!(signed("4294967296"), Some(0x1_0000_0000));
        for bad in ["", "-", "--1", "-+1", "- 1", "+1", "-2147483649"] {
            assert_eq!(signed(bad), None, "{bad:?}");
        }

        assert_eq!(hexadecimal("0x8086"), Some(0x8086));
        assert_eq!(hexadecimal("8086"), Some(0x8086));
        for bad in ["", "0x", "0x+1", "0x0x1", "-1", "g", "0x10000000000000000"] {
            assert_eq!(hexadecimal(bad), None, "{bad:?}");
        }
    }
}
