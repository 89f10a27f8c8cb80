//! Which devices there are, and nothing else of them: what the self-check compares the list with.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_types::{DeviceId, SourceId};

/// The devices of some streams of a source, by their identities alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inventory {
    /// The devices of each stream that could be told. A stream that is left out is not compared.
    pub streams: BTreeMap<SourceId, BTreeSet<DeviceId>>,
}

impl Inventory {
    /// An inventory without streams yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with the devices of one more stream.
    #[must_use]
    pub fn with_stream(
        mut self,
        stream: SourceId,
        devices: impl IntoIterator<Item = DeviceId>,
    ) -> Self {
        self.streams.insert(stream, devices.into_iter().collect());
        self
    }
}
