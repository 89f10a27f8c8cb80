//! What a test needs from its environment, and what happens where it is missing.

use std::env;
use std::fmt::Display;
use std::io::{Write as _, stderr};

/// Where it is set and not `0`, a skip for want of something in the environment fails.
pub(crate) const REQUIRE_ALL: &str = "NODEDEV_REQUIRE_ALL";

/// Goes on with what a `Result` holds. Where it holds a reason instead, the test ends here: visibly
/// skipped, or failed where `NODEDEV_REQUIRE_ALL` is set to anything but `0`.
#[macro_export]
macro_rules! require {
    ($wanted:expr) => {
        match $wanted {
            Ok(there) => there,
            Err(reason) => {
                $crate::missing(&reason);
                return;
            }
        }
    };
}

/// Says visibly that a test is skipped for that reason.
///
/// # Panics
///
/// Where everything is required.
#[track_caller]
pub fn missing(reason: &dyn Display) {
    assert!(!requires_all(), "required, but {reason}");
    say(&format!("skipped: {reason}"));
}

pub(crate) fn requires_all() -> bool {
    env::var_os(REQUIRE_ALL).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Writes past the test runner's capture; a closed output is nobody's loss.
pub(crate) fn say(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}
