#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod capability;
mod ccwgroup;
mod device;
mod diagnostic;
mod field_set;
pub mod fields;
mod fields_map;
mod id;
mod json;
mod mdev;
mod name;
mod observation;
mod pci;
mod pci_address;
mod pci_speed;
mod stream;
mod sysfs_path;
mod texts;
mod value;

pub use capability::{Capability, UnknownCapability};
pub use ccwgroup::CcwgroupMember;
pub use device::Device;
pub use diagnostic::{Diagnostic, Severity};
pub use field_set::FieldSet;
pub use fields::{ExtensionName, Field, FieldName, Key, Refresh, UnknownField};
pub use fields_map::Fields;
pub use fields_map::IntoFieldValue;
pub use id::{DeviceId, InvalidDeviceId};
pub use json::{EXTENSIONS, JSON_VERSION};
pub use mdev::{MdevAttribute, MdevType, MdevUuid};
pub use name::DeviceName;
pub use observation::{Observation, Revision, SourceId};
pub use pci::{PciExpress, PciLink, PciVpd, PciVpdField, PciVpdReadonly, PciVpdReadwrite};
pub use pci_address::{InvalidPciAddress, PciAddress};
pub use pci_speed::{InvalidPciLinkSpeed, PciLinkSpeed};
pub use stream::{Presence, StreamInfo};
pub use sysfs_path::{InvalidSysfsPath, SysfsPath};
pub use texts::Texts;
pub use value::{FieldValue, Value, ValueKind};
