//! What goes over the wire: parameters of calls, and replies. Only values.

mod action;
mod explanation;
mod list;
mod source;
mod watch;

use nodedev_types::{Device, DeviceName};
use serde::{Deserialize, Serialize};

pub use action::{Action, Autostart, Described, Done, Updated};
pub use explanation::{Claim, Explanation, FieldExplanation, LostClaim};
pub use list::{Filter, List, Row};
pub use source::{Count, Registry, Source, SourceState, Sources, Stale, Stream};
pub use watch::{Change, Since, WatchReply};

/// Which device a call is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its name.
    pub name: DeviceName,
}

/// Which device `Get` is asked for, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Its name.
    pub name: DeviceName,
    /// Whether the document says what is defined instead of what is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactive: Option<bool>,
}

/// What `Get` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The device, its changing fields read again for this answer.
    pub device: Device,
    /// Its document, as libvirt writes it.
    pub xml: String,
    /// What could not be read again: those fields have their stored values.
    pub diagnostics: Vec<String>,
}

/// Who the service is: what `org.varlink.service.GetInfo` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetInfoReply {
    /// Who made it.
    pub vendor: String,
    /// What it is.
    pub product: String,
    /// Its version.
    pub version: String,
    /// Where to read more.
    pub url: String,
    /// Names of its interfaces.
    pub interfaces: Vec<String>,
}
