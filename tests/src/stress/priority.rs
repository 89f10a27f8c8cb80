//! Whose turn it is when there are fewer processors than threads.

use rustix::process::setpriority_process;
use rustix::thread::gettid;

/// The niceness of what has to wait for everybody else.
const LOWEST: i32 = 19;

/// From now on this thread runs only where nobody else wants to.
///
/// For those who cause a fault: they do it without end, and what their own use of a processor costs the others
/// is no property of the daemon.
pub(super) fn give_way() {
    setpriority_process(Some(gettid()), LOWEST).expect("every thread may give way");
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_thread_gives_way_alone() {
        let of_this = || getpriority_process(Some(gettid())).unwrap();
        let before = of_this();
        let other = std::thread::spawn(move || {
            give_way();
            of_this()
        });
        assert_eq!(other.join().unwrap(), LOWEST);
        assert_eq!(of_this(), before);
    }
}
