//! One source while it is played: what it has said so far, who listens, and what it has been asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nodedev_source::{
    EventSink, Hint, HintStream, Snapshot, SourceError, SourceEvent, SourceInfo, Watch,
};
use nodedev_types::{DeviceId, Observation};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::format::Message;
use crate::past::{Past, tells_failure};

/// A hint that was answered within this time is answered by what was read then, in microseconds.
const ANSWERED_WITHIN: u64 = 1_000_000;

/// One source.
#[derive(Debug)]
pub(crate) struct Played {
    info: SourceInfo,
    /// When it was read, in the order of the recording.
    read: Vec<u64>,
    state: Mutex<State>,
    /// Counts whatever somebody may wait for.
    progress: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    past: Past,
    at: u64,
    ended: bool,
    sink: Option<EventSink>,
    hints: Option<HintStream>,
    /// Why it asked to be read again.
    reason: Option<String>,
    asked: Asked,
}

/// How the registry has read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Snapshots that it has been given.
    pub(crate) given: u64,
    /// Whether the last of them was of the end of the recording.
    pub(crate) of_end: bool,
    /// Whether it has been refused one since the end of the recording.
    pub(crate) refused: bool,
    answered: Hint,
}

impl Played {
    pub(crate) fn new(info: SourceInfo, read: Vec<u64>) -> Self {
        let past = Past::new(&info);
        let state = State {
            past,
            at: 0,
            ended: false,
            sink: None,
            hints: None,
            reason: None,
            asked: Asked::default(),
        };
        Self { info, read, state: Mutex::new(state), progress: watch::Sender::new(0) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.info.name
    }

    pub(crate) const fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Says what was said then. Returns the mediated devices that began or ceased to run by it.
    pub(crate) fn play(&self, at: u64, message: &Message) -> Vec<DeviceId> {
        let mut state = self.state();
        state.at = at;
        let had_been_read = state.past.has_been_read();
        state.past.apply(message);
        match message {
            // It is asked for when the answer is there.
            Message::Resync { reason } => state.reason = Some(reason.clone()),
            Message::Snapshot { .. } if had_been_read => {
                let reason = state.reason.take();
                state.ask(&reason.unwrap_or_else(|| "it was read again".to_owned()));
            }
            message if tells_failure(message) => state.ask("it failed"),
            message => {
                if let (Some(event), Some(sink)) = (message.event(), &state.sink) {
                    sink.send(event);
                }
            }
        }
        let lives = state.past.take_lives();
        drop(state);
        self.tell();
        lives
    }

    /// Another source has seen that the device began or ceased to run.
    pub(crate) fn forget_life(&self, device: &DeviceId) {
        self.state().past.forget_life(device);
    }

    /// Nothing more was recorded. What was said last is read once more, so that nothing is missing that a
    /// queue was too short for.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.ask("the recording has ended");
        drop(state);
        self.tell();
    }

    pub(crate) fn watch(self: &Arc<Self>, sink: EventSink, hints: HintStream) -> Watch {
        let mut state = self.state();
        state.sink = Some(sink);
        state.hints = Some(hints.clone());
        drop(state);
        let listening = tokio::spawn(listen(Arc::clone(self), hints));
        Watch::new(Guard { played: Arc::clone(self), listening })
    }

    pub(crate) async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let mut progress = self.progress.subscribe();
        let is_there = |_: &u64| {
            let state = self.state();
            state.ended || state.past.has_been_read()
        };
        // The sender lives as long as self.
        let _ = progress.wait_for(is_there).await;
        let mut state = self.state();
        let answers = state.hints.as_ref().map(HintStream::newest).unwrap_or_default();
        let result = state.past.snapshot(answers);
        let ended = state.ended;
        let given = match result {
            Ok((snapshot, comes_next)) => {
                let Asked { given, refused, .. } = state.asked;
                let of_end = ended && !comes_next;
                state.asked = Asked { given: given + 1, of_end, refused, answered: answers };
                if comes_next {
                    state.ask("it failed");
                }
                Ok(snapshot)
            }
            Err(error) => {
                state.asked.refused |= ended;
                Err(error)
            }
        };
        drop(state);
        self.tell();
        given
    }

    pub(crate) fn refresh(&self, device: &DeviceId) -> Result<Option<Observation>, SourceError> {
        self.state().past.refresh(device)
    }

    /// How it has been read; `None` while there is a hint that has not been answered.
    pub(crate) fn asked(&self) -> Option<Asked> {
        let state = self.state();
        let newest = state.hints.as_ref().map(HintStream::newest).unwrap_or_default();
        let is_answered = self.info.interests.is_empty() || state.asked.answered >= newest;
        (is_answered || state.asked.refused).then_some(state.asked)
    }

    pub(crate) fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }

    fn is_about_to_be_read(&self) -> bool {
        let at = self.state().at;
        let next = self.read.partition_point(|read| *read <= at);
        self.read.get(next).is_some_and(|read| *read - at <= ANSWERED_WITHIN)
    }

    fn tell(&self) {
        self.progress.send_modify(|count| *count += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn ask(&self, reason: &str) {
        if let Some(sink) = &self.sink {
            sink.send(SourceEvent::Resync { reason: reason.to_owned() });
        }
    }
}

/// Answers what nothing in the recording answers: here the sources may be heard in another order.
async fn listen(played: Arc<Played>, mut hints: HintStream) {
    while hints.next().await.is_some() {
        if !played.is_about_to_be_read() {
            played.state().ask("another source had news");
        }
    }
}

struct Guard {
    played: Arc<Played>,
    listening: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.listening.abort();
        self.played.state().sink = None;
    }
}
