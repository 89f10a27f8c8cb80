//! What happened in a run, in order and with the time: two runs of one seed have the same.

use std::fmt::Display;

use tokio::time::Instant;

/// The lines of one run. A trace that is off keeps nothing.
#[derive(Debug)]
pub(crate) struct Trace {
    begun: Instant,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(on: bool) -> Self {
        Self { begun: Instant::now(), lines: on.then(Vec::new) }
    }

    pub(crate) fn note(&mut self, what: impl Display) {
        if let Some(lines) = &mut self.lines {
            let at = self.begun.elapsed().as_secs_f64();
            lines.push(format!("{at:9.3} {what}"));
        }
    }

    pub(crate) fn take(&mut self) -> Vec<String> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
