//! What every source last said of every device, ordered by revision. Knows nothing of merging.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use nodedev_merge::Claim;
use nodedev_types::{DeviceId, Fields, Revision, SourceId};

/// The latest word of one source about one device.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) source: SourceId,
    pub(crate) fields: Arc<Fields>,
    pub(crate) revision: Revision,
    pub(crate) at: SystemTime,
    pub(crate) stale: Option<Arc<str>>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_device: BTreeMap<DeviceId, Vec<Said>>,
    by_source: BTreeMap<SourceId, BTreeSet<DeviceId>>,
    stale: BTreeMap<SourceId, BTreeSet<DeviceId>>,
    /// Revisions of `Gone`, kept while a read that may be older is in flight.
    tombstones: BTreeMap<SourceId, BTreeMap<DeviceId, Revision>>,
}

/// What a message changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It was older than what is known.
    Ignored,
    /// It says what was said before.
    Same,
    /// The source had not spoken of the device.
    Added,
    /// The source says something else now.
    Changed,
    /// The source no longer speaks of the device.
    Withdrawn,
}

impl Claims {
    pub(crate) fn of(&self, device: &DeviceId) -> &[Said] {
        self.by_device.get(device).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn devices_of(&self, source: &SourceId) -> impl ExactSizeIterator<Item = &DeviceId> {
        static NONE: BTreeSet<DeviceId> = BTreeSet::new();
        self.by_source.get(source).unwrap_or(&NONE).iter()
    }

    pub(crate) fn said(&self, source: &SourceId, device: &DeviceId) -> Option<&Said> {
        self.of(device).iter().find(|said| said.source == *source)
    }

    pub(crate) fn observe(&mut self, device: &DeviceId, new: Said) -> Effect {
        let source = new.source.clone();
        if self
            .newest(&source, device)
            .is_some_and(|newest| new.revision < newest)
        {
            return Effect::Ignored;
        }
        if let Some(tombstones) = self.tombstones.get_mut(&source) {
            tombstones.remove(device);
        }
        self.freshen(&source, device);
        let all = self.by_device.entry(device.clone()).or_default();
        match all.binary_search_by(|said| said.source.cmp(&source)) {
            Ok(at) => {
                let same = *all[at].fields == *new.fields;
                all[at] = new;
                if same { Effect::Same } else { Effect::Changed }
            }
            Err(at) => {
                all.insert(at, new);
                self.by_source
                    .entry(source)
                    .or_default()
                    .insert(device.clone());
                Effect::Added
            }
        }
    }

    /// `bury` keeps the revision, so that an older read cannot bring the device back.
    pub(crate) fn withdraw(
        &mut self,
        source: &SourceId,
        device: &DeviceId,
        revision: Revision,
        bury: bool,
    ) -> Effect {
        if self
            .newest(source, device)
            .is_some_and(|newest| revision < newest)
        {
            return Effect::Ignored;
        }
        if bury {
            self.tombstones
                .entry(source.clone())
                .or_default()
                .insert(device.clone(), revision);
        }
        if self.forget(source, device) {
            Effect::Withdrawn
        } else {
            Effect::Same
        }
    }

    /// Drops what a source said of a device, whatever its revision.
    pub(crate) fn forget(&mut self, source: &SourceId, device: &DeviceId) -> bool {
        let Some(all) = self.by_device.get_mut(device) else {
            return false;
        };
        let Ok(at) = all.binary_search_by(|said| said.source.cmp(source)) else {
            return false;
        };
        all.remove(at);
        if all.is_empty() {
            self.by_device.remove(device);
        }
        if let Some(devices) = self.by_source.get_mut(source) {
            devices.remove(device);
        }
        self.freshen(source, device);
        true
    }

    fn freshen(&mut self, source: &SourceId, device: &DeviceId) {
        if let Some(stale) = self.stale.get_mut(source) {
            stale.remove(device);
        }
    }

    /// How many devices a source speaks of by words that may be out of date.
    pub(crate) fn stale_of(&self, source: &SourceId) -> usize {
        self.stale.get(source).map_or(0, BTreeSet::len)
    }

    pub(crate) fn mark_stale(&mut self, source: &SourceId, device: &DeviceId, reason: &Arc<str>) {
        let said = self.by_device.get_mut(device).into_iter().flatten();
        for said in said.filter(|said| said.source == *source) {
            said.stale = Some(Arc::clone(reason));
            self.stale
                .entry(source.clone())
                .or_default()
                .insert(device.clone());
        }
    }

    pub(crate) fn mark_all_stale(&mut self, source: &SourceId, reason: &Arc<str>) {
        let devices: Vec<_> = self.devices_of(source).cloned().collect();
        devices
            .iter()
            .for_each(|device| self.mark_stale(source, device, reason));
    }

    pub(crate) fn clear_tombstones(&mut self, source: &SourceId) {
        self.tombstones.remove(source);
    }

    fn newest(&self, source: &SourceId, device: &DeviceId) -> Option<Revision> {
        let buried = self
            .tombstones
            .get(source)
            .and_then(|t| t.get(device))
            .copied();
        self.said(source, device)
            .map(|said| said.revision)
            .max(buried)
    }
}

/// The claims as the merge takes them.
pub(crate) fn for_merge(said: &[Said]) -> Vec<Claim<'_>> {
    said.iter()
        .map(|said| Claim {
            source: &said.source,
            fields: &said.fields,
        })
        .collect()
}
