//! Flag words: bits that a procedure does not know are refused before anything else is looked at.

use crate::virt_error::{self, Failure};

/// Refuses bits other than the known ones, naming libvirt's function as libvirt does.
pub(super) fn check(flags: u32, known: u32, function: &str) -> Result<(), Failure> {
    match flags & !known {
        0 => Ok(()),
        unknown => Err(virt_error::unknown_flags(unknown, function)),
    }
}
