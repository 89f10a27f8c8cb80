//! The published list: immutable, shared, cheap to derive from the one before.

use std::sync::Arc;

use nodedev_source::Hint;
use nodedev_types::{Capability, Device, DeviceId, DeviceName};
use rpds::RedBlackTreeMapSync;

use crate::state::SourceIndex;
use crate::status::SourceStatus;
use crate::totals::Totals;

/// The list of devices at one generation. Readers hold it as long as they like; it never changes.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub(crate) generation: u64,
    pub(crate) by_name: RedBlackTreeMapSync<DeviceName, Arc<Device>>,
    pub(crate) by_path: RedBlackTreeMapSync<Arc<str>, DeviceName>,
    pub(crate) by_capability: RedBlackTreeMapSync<(Capability, DeviceName), ()>,
    pub(crate) sources: Arc<Vec<SourceStatus>>,
    /// Which hint the last listing of each source answered; `None` where it cannot be read.
    pub(crate) answered: Arc<[Option<Hint>]>,
    pub(crate) totals: Totals,
}

impl Snapshot {
    /// Counts the published lists; the first complete one is 1.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// All devices in the order of their names.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.by_name.values()
    }

    /// How many devices there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.size()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The device of that name.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<&Arc<Device>> {
        self.by_name.get(name)
    }

    /// The device at that canonical sysfs path.
    #[must_use]
    pub fn device_at(&self, path: &str) -> Option<&Arc<Device>> {
        self.by_path.get(path).and_then(|name| self.by_name.get(name))
    }

    /// The device of that identity.
    #[must_use]
    pub fn device_of(&self, id: &DeviceId) -> Option<&Arc<Device>> {
        match id {
            DeviceId::Sysfs(path) => self.device_at(path.as_str()),
            DeviceId::Mdev { .. } => {
                self.with_capability(Capability::Mdev).find(|device| device.id == *id)
            }
            _ => self.devices().find(|device| device.id == *id),
        }
    }

    /// The devices with that capability, main or nested, in the order of their names.
    pub fn with_capability(&self, capability: Capability) -> impl Iterator<Item = &Arc<Device>> {
        let from = (capability, DeviceName::new(""));
        self.by_capability
            .range(from..)
            .map_while(move |((c, name), ())| (*c == capability).then_some(name))
            .filter_map(|name| self.by_name.get(name))
    }

    /// How each source fares.
    #[must_use]
    pub fn sources(&self) -> &[SourceStatus] {
        &self.sources
    }

    /// Whether every source that was told to look again has done so.
    pub(crate) fn answers(&self, hints: &[(SourceIndex, Hint)]) -> bool {
        let answer = |source: &SourceIndex| self.answered.get(*source).copied().flatten();
        hints.iter().all(|(source, hint)| answer(source).is_some_and(|answer| answer >= *hint))
    }

    pub(crate) fn put(&mut self, device: &Arc<Device>) {
        self.by_name.insert_mut(device.name.clone(), Arc::clone(device));
        for capability in device.capabilities() {
            self.by_capability.insert_mut((capability, device.name.clone()), ());
        }
    }

    pub(crate) fn take(&mut self, device: &Device) {
        self.by_name.remove_mut(&device.name);
        for capability in device.capabilities() {
            self.by_capability.remove_mut(&(capability, device.name.clone()));
        }
    }
}
