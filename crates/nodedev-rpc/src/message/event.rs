//! The two events.

use crate::frame::numbered;
use crate::message::NodeDevice;
use crate::xdr::messages;

/// Number of [`LifecycleEvent`] as a message.
pub const EVENT_LIFECYCLE: i32 = 376;
/// Number of [`UpdateEvent`] as a message.
pub const EVENT_UPDATE: i32 = 377;

numbered! {
    /// What a callback can be registered for (`virNodeDeviceEventID`).
    pub enum EventKind {
        /// Devices come and go, definitions too.
        Lifecycle = 0,
        /// Something else about a device changes.
        Update = 1,
    }

    /// What happened to a device (`virNodeDeviceEventLifecycleType`).
    pub enum Lifecycle {
        /// It has appeared or been started.
        Created = 0,
        /// It has gone or been stopped.
        Deleted = 1,
        /// It has been defined.
        Defined = 2,
        /// Its definition has been removed.
        Undefined = 3,
    }
}

messages! {
    /// A device has come or gone.
    pub struct LifecycleEvent {
        /// The callback that it is for.
        callback: i32,
        /// Which device.
        device: NodeDevice,
        /// What happened.
        event: Lifecycle,
        /// Always 0.
        detail: i32,
    }

    /// A device is different from before.
    pub struct UpdateEvent {
        /// The callback that it is for.
        callback: i32,
        /// Which device.
        device: NodeDevice,
    }
}
