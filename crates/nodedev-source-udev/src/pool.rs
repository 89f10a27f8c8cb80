//! A bounded pool of threads that read, and the supervisor that gives up those who hang.
//!
//! Threads are started when there is work and end soon after it, unless somebody keeps them. A
//! reader that is past the deadline of the file it is in is given up: it is never joined, its place
//! is free, and whoever waits for it is told which file it was. Before that, one that makes no headway
//! is helped by another, so that what is slow holds up nothing else.

mod jobs;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nodedev_source::Counter;

pub(crate) use self::jobs::{Asker, Full, Order, Priority};
use self::jobs::{Job, Jobs, LoseFn, RunFn};
use self::trial::Trial;
use crate::announce::{Announcer, StuckFiles};

/// How long a thread without work waits for more.
const LINGER: Duration = Duration::from_millis(200);
/// How often the supervisor looks at readers; one that has been at the same job as long makes no headway.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// How many readers help out those that are held up by one of many.
const BULK_HELPERS: usize = 2;

/// Why a job gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lost {
    /// The reader hung in this file.
    #[error("{path} gave no answer within {deadline:?}")]
    Stuck { path: String, deadline: Duration },
    /// So many readers hang that no more are started.
    #[error("{0} readers hang, no more are started")]
    Exhausted(usize),
    /// The reader panicked, or its thread could not be started.
    #[error("the reader failed")]
    Failed,
}

/// How many threads a pool may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// While all make headway; one more for each that does not, as long as these are no more than may be given up.
    pub(crate) readers: usize,
    /// Of them, how many work for [`Priority::Bulk`] at most, while all make headway.
    pub(crate) bulk: usize,
    pub(crate) abandoned: usize,
    /// How many readings of devices that have changed may wait.
    pub(crate) waiting: usize,
}

type ReadWithoutFn = Box<dyn Fn(BTreeSet<String>) + Send + Sync>;

/// The pool. Clones share it.
#[derive(Clone)]
pub(crate) struct ReaderPool(Arc<Shared>);

struct Shared {
    limits: Limits,
    given_up: Counter,
    /// How many jobs wait that are not of many.
    waiting: Counter,
    stuck: Arc<StuckFiles>,
    read_without: ReadWithoutFn,
    state: Mutex<State>,
    supervision: Condvar,
}

#[derive(Default)]
struct State {
    jobs: Jobs,
    trial: Trial,
    workers: BTreeMap<u64, Worker>,
    /// Who waits for work. The last goes first: it is the warmest, and the others may end.
    idle: Vec<u64>,
    next_worker: u64,
    abandoned: BTreeMap<u64, String>,
    keepers: usize,
    supervised: bool,
    /// The supervisor waits for work to begin. While there is work it looks by itself.
    supervisor_rests: bool,
}

struct Worker {
    announcer: Arc<Announcer>,
    task: Option<Task>,
    work: Arc<Condvar>,
}

/// What a reader is at.
struct Task {
    subject: String,
    priority: Priority,
    began: Instant,
    lose: LoseFn,
}

impl fmt::Debug for ReaderPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("ReaderPool")
            .field("limits", &self.0.limits)
            .field("waiting", &state.jobs.len())
            .field("workers", &state.workers.len())
            .field("abandoned", &state.abandoned.values())
            .finish()
    }
}

