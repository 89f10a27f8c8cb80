//! The handle that everyone else holds.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, RwLock, Weak};
use std::time::{Duration, SystemTime};

use nodedev_merge::Policy;
use nodedev_source::{Counter, NodeDeviceControl, NodeDeviceSource, SourceInfo, hint_channel};
use nodedev_types::{Device, DeviceName};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::action::{Controls, Turns};
use crate::actor::{Actor, Question, SharedState, glance};
use crate::again::Again;
use crate::claims::{Said, for_merge};
use crate::config::RegistryConfig;
use crate::error::RegistryError;
use crate::explain::{ClaimInfo, Explanation};
use crate::refresh::{Declared, Refreshed, read_again};
use crate::snapshot::Snapshot;
use crate::state::{Claimed, Message, SourceIndex, State};
use crate::status::{SourceCount, SourceStatus};
use crate::subscription::{Batch, Subscription};
use crate::supervisor::Supervisor;
use crate::threads::Threads;
use crate::totals::{self, Depth, QueueStatus, Totals};

/// Puts a registry together.
#[derive(Debug, Default)]
pub struct RegistryBuilder {
    sources: Vec<Arc<dyn NodeDeviceSource>>,
    controls: Vec<Arc<dyn NodeDeviceControl>>,
    config: RegistryConfig,
}

impl RegistryBuilder {
    /// Adds a source. Their order does not matter.
    #[must_use]
    pub fn source(mut self, source: Arc<dyn NodeDeviceSource>) -> Self {
        self.sources.push(source);
        self
    }

    /// Adds what changes devices of some kinds: most often a source that was added as well.
    #[must_use]
    pub fn control(mut self, control: Arc<dyn NodeDeviceControl>) -> Self {
        self.controls.push(control);
        self
    }

    /// Other deadlines and bounds than the default ones.
    #[must_use]
    pub fn config(mut self, config: RegistryConfig) -> Self {
        self.config = config;
        self
    }

    /// Starts the registry and its sources on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] when two sources have one name, could tie on a field, or control one kind, or when
    /// there can be no threads for them.
    pub fn start(self) -> Result<Registry, RegistryError> {
        let infos: Vec<_> = self.sources.iter().map(|source| source.info()).collect();
        check_names(&infos)?;
        let streams = infos.iter().flat_map(|info| info.streams.iter().cloned());
        let policy = Arc::new(Policy::new(streams)?);
        let controls = Controls::new(self.controls)?;
        let threads = |info: &SourceInfo| match self.config.own_threads {
            true => {
                Threads::of(&info.name).map_err(|error| RegistryError::Threads(error.to_string()))
            }
            false => Ok(Threads::default()),
        };
        let threads = infos.iter().map(threads).collect::<Result<_, _>>()?;
        Ok(Registry::start(self.sources, infos, controls, policy, self.config, threads))
    }
}

fn check_names(infos: &[SourceInfo]) -> Result<(), RegistryError> {
    let mut names = BTreeSet::new();
    match infos.iter().find(|info| !names.insert(&info.name)) {
        Some(info) => Err(RegistryError::DuplicateSource(info.name.clone())),
        None => Ok(()),
    }
}

/// The live list of a host's devices. Clones are handles of the same registry; it ends with
/// [`Registry::shutdown`], or when the last of them is dropped.
#[derive(Debug, Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    instance: u64,
    sources: Vec<Declared>,
    controls: Controls,
    turns: Turns,
    /// One token for each action that a source is doing.
    acting: TaskTracker,
    /// One for each action under way.
    places: Arc<Semaphore>,
    policy: Arc<Policy>,
    config: RegistryConfig,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    events: broadcast::WeakSender<Arc<Batch>>,
    /// The state, while its task runs.
    state: Weak<SharedState>,
    questions: mpsc::Sender<Question>,
    messages: mpsc::WeakSender<(SourceIndex, Message)>,
    observed: Vec<Observed>,
    counts: totals::Shared,
    ready: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    /// Closed when every task has ended.
    running: watch::Receiver<()>,
}

