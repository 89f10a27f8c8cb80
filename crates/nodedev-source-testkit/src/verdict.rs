//! How the check of a clause ends.

use crate::Skip;

/// Why a check ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// The source breaks the clause.
    #[error("{0}")]
    Failed(String),
    /// The clause could not be checked.
    #[error("skipped: {0}")]
    Skipped(#[from] Skip),
}

/// The outcome of a check.
pub type Verdict = Result<(), Stop>;

/// Fails the check with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Stop::Failed(format!($($message)+)));
        }
    };
}

pub(crate) use ensure;
