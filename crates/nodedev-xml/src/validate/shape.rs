//! The words of the table: elements, what is in them, how often and in which order. Only values.

use super::value::Value;

/// An element as it has to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) tag: &'static str,
    pub(super) mark: Mark,
    /// Its attributes, besides the mark.
    pub(super) attributes: &'static [Attribute],
    pub(super) content: Content,
}

/// What tells an element from others of the same tag.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// Nothing has to.
    None,
    /// An attribute is one of these words.
    Is(&'static str, &'static [&'static str]),
    /// It has this attribute.
    Has(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) value: Value,
}

/// What is in an element. White space may always be, and comments and instructions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    /// A text, which may be empty.
    Text(Value),
    /// These one after the other.
    Ordered(&'static [Item]),
    /// These in any order.
    Mixed(&'static [Item]),
}

/// Something in an element, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) of: Of,
    pub(super) least: usize,
    pub(super) most: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Element(Element),
    /// Any of these.
    Any(&'static [Element]),
    /// These in any order, in the middle of others.
    Mixed(&'static [Item]),
    /// One of these rows, each in its order. Its first element, which it has to have, tells which.
    Rows(&'static [&'static [Item]]),
}

pub(super) const fn one(element: Element) -> Item {
    Of::Element(element).times(1, 1)
}

pub(super) const fn optional(element: Element) -> Item {
    Of::Element(element).times(0, 1)
}

pub(super) const fn many(element: Element) -> Item {
    Of::Element(element).times(0, usize::MAX)
}

pub(super) const fn some(element: Element) -> Item {
    Of::Element(element).times(1, usize::MAX)
}

impl Of {
    pub(super) const fn times(self, least: usize, most: usize) -> Item {
        Item { of: self, least, most }
    }

    /// The elements that it can begin with.
    pub(super) fn first(&'static self) -> Vec<&'static Element> {
        let first_of = |items: &'static [Item]| items.first().map(|item| item.of.first());
        match self {
            Self::Element(element) => vec![element],
            Self::Any(elements) => elements.iter().collect(),
            Self::Mixed(items) => items.iter().flat_map(|item| item.of.first()).collect(),
            Self::Rows(rows) => rows.iter().filter_map(|row| first_of(row)).flatten().collect(),
        }
    }
}

/// An element with a text and nothing else.
pub(super) const fn text(tag: &'static str, value: Value) -> Element {
    Element { tag, mark: Mark::None, attributes: &[], content: Content::Text(value) }
}

/// An element with nothing in it.
pub(super) const fn empty(tag: &'static str, attributes: &'static [Attribute]) -> Element {
    Element { tag, mark: Mark::None, attributes, content: Content::Ordered(&[]) }
}

/// An element with others in it.
pub(super) const fn holding(tag: &'static str, content: Content) -> Element {
    Element { tag, mark: Mark::None, attributes: &[], content }
}

/// A capability of one of these types.
pub(super) const fn capability(types: &'static [&'static str], content: Content) -> Element {
    holding("capability", content).marked(Mark::Is("type", types))
}

impl Element {
    pub(super) const fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    pub(super) const fn with(self, attributes: &'static [Attribute]) -> Self {
        Self { attributes, ..self }
    }
}

/// An attribute that has to be there.
pub(super) const fn attribute(name: &'static str, value: Value) -> Attribute {
    Attribute { name, is_required: true, value }
}

/// An attribute that need not be there.
pub(super) const fn optional_attribute(name: &'static str, value: Value) -> Attribute {
    Attribute { name, is_required: false, value }
}
