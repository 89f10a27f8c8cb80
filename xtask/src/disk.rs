//! How much room is left on the disk on which is built. A full one rarely shows as itself: linkers write through
//! mapped files and are killed by a bus error.
//!
//! Only asks the system; writes and removes nothing.

use std::fmt;
use std::path::Path;

/// What all steps of `cargo xtask test` write together when nothing is there yet, as `.ci/run` has it built.
const WRITTEN: Room = Room(4_000_000_000);
/// With less a step that fails may have failed for it.
const LITTLE: Room = Room(1_000_000_000);

/// So many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Room(u64);

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.0 / 1_000_000;
        if megabytes < 1000 {
            write!(f, "{megabytes} MB")
        } else {
            write!(f, "{}.{} GB", megabytes / 1000, megabytes % 1000 / 100)
        }
    }
}

/// What a process without privileges may still write where this is. `None` if the system does not say.
pub(crate) fn left(path: &Path) -> Option<Room> {
    let told = nix::sys::statvfs::statvfs(path).ok()?;
    Some(Room(told.blocks_available().saturating_mul(told.fragment_size())))
}

/// What to say before a run with so much room.
pub(crate) fn warning(left: Room) -> Option<String> {
    let is_enough = left >= WRITTEN;
    (!is_enough).then(|| {
        format!(
            "note: {left} of disk are left, and a run that has to build everything writes {WRITTEN}"
        )
    })
}

/// What to say of a failure with so much room.
pub(crate) fn suspicion(left: Room) -> Option<String> {
    (left < LITTLE).then(|| format!("only {left} of disk are left, which may be the cause"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told_and_enough_is_not() {
        let megabytes = |count: u64| Room(count * 1_000_000);
        let warned = warning(megabytes(3_260)).unwrap();
        assert!(warned.starts_with("note: 3.2 GB of disk are left"), "{warned}");
        assert_eq!(warning(WRITTEN), None);
        let suspected = suspicion(megabytes(287)).unwrap();
        assert_eq!(suspected, "only 287 MB of disk are left, which may be the cause");
        assert_eq!(suspicion(LITTLE), None);
    }

    #[test]
    fn the_system_says_how_much_is_left() {
        assert!(left(Path::new(env!("CARGO_MANIFEST_DIR"))).is_some());
        assert_eq!(left(Path::new("/nonexistent")), None);
    }
}