impl ReaderPool {
    /// A pool without threads yet, which counts the readers that it gives up. When one of these comes back after all,
    /// `read_without` is told of the devices that were read without the file it hung in.
    pub(crate) fn new(
        limits: Limits,
        given_up: Counter,
        waiting: Counter,
        read_without: impl Fn(BTreeSet<String>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            limits,
            given_up,
            waiting,
            stuck: Arc::default(),
            read_without: Box::new(read_without),
            state: Mutex::default(),
            supervision: Condvar::new(),
        }))
    }

    /// Queues `run`; `reply` gets its answer, or why there is none, on some thread of the pool. Neither is called when
    /// the asker goes before a reader begins.
    ///
    /// # Errors
    ///
    /// When as many wait as may: nothing is called then.
    pub(crate) fn submit<T: 'static>(
        &self,
        order: Order,
        run: impl FnOnce(&Announcer) -> T + Send + 'static,
        reply: impl FnOnce(Result<T, Lost>) + Send + 'static,
    ) -> Result<(), Full> {
        // Whoever comes first takes it: the reader with its answer, or the one who gives it up.
        let reply = Arc::new(Mutex::new(Some(reply)));
        let lost_reply = Arc::clone(&reply);
        let job = Job {
            order,
            run: Box::new(move |announcer| {
                let answer = run(announcer);
                if let Some(reply) = take(&reply) {
                    reply(Ok(answer));
                }
            }),
            lose: Box::new(move |lost| {
                if let Some(reply) = take(&lost_reply) {
                    reply(Err(lost));
                }
            }),
        };
        self.0.queue(job)
    }

    /// Forgets what of the many nobody wants any more: before many more are queued.
    pub(crate) fn sweep(&self) {
        self.0.lock().jobs.sweep();
    }

    /// Runs it on this thread, which nobody of the pool watches over. Attributes in which a reader of the pool hangs
    /// are left alone here too.
    pub(crate) fn run_here<T>(&self, run: impl FnOnce(&Announcer) -> T) -> T {
        run(&Announcer::unwatched(Arc::clone(&self.0.stuck)))
    }

    /// Keeps idle threads alive until the answer is dropped.
    pub(crate) fn keep(&self) -> Keeper {
        self.0.lock().keepers += 1;
        Keeper(Arc::clone(&self.0))
    }
}

