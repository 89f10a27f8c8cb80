//! The text of a document under construction: indentation, tags, quotes. Knows no device.

use core::fmt::{self, Write as _};

use crate::escape::push_escaped;

/// A document under construction.
pub(super) struct Output<'b> {
    buffer: &'b mut String,
    depth: usize,
}

impl<'b> Output<'b> {
    pub(super) const fn new(buffer: &'b mut String) -> Self {
        Self { buffer, depth: 0 }
    }

    /// Begins an element on a line of its own. One of the tag's methods ends it.
    pub(super) fn element(&mut self, tag: &'static str) -> StartTag<'_, 'b> {
        for _ in 0..self.depth {
            self.buffer.push_str("  ");
        }
        self.buffer.push('<');
        self.buffer.push_str(tag);
        StartTag { out: self, tag }
    }

    /// `<tag>text</tag>`, or nothing where there is no text. An empty text is one.
    pub(super) fn text(&mut self, tag: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.element(tag).text(text);
        }
    }

    /// `<tag>number</tag>` in decimal, or nothing where there is no number.
    pub(super) fn number(&mut self, tag: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.element(tag).display(format_args!("{number}"));
        }
    }

    /// As [`Output::number`], for numbers of 32 bits that libvirt prints with a sign.
    pub(super) fn signed(&mut self, tag: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            match u32::try_from(number) {
                Ok(number) => {
                    self.element(tag).display(format_args!("{}", number.cast_signed()));
                }
                Err(_) => self.number(tag, Some(number)),
            }
        }
    }

    /// `<tag>0x…</tag>` with at least that many digits, or nothing where there is no number.
    pub(super) fn hexadecimal(&mut self, tag: &'static str, number: Option<u64>, digits: usize) {
        if let Some(number) = number {
            self.element(tag).display(format_args!("0x{number:0digits$x}"));
        }
    }

    /// `<capability type='kind'>` around what `content` writes.
    pub(super) fn capability(&mut self, kind: &str, content: impl FnOnce(&mut Self)) {
        self.element("capability").attribute("type", kind).block(content);
    }

    /// Appends text that needs no escaping.
    fn push_display(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.buffer.write_fmt(text);
    }
}

/// An element whose start tag is still open.
#[must_use = "an element has to be ended"]
pub(super) struct StartTag<'o, 'b> {
    out: &'o mut Output<'b>,
    tag: &'static str,
}

impl<'b> StartTag<'_, 'b> {
    /// Adds an attribute.
    pub(super) fn attribute(self, name: &str, value: &str) -> Self {
        self.out.push_display(format_args!(" {name}='"));
        push_escaped(self.out.buffer, value);
        self.out.buffer.push('\'');
        self
    }

    /// Adds an attribute with a value that needs no escaping, such as a number.
    pub(super) fn attribute_display(self, name: &str, value: fmt::Arguments<'_>) -> Self {
        self.out.push_display(format_args!(" {name}='{value}'"));
        self
    }

    /// Ends the element with `/>`.
    pub(super) fn empty(self) {
        self.out.buffer.push_str("/>\n");
    }

    /// Ends the element with ` />`, as libvirt does in a few places.
    pub(super) fn spaced_empty(self) {
        self.out.buffer.push_str(" />\n");
    }

    /// Ends the element with text in it, even an empty one.
    pub(super) fn text(self, text: &str) {
        self.out.buffer.push('>');
        push_escaped(self.out.buffer, text);
        self.end();
    }

    /// Ends the element with text in it that needs no escaping, such as a number.
    pub(super) fn display(self, text: fmt::Arguments<'_>) {
        self.out.push_display(format_args!(">{text}"));
        self.end();
    }

    /// Ends the element with elements in it, or with an end tag on the next line if there are none.
    pub(super) fn block(self, content: impl FnOnce(&mut Output<'b>)) {
        let Self { out, tag } = self;
        out.buffer.push_str(">\n");
        out.depth += 1;
        content(out);
        out.depth -= 1;
        for _ in 0..out.depth {
            out.buffer.push_str("  ");
        }
        Self { out, tag }.end();
    }

    fn end(self) {
        let tag = self.tag;
        self.out.push_display(format_args!("</{tag}>\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_with_two_blanks_each() {
        let mut text = String::new();
        Output::new(&mut text).element("a").block(|out| {
            out.capability("b", |_| ());
            out.element("c").attribute("d", "'").empty();
            out.element("e").spaced_empty();
            out.text("f", Some(""));
            out.text("g", None);
            out.number("h", Some(7));
            out.signed("i", Some(u32::MAX.into()));
            out.signed("j", Some(2_147_483_647));
            out.hexadecimal("k", Some(10), 1);
            out.hexadecimal("l", Some(10), 4);
            out.hexadecimal("m", None, 4);
        });
        let expected = "<a>\n  <capability type='b'>\n  </capability>\n  <c d='&apos;'/>\n  <e />\n  \
                        <f></f>\n  <h>7</h>\n  <i>-1</i>\n  <j>2147483647</j>\n  <k>0xa</k>\n  <l>0x000a</l>\n</a>\n";
        assert_eq!(text, expected);
    }
}
