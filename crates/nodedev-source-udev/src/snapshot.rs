//! Snapshots: sysfs' list of devices, all of them read by the pool, each failure its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use nodedev_source::{Listing, Snapshot, SourceError};
use nodedev_types::{DeviceId, Diagnostic, Observation, Revision, SourceId};
use tokio::sync::oneshot;

use crate::coordinator::SECOND_CHANCE;
use crate::error::UdevError;
use crate::inner::Inner;
use crate::memory::{FIRST_LOOK, Memory};
use crate::pool::{Asker, Order, Priority};
use crate::queue::Message;
use crate::reader::Outcome;
use crate::scan::{self, Listed, SYS};
use crate::udevd;

/// Outcomes by path, from readers to the one who waits for all of them.
type Outcomes = Vec<(String, Outcome)>;

/// Tells the memory that a snapshot is being taken, also when its future is dropped.
struct UnderWay<'a>(&'a Inner);

impl<'a> UnderWay<'a> {
    fn begin(inner: &'a Inner) -> Self {
        inner.memory().snapshot_begins();
        Self(inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let is_exact = self.0.memory().snapshot_ends();
        if let Some(queue) = &*self.0.watch() {
            if !is_exact {
                queue.lost("more devices went during the enumeration than can be remembered");
            }
            // What waited for its end.
            queue.wake();
        }
    }
}

/// Reads all devices.
pub(crate) async fn take(inner: &Inner) -> Result<Snapshot, SourceError> {
    let _keeper = inner.pool.keep();
    let under_way = UnderWay::begin(inner);
    let revision = inner.revisions.next();
    let began = Instant::now();
    let enumeration = inner.ask("the list of devices", Priority::Bulk, |host, announcer| {
        let _entered = announcer.announce(SYS, host.config.enumeration_deadline);
        scan::devices(Path::new(SYS))
    });
    let Listed { paths, odd, has_sysfs } = enumeration.await?.map_err(UdevError::Enumeration)?;
    let computer = inner
        .ask("the host", Priority::Bulk, |host, announcer| host.read_computer(announcer))
        .await?;
    let mut collected = Collected::new(revision);
    if !has_sysfs {
        let message = "sysfs is not mounted there or cannot be read: no device can be listed";
        collected.diagnostics.push(Diagnostic::warning(SYS, message));
    }
    let outcomes = read_all(inner, paths).await?;
    for (path, why) in odd {
        let message = format!("{why}, device is left out");
        collected.diagnostics.push(Diagnostic::warning(path, message));
    }
    collected.computer(computer);
    {
        let mut memory = inner.memory();
        for (path, outcome) in outcomes {
            collected.outcome(&memory, &path, began, outcome)?;
        }
        let (said, failed) = (&mut collected.said, &mut collected.failed);
        if collected.ids.contains(&DeviceId::Computer) {
            memory.say_computer();
        }
        let unsure = memory.list(revision, std::mem::take(said), std::mem::take(failed));
        let now = Instant::now();
        collected.rechecks.extend(unsure.into_iter().map(|path| (path, now)));
    }
    drop(under_way);
    if let Some(queue) = &*inner.watch() {
        collected.diagnostics.extend(queue.unheard());
        for (path, at) in collected.rechecks.drain(..) {
            queue.send(Message::Recheck { path, at });
        }
    }
    Ok(collected.finish())
}

/// Has the pool read these devices, several at once. Ends early when nobody waits any more.
async fn read_all(inner: &Inner, paths: Vec<String>) -> Result<Outcomes, UdevError> {
    struct Gathering {
        outcomes: Outcomes,
        missing: usize,
        done: Option<oneshot::Sender<Outcomes>>,
    }
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    inner.pool.sweep();
    let asker = Asker::default();
    let (done, all_read) = oneshot::channel();
    let gathering = Arc::new(Mutex::new(Gathering {
        outcomes: Vec::with_capacity(paths.len()),
        missing: paths.len(),
        done: Some(done),
    }));
    let paths = Arc::new(paths);
    // As long altogether as one device may take until it is ready.
    let patience = Arc::new(OnceLock::new());
    for at in 0..paths.len() {
        let host = Arc::clone(&inner.host);
        let gathering = Arc::clone(&gathering);
        let patience = Arc::clone(&patience);
        let (listed, paths) = (Arc::clone(&paths), Arc::clone(&paths));
        let submitted = inner.pool.submit(
            Order::bulk(&asker),
            move |announcer| {
                let until = || *patience.get_or_init(|| Instant::now() + host.config.settle_time);
                host.read_until(&listed[at], &listed, until, announcer)
            },
            move |answer| {
                let outcome = answer.unwrap_or_else(|lost| Outcome::lost(&paths[at], lost));
                let mut gathering = gathering.lock().unwrap_or_else(PoisonError::into_inner);
                gathering.missing -= 1;
                if !matches!(outcome, Outcome::NotADevice | Outcome::Vanished) {
                    gathering.outcomes.push((paths[at].clone(), outcome));
                }
                if gathering.missing == 0
                    && let Some(done) = gathering.done.take()
                {
                    // The caller may have gone.
                    let _ = done.send(std::mem::take(&mut gathering.outcomes));
                }
            },
        );
        submitted.map_err(|full| UdevError::Full { subject: "all devices".to_owned(), full })?;
    }
    let mut outcomes = all_read.await.map_err(|_| UdevError::NoAnswer)?;
    outcomes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(outcomes)
}

/// A snapshot being put together.
struct Collected {
    source: SourceId,
    revision: Revision,
    devices: Vec<Observation>,
    ids: BTreeSet<DeviceId>,
    unreadable: Vec<DeviceId>,
    diagnostics: Vec<Diagnostic>,
    said: Vec<(String, DeviceId)>,
    failed: Vec<String>,
    rechecks: Vec<(String, Instant)>,
}

impl Collected {
    fn new(revision: Revision) -> Self {
        Self {
            source: SourceId::new(SourceId::UDEV),
            revision,
            devices: Vec::new(),
            ids: BTreeSet::new(),
            unreadable: Vec::new(),
            diagnostics: Vec::new(),
            said: Vec::new(),
            failed: Vec::new(),
            rechecks: Vec::new(),
        }
    }