/// What can be seen of a source from outside the one task.
#[derive(Debug)]
struct Observed {
    name: String,
    counters: Vec<Counter>,
    /// Messages that wait for its keeper.
    waiting: Depth,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Registry {
    /// Begins a registry without sources.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    fn start(
        sources: Vec<Arc<dyn NodeDeviceSource>>,
        infos: Vec<SourceInfo>,
        controls: Controls,
        policy: Arc<Policy>,
        config: RegistryConfig,
        threads: Vec<Threads>,
    ) -> Self {
        let (message_sender, messages) = mpsc::channel(config.source_queue.max(1));
        let (questions, question_receiver) = mpsc::channel(64);
        let (snapshot_sender, snapshots) = watch::channel(Arc::default());
        let (events, _) = broadcast::channel(config.event_queue.max(1));
        let (ready_sender, ready) = watch::channel(false);
        let (first_passed, may_read) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        let (running_sender, running) = watch::channel(());
        let mut keepers = Vec::new();
        let mut state_sources = Vec::new();
        let mut observed = Vec::new();
        let mut threads = threads.into_iter();
        for (index, (source, info)) in sources.iter().zip(&infos).enumerate() {
            let (hint_sender, hints) = hint_channel();
            let waiting = Depth::default();
            observed.push(Observed {
                name: info.name.clone(),
                counters: source.counters(),
                waiting: waiting.clone(),
            });
            let again = Again::default();
            state_sources.push((info.clone(), hint_sender, again.clone()));
            let at_once = || watch::channel(true).1;
            let waits = !info.interests.is_empty();
            keepers.push(Supervisor {
                source: Arc::clone(source),
                name: info.name.clone(),
                index,
                hints,
                again,
                waiting,
                messages: message_sender.clone(),
                config: config.clone(),
                may_read: if waits { may_read.clone() } else { at_once() },
                threads: threads.next().unwrap_or_default(),
            });
        }
        let state = State::new(Arc::clone(&policy), config.clone(), state_sources);
        let state = Arc::new(RwLock::new(state));
        let seen_state = Arc::downgrade(&state);
        let actor = Actor {
            state,
            messages,
            questions: question_receiver,
            snapshots: snapshot_sender,
            events: events.clone(),
            ready: ready_sender,
            first_passed,
            ready_by: Instant::now() + config.first_pass,
            stop: stopped,
        };
        let weak_messages = message_sender.downgrade();
        tokio::spawn(run(actor, keepers, message_sender, running_sender));
        let infos = infos.into_iter().map(Arc::new);
        let sources = sources.into_iter().zip(infos);
        let shared = Shared {
            // Random: each hasher has keys of its own, which the system's randomness seeds.
            instance: RandomState::new().hash_one(SystemTime::now()),
            sources: sources.map(|(source, info)| Declared { source, info }).collect(),
            controls,
            turns: Turns::default(),
            acting: TaskTracker::new(),
            places: Arc::new(Semaphore::new(config.actions.max(1))),
            policy,
            config,
            snapshots,
            events: events.downgrade(),
            state: seen_state,
            questions,
            messages: weak_messages,
            observed,
            counts: totals::Shared::default(),
            ready,
            stop,
            running,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Waits until every source has been through its first pass, or its deadline has come.
    pub async fn ready(&self) {
        let mut ready = self.shared.ready.clone();
        // An error means that the registry has ended: nothing more is to be waited for.
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// Tells this registry from every other, an earlier run's included: a generation means nothing
    /// without it.
    #[must_use]
    pub fn instance(&self) -> u64 {
        self.shared.instance
    }

    /// The list as it is now. Never waits, never touches hardware.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.snapshots.borrow())
    }

    /// The list as it is now, and everything that happens to it from there on.
    #[must_use]
    pub fn subscribe(&self) -> (Arc<Snapshot>, Subscription) {
        let events = match self.shared.events.upgrade() {
            Some(events) => events.subscribe(),
            // The registry has ended: a stream that is closed from the start.
            None => broadcast::channel(1).1,
        };
        Subscription::new(events, self.shared.snapshots.clone(), self.shared.counts.clone())
    }

    /// Tells whenever the list or the state of a source has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.shared.snapshots.clone()
    }

    /// How each source fares, with what it counts itself as of now.
    #[must_use]
    pub fn sources(&self) -> Vec<SourceStatus> {
        let mut sources = self.snapshot().sources().to_vec();
        for (status, observed) in sources.iter_mut().zip(&self.shared.observed) {
            status.counts = observed.counters.iter().map(SourceCount::from).collect();
        }
        sources
    }

    /// What this registry has done since it was started, as of the current list.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals { missed: self.shared.counts.missed(), ..self.snapshot().totals }
    }

