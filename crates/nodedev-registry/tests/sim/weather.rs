//! What goes wrong, and how often: the faults of a run, drawn from its seed.

use std::time::Duration;

use nodedev_source::{ErrorKind, SourceError};

use crate::host::Host;
use crate::seed::Rng;

/// Chances are percentages.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    /// The longest that a reading, a run of the tool or a delivery takes.
    pub(crate) delay: Duration,
    /// Calls of a source that fail, never return, panic.
    pub(crate) fail: u64,
    pub(crate) hang: u64,
    pub(crate) panic: u64,
    /// Uevents at which the source ends by itself.
    pub(crate) die: u64,
    /// How many uevents wait for a listener; one more and the kernel drops until all are taken.
    pub(crate) socket: usize,
    /// Uevents after which the listener is away for a while.
    pub(crate) nap: u64,
    /// Uevents that are lost without any evidence.
    pub(crate) silent: u64,
    /// Messages that are said twice, and such that are heard once more, much later.
    pub(crate) twice: u64,
    pub(crate) echo: u64,
    /// Readings of a device that fail.
    pub(crate) unreadable: u64,
    /// Listings that fail beside the other of the same source.
    pub(crate) listing: u64,
    /// Actions that are refused, not answered, or answered by an error although they were done.
    pub(crate) action: u64,
}

impl Weather {
    pub(crate) const fn calm() -> Self {
        Self {
            delay: Duration::from_millis(20),
            fail: 0,
            hang: 0,
            panic: 0,
            die: 0,
            socket: 4096,
            nap: 0,
            silent: 0,
            twice: 0,
            echo: 0,
            unreadable: 0,
            listing: 0,
            action: 0,
        }
    }

    /// Each fault is there in half of the runs.
    pub(crate) fn storm(rng: &mut Rng) -> Self {
        let mut chance = |most: u64| if rng.percent(50) { 0 } else { 1 + rng.below(most) };
        Self {
            fail: chance(25),
            hang: chance(8),
            panic: chance(10),
            die: chance(4),
            nap: chance(60),
            silent: chance(10),
            twice: chance(30),
            echo: chance(30),
            unreadable: chance(15),
            listing: chance(25),
            action: chance(40),
            socket: rng.pick(&[1, 2, 4, 16, 4096]),
            delay: Duration::from_millis(rng.pick(&[1, 20, 300, 2500])),
        }
    }
}

/// How one call turns out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Fine,
    Fail,
    Hang,
    Panic,
}

impl Host {
    /// Takes the time that such a call takes, and fails, hangs or panics where it is its turn.
    pub(crate) async fn suffer(&self, call: &str) -> Result<(), SourceError> {
        let (fate, delay) = {
            let mut world = self.world();
            let fate = world.fate();
            if fate != Fate::Fine {
                world.trace.note(format_args!("{call}: {fate:?}"));
            }
            (fate, world.delay())
        };
        tokio::time::sleep(delay).await;
        match fate {
            Fate::Fine => Ok(()),
            Fate::Fail => Err(SourceError::new(ErrorKind::Failed, format!("{call} failed"))),
            Fate::Hang => std::future::pending().await,
            // As a panic, without the words that a hook would print of each.
            Fate::Panic => std::panic::resume_unwind(Box::new("simulated")),
        }
    }
}
