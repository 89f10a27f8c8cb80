//! The explanation of one device, with the times at which it was said.

use std::time::SystemTime;

use nodedev_merge::Explained;
use nodedev_types::{Device, Revision, SourceId};
use serde::Serialize;

use crate::status::unix_time;

/// When and how one source spoke of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClaimInfo {
    /// Who.
    pub source: SourceId,
    /// The source's own count of what it said.
    pub revision: Revision,
    /// When it was last said, in seconds since 1970.
    #[serde(serialize_with = "unix_time")]
    pub said: Option<SystemTime>,
    /// Why what was said may be out of date, if it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

/// Everything that is said of one device, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The device as published, with the fields of [`Refresh::OnDump`](nodedev_types::Refresh) read again.
    pub device: Device,
    /// Every source that speaks of it.
    pub claims: Vec<ClaimInfo>,
    /// Every field.
    pub fields: Vec<Explained>,
    /// What could not be read again for this answer.
    pub diagnostics: Vec<String>,
}