    fn computer(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Observed { id, fields, diagnostics } => {
                self.diagnostics.extend(diagnostics);
                self.observe(id, fields);
            }
            Outcome::Unreadable { diagnostic, .. } => {
                self.diagnostics.push(diagnostic);
                self.unreadable.push(DeviceId::Computer);
            }
            _ => {}
        }
    }

    fn outcome(
        &mut self,
        memory: &Memory,
        path: &str,
        began: Instant,
        outcome: Outcome,
    ) -> Result<(), UdevError> {
        if memory.hides(path, began) {
            let removed = memory.removed_at(path).unwrap_or(began);
            self.rechecks.push((path.to_owned(), removed + FIRST_LOOK));
            return Ok(());
        }
        if memory.is_withdrawn(path, self.revision) {
            return Ok(());
        }
        match outcome {
            Outcome::Observed { id, fields, diagnostics } => {
                self.diagnostics.extend(diagnostics);
                if self.observe(id.clone(), fields) {
                    self.said.push((path.to_owned(), id));
                }
            }
            Outcome::NotYet { id, diagnostic } | Outcome::Held { id, diagnostic } => {
                self.rechecks.push((path.to_owned(), Instant::now()));
                self.unread(memory, path, Some(id), diagnostic);
            }
            Outcome::Unreadable { id, diagnostic, diagnostics } => {
                if id.is_none() {
                    self.rechecks.push((path.to_owned(), Instant::now() + SECOND_CHANCE));
                }
                self.diagnostics.extend(diagnostics);
                self.unread(memory, path, id, diagnostic);
            }
            Outcome::NoReader(lost) => {
                let subject = path.to_owned();
                return Err(UdevError::Reader { subject, lost });
            }
            Outcome::NotADevice | Outcome::Vanished => {}
        }
        Ok(())
    }

    /// Whether it is the first device of that identity.
    fn observe(&mut self, device: DeviceId, fields: nodedev_types::Fields) -> bool {
        if !self.ids.insert(device.clone()) {
            let message = "another device has the same identity";
            self.diagnostics.push(Diagnostic::warning(device.to_string(), message));
            return false;
        }
        self.devices.push(Observation {
            source: self.source.clone(),
            device,
            revision: self.revision,
            fields,
        });
        true
    }

    /// A device that exists: what was said of it before stays.
    fn unread(
        &mut self,
        memory: &Memory,
        path: &str,
        id: Option<DeviceId>,
        diagnostic: Diagnostic,
    ) {
        self.diagnostics.push(diagnostic);
        self.failed.push(path.to_owned());
        let said = memory.said(path).map(|said| said.id.clone());
        if let Some(id) = &said {
            self.said.push((path.to_owned(), id.clone()));
        }
        let id = said.or(id).or_else(|| DeviceId::sysfs(path).ok());
        self.unreadable.extend(id);
    }

    fn finish(self) -> Snapshot {
        let listing = Listing::complete(self.source, self.revision, self.devices)
            .with_unreadable(self.unreadable);
        let mut snapshot = Snapshot::new().with_listing(listing);
        snapshot.diagnostics = self.diagnostics;
        // The monitor says it once; the list lacks something as long as it is so.
        snapshot.diagnostics.extend(udevd::absence());
        snapshot
    }
}
