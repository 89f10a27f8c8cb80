//! What a registry does with messages, in the fewest lines: the latest word per source and device.

use std::collections::BTreeMap;

use nodedev_merge::view;
use nodedev_types::{Device, DeviceId, DeviceName, Fields, Observation, Revision, SourceId};

use crate::world::POLICY;

/// A list as clients see it.
pub(crate) type List = BTreeMap<DeviceName, Device>;

/// One message of one source.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) source: SourceId,
    pub(crate) device: DeviceId,
    pub(crate) revision: Revision,
    /// `None`: gone.
    pub(crate) fields: Option<Fields>,
}

impl Message {
    pub(crate) fn new(
        source: &str,
        device: &DeviceId,
        revision: u64,
        fields: Option<Fields>,
    ) -> Self {
        Self {
            source: SourceId::new(source),
            device: device.clone(),
            revision: Revision(revision),
            fields,
        }
    }

    pub(crate) fn observation(&self) -> Option<Observation> {
        Some(Observation {
            source: self.source.clone(),
            device: self.device.clone(),
            revision: self.revision,
            fields: self.fields.clone()?,
        })
    }
}

/// The latest message of each source about each device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store(BTreeMap<(SourceId, DeviceId), Message>);

impl Store {
    pub(crate) fn of<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Self {
        let mut store = Self::default();
        messages.into_iter().for_each(|message| store.hear(message));
        store
    }

    pub(crate) fn hear(&mut self, message: &Message) {
        let key = (message.source.clone(), message.device.clone());
        let known = self.0.get(&key).map(|known| known.revision);
        if known.is_none_or(|known| known <= message.revision) {
            self.0.insert(key, message.clone());
        }
    }

    /// A full listing: what it does not name is gone, unless something newer was said of it.
    pub(crate) fn hear_listing(
        &mut self,
        source: &SourceId,
        revision: Revision,
        all: &[Observation],
    ) {
        let unnamed: Vec<_> = self
            .0
            .values()
            .filter(|known| known.source == *source && known.revision < revision)
            .map(|known| Message::new(source.as_str(), &known.device, revision.0, None))
            .collect();
        unnamed.iter().for_each(|gone| self.hear(gone));
        for named in all {
            let fields = Some(named.fields.clone());
            self.hear(&Message::new(source.as_str(), &named.device, revision.0, fields));
        }
    }

    pub(crate) fn withdraw(&mut self, source: &SourceId) {
        self.0.retain(|(of, _), _| of != source);
    }

    pub(crate) fn said(&self) -> Vec<Observation> {
        self.0.values().filter_map(Message::observation).collect()
    }

    pub(crate) fn list(&self) -> List {
        view(&POLICY, &self.said())
    }
}
