//! Everything that a source knows at one moment.

use nodedev_types::{DeviceId, Diagnostic, Observation, Revision, SourceId};

use crate::{Hint, SourceError};

/// What one reading of a source brought: a listing for each stream.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// One listing for each stream of the source.
    pub listings: Vec<Listing>,
    /// What could not be used, and why.
    pub diagnostics: Vec<Diagnostic>,
    /// What the source found itself speaking to, for people: `mdevctl 1.4.0`.
    pub backend: Option<String>,
    /// The newest hint that had arrived before the reading began: this snapshot answers it.
    pub answers: Hint,
}

impl Snapshot {
    /// A snapshot without listings yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more listing.
    #[must_use]
    pub fn with_listing(mut self, listing: Listing) -> Self {
        self.listings.push(listing);
        self
    }
}

/// All devices of one stream, or the reason why they could not be had.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listing {
    /// Which stream.
    pub source: SourceId,
    /// Taken before the reading began. For each device of the stream that the listing does not name
    /// and of which nothing newer has been said, it means gone.
    pub revision: Revision,
    /// The devices, in any order.
    pub devices: Result<Vec<Observation>, SourceError>,
    /// Devices that exist and could not be read: what was last said of them stays, marked stale.
    pub unreadable: Vec<DeviceId>,
}

impl Listing {
    /// A listing that was read to its end.
    #[must_use]
    pub const fn complete(source: SourceId, revision: Revision, devices: Vec<Observation>) -> Self {
        Self { source, revision, devices: Ok(devices), unreadable: Vec::new() }
    }

    /// A listing that could not be had: what the stream said before stays, marked stale.
    #[must_use]
    pub const fn failed(source: SourceId, revision: Revision, error: SourceError) -> Self {
        Self { source, revision, devices: Err(error), unreadable: Vec::new() }
    }

    /// The same, naming devices that exist and could not be read.
    #[must_use]
    pub fn with_unreadable(mut self, unreadable: Vec<DeviceId>) -> Self {
        self.unreadable = unreadable;
        self
    }
}