fn take<T>(cell: &Mutex<Option<T>>) -> Option<T> {
    cell.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Keeps a pool's threads alive.
pub(crate) struct Keeper(Arc<Shared>);

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.keepers -= 1;
        state.workers.values().for_each(|worker| worker.work.notify_one());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(self: &Arc<Self>, job: Job) -> Result<(), Full> {
        let mut state = self.lock();
        let abandoned = state.abandoned.len();
        if abandoned >= self.limits.abandoned.max(1) {
            drop(state);
            (job.lose)(Lost::Exhausted(abandoned));
            return Ok(());
        }
        let pushed = state.jobs.push(job, self.limits.waiting);
        self.waiting.set(state.jobs.urgent_len() as u64);
        pushed?;
        self.supervise_workers(&mut state);
        if let Some(work) = state.idle_worker(&self.limits) {
            // Whoever wakes needs the lock at once.
            drop(state);
            work.notify_one();
        } else {
            self.start_workers(&mut state);
        }
        Ok(())
    }

    /// Has one more reader work, if there is work for it.
    fn engage(self: &Arc<Self>, state: &mut State) {
        match state.idle_worker(&self.limits) {
            Some(work) => work.notify_one(),
            None => self.start_workers(state),
        }
    }

    /// Starts a reader if there is work and a place.
    fn start_workers(self: &Arc<Self>, state: &mut State) {
        let helpers =
            state.held_up().min(self.limits.abandoned.saturating_sub(state.abandoned.len()));
        let has_place = state.workers.len() < self.limits.readers.max(1) + helpers;
        if !has_place || !state.has_work(&self.limits) {
            return;
        }
        let id = state.next_worker;
        state.next_worker += 1;
        let announcer = Arc::new(Announcer::new(Arc::clone(&self.stuck)));
        let work = Arc::new(Condvar::new());
        let worker = Worker::new(Arc::clone(&announcer), Arc::clone(&work));
        state.workers.insert(id, worker);
        let shared = Arc::clone(self);
        if spawn("udev-reader", move || shared.work(id, &announcer, &work)).is_err() {
            state.workers.remove(&id);
            if state.workers.is_empty() {
                state.lose_all(&Lost::Failed);
                self.waiting.set(0);
            }
        }
        self.supervise_workers(state);
    }

    /// Has somebody watch over the readers, if there are any.
    fn supervise_workers(self: &Arc<Self>, state: &mut State) {
        if !state.supervised && !state.workers.is_empty() {
            let shared = Arc::clone(self);
            state.supervised = spawn("udev-watch", move || shared.supervise()).is_ok();
        }
    }

    fn work(self: Arc<Self>, id: u64, announcer: &Announcer, work: &Condvar) {
        while let Some(run) = self.next_job(id, work) {
            let panicked = catch_unwind(AssertUnwindSafe(|| run(announcer))).is_err();
            if !self.finish(id, panicked) {
                return;
            }
        }
    }

    /// The next job for this worker, `None` when it shall end.
    fn next_job(self: &Arc<Self>, id: u64, work: &Condvar) -> Option<RunFn> {
        let mut state = self.lock();
        let mut lingered = false;
        loop {
            let taken = state.take_job(&self.limits);
            // Also where none is left but such as nobody wanted.
            self.waiting.set(state.jobs.urgent_len() as u64);
            if let Some(job) = taken {
                let (subject, priority, run, lose) = job.into_parts();
                if let Some(worker) = state.workers.get_mut(&id) {
                    worker.task = Some(Task { subject, priority, began: Instant::now(), lose });
                }
                if state.supervisor_rests {
                    self.supervision.notify_one();
                }
                // More work than this one reader should do alone.
                self.engage(&mut state);
                return Some(run);
            }
            let stays = state.keepers > 0 && state.workers.len() <= self.limits.readers.max(1);
            if lingered && !stays {
                state.workers.remove(&id);
                self.supervision.notify_one();
                return None;
            }
            state.idle.push(id);
            (state, lingered) = wait_for_work(state, work, stays);
            // Whoever has woken it has taken it from there.
            state.idle.retain(|&idle| idle != id);
        }
    }

    /// Whether the worker goes on. One that was given up meanwhile does not.
    fn finish(&self, id: u64, panicked: bool) -> bool {
        let mut state = self.lock();
        if let Some(path) = state.abandoned.remove(&id) {
            drop(state);
            let devices = self.stuck.remove(&path);
            if !devices.is_empty() {
                (self.read_without)(devices);
            }
            return false;
        }
        let task = state.workers.get_mut(&id).and_then(|worker| worker.task.take());
        drop(state);
        if let Some(task) = task.filter(|_| panicked) {
            (task.lose)(Lost::Failed);
        }
        true
    }

    /// Runs until there is no worker.
    fn supervise(self: Arc<Self>) {
        let _supervision = Supervision(Arc::clone(&self));
        let mut state = self.lock();
        while !state.workers.is_empty() {
            let lost = self.abandon_overdue(&mut state);
            if !lost.is_empty() {
                drop(state);
                lost.into_iter().for_each(|(lose, lost)| lose(lost));
                state = self.lock();
                continue;
            }
            // Others may go on with the work of one that is held up.
            if state.held_up() > 0 {
                self.engage(&mut state);
            }
            state = if state.workers.values().any(|worker| worker.task.is_some()) {
                let waited = self.supervision.wait_timeout(state, WATCH_INTERVAL);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                state.supervisor_rests = true;
                let waited = self.supervision.wait(state);
                let mut state = waited.unwrap_or_else(PoisonError::into_inner);
                state.supervisor_rests = false;
                state
            };
        }
        state.supervised = false;
    }

    /// Gives up readers that are past their deadline. The answers are to be called without the lock.
    fn abandon_overdue(self: &Arc<Self>, state: &mut State) -> Vec<(LoseFn, Lost)> {
        let now = Instant::now();
        let overdue: Vec<_> = state
            .workers
            .iter()
            .filter_map(|(&id, worker)| Some((id, worker.announcer.current()?)))
            .filter(|(_, file)| file.overdue_at() <= now)
            .collect();
        let mut lost = Vec::new();
        for (id, file) in overdue {
            let Some(task) = state.workers.remove(&id).and_then(|worker| worker.task) else {
                continue;
            };
            tracing::warn!(source = "udev", file = file.path, "a reader hangs and is given up");
            self.given_up.count();
            self.stuck.insert(&file.path);
            state.abandoned.insert(id, file.path.clone());
            lost.push((task.lose, Lost::Stuck { path: file.path, deadline: file.deadline }));
        }
        if state.abandoned.len() >= self.limits.abandoned.max(1) {
            let exhausted = Lost::Exhausted(state.abandoned.len());
            let waiting = state.jobs.drain();
            self.waiting.set(0);
            lost.extend(waiting.into_iter().map(|job| (job.lose, exhausted.clone())));
        } else if !lost.is_empty() {
            self.engage(state);
        }
        lost
    }
}

