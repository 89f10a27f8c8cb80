//! A configuration that the daemon does not start with.

use std::fmt;

/// All that is wrong with a configuration, and what else is to be said of it.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Never empty.
    pub(crate) problems: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for Refused {}
