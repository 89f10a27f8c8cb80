//! `vdpa`: virtio data-path-acceleration devices.

use nodedev_types::fields::vdpa;

use crate::reading::{Reading, Refusal};

/// A character device that the kernel names must have its node.
pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let entries = reading.files.entries(&reading.device.syspath).unwrap_or_default();
    let Some(entry) = entries.iter().find(|name| name.starts_with("vhost-vdpa")) else {
        return Ok(());
    };
    let node = format!("/dev/{entry}");
    if !reading.files.exists(&node) {
        return Err(reading.unreadable(entry, format!("has no device node {node}")));
    }
    reading.fields.set(vdpa::CHARDEV, node);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    #[test]
    fn a_character_device_without_a_node_costs_the_device() {
        let device = Scratch::new("/sys/devices/vdpa0").subsystem("vdpa");
        assert_eq!(read(&device).unwrap().get(vdpa::CHARDEV), None);
        let bound = device.directory("/sys/devices/vdpa0", &["driver", "vhost-vdpa-0"]);
        assert!(unreadable(&bound).contains("/dev/vhost-vdpa-0"));
        let fields = read(&bound.attribute("/dev/vhost-vdpa-0", "")).unwrap();
        assert_eq!(fields.get(vdpa::CHARDEV), Some("/dev/vhost-vdpa-0"));
    }
}
