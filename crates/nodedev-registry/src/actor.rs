//! The one task that changes the state: takes messages, publishes, answers questions.
//!
//! Others only look at the state, and never in the middle of a burst: it is locked from the first message of one
//! until what came of it can be seen.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, TryLockError};

use nodedev_source::Hint;
use nodedev_types::{Capability, DeviceName};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::snapshot::Snapshot;
use crate::state::{Claimed, Message, SourceIndex, State};
use crate::subscription::Batch;

/// What only the state can answer.
#[derive(Debug)]
pub(crate) enum Question {
    /// The published device with its claims, which snapshots do not hold.
    Claims { name: DeviceName, answer: oneshot::Sender<Option<Claimed>> },
    /// Tells the sources that care for such devices to look again, and what answers that.
    LookAgain { capability: Capability, answer: oneshot::Sender<Vec<(SourceIndex, Hint)>> },
}

/// The state, for the actor and those who look at it.
pub(crate) type SharedState = RwLock<State>;

/// The published device of that name and its claims, if the state can be had at once: nobody who serves
/// waits for a burst of messages here.
pub(crate) fn glance(state: &SharedState, name: &DeviceName) -> Option<Option<Claimed>> {
    match state.try_read() {
        Ok(state) => Some(state.published_device(name.as_str())),
        Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => None,
    }
}

#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) state: Arc<SharedState>,
    pub(crate) messages: mpsc::Receiver<(SourceIndex, Message)>,
    pub(crate) questions: mpsc::Receiver<Question>,
    pub(crate) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) events: broadcast::Sender<Arc<Batch>>,
    pub(crate) ready: watch::Sender<bool>,
    /// Lets the sources that build on others be read for the first time.
    pub(crate) first_passed: watch::Sender<bool>,
    /// When the list is announced even if a source has not answered.
    pub(crate) ready_by: Instant,
    pub(crate) stop: watch::Receiver<bool>,
}

/// How many messages one publication may take in, so that followers wait neither long nor often.
const BURST: usize = 1024;

impl Actor {
    pub(crate) async fn run(mut self) {
        let mut burst = Vec::with_capacity(BURST);
        self.work(&mut burst);
        loop {
            let due = self.next_due();
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return,
                Some(question) = self.questions.recv() => self.answer(question),
                count = self.messages.recv_many(&mut burst, BURST) => {
                    if count == 0 {
                        return;
                    }
                }
                () = sleep_until(due) => {}
            }
            self.work(&mut burst);
            // Whoever was woken by this waits for this thread, and in a flood there is always more to do.
            if !self.messages.is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes these messages in, does what is due, and publishes what has come of it.
    fn work(&self, burst: &mut Vec<(SourceIndex, Message)>) {
        let mut state = lock(&self.state);
        let has_messages = !burst.is_empty();
        for (source, message) in burst.drain(..) {
            if state.must_publish_before(&message) {
                self.publish(&mut state);
            }
            state.apply(source, message, Instant::now());
        }
        if has_messages || !*self.ready.borrow() {
            self.check_passes(&mut state);
        }
        // Also after messages: a flood of them puts nothing off.
        self.wake(&mut state);
        self.publish(&mut state);
    }

    fn wake(&self, state: &mut State) {
        let now = Instant::now();
        state.release_due(now);
        state.review(now);
        if now >= self.ready_by {
            self.become_ready(state);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let ready = (!*self.ready.borrow()).then_some(self.ready_by);
        let state = lock(&self.state);
        let dues = [state.next_due(), state.review_due(), ready];
        dues.into_iter().flatten().min()
    }

    fn check_passes(&self, state: &mut State) {
        if state.has_passed(true) {
            self.first_passed.send_replace(true);
        }
        if state.has_passed(false) {
            self.become_ready(state);
        }
    }

    /// The list is published before it is announced.
    fn become_ready(&self, state: &mut State) {
        if *self.ready.borrow() {
            return;
        }
        state.set_ready();
        self.publish(state);
        self.first_passed.send_replace(true);
        self.ready.send_replace(true);
    }

    fn publish(&self, state: &mut State) {
        if !state.is_pending() {
            return;
        }
        let (snapshot, changes) = state.publish();
        self.snapshots.send_replace(Arc::clone(&snapshot));
        if !changes.is_empty() {
            // Without followers there is nobody to tell.
            let _ = self.events.send(Arc::new(Batch { snapshot, changes }));
        }
    }

    /// Whoever asked may have gone.
    fn answer(&self, question: Question) {
        match question {
            Question::Claims { name, answer } => {
                let claimed = lock(&self.state).published_device(name.as_str());
                let _ = answer.send(claimed);
            }
            Question::LookAgain { capability, answer } => {
                let hints = lock(&self.state).look_again(capability);
                let _ = answer.send(hints);
            }
        }
    }
}

/// Only who changes the state may wait for it.
fn lock(state: &SharedState) -> RwLockWriteGuard<'_, State> {
    state.write().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the word to stop, or for everyone to be gone who could give it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
