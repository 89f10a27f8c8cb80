//! Whether udevd is there, and waiting for it where it is not.
//!
//! libudev listens to udevd only if udevd's control socket exists when the monitor is made, and says
//! nothing if it does not. Looks at `/run/udev` alone, as libudev does; never talks to udevd.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nodedev_types::{Diagnostic, Severity};

/// udevd's control socket.
pub(crate) const CONTROL: &str = "/run/udev/control";
const FOLDER: &str = "/run/udev";
const FOLDER_ABOVE: &str = "/run";

/// Whether udevd has been started on this host.
pub(crate) fn is_there() -> bool {
    Path::new(CONTROL).exists()
}

/// What is to be told where there is none.
pub(crate) fn absence() -> Option<Diagnostic> {
    let told = || Diagnostic::warning(CONTROL, "udevd is not running, no events are received");
    (!is_there()).then(|| told().with_severity(Severity::Error))
}

/// Becomes readable when udevd may have appeared.
#[derive(Debug)]
pub(crate) struct Arrival(Inotify);

impl Arrival {
    /// Waits from now on. The system may refuse it: then nothing tells of the arrival.
    pub(crate) fn watch() -> nix::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let arrival = Self(inotify);
        arrival.watch_nearest()?;
        Ok(arrival)
    }

    /// Takes what has happened and tells whether udevd is there now.
    pub(crate) fn has_come(&self) -> bool {
        // The events only wake; what counts is what is there.
        let _ = self.0.read_events();
        // The folder may be new: then its contents are to be watched.
        let _ = self.watch_nearest();
        is_there()
    }

    fn watch_nearest(&self) -> nix::Result<()> {
        let wanted = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
        let folder = self.0.add_watch(FOLDER, wanted);
        folder.or_else(|_| self.0.add_watch(FOLDER_ABOVE, wanted)).map(drop)
    }
}

impl AsFd for Arrival {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