    /// How full the queues between the sources and the registry are: first the one that all share.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueStatus> {
        let Shared { messages, observed, config, .. } = &*self.shared;
        let bound = config.source_queue.max(1);
        let waiting = messages.upgrade().map_or(0, |queue| queue.max_capacity() - queue.capacity());
        let shared = QueueStatus { source: None, waiting, bound };
        let own = observed.iter().map(|Observed { name, waiting, .. }| QueueStatus {
            source: Some(name.clone()),
            waiting: waiting.get(),
            bound,
        });
        std::iter::once(shared).chain(own).collect()
    }

    /// The device with its dynamic fields read again, under the deadline for it.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchDevice`], also when the device vanishes meanwhile.
    pub async fn refresh(&self, name: &DeviceName) -> Result<Refreshed, RegistryError> {
        let (device, _, diagnostics) = self.read_again(name).await?;
        Ok(Refreshed { device, diagnostics })
    }

    /// For every field of the device: value, origin, and what lost.
    ///
    /// # Errors
    ///
    /// As for [`Registry::refresh`].
    pub async fn explain(&self, name: &DeviceName) -> Result<Explanation, RegistryError> {
        let (device, said, diagnostics) = self.read_again(name).await?;
        let fields = self.shared.policy.explain(&device, &for_merge(&said));
        let claims = said.into_iter().map(|said| ClaimInfo {
            source: said.source,
            revision: said.revision,
            said: Some(said.at),
            stale: said.stale.map(|reason| reason.to_string()),
        });
        Ok(Explanation { device, claims: claims.collect(), fields, diagnostics })
    }

    /// Ends the registry and its sources; returns when every watch has been dropped.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        self.ended().await;
    }

    /// Waits until the registry has ended: after [`Registry::shutdown`], else by a fault of its own. Nothing is
    /// to be had of it then but the last list.
    pub async fn ended(&self) {
        let mut running = self.shared.running.clone();
        // Nothing is ever sent: it ends with an error when all is over.
        let _ = running.changed().await;
    }

    /// The device, its claims and what could not be read, as of one moment.
    async fn read_again(
        &self,
        name: &DeviceName,
    ) -> Result<(Device, Vec<Said>, Vec<String>), RegistryError> {
        let missing = || RegistryError::NoSuchDevice(name.clone());
        let claimed = self.ask(name).await?.ok_or_else(missing)?;
        let Claimed { device: stored, mut said, is_held } = claimed;
        let Shared { sources, config, .. } = &*self.shared;
        let news = read_again(sources, config, &stored.id, &mut said).await;
        let snapshot = self.snapshot();
        if snapshot.device(name.as_str()).map(|now| &now.id) != Some(&stored.id) {
            return Err(missing());
        }
        let mut device = (*stored).clone();
        if news.is_new || is_held {
            let merged = self.shared.policy.merge(&stored.id, &for_merge(&said));
            device.fields = merged.ok_or_else(missing)?.fields;
        }
        Ok((device, said, news.diagnostics))
    }

    /// Looks, and where that cannot be done at once, asks.
    async fn ask(&self, name: &DeviceName) -> Result<Option<Claimed>, RegistryError> {
        let seen = self.shared.state.upgrade().and_then(|state| glance(&state, name));
        if let Some(claimed) = seen {
            return Ok(claimed);
        }
        let (answer, answered) = oneshot::channel();
        self.question(Question::Claims { name: name.clone(), answer }).await?;
        answered.await.map_err(|_| RegistryError::Closed)
    }

    pub(crate) async fn question(&self, question: Question) -> Result<(), RegistryError> {
        self.shared.questions.send(question).await.map_err(|_| RegistryError::Closed)
    }

    pub(crate) fn config(&self) -> &RegistryConfig {
        &self.shared.config
    }

    pub(crate) fn controls(&self) -> &Controls {
        &self.shared.controls
    }

    pub(crate) fn places(&self) -> &Arc<Semaphore> {
        &self.shared.places
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.shared.turns
    }

    pub(crate) fn acting(&self) -> &TaskTracker {
        &self.shared.acting
    }
}

/// How long keepers may take to end after a fault of ours.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// Runs the actor and the keepers; when the actor ends, all end. A keeper never ends before it but by a fault of
/// ours, which would leave its source alone for ever.
async fn run(
    actor: Actor,
    keepers: Vec<Supervisor>,
    messages: mpsc::Sender<(SourceIndex, Message)>,
    running: watch::Sender<()>,
) {
    let mut tasks = JoinSet::new();
    for keeper in keepers {
        tasks.spawn(keeper.run());
    }
    // Held here, so that the queue of a registry without sources stays open.
    let _messages = messages;
    tokio::select! {
        biased;
        () = actor.run() => tasks.shutdown().await,
        () = broken(&mut tasks) => {
            tracing::error!("a source's keeper has ended by a fault: the registry ends");
            // Another one that cannot be ended must not keep the end from being told.
            let _ = tokio::time::timeout(LAST_MOMENT, tasks.shutdown()).await;
        }
    }
    drop(running);
}

/// Returns when a task has panicked.
async fn broken(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            return;
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use nodedev_source_testkit::ScriptedSource;
    use nodedev_types::{FieldSet, Presence};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_the_registry_is_shown() {
        let (source, _host) = ScriptedSource::new("test", Presence::Nothing, FieldSet::new());
        let registry = Registry::builder().source(source).start().unwrap();
        registry.ready().await;
        let queue = registry.shared.messages.upgrade().unwrap();
        for _ in 0..3 {
            let doubted = Message::Doubted { reason: "test".to_owned(), dropped: 1 };
            queue.try_send((0, doubted)).unwrap();
        }
        let shown = registry.queues().swap_remove(0);
        assert_eq!((shown.source, shown.waiting, shown.bound), (None, 3, 4096));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(registry.queues()[0].waiting, 0);
        assert_eq!(registry.sources()[0].dropped, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_keeper_that_panics_is_noticed_and_one_that_ends_is_not() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        let long = Duration::from_secs(1000);
        assert!(tokio::time::timeout(long, broken(&mut tasks)).await.is_err());
        // As a panic, without the words that a hook would print of it.
        tasks.spawn(async { std::panic::resume_unwind(Box::new("test")) });
        assert!(tokio::time::timeout(long, broken(&mut tasks)).await.is_ok());
    }
}
