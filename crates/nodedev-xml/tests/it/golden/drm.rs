//! Direct-rendering minors.

use nodedev_types::Capability;
use nodedev_types::fields::{self, drm};

use super::check_live;
use crate::device::kernel_device;

#[test]
fn drm_has_the_kind_of_its_minor() {
    let path = "/sys/devices/pci0000:00/0000:00:02.0/drm/renderD128";
    let links = vec!["/dev/dri/by-path/pci-0000:00:02.0-render".to_owned()];
    let render = kernel_device("drm_renderD128", Capability::Drm, path)
        .below("pci_0000_00_02_0")
        .with(fields::device::DEVNODE, "/dev/dri/renderD128")
        .with(fields::device::DEVLINKS, links)
        .with(drm::TYPE, "render");
    check_live("drm", render);
}
