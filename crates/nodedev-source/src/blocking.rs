//! Whether a call may hold up the thread that it is made on.

use std::cell::Cell;

thread_local! {
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Makes a call on a thread that nobody else waits for: whoever calls this has seen to it that the thread can be
/// given up.
///
/// A source may then read in [`refresh`](crate::NodeDeviceSource::refresh) where it is, instead of having a thread of
/// its own do so: two changes of thread take longer than most readings.
///
/// ```
/// use nodedev_source::{allow_blocking, may_block};
///
/// assert!(!may_block());
/// assert!(allow_blocking(may_block));
/// assert!(!may_block());
/// ```
pub fn allow_blocking<T>(call: impl FnOnce() -> T) -> T {
    let _restored = Restore(MAY_BLOCK.replace(true));
    call()
}

/// Whether this thread may be held up, for as long as a file takes. `false` wherever others are served.
#[must_use]
pub fn may_block() -> bool {
    MAY_BLOCK.get()
}

/// What it was before, also after a panic.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        MAY_BLOCK.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_takes_the_permission_with_it() {
        let panicked = std::panic::catch_unwind(|| allow_blocking(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert!(!may_block());
        allow_blocking(|| {
            assert!(allow_blocking(may_block));
            assert!(may_block());
        });
    }

    #[test]
    fn it_is_this_thread_s_alone() {
        allow_blocking(|| assert!(!std::thread::spawn(may_block).join().unwrap()));
    }
}
