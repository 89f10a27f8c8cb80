//! What the program prints to standard error: read at a pace, into the log within bounds.

use crate::config::ExecConfig;
use crate::lines::Line;
use crate::message::excerpt;
use crate::pace::Pace;

/// Bytes of a line that are kept.
pub(crate) const LINE_LIMIT: usize = 1024;
/// Lines that are logged at once, and each second after that.
const BURST: u32 = 50;
const RATE: u32 = 1;

/// Where its lines go.
#[derive(Debug)]
pub(crate) struct Complaints {
    name: String,
    /// How fast they are read: as fast as standard output.
    reading: Pace,
    /// How fast they are logged.
    pace: Pace,
    left_out: u64,
    last: Option<String>,
}

impl Complaints {
    pub(crate) fn new(config: &ExecConfig) -> Self {
        Self {
            name: config.name.clone(),
            reading: Pace::new(config.rate, config.burst),
            pace: Pace::new(RATE, BURST),
            left_out: 0,
            last: None,
        }
    }

    /// Waits until more may be read.
    pub(crate) async fn wait(&mut self) {
        self.reading.wait().await;
    }

    /// Takes note that so many bytes have been read; tells whether that was too much at once.
    pub(crate) fn count(&mut self, bytes: usize) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a chunk is small")]
        self.reading.spend(bytes as f64 / 1024.0);
        self.reading.is_late()
    }

    /// Logs a line, or counts it.
    pub(crate) fn take(&mut self, line: &Line) {
        self.reading.spend(1.0);
        let text = excerpt(line.bytes.trim_ascii());
        if text.is_empty() {
            return;
        }
        if self.pace.is_late() {
            self.left_out += 1;
        } else {
            self.pace.spend(1.0);
            self.tell_left_out();
            tracing::info!(source = self.name, "{text}");
        }
        self.last = Some(text);
    }

    /// The last thing that it said, which often tells why it ended.
    pub(crate) fn last_words(&self) -> Option<&str> {
        self.last.as_deref()
    }

    fn tell_left_out(&mut self) {
        let lines = std::mem::take(&mut self.left_out);
        if lines > 0 {
            tracing::info!(
                source = self.name,
                lines,
                "further lines of its standard error left out"
            );
        }
    }
}

impl Drop for Complaints {
    fn drop(&mut self) {
        self.tell_left_out();
    }
}
