//! How the calls of a scripted source turn out.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::SourceError;
use tokio::sync::watch;

/// How a call turns out.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Behaviour {
    /// As it should.
    #[default]
    Normal,
    /// As it should, after a while.
    Delay(Duration),
    /// With an error.
    Fail(SourceError),
    /// Never.
    Hang,
    /// With a panic.
    Panic,
    /// With something that the contract forbids: a word from an undeclared stream, with an
    /// undeclared field.
    Garbage,
}

impl Behaviour {
    /// Waits, hangs, fails or panics; says whether garbage shall follow.
    pub(super) async fn act(self, call: &str) -> Result<bool, SourceError> {
        match self {
            Self::Normal => Ok(false),
            Self::Garbage => Ok(true),
            Self::Fail(error) => Err(error),
            Self::Hang => pending().await,
            Self::Panic => panic!("scripted panic in {call}()"),
            Self::Delay(delay) => {
                tokio::time::sleep(delay).await;
                Ok(false)
            }
        }
    }
}

/// What one kind of call does now, and what its next calls do before that.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub(super) standing: Behaviour,
    pub(super) next: VecDeque<Behaviour>,
}

impl Script {
    pub(super) fn take(&mut self) -> Behaviour {
        self.next.pop_front().unwrap_or_else(|| self.standing.clone())
    }
}

/// Holds snapshots back between their reading and their return, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    held: Arc<watch::Sender<usize>>,
    /// Dropped with the hold, which lets go.
    _release: watch::Sender<()>,
}

/// The end of a [`Hold`] that snapshots wait on.
#[derive(Debug, Clone)]
pub(super) struct Held {
    held: Arc<watch::Sender<usize>>,
    release: watch::Receiver<()>,
}

impl Held {
    pub(super) async fn wait(mut self) {
        self.held.send_modify(|held| *held += 1);
        while self.release.changed().await.is_ok() {}
    }
}

impl Hold {
    pub(super) fn new() -> (Self, Held) {
        let (sender, release) = watch::channel(());
        let held = Arc::new(watch::Sender::new(0));
        let waiting = Held { held: Arc::clone(&held), release };
        let hold = Self { held, _release: sender };
        (hold, waiting)
    }

    /// Waits until a snapshot is held.
    pub async fn reached(&self) {
        let mut held = self.held.subscribe();
        // The sender lives as long as self.
        let _ = held.wait_for(|held| *held > 0).await;
    }

    /// Lets the snapshots return what they have read.
    pub fn release(self) {}
}
