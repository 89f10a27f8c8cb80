//! Values of groups of channel devices.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::DeviceName;

/// A channel device as a member of its group: a link `cdev*` in the group's directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct CcwgroupMember {
    /// Name of the link, for example `cdev0`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Name of the device that the link leads to.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub device: DeviceName,
}
