//! What the source counts for operators.

use nodedev_source::{Counter, ErrorKind, SourceError};

use crate::command::Output;

/// Runs of mdevctl, and what the watch hears. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    runs: Counter,
    failed_runs: Counter,
    late_runs: Counter,
    running: Counter,
    pub(crate) received: Counter,
    pub(crate) receive_errors: Counter,
    pub(crate) coalesced: Counter,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            runs: Counter::total("runs", "runs of mdevctl"),
            failed_runs: Counter::total(
                "failed_runs",
                "runs that ended with another status than 0, could not be begun or were cut off",
            ),
            late_runs: Counter::total("late_runs", "runs that were killed at their deadline"),
            running: Counter::level("running", "runs under way"),
            received: Counter::total(
                "received",
                "changes of the configuration directory and hints that ask for a listing",
            ),
            receive_errors: Counter::total(
                "receive_errors",
                "full queues and errors of inotify, by which changes may have been lost",
            ),
            coalesced: Counter::total(
                "coalesced",
                "changes and hints that are answered together with an earlier one, or are already",
            ),
        }
    }
}

impl Counts {
    /// All of them, in the order in which they are shown.
    pub(crate) fn all(&self) -> Vec<Counter> {
        let Self { runs, failed_runs, late_runs, running, .. } = self;
        let Self { received, receive_errors, coalesced, .. } = self;
        [runs, failed_runs, late_runs, running, received, receive_errors, coalesced]
            .map(Clone::clone)
            .to_vec()
    }

    /// A run begins; it ends when the answer is dropped.
    pub(crate) fn begin(&self) -> impl Drop + use<> {
        self.runs.count();
        self.running.add(1);
        Running(self.running.clone())
    }

    /// How the run ended.
    pub(crate) fn note(&self, result: &Result<Output, SourceError>) {
        match result {
            Ok(output) if output.status.success() => {}
            Err(error) if error.kind() == ErrorKind::Timeout => self.late_runs.count(),
            _ => self.failed_runs.count(),
        }
    }
}

struct Running(Counter);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.sub(1);
    }
}
