//! Why a document cannot be read.

/// A document that cannot be read. Elements are named by their path, for example
/// `device/capability/product`; values longer than 64 characters are cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is too long to be looked at.
    #[error("document of {len} bytes is longer than the {max} bytes that are accepted")]
    TooLong {
        /// Length of the text in bytes.
        len: usize,
        /// Length up to which text is accepted, in bytes.
        max: usize,
    },
    /// The text has more of something than it takes to describe a device.
    #[error("more than {most} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many are accepted.
        most: usize,
    },
    /// The text brings a document type definition, with which it could define entities.
    #[error("document type definitions are not accepted")]
    Dtd,
    /// The text is not well-formed XML.
    #[error("not well-formed XML")]
    Syntax(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The document is about something else than a device.
    #[error("root element is `{found}`, not `device`")]
    Root {
        /// Name of the root element.
        found: String,
    },
    /// An element is missing, or empty where that is the same.
    #[error("element `{element}` is missing")]
    MissingElement {
        /// Path of the element.
        element: String,
    },
    /// An element appears again where there can be only one.
    #[error("element `{element}` appears {count} times, expected once")]
    RepeatedElement {
        /// Path of the element.
        element: String,
        /// How often it appears.
        count: usize,
    },
    /// An attribute is missing.
    #[error("attribute `{attribute}` of element `{element}` is missing")]
    MissingAttribute {
        /// Path of the element.
        element: String,
        /// Name of the attribute.
        attribute: String,
    },
    /// The text of an element is not what it has to be.
    #[error("element `{element}`: `{value}` is not {expected}")]
    InvalidText {
        /// Path of the element.
        element: String,
        /// The text.
        value: String,
        /// What was expected, with an article: `a decimal number`.
        expected: &'static str,
    },
    /// The value of an attribute is not what it has to be.
    #[error("attribute `{attribute}` of element `{element}`: `{value}` is not {expected}")]
    InvalidAttribute {
        /// Path of the element.
        element: String,
        /// Name of the attribute.
        attribute: String,
        /// The value.
        value: String,
        /// What was expected, with an article: `a decimal number`.
        expected: &'static str,
    },
}

impl From<roxmltree::Error> for Error {
    fn from(error: roxmltree::Error) -> Self {
        match error {
            roxmltree::Error::DtdDetected => Self::Dtd,
            other => Self::Syntax(Box::new(other)),
        }
    }
}
