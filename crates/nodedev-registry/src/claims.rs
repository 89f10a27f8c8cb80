//! What every source last said of every device, ordered by revision. Knows nothing of merging.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use nodedev_merge::Claim;
use nodedev_types::{DeviceId, Fields, Revision, SourceId, StreamInfo};

use crate::room::give_back;
use crate::tombstones::Tombstones;

/// The latest word of one source about one device.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) source: SourceId,
    pub(crate) fields: Arc<Fields>,
    pub(crate) revision: Revision,
    pub(crate) at: SystemTime,
    pub(crate) stale: Option<Arc<str>>,
    /// Up to when: an older word does not make it fresh, a newer one does.
    pub(crate) stale_since: Revision,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_device: HashMap<DeviceId, Vec<Said>>,
    by_source: BTreeMap<SourceId, BTreeSet<DeviceId>>,
    stale: BTreeMap<SourceId, BTreeSet<DeviceId>>,
    tombstones: BTreeMap<SourceId, Tombstones>,
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
    /// The source had not spoken of the device, and there is no room for more.
    LeftOut,
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

    /// Takes a word in. `has_room` is asked where the source has not spoken of the device.
    pub(crate) fn observe(
        &mut self,
        device: &DeviceId,
        mut new: Said,
        has_room: impl FnOnce(&Self) -> bool,
    ) -> Effect {
        let source = new.source.clone();
        let said = self.said(&source, device).map(|said| said.revision);
        let newest = said.or_else(|| self.gone_since(&source, device));
        if newest.is_some_and(|newest| new.revision < newest) {
            return Effect::Ignored;
        }
        if said.is_none() && !has_room(self) {
            return Effect::LeftOut;
        }
        if let Some(tombstones) = self.tombstones.get_mut(&source) {
            tombstones.raise(device);
        }
        let doubt = self.said(&source, device).filter(|said| said.stale_since > new.revision);
        match doubt.map(|said| (said.stale.clone(), said.stale_since)) {
            // The device could not be read after this was.
            Some(doubt) => (new.stale, new.stale_since) = doubt,
            None => self.freshen(&source, device),
        }
        // Hardly any device has more than one stream.
        let all = self.by_device.entry(device.clone()).or_insert_with(|| Vec::with_capacity(1));
        match all.binary_search_by(|said| said.source.cmp(&source)) {
            Ok(at) => {
                let same = *all[at].fields == *new.fields;
                if same {
                    // Those that the lists share.
                    new.fields = Arc::clone(&all[at].fields);
                }
                all[at] = new;
                if same { Effect::Same } else { Effect::Changed }
            }
            Err(at) => {
                all.insert(at, new);
                self.by_source.entry(source).or_default().insert(device.clone());
                Effect::Added
            }
        }
    }

    /// The source no longer speaks of the device, nor does anything older than this.
    pub(crate) fn withdraw(
        &mut self,
        source: &SourceId,
        device: &DeviceId,
        revision: Revision,
    ) -> Effect {
        if self.newest(source, device).is_some_and(|newest| revision < newest) {
            return Effect::Ignored;
        }
        let known = self.remove(source, device).is_some();
        self.bury(source, device, revision);
        if known { Effect::Withdrawn } else { Effect::Same }
    }

    /// Drops what a source said of a device; nothing older comes back.
    pub(crate) fn forget(&mut self, source: &SourceId, device: &DeviceId) {
        if let Some(said) = self.remove(source, device) {
            self.bury(source, device, said.revision);
        }
    }

    fn bury(&mut self, source: &SourceId, device: &DeviceId, revision: Revision) {
        let tombstones = self.tombstones.entry(source.clone()).or_default();
        tombstones.bury(device, revision);
    }

    fn remove(&mut self, source: &SourceId, device: &DeviceId) -> Option<Said> {
        let all = self.by_device.get_mut(device)?;
        let at = all.binary_search_by(|said| said.source.cmp(source)).ok()?;
        let said = all.remove(at);
        if all.is_empty() {
            self.by_device.remove(device);
            give_back(&mut self.by_device);
        }
        if let Some(devices) = self.by_source.get_mut(source) {
            devices.remove(device);
        }
        self.freshen(source, device);
        Some(said)
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

    /// The device could not be read at that revision. Any later word of it is believed.
    pub(crate) fn mark_stale(
        &mut self,
        source: &SourceId,
        device: &DeviceId,
        since: Revision,
        reason: &Arc<str>,
    ) {
        let said = self.by_device.get_mut(device).into_iter().flatten();
        for said in said.filter(|said| said.source == *source) {
            said.stale = Some(Arc::clone(reason));
            said.stale_since = said.stale_since.max(since);
            self.stale.entry(source.clone()).or_default().insert(device.clone());
        }
    }

    pub(crate) fn mark_all_stale(&mut self, source: &SourceId, reason: &Arc<str>) {
        let devices: Vec<_> = self.devices_of(source).cloned().collect();
        let since = Revision::default();
        devices.iter().for_each(|device| self.mark_stale(source, device, since, reason));
    }

    /// A complete listing has been taken in: it stands for `Gone` of all that it did not
    /// name. Of the `unused` nothing was learnt by it.
    pub(crate) fn listed(
        &mut self,
        source: &SourceId,
        revision: Revision,
        unused: BTreeSet<DeviceId>,
    ) {
        let tombstones = self.tombstones.entry(source.clone()).or_default();
        tombstones.listed(revision, unused);
    }

    /// No snapshot of this source is being taken.
    pub(crate) fn settle(&mut self, source: &SourceId) {
        if let Some(tombstones) = self.tombstones.get_mut(source) {
            tombstones.settle();
        }
    }

    /// A snapshot of this source is being taken, and no more departures than these are remembered meanwhile. Tells
    /// whether there were more, so that the snapshot may lack what is there.
    pub(crate) fn bound_departures(&mut self, source: &SourceId, most: usize) -> bool {
        self.tombstones.get_mut(source).is_some_and(|tombstones| tombstones.bound(most))
    }

    /// The revision of the last word about the device, its going included.
    pub(crate) fn newest(&self, source: &SourceId, device: &DeviceId) -> Option<Revision> {
        match self.said(source, device) {
            Some(said) => Some(said.revision),
            None => self.gone_since(source, device),
        }
    }

    fn gone_since(&self, source: &SourceId, device: &DeviceId) -> Option<Revision> {
        Some(self.tombstones.get(source)?.gone_since(device))
    }

    /// Of how many devices these streams speak, each counted for itself.
    pub(crate) fn count_of(&self, streams: &[StreamInfo]) -> usize {
        streams.iter().map(|stream| self.devices_of(&stream.id).len()).sum()
    }
}

/// The claims as the merge takes them.
pub(crate) fn for_merge(said: &[Said]) -> Vec<Claim<'_>> {
    said.iter().map(|said| Claim { source: &said.source, fields: &said.fields }).collect()
}
