//! The one task that owns the state: takes messages, publishes, answers questions.

use std::sync::Arc;

use nodedev_source::Hint;
use nodedev_types::{Capability, Device, DeviceName};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::claims::Said;
use crate::snapshot::Snapshot;
use crate::state::{Message, SourceIndex, State};
use crate::subscription::Batch;

/// What only the state can answer.
#[derive(Debug)]
pub(crate) enum Question {
    /// The published device with its claims, which snapshots do not hold.
    Claims { name: DeviceName, answer: oneshot::Sender<Option<(Arc<Device>, Vec<Said>)>> },
    /// Tells the sources that care for such devices to look again, and what answers that.
    LookAgain { capability: Capability, answer: oneshot::Sender<Vec<(SourceIndex, Hint)>> },
}

#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) state: State,
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
        self.check_passes();
        let mut burst = Vec::with_capacity(BURST);
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
                    burst.drain(..).for_each(|(source, message)| self.take(source, message));
                    self.check_passes();
                }
                () = sleep_until(due) => {}
            }
            // Also after messages: a flood of them puts nothing off.
            self.wake();
            self.publish();
            // Whoever was woken by this waits for this thread, and in a flood there is always more to do.
            if !self.messages.is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    fn take(&mut self, source: SourceIndex, message: Message) {
        if self.state.must_publish_before(&message) {
            self.publish();
        }
        self.state.apply(source, message, Instant::now());
    }

    fn wake(&mut self) {
        let now = Instant::now();
        self.state.release_due(now);
        self.state.review(now);
        if now >= self.ready_by {
            self.become_ready();
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let ready = (!*self.ready.borrow()).then_some(self.ready_by);
        let dues = [self.state.next_due(), self.state.review_due(), ready];
        dues.into_iter().flatten().min()
    }

    fn check_passes(&mut self) {
        if self.state.has_passed(true) {
            self.first_passed.send_replace(true);
        }
        if self.state.has_passed(false) {
            self.become_ready();
        }
    }

    /// The list is published before it is announced.
    fn become_ready(&mut self) {
        if *self.ready.borrow() {
            return;
        }
        self.state.set_ready();
        self.publish();
        self.first_passed.send_replace(true);
        self.ready.send_replace(true);
    }

    fn publish(&mut self) {
        if !self.state.is_pending() {
            return;
        }
        let (snapshot, changes) = self.state.publish();
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
                let _ = answer.send(self.state.published_device(name.as_str()));
            }
            Question::LookAgain { capability, answer } => {
                let _ = answer.send(self.state.look_again(capability));
            }
        }
    }
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
