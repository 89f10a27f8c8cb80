//! What is not as it has to be, and where.

use std::fmt;

/// The first thing in a document that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Violation {
    /// Path of the element. Where several of one name stand side by side they are counted from one:
    /// `device/capability[2]/type`.
    pub place: String,
    /// What it is about that element.
    pub problem: Problem,
}

/// What is not as it has to be about an element. Values longer than 64 characters are cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It has no business where it stands.
    #[error("the element is not allowed here, {}", Only(.allowed))]
    Element {
        /// The elements that are.
        allowed: Vec<String>,
    },
    /// It is one too many.
    #[error("only one such element is allowed")]
    Repeated,
    /// Something is missing in it.
    #[error("element {} is missing", Any(.allowed))]
    Missing {
        /// Each of these would do.
        allowed: Vec<String>,
    },
    /// It has an attribute that it cannot have.
    #[error("attribute `{found}` is not allowed, {}", Only(.allowed))]
    Attribute {
        /// The attribute.
        found: String,
        /// The attributes that are.
        allowed: Vec<String>,
    },
    /// It lacks an attribute.
    #[error("attribute `{attribute}` is missing: {allowed}")]
    MissingAttribute {
        /// The attribute.
        attribute: String,
        /// What its value would be, with an article: `a decimal number`.
        allowed: String,
    },
    /// The value of an attribute is not what it has to be.
    #[error("attribute `{attribute}` is `{found}`, not {allowed}")]
    Value {
        /// The attribute.
        attribute: String,
        /// Its value.
        found: String,
        /// What would be allowed, with an article: `a decimal number`.
        allowed: String,
    },
    /// Its text is not what it has to be.
    #[error("its text is `{found}`, not {allowed}")]
    Text {
        /// The text.
        found: String,
        /// What would be allowed, with an article: `a decimal number`.
        allowed: String,
    },
    /// It has a text where there is to be none.
    #[error("text `{found}` is not allowed in it, {}", Elements(.allowed))]
    Stray {
        /// The text.
        found: String,
        /// The elements that are.
        allowed: Vec<String>,
    },
}

/// Names, of which each one would do.
struct Any<'a>(&'a [String]);

impl fmt::Display for Any<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.0.iter().enumerate() {
            let before = match number {
                0 => "",
                _ if number + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}`{name}`")?;
        }
        Ok(())
    }
}

/// Names besides which there is nothing.
struct Only<'a>(&'a [String]);

impl fmt::Display for Only<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("nor is any other"),
            names => write!(f, "only {}", Any(names)),
        }
    }
}

/// The same of what an element can have in it.
struct Elements<'a>(&'a [String]);

impl fmt::Display for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("nor is any other"),
            names => write!(f, "only elements: {}", Any(names)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_listed_as_one_says_them() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(Any(&names[..1]).to_string(), "`a`");
        assert_eq!(Any(&names[..2]).to_string(), "`a` or `b`");
        assert_eq!(Any(&names).to_string(), "`a`, `b` or `c`");
        assert_eq!(Only(&names[..1]).to_string(), "only `a`");
        assert_eq!(Only(&[]).to_string(), "nor is any other");
    }
}
