//! What the state must show, from tables that are scanned: no index, no clue what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nodedev_merge::{Change, ChangeKind, Policy, view};
use nodedev_source::Hint;
use nodedev_types::{Device, DeviceId, DeviceName, Fields, Observation, Revision, SourceId};
use tokio::time::Instant;

/// The newest word of each stream about each device, `Gone` included.
type Latest = BTreeMap<(SourceId, DeviceId), (Revision, Option<Fields>)>;

#[derive(Debug, Default)]
pub(super) struct Model {
    latest: Latest,
    lives: BTreeMap<DeviceId, Hint>,
    appeared: BTreeSet<DeviceId>,
    held: BTreeMap<DeviceId, Instant>,
    visible: BTreeMap<DeviceId, Vec<Observation>>,
    pub(super) ready: bool,
    pub(super) answered: Hint,
    pub(super) can_answer: bool,
}

impl Model {
    pub(super) fn observe(&mut self, said: &Observation) {
        let key = (said.source.clone(), said.device.clone());
        let known = self.latest.get(&key);
        if known.is_some_and(|(newest, _)| said.revision < *newest) {
            return;
        }
        let was_known = known.is_some_and(|(_, fields)| fields.is_some());
        self.latest.insert(key, (said.revision, Some(said.fields.clone())));
        if !was_known && starts_lives(&said.source, &said.device) {
            self.appeared.insert(said.device.clone());
        }
    }

    pub(super) fn gone(&mut self, stream: &SourceId, device: &DeviceId, revision: Revision) {
        let key = (stream.clone(), device.clone());
        let known = self.latest.get(&key);
        if known.is_some_and(|(newest, _)| revision < *newest) {
            return;
        }
        let was_known = known.is_some_and(|(_, fields)| fields.is_some());
        self.latest.insert(key, (revision, None));
        if was_known && starts_lives(stream, device) {
            self.lives.remove(device);
            self.held.remove(device);
            self.appeared.remove(device);
            self.forget_live(device);
        }
    }

    pub(super) fn list(
        &mut self,
        stream: &SourceId,
        revision: Revision,
        listed: &[Observation],
        unreadable: &[DeviceId],
        answers: Hint,
        everything: &[DeviceId],
    ) {
        let is_live = stream.as_str() == SourceId::MDEVCTL_ACTIVE;
        for said in listed {
            let life = self.lives.get(&said.device);
            if !is_live || life.is_none_or(|life| answers >= *life) {
                self.observe(said);
            }
        }
        for device in everything {
            let is_named =
                unreadable.contains(device) || listed.iter().any(|o| o.device == *device);
            let newest = self.latest.get(&(stream.clone(), device.clone()));
            if !is_named && newest.is_none_or(|(newest, _)| *newest < revision) {
                self.gone(stream, device, revision);
            }
        }
    }

    /// The end of a message: `hint` is the newest that mdevctl has got.
    pub(super) fn finish(&mut self, hint: Hint, now: Instant) {
        let (answered, can_answer) = (self.answered, self.can_answer);
        let lives = &self.lives;
        self.held.retain(|device, _| can_answer && lives[device] > answered);
        for device in std::mem::take(&mut self.appeared) {
            self.lives.insert(device.clone(), hint);
            self.forget_live(&device);
            if self.ready && self.can_answer {
                let until = now + Duration::from_secs(1);
                self.held.entry(device).or_insert(until);
            }
        }
    }

    fn forget_live(&mut self, device: &DeviceId) {
        let key = (SourceId::new(SourceId::MDEVCTL_ACTIVE), device.clone());
        if let Some((_, fields)) = self.latest.get_mut(&key) {
            *fields = None;
        }
    }

    /// Of how many devices a stream speaks.
    pub(super) fn count(&self, stream: &SourceId) -> usize {
        let of_stream = self.latest.iter().filter(|((of, _), _)| of == stream);
        of_stream.filter(|(_, (_, fields))| fields.is_some()).count()
    }

    /// What must be published now.
    pub(super) fn show(&mut self, policy: &Policy, now: Instant) -> BTreeMap<DeviceName, Device> {
        self.held.retain(|_, until| *until > now);
        let mut said: BTreeMap<&DeviceId, Vec<Observation>> = BTreeMap::new();
        for ((source, device), (revision, fields)) in &self.latest {
            let all = said.entry(device).or_default();
            all.extend(fields.as_ref().map(|fields| Observation {
                source: source.clone(),
                device: device.clone(),
                revision: *revision,
                fields: fields.clone(),
            }));
        }
        for (device, said) in said {
            if !self.held.contains_key(device) {
                self.visible.insert(device.clone(), said);
            }
        }
        view(policy, self.visible.values().flatten())
    }
}

fn starts_lives(stream: &SourceId, device: &DeviceId) -> bool {
    stream.as_str() == SourceId::UDEV && matches!(device, DeviceId::Mdev { .. })
}

/// Law 5: what a client holds that follows the events, reading devices again as they tell it to.
pub(super) fn follow(
    old: &BTreeMap<DeviceName, Device>,
    changes: &[Change],
    new: &BTreeMap<DeviceName, Device>,
) -> BTreeMap<DeviceName, Device> {
    let mut followed = old.clone();
    for change in changes {
        let known = followed.remove(&change.name);
        let flags = known.map(|device| (device.active, device.persistent));
        let (active, persistent) = match (change.kind, flags) {
            (ChangeKind::Deleted, Some((true, persistent))) => (false, persistent),
            (ChangeKind::Undefined, Some((active, true))) => (active, false),
            (ChangeKind::Created, None) => (true, false),
            (ChangeKind::Created, Some((false, persistent))) => (true, persistent),
            (ChangeKind::Defined, None) => (false, true),
            (ChangeKind::Defined, Some((active, false))) => (active, true),
            (ChangeKind::Updated, Some(flags)) => flags,
            (kind, flags) => panic!("{kind} {} while it is {flags:?}", change.name),
        };
        let stays = active || persistent;
        let seen = new.get(&change.name).or_else(|| old.get(&change.name));
        if let Some(seen) = seen.filter(|_| stays) {
            let device = Device { active, persistent, ..seen.clone() };
            followed.insert(change.name.clone(), device);
        }
    }
    followed
}
