//! Devices composed by hand, and back from documents.

use nodedev_types::{
    Capability, Device, DeviceId, DeviceName, FieldValue, Fields, IntoFieldValue, Key, fields,
};
use nodedev_xml::Document;

/// A device under construction: active, below `computer`, with nothing known of it.
pub(crate) struct Composer(Device);

pub(crate) fn device(name: &str, id: DeviceId) -> Composer {
    Composer(Device {
        name: DeviceName::new(name),
        id,
        parent: Some(DeviceName::new("computer")),
        active: true,
        persistent: false,
        autostart: false,
        fields: Fields::new(),
    })
}

/// A device that the kernel shows at the path.
pub(crate) fn kernel_device(name: &str, capability: Capability, path: &str) -> Composer {
    let id = DeviceId::sysfs(path).expect("a canonical path");
    device(name, id).with(fields::device::CAPABILITY, capability).with(fields::device::PATH, path)
}

impl Composer {
    pub(crate) fn below(mut self, parent: &str) -> Self {
        self.0.parent = Some(DeviceName::new(parent));
        self
    }

    pub(crate) fn without_parent(mut self) -> Self {
        self.0.parent = None;
        self
    }

    /// Persistent, and not active.
    pub(crate) fn defined_only(mut self) -> Self {
        self.0.active = false;
        self.0.persistent = true;
        self
    }

    pub(crate) fn with<T: FieldValue>(
        mut self,
        key: Key<T>,
        value: impl IntoFieldValue<T>,
    ) -> Self {
        self.0.fields.set(key, value);
        self
    }

    pub(crate) fn build(self) -> Device {
        self.0
    }
}

/// The device of a document, under whatever identity: documents do not show it.
pub(crate) fn of_document(document: Document) -> Device {
    let id = document
        .device_id()
        .unwrap_or_else(|| DeviceId::foreign("document", document.name.as_str()));
    document.into_device(id)
}
