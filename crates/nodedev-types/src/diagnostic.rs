//! Messages to the operator about input that could not be used.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; nothing is missing.
    Info,
    /// A device, field or entry is missing or old because of it.
    Warning,
    /// A whole listing or source is affected.
    Error,
}

/// One thing that could not be used, named so that an operator can find and mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// The device, file or entry that it is about.
    pub subject: String,
    /// The attribute, property or key in it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What is wrong, with the value where it helps: a lower-case fragment without a full stop.
    pub message: String,
}

impl Diagnostic {
    /// A warning about `subject`.
    #[must_use]
    pub fn warning(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            subject: subject.into(),
            attribute: None,
            message: message.into(),
        }
    }

    /// The same with another severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same, naming the attribute, property or key.
    #[must_use]
    pub fn with_attribute(mut self, attribute: impl Into<String>) -> Self {
        self.attribute = Some(attribute.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if let Some(attribute) = &self.attribute {
            write!(f, ": {attribute}")?;
        }
        write!(f, ": {}", self.message)
    }
}
