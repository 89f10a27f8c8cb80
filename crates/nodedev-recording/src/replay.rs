//! Plays a recording: sources that say what was said, when it was said, and answer as was answered.
//!
//! Touches nothing of the machine that it runs on.

mod played;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nodedev_source::{
    EventSink, HintStream, NodeDeviceSource, Snapshot, SourceError, SourceInfo, Watch,
};
use nodedev_types::{DeviceId, Observation};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::played::Played;
use crate::format::{Entry, Message};
use crate::read::Recording;

/// How fast to play.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// Without any pause.
    Unpaced,
    /// So many times as fast as it was recorded.
    Times(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Unpaced),
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => Err("expected a number above 0, or max".to_owned()),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpaced => f.write_str("max"),
            Self::Times(times) => times.fmt(f),
        }
    }
}

/// A recording that can be played, once. It begins when a registry watches the first of its sources, and
/// ends early when this is dropped; then the sources stay as they are.
#[derive(Debug)]
pub struct Replay {
    stage: Arc<Stage>,
}

/// What is played to whom.
#[derive(Debug)]
struct Stage {
    sources: Vec<Arc<Played>>,
    /// The place of each among them, by its name.
    places: HashMap<String, usize>,
    speed: Speed,
    /// What is still to be played, until it begins.
    entries: Mutex<Option<Vec<Entry>>>,
    player: Mutex<Option<AbortHandle>>,
    ended: watch::Sender<bool>,
}

impl Replay {
    /// Prepares it.
    #[must_use]
    pub fn new(recording: Recording, speed: Speed) -> Self {
        let Recording { header, entries, .. } = recording;
        let names = header.sources.iter().map(|source| source.name.clone());
        let places: HashMap<_, _> = names.zip(0..).collect();
        let mut read = vec![Vec::new(); header.sources.len()];
        for entry in &entries {
            if let (Message::Snapshot { .. }, Some(place)) =
                (&entry.message, places.get(&entry.source))
            {
                read[*place].push(entry.at);
            }
        }
        let sources = header.sources.iter().zip(read);
        let sources: Vec<_> =
            sources.map(|(source, read)| Arc::new(Played::new(source.info(), read))).collect();
        // Nobody watches where there is nobody to be watched.
        let ended = watch::Sender::new(sources.is_empty());
        let stage = Arc::new(Stage {
            sources,
            places,
            speed,
            entries: Mutex::new(Some(entries)),
            player: Mutex::default(),
            ended,
        });
        Self { stage }
    }

    /// The sources, for a registry.
    #[must_use]
    pub fn sources(&self) -> Vec<Arc<dyn NodeDeviceSource>> {
        let source = |index| Actor { stage: Arc::clone(&self.stage), index };
        let sources = (0..self.stage.sources.len()).map(source);
        sources.map(|source| Arc::new(source) as Arc<dyn NodeDeviceSource>).collect()
    }

    /// Waits until everything has been played. What was said last may still be on its way through the
    /// registry: [`Replay::settled`] waits for that too.
    pub async fn ended(&self) {
        let mut ended = self.stage.ended.subscribe();
        // The sender lives as long as self.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    pub(crate) fn played(&self) -> &[Arc<Played>] {
        &self.stage.sources
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let player = self.stage.player.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(player) = player {
            player.abort();
        }
    }
}

impl Stage {
    /// Begins, unless it has begun.
    fn begin(self: &Arc<Self>) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(entries) = entries else { return };
        let player = tokio::spawn(play(Arc::clone(self), entries)).abort_handle();
        *self.player.lock().unwrap_or_else(PoisonError::into_inner) = Some(player);
    }
}

impl Stage {
    fn play(&self, entry: &Entry) {
        let Some(&place) = self.places.get(&entry.source) else { return };
        for device in self.sources[place].play(entry.at, &entry.message) {
            let others = self.sources.iter().enumerate().filter(|(other, _)| *other != place);
            others.for_each(|(_, source)| source.forget_life(&device));
        }
    }
}

async fn play(stage: Arc<Stage>, entries: Vec<Entry>) {
    let began = Instant::now();
    for entry in entries {
        match stage.speed {
            Speed::Times(times) => wait_until(began, entry.at, times).await,
            // Who listens gets a turn after each.
            Speed::Unpaced => tokio::task::yield_now().await,
        }
        stage.play(&entry);
    }
    stage.sources.iter().for_each(|source| source.end());
    stage.ended.send_replace(true);
}

async fn wait_until(began: Instant, at: u64, times: f64) {
    let after = Duration::from_micros(at).as_secs_f64() / times;
    let after = Duration::try_from_secs_f64(after).unwrap_or(Duration::MAX);
    match began.checked_add(after) {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// One source of a recording, for a registry.
struct Actor {
    stage: Arc<Stage>,
    index: usize,
}

impl Actor {
    fn played(&self) -> &Arc<Played> {
        &self.stage.sources[self.index]
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replayed").field(&self.played().name()).finish()
    }
}

#[async_trait]
impl NodeDeviceSource for Actor {
    fn info(&self) -> SourceInfo {
        self.played().info().clone()
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        let watch = self.played().watch(sink, hints);
        self.stage.begin();
        Ok(watch)
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        self.played().snapshot().await
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        self.played().refresh(id)
    }
}
