//! A watched source and what it has said, folded as the registry folds it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nodedev_source::{
    EventReceiver, NodeDeviceSource, SourceEvent, Watch, event_channel, hint_channel,
};
use nodedev_source_udev::{UdevConfig, UdevSource};
use nodedev_types::{DeviceId, Diagnostic, Fields, Revision};

/// Longer than anything takes on a slow machine; a test that waits for it has failed.
const LONG: Duration = Duration::from_secs(20);

pub(crate) struct Session {
    pub(crate) source: UdevSource,
    pub(crate) devices: BTreeMap<DeviceId, (Revision, Option<Fields>)>,
    pub(crate) stale: BTreeSet<DeviceId>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Every message as it came.
    pub(crate) heard: Vec<SourceEvent>,
    receiver: EventReceiver,
    _watch: Watch,
}

impl Session {
    /// Watches the host, then reads it.
    pub(crate) async fn start() -> Self {
        let mut session = Self::arm(UdevConfig::default()).await;
        session.list().await;
        session
    }

    pub(crate) async fn arm(config: UdevConfig) -> Self {
        let source = UdevSource::new(config);
        let (sink, receiver) = event_channel(4096);
        let watch = source.watch(sink, hint_channel().1).await.unwrap();
        Self {
            source,
            devices: BTreeMap::new(),
            stale: BTreeSet::new(),
            diagnostics: Vec::new(),
            heard: Vec::new(),
            receiver,
            _watch: watch,
        }
    }

    pub(crate) async fn list(&mut self) {
        let snapshot = self.source.snapshot().await.unwrap();
        self.diagnostics.extend(snapshot.diagnostics);
        for listing in snapshot.listings {
            // What the listing does not name has gone, whatever it was before.
            self.stale = listing.unreadable.iter().cloned().collect();
            let devices = listing.devices.unwrap();
            let named: BTreeSet<_> = devices.iter().map(|said| said.device.clone()).collect();
            for (id, (revision, fields)) in &mut self.devices {
                let kept = named.contains(id) || listing.unreadable.contains(id);
                if !kept && *revision < listing.revision {
                    *fields = None;
                }
            }
            for said in devices {
                self.say(said.device, said.revision, Some(said.fields));
            }
        }
    }

    fn say(&mut self, id: DeviceId, revision: Revision, fields: Option<Fields>) {
        let known = self.devices.entry(id).or_insert((Revision(0), None));
        if known.0 <= revision {
            *known = (revision, fields);
        }
    }

    fn take(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::Observed(said) => {
                self.stale.remove(&said.device);
                self.say(said.device, said.revision, Some(said.fields));
            }
            SourceEvent::Gone { device, revision, .. } => {
                self.stale.remove(&device);
                self.say(device, revision, None);
            }
            SourceEvent::Unreadable { device, diagnostic, .. } => {
                self.stale.insert(device);
                self.diagnostics.push(diagnostic);
            }
            SourceEvent::Batch(events) => events.into_iter().for_each(|event| self.take(event)),
            SourceEvent::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic),
            _ => {}
        }
    }

    /// Listens until something holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let heard = async {
            while !holds(self) {
                let event = self.receiver.recv().await.expect("the source has failed");
                self.heard.push(event.clone());
                self.take(event);
            }
        };
        if tokio::time::timeout(LONG, heard).await.is_err() {
            panic!("waited in vain until {what}; heard {:#?}", self.heard);
        }
    }

    /// Listens for that long.
    pub(crate) async fn listen(&mut self, time: Duration) {
        let heard = async {
            loop {
                let event = self.receiver.recv().await.expect("the source has failed");
                self.heard.push(event.clone());
                self.take(event);
            }
        };
        let _: Result<(), _> = tokio::time::timeout(time, heard).await;
    }

    pub(crate) fn fields(&self, path: &str) -> Option<&Fields> {
        self.of(&sysfs(path))
    }

    pub(crate) fn of(&self, id: &DeviceId) -> Option<&Fields> {
        self.devices.get(id)?.1.as_ref()
    }

    pub(crate) fn knows(&self, path: &str) -> bool {
        self.fields(path).is_some()
    }

    /// The first diagnostic that names all of these.
    pub(crate) fn diagnostic(&self, parts: &[&str]) -> Option<&Diagnostic> {
        self.diagnostics.iter().find(|diagnostic| {
            let text = diagnostic.to_string();
            parts.iter().all(|part| text.contains(part))
        })
    }
}

pub(crate) fn sysfs(path: &str) -> DeviceId {
    DeviceId::sysfs(path).unwrap()
}
