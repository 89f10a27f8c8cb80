//! Mediated devices and the kind of their own that a parent can be.

use nodedev_types::fields::{self, mdev};
use nodedev_types::{Capability, DeviceId, MdevAttribute};
use nodedev_xml::Form;

use super::{check, check_live, mdev_type};
use crate::device::{Composer, device, kernel_device};

const UUID: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn a_parent_of_its_own_kind_prints_the_types_nested() {
    let path = "/sys/devices/virtual/mtty/mtty";
    let mtty = || kernel_device("mtty_mtty", Capability::MdevTypes, path);
    let types = vec![
        mdev_type("mtty-2", Some("Dual port serial"), 12),
        mdev_type("mtty-1", Some("Single port serial"), 24),
    ];
    check_live("mdev_types", mtty().with(fields::mdev_types::TYPES, types));
    check_live("mdev_types-without-types", mtty());
    check_live("mdev_types-without-types", mtty().with(fields::mdev_types::TYPES, vec![]));
}

fn attributes<const N: usize>(attributes: [(&str, &str); N]) -> Vec<MdevAttribute> {
    attributes
        .map(|(name, value)| MdevAttribute { name: name.to_owned(), value: value.to_owned() })
        .to_vec()
}

/// Active as `foo-1` and defined as `foo-2`.
fn mdev_of_two_types() -> Composer {
    let path = format!("/sys/devices/pci0000:00/0000:00:02.0/{UUID}");
    let defined = [("assign_adapter", "5"), ("assign_adapter", "6"), ("empty", "")];
    device(
        "mdev_11111111_2222_3333_4444_555555555555_0000_00_02_0",
        DeviceId::mdev(UUID, "0000:00:02.0"),
    )
    .below("pci_0000_00_02_0")
    .with(fields::device::CAPABILITY, Capability::Mdev)
    .with(fields::device::PATH, path)
    .with(fields::device::DRIVER, "vfio_mdev")
    .with(mdev::UUID, UUID)
    .with(mdev::PARENT_ADDR, "0000:00:02.0")
    .with(mdev::TYPE, "foo-1")
    .with(mdev::IOMMU_GROUP, 12_u64)
    .with(mdev::ATTRIBUTES, attributes([("live", "1")]))
    .with(mdev::DEFINED_TYPE, "foo-2")
    .with(mdev::DEFINED_ATTRIBUTES, attributes(defined))
}

#[test]
fn an_active_mdev_prints_what_runs_or_what_is_defined() {
    let mdev = mdev_of_two_types().build();
    check("mdev-live", &mdev, Form::Live);
    check("mdev-inactive", &mdev, Form::Inactive);
}

#[test]
fn a_device_that_is_not_active_takes_the_inactive_form() {
    let mdev = mdev_of_two_types().defined_only().build();
    check("mdev-inactive", &mdev, Form::Live);
    check("mdev-inactive", &mdev, Form::Inactive);
}

/// Where libvirt prints them as they are.
#[test]
fn attributes_of_an_mdev_are_escaped() {
    let definition = device(
        "mdev_11111111_2222_3333_4444_555555555555_0000_99_00_0",
        DeviceId::mdev(UUID, "0000:99:00.0"),
    )
    .defined_only()
    .with(fields::device::CAPABILITY, Capability::Mdev)
    .with(mdev::UUID, UUID)
    .with(mdev::PARENT_ADDR, "0000:99:00.0")
    .with(mdev::DEFINED_TYPE, "foo-1")
    .with(mdev::DEFINED_ATTRIBUTES, attributes([("a<b", "x&y")]));
    check_live("mdev-definition-only", definition);
}

#[test]
fn an_mdev_without_a_type_leaves_it_out() {
    let definition = device("mdev_not_a_uuid_matrix", DeviceId::mdev("not-a-uuid", "matrix"))
        .defined_only()
        .below("ap_matrix")
        .with(fields::device::CAPABILITY, Capability::Mdev)
        .with(mdev::UUID, "not-a-uuid")
        .with(mdev::PARENT_ADDR, "matrix");
    check_live("mdev-without-type", definition);
}
