//! What the source counts for operators.

use nodedev_source::Counter;

/// Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub(crate) runs: Counter,
    pub(crate) lines: Counter,
    pub(crate) bad_lines: Counter,
    pub(crate) held_back: Counter,
    pub(crate) coalesced: Counter,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            runs: Counter::total("runs", "starts of the program"),
            lines: Counter::total("lines", "lines that it printed"),
            bad_lines: Counter::total("bad_lines", "lines of which something could not be used"),
            held_back: Counter::total(
                "held_back",
                "times that it was made to wait, for printing too much",
            ),
            coalesced: Counter::total(
                "coalesced",
                "hints and requests that are answered together with another",
            ),
        }
    }
}

impl Counts {
    /// All of them, in the order in which they are shown.
    pub(crate) fn all(&self) -> Vec<Counter> {
        let Self { runs, lines, bad_lines, held_back, coalesced } = self;
        [runs, lines, bad_lines, held_back, coalesced].map(Clone::clone).to_vec()
    }
}
