//! Messages of the node-device procedures.

use alloc::string::String;

use crate::message::EventKind;
use crate::xdr::{List, messages};

/// Most names, devices or capabilities in one answer.
pub const MAX_NODE_DEVICES: usize = 65_536;

/// Flag of `NODE_DEVICE_GET_XML_DESC`: what is defined instead of what runs.
pub const XML_INACTIVE: u32 = 1;
/// Flag of `NODE_DEVICE_CREATE_XML` and `NODE_DEVICE_DEFINE_XML`: the document must follow the schema.
pub const XML_VALIDATE: u32 = 1;
/// Flag of `NODE_DEVICE_UPDATE`: change the running device.
pub const UPDATE_LIVE: u32 = 1;
/// Flag of `NODE_DEVICE_UPDATE`: change the definition.
pub const UPDATE_CONFIG: u32 = 2;

messages! {
    /// A device, by its name: an argument, and an answer.
    pub struct NodeDevice {
        /// Its name.
        name: String,
    }

    /// Arguments of `NODE_NUM_OF_DEVICES`.
    pub struct NumOfDevicesArgs {
        /// Only devices with this capability.
        capability: Option<String>,
        /// None are defined.
        flags: u32,
    }

    /// Arguments of `NODE_LIST_DEVICES`.
    pub struct ListDevicesArgs {
        /// Only devices with this capability.
        capability: Option<String>,
        /// At most as many.
        max_names: i32,
        /// None are defined.
        flags: u32,
    }

    /// Names of devices or capabilities.
    pub struct NamesReply {
        /// The names.
        names: List<String, MAX_NODE_DEVICES>,
    }

    /// Arguments of `NODE_DEVICE_GET_XML_DESC`, `NODE_DEVICE_UNDEFINE` and `NODE_DEVICE_CREATE`.
    pub struct DeviceFlagsArgs {
        /// Which device.
        name: String,
        /// Flags of the procedure.
        flags: u32,
    }

    /// A text that may be missing.
    pub struct OptionalTextReply {
        /// The text.
        value: Option<String>,
    }

    /// Arguments of `NODE_DEVICE_LIST_CAPS`.
    pub struct ListCapsArgs {
        /// Which device.
        name: String,
        /// At most as many.
        max_names: i32,
    }

    /// Arguments of `NODE_DEVICE_CREATE_XML` and `NODE_DEVICE_DEFINE_XML`.
    pub struct DocumentArgs {
        /// The document.
        xml: String,
        /// [`XML_VALIDATE`].
        flags: u32,
    }

    /// Arguments of `NODE_DEVICE_DETACH_FLAGS`.
    pub struct DetachFlagsArgs {
        /// Which device.
        name: String,
        /// The driver to bind instead.
        driver: Option<String>,
        /// None are defined.
        flags: u32,
    }

    /// Arguments of `CONNECT_LIST_ALL_NODE_DEVICES`.
    pub struct ListAllArgs {
        /// Whether more than the number is wanted.
        need_results: i32,
        /// Which devices: one bit for each capability from 0 on, from 28 on persistent, transient,
        /// inactive, active.
        flags: u32,
    }

    /// Answer to `CONNECT_LIST_ALL_NODE_DEVICES`.
    pub struct ListAllReply {
        /// The devices, if they were wanted.
        devices: List<NodeDevice, MAX_NODE_DEVICES>,
        /// How many there are. Where devices are listed it is their number.
        count: u32,
    }

    /// Arguments of `NODE_DEVICE_LOOKUP_SCSI_HOST_BY_WWN`.
    pub struct LookupByWwnArgs {
        /// The adapter's node name.
        wwnn: String,
        /// The adapter's port name.
        wwpn: String,
        /// None are defined.
        flags: u32,
    }

    /// Arguments of `CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY`.
    pub struct EventRegisterArgs {
        /// What to tell of.
        event: EventKind,
        /// Only of that device.
        device: Option<NodeDevice>,
    }

    /// Arguments of `CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY`.
    pub struct EventDeregisterArgs {
        /// The number that the registration was given.
        callback: i32,
    }

    /// Arguments of `NODE_DEVICE_SET_AUTOSTART`.
    pub struct SetAutostartArgs {
        /// Which device.
        name: String,
        /// 0 for no.
        autostart: i32,
    }

    /// Arguments of `NODE_DEVICE_UPDATE`.
    pub struct UpdateArgs {
        /// Which device.
        name: String,
        /// The document.
        xml: String,
        /// [`UPDATE_LIVE`], [`UPDATE_CONFIG`].
        flags: u32,
    }
}
