//! Deadlines and bounds.

use std::time::Duration;

/// Deadlines and bounds of a registry. Every queue has one of these as its bound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryConfig {
    /// Whether each source has a thread of its own for its watch, its snapshots and inventories, and for
    /// whatever tasks it starts there: one that computes without end or blocks its thread then takes none
    /// from the registry, from whoever it serves, and from other sources. The reading of one device for a
    /// caller stays where the caller is, since another change of threads takes longer than most readings.
    /// Default `false`: all runs on the runtime on which the registry is started.
    pub own_threads: bool,
    /// How long the first pass of all sources may take before the list is announced without the rest.
    pub first_pass: Duration,
    /// How long a source may take to arm its watch.
    pub watch: Duration,
    /// How long one snapshot may take.
    pub snapshot: Duration,
    /// A snapshot that takes longer than this is told to the operator; nothing else follows from it.
    pub slow: Duration,
    /// How long the reading of one device for one caller may take.
    pub refresh: Duration,
    /// How long one action may take, until the list shows what it did.
    pub action: Duration,
    /// Actions under way at once; further ones wait, and are not begun if nobody waits for them any more.
    pub actions: usize,
    /// How long the announcement of a device waits for what another source has to add.
    pub complete: Duration,
    /// The first pause before a failed source is started again; it doubles up to [`Self::backoff_max`].
    pub backoff: Duration,
    /// The longest such pause.
    pub backoff_max: Duration,
    /// Messages that may wait between a source and the registry; one more is a resync.
    pub source_queue: usize,
    /// Batches of events that a follower may be behind; one more and it is told to read again.
    pub event_queue: usize,
    /// Diagnostics kept for each source.
    pub diagnostics: usize,
    /// Devices that one source may have in all its streams; further ones are left out, with a diagnostic, until there
    /// is room for them.
    pub source_devices: usize,
    /// Departures remembered for each stream while its source is being read; with more it is read once more.
    pub departures: usize,
    /// How long there is between two comparisons of the list with the host. `None`, the default:
    /// there is none.
    pub self_check: Option<Duration>,
    /// How long after a comparison that found differences the next one is made, which tells faults
    /// from events that are on their way.
    pub self_check_pause: Duration,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            own_threads: false,
            first_pass: Duration::from_secs(30),
            watch: Duration::from_secs(10),
            snapshot: Duration::from_secs(30),
            slow: Duration::from_secs(5),
            refresh: Duration::from_secs(1),
            action: Duration::from_secs(30),
            actions: 64,
            complete: Duration::from_secs(1),
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(60),
            source_queue: 4096,
            event_queue: 1024,
            diagnostics: 256,
            source_devices: 262_144,
            departures: 65_536,
            self_check: None,
            self_check_pause: Duration::from_secs(5),
        }
    }
}
