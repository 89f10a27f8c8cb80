//! `mdev`: running mediated devices.

use nodedev_types::MdevUuid;
use nodedev_types::fields::mdev;

use crate::number;
use crate::reading::{Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let Some(parent) = reading.device.parent_name() else {
        return Err(Refusal::NotADevice);
    };
    let Some(mdev_type) = reading.files.link_name(&reading.path_of("mdev_type")) else {
        return Err(reading.not_yet("mdev_type"));
    };
    let Some(group) = reading.files.link_name(&reading.path_of("iommu_group")) else {
        return Err(reading.not_yet("iommu_group"));
    };
    let number = number::signed(&group, 10).and_then(|number| u32::try_from(number).ok());
    let Some(number) = number else {
        return Err(reading.not_a("number of a group", "iommu_group", &group));
    };
    let uuid = MdevUuid::new(reading.device.file_name());
    let fields = &mut reading.fields;
    fields.set(mdev::UUID, uuid.as_str());
    fields.set(mdev::PARENT_ADDR, parent);
    fields.set(mdev::TYPE, mdev_type);
    fields.set(mdev::IOMMU_GROUP, u64::from(number));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    fn device() -> Scratch {
        let path = "/sys/devices/pci0000:00/0000:00:02.0/AAAAAAAA-0000-4000-8000-00000000000F";
        Scratch::new(path).subsystem("mdev")
    }

    #[test]
    fn a_device_waits_for_its_type_and_its_group() {
        assert!(
            matches!(read(&device()), Err(Refusal::NotYet(d)) if d.to_string().contains("mdev_type"))
        );
        let typed = device().link("mdev_type", "../mdev_supported_types/i915-1");
        assert!(
            matches!(read(&typed), Err(Refusal::NotYet(d)) if d.to_string().contains("iommu_group"))
        );
        let fields = read(&typed.link("iommu_group", "/sys/kernel/iommu_groups/12")).unwrap();
        assert_eq!(fields.get(mdev::TYPE), Some("i915-1"));
        assert_eq!(fields.get(mdev::IOMMU_GROUP), Some(12));
        assert_eq!(fields.get(mdev::PARENT_ADDR), Some("0000:00:02.0"));
        assert_eq!(fields.get(mdev::UUID), Some("aaaaaaaa-0000-4000-8000-00000000000f"));
    }

    #[test]
    fn a_group_that_is_no_number_costs_the_device() {
        for bad in ["x", "-1", "2147483648"] {
            let device = device()
                .link("mdev_type", "../mdev_supported_types/i915-1")
                .link("iommu_group", &format!("/sys/kernel/iommu_groups/{bad}"));
            assert!(unreadable(&device).contains(&format!("`{bad}`")));
        }
    }
}
