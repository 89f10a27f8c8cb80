//! Mock hosts for sources that read the kernel's devices: a directory that umockdev's preload
//! library shows to a process as `/sys`, `/dev` and `/run/udev`, and that can be changed, with
//! events, while that process runs.
//!
//! A process must be started under the library: [`wrap`] does it for a command, [`alone`] for a test
//! of the calling test binary. Nothing here touches the real `/sys`, `/dev` or `/run/udev`.

mod command;
mod host;
mod kernel_links;
mod record;
mod tree;
mod uevent;

pub use command::{alone, is_inside, unavailable, wrap};
pub use host::MockHost;
pub use record::{Item, MalformedRecord, Record, parse};
