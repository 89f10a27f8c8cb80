//! Settings of the source. Plain values; nothing here reads or checks a file.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of a [`UdevSource`](crate::UdevSource). The defaults suit a real host.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UdevConfig {
    /// Every file that this crate itself opens hangs off this directory. Default `/`.
    ///
    /// libudev is not redirected: it always reads `/sys` and `/run/udev`.
    pub root: PathBuf,
    /// UUID of the host, 8-4-4-4-12 hexadecimal digits, where the operator configured one.
    pub host_uuid: Option<String>,
    /// How long one attribute may take to be read. Default 0.5 s.
    pub attribute_deadline: Duration,
    /// How long libudev may take to list the devices. Default 30 s.
    pub enumeration_deadline: Duration,
    /// How long a device may take from its first event until what it needs is there. Default 1 s.
    pub settle_time: Duration,
    /// Number of threads that read, besides those of callers who may be held up. Default 2.
    pub readers: usize,
    /// How many of them read at once at most where there is much to read, as at the start; one more for each that
    /// is held up by a file. Default 2. Where several are not clearly quicker than one, as on a mock host of umockdev,
    /// which has one lock for all threads, one does.
    pub bulk_readers: usize,
    /// How many readers that hang in a file are given up before the source is degraded. Default 8.
    pub abandoned_readers: usize,
    /// Receive buffer in bytes of the monitor's socket, and of the one that tells of links. Default
    /// 128 MiB.
    pub receive_buffer: usize,
    /// How often it is looked whether udevd still listens: one that was killed says nothing, and leaves
    /// its socket behind. Default 1 min.
    pub udevd_check: Duration,
    /// How many received events may wait to be acted on. Default 16384.
    pub event_queue: usize,
}

const READERS: usize = 2;

impl Default for UdevConfig {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            host_uuid: None,
            attribute_deadline: Duration::from_millis(500),
            enumeration_deadline: Duration::from_secs(30),
            settle_time: Duration::from_secs(1),
            readers: READERS,
            bulk_readers: READERS,
            abandoned_readers: 8,
            receive_buffer: 128 << 20,
            udevd_check: Duration::from_secs(60),
            event_queue: 16384,
        }
    }
}

impl UdevConfig {
    /// The same with every file that is opened below `root`.
    #[must_use]
    pub fn with_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = root.into();
        self
    }

    /// The same with a configured UUID of the host.
    #[must_use]
    pub fn with_host_uuid(mut self, uuid: impl Into<String>) -> Self {
        self.host_uuid = Some(uuid.into());
        self
    }
}