/// A supervisor that panics has a successor with the next job.
struct Supervision(Arc<Shared>);

impl Drop for Supervision {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().supervised = false;
        }
    }
}

/// Waits for work, or for a change of the keepers, or long enough if it does not stay. Says whether it was the last.
fn wait_for_work<'a>(
    state: MutexGuard<'a, State>,
    work: &Condvar,
    stays: bool,
) -> (MutexGuard<'a, State>, bool) {
    if stays {
        let woken = work.wait(state);
        return (woken.unwrap_or_else(PoisonError::into_inner), false);
    }
    let woken = work.wait_timeout(state, LINGER);
    let (state, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
    (state, timeout.timed_out())
}

impl Worker {
    fn new(announcer: Arc<Announcer>, work: Arc<Condvar>) -> Self {
        Self { announcer, task: None, work }
    }

    fn is_held_up(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.began.elapsed() >= WATCH_INTERVAL)
    }
}

impl State {
    /// The next job, if there is one that may be begun now.
    fn take_job(&mut self, limits: &Limits) -> Option<Job> {
        let has_bulk_place = self.has_bulk_place(limits);
        let job = self.jobs.take(&slow(&self.workers), has_bulk_place);
        let many_left = self.jobs.bulk_len();
        match job.as_ref().map(Job::priority) {
            Some(Priority::Bulk) => self.trial.taken(Instant::now(), many_left + 1),
            None if many_left == 0 => self.trial.paused(),
            _ => {}
        }
        job
    }

    /// Whether there is a job that may be begun now.
    fn has_work(&self, limits: &Limits) -> bool {
        self.jobs.has_some(&slow(&self.workers), self.has_bulk_place(limits))
    }

    fn has_bulk_place(&self, limits: &Limits) -> bool {
        if self.jobs.bulk_len() == 0 {
            return false;
        }
        let tasks = self.workers.values().filter_map(|worker| worker.task.as_ref());
        let working = tasks.filter(|task| task.priority == Priority::Bulk).count();
        let places = if self.trial.is_alone() { 1 } else { limits.bulk.max(1) };
        // What holds one of many up may hold all of them up: most helpers are for others.
        working < places || working < places + self.held_up().min(BULK_HELPERS)
    }

    /// Somebody who waits for work that may be begun now; it is no longer taken for idle.
    fn idle_worker(&mut self, limits: &Limits) -> Option<Arc<Condvar>> {
        if !self.has_work(limits) {
            return None;
        }
        let id = self.idle.pop()?;
        Some(Arc::clone(&self.workers.get(&id)?.work))
    }

    /// How many readers make no headway.
    fn held_up(&self) -> usize {
        self.workers.values().filter(|worker| worker.is_held_up()).count()
    }

    /// Only for a failure to start threads, with no reader running that could call back.
    fn lose_all(&mut self, lost: &Lost) {
        for job in self.jobs.drain() {
            (job.lose)(lost.clone());
        }
    }
}

/// The devices that hold up a reader.
fn slow(workers: &BTreeMap<u64, Worker>) -> Vec<&str> {
    let held_up = workers.values().filter(|worker| worker.is_held_up());
    let subjects = held_up.filter_map(|worker| Some(worker.task.as_ref()?.subject.as_str()));
    subjects.filter(|subject| !subject.is_empty()).collect()
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run)?;
    Ok(())
}

#[cfg(test)]
mod tests;
