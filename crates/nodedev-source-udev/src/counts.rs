//! What the source counts for operators.

use nodedev_source::Counter;

/// Shared by all parts of one source. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub(crate) received: Counter,
    pub(crate) dropped: Counter,
    pub(crate) receive_errors: Counter,
    pub(crate) coalesced: Counter,
    pub(crate) readings: Counter,
    pub(crate) given_up: Counter,
    pub(crate) waiting: Counter,
    pub(crate) readings_waiting: Counter,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            received: Counter::total("received", "events taken from libudev's monitor"),
            dropped: Counter::total(
                "dropped",
                "events that found the queue full, or as many readings waiting as may",
            ),
            receive_errors: Counter::total(
                "receive_errors",
                "errors of the netlink sockets, by which events may have been lost",
            ),
            coalesced: Counter::total(
                "coalesced",
                "events that a reading under way or noted already answers",
            ),
            readings: Counter::total("readings", "devices read because of an event"),
            given_up: Counter::total("given_up", "readers that hung in a file and were given up"),
            waiting: Counter::level("waiting", "events that wait to be acted on"),
            readings_waiting: Counter::level(
                "readings_waiting",
                "readings of single devices that wait for a reader",
            ),
        }
    }
}

impl Counts {
    /// All of them, in the order in which they are shown.
    pub(crate) fn all(&self) -> Vec<Counter> {
        let Self {
            received,
            dropped,
            receive_errors,
            coalesced,
            readings,
            given_up,
            waiting,
            readings_waiting,
        } = self;
        [
            received,
            dropped,
            receive_errors,
            coalesced,
            readings,
            given_up,
            waiting,
            readings_waiting,
        ]
        .map(Clone::clone)
        .to_vec()
    }
}
