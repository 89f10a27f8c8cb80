//! What a document says, before anything is made of it.

use nodedev_types::{Capability, Device, DeviceId, DeviceName, Fields, fields};

use crate::Form;

/// A `<device>` document taken apart.
///
/// It says only what the text says: a document names no identity and no state, so those are what
/// [`Document::device_id`] and [`Document::into_device`] conclude from it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Name of the device.
    pub name: DeviceName,
    /// Name of its parent. Only `computer` has none.
    pub parent: Option<DeviceName>,
    /// The form that was read. A mediated device without a path is in the inactive form, and its
    /// type and attributes are the defined ones; every other document is live.
    pub form: Form,
    /// Everything else.
    pub fields: Fields,
}

impl Document {
    /// The identity that the document points to, where it says enough.
    #[must_use]
    pub fn device_id(&self) -> Option<DeviceId> {
        match self.fields.get(fields::device::CAPABILITY) {
            Some(Capability::System) => Some(DeviceId::Computer),
            Some(Capability::Mdev) => Some(DeviceId::mdev(
                self.fields.get(fields::mdev::UUID)?,
                self.fields.get(fields::mdev::PARENT_ADDR)?,
            )),
            _ => DeviceId::sysfs(self.fields.get(fields::device::PATH)?).ok(),
        }
    }

    /// A device that prints as this document.
    ///
    /// It is active if the document is live and persistent otherwise: a document does not say which
    /// of the active devices are also defined.
    #[must_use]
    pub fn into_device(self, id: DeviceId) -> Device {
        let active = self.form == Form::Live;
        Device {
            name: self.name,
            id,
            parent: self.parent,
            active,
            persistent: !active,
            autostart: false,
            fields: self.fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(name: &str, set: impl FnOnce(&mut Fields)) -> Document {
        let mut fields = Fields::new();
        set(&mut fields);
        Document { name: DeviceName::new(name), parent: None, form: Form::Live, fields }
    }

    #[test]
    fn identity_follows_the_capability() {
        let computer = document("computer", |f| {
            f.set(fields::device::CAPABILITY, Capability::System);
        });
        assert_eq!(computer.device_id(), Some(DeviceId::Computer));

        let mdev = document("mdev_x", |f| {
            f.set(fields::device::CAPABILITY, Capability::Mdev);
            f.set(fields::device::PATH, "/sys/devices/matrix/x");
            f.set(fields::mdev::UUID, "x");
            f.set(fields::mdev::PARENT_ADDR, "matrix");
        });
        assert_eq!(mdev.device_id(), Some(DeviceId::mdev("x", "matrix")));

        let pci = document("pci_x", |f| {
            f.set(fields::device::CAPABILITY, Capability::Pci);
            f.set(fields::device::PATH, "/sys/devices/pci0000:00/0000:00:01.0");
        });
        let id = DeviceId::sysfs("/sys/devices/pci0000:00/0000:00:01.0").unwrap();
        assert_eq!(pci.device_id(), Some(id));
        assert_eq!(document("acme_1", |_| ()).device_id(), None);
    }
}
