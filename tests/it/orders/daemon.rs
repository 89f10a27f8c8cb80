//! A daemon's list, what its clients see of it, and a client that follows its events.

use std::collections::BTreeMap;
use std::time::Duration;

use nodedev_driver::DriverConfig;
use nodedev_registry::{Change, ChangeKind, Registry, Snapshot, Subscription};
use nodedev_types::Device;
use nodedev_xml::{Form, write};

/// What is waited for comes within this time or never.
const PATIENCE: Duration = Duration::from_secs(20);

/// What clients see of one device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    /// All that is known of it, which is more than its documents say: filters look at it, too.
    device: Device,
    pub(super) document: String,
    /// What `--inactive` prints, where there is such a form.
    pub(super) inactive: Option<String>,
}

impl Shown {
    fn of(device: &Device) -> Self {
        Self {
            device: device.clone(),
            document: write(device, Form::Live),
            inactive: device.persistent.then(|| write(device, Form::Inactive)),
        }
    }

    /// Active, persistent, autostart.
    pub(super) fn flags(&self) -> [bool; 3] {
        [self.device.active, self.device.persistent, self.device.autostart]
    }
}

pub(super) type List = BTreeMap<String, Shown>;

/// A running daemon, as far as its list goes, and a client of it.
#[derive(Debug)]
pub(super) struct Daemon {
    registry: Registry,
    events: Subscription,
    /// The list as the client knows it: what it read at first, changed by nothing but events.
    followed: List,
    generation: u64,
}

impl Daemon {
    /// Starts one and waits until it is ready.
    pub(super) async fn start(config: DriverConfig) -> Self {
        let registry = nodedev_driver::start(config, []).unwrap();
        registry.ready().await;
        let (snapshot, events) = registry.subscribe();
        let (followed, generation) = (list(&snapshot), snapshot.generation());
        Self { registry, events, followed, generation }
    }

    /// The list as it is now.
    pub(super) fn list(&self) -> List {
        list(&self.registry.snapshot())
    }

    /// Waits until its list is this one; else the list that it has instead.
    pub(super) async fn comes_to(&self, wanted: &List) -> Result<(), List> {
        let mut changes = self.registry.changes();
        let comes = changes.wait_for(|snapshot| is(snapshot, wanted));
        match tokio::time::timeout(PATIENCE, comes).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.list()),
        }
    }

    /// Lets the client take in what has been told: it must hold the published list then.
    pub(super) async fn follow(&mut self) -> Result<(), (List, List)> {
        while self.generation < self.registry.snapshot().generation() {
            let batch = self.events.next().await.unwrap();
            self.generation = batch.snapshot.generation();
            for change in &batch.changes {
                self.hear(change, &batch.snapshot);
            }
            let published = list(&batch.snapshot);
            if self.followed != published {
                return Err((self.followed.clone(), published));
            }
        }
        Ok(())
    }

    /// Reads the device that the event names, and knows nothing else.
    fn hear(&mut self, change: &Change, published: &Snapshot) {
        let name = change.name.as_str();
        let known = self.followed.remove(name);
        let is_gone = match change.kind {
            ChangeKind::Deleted => known.is_none_or(|known| !known.device.persistent),
            ChangeKind::Undefined => known.is_none_or(|known| !known.device.active),
            _ => false,
        };
        if let Some(device) = published.device(name).filter(|_| !is_gone) {
            self.followed.insert(name.to_owned(), Shown::of(device));
        }
    }

    /// What its sources say of themselves.
    pub(super) fn sources(&self) -> String {
        format!("{:#?}", self.registry.snapshot().sources())
    }

    pub(super) async fn shutdown(self) {
        self.registry.shutdown().await;
    }
}

fn list(snapshot: &Snapshot) -> List {
    snapshot.devices().map(|device| (device.name.to_string(), Shown::of(device))).collect()
}

fn is(snapshot: &Snapshot, list: &List) -> bool {
    let is_shown = |device: &Device| list.get(device.name.as_str()) == Some(&Shown::of(device));
    snapshot.len() == list.len() && snapshot.devices().all(|device| is_shown(device))
}
