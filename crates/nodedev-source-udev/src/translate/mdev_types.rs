//! `mdev_types`: parents of mediated devices, and the types that any parent offers.

use nodedev_types::MdevType;
use nodedev_types::fields::{device, mdev_types};

use crate::files::Files;
use crate::number;
use crate::raw_device::RawDevice;
use crate::reading::{Reading, Refusal};

const BUS: &str = "/sys/class/mdev_bus";
const TYPES: &str = "mdev_supported_types";

/// A parent that is nothing else: it must be registered with the mediated-device core.
pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let Some(name) = mdev_bus_name(reading.device, reading.files) else {
        return Err(Refusal::NotADevice);
    };
    let types = types(reading)?;
    reading.fields.set(device::ADDRESS, name);
    reading.fields.set_opt(mdev_types::TYPES, types);
    Ok(())
}

/// The name under which a device is registered as a parent of mediated devices.
///
/// Almost always the device's own name; the whole class is searched only for a device that shows
/// otherwise that it is a parent.
pub(crate) fn mdev_bus_name(raw: &RawDevice, files: &dyn Files) -> Option<String> {
    let resolves = |name: &str| {
        let target = files.canonical(&format!("{BUS}/{name}"));
        target.as_deref() == Some(&raw.syspath)
    };
    let own = raw.file_name();
    if resolves(own) {
        return Some(own.to_owned());
    }
    if raw.subsystem.as_deref() != Some("mtty") && !files.exists(&raw.file(TYPES)) {
        return None;
    }
    files.entries(BUS)?.into_iter().find(|name| resolves(name))
}

/// The types that a parent offers, in the order of the directory; absent when there is none.
pub(super) fn types(reading: &mut Reading<'_>) -> Result<Option<Vec<MdevType>>, Refusal> {
    let directory = reading.path_of(TYPES);
    let Some(ids) = reading.files.entries(&directory) else {
        if reading.files.exists(&directory) {
            return Err(reading.unreadable(TYPES, "cannot be listed"));
        }
        return Ok(None);
    };
    let types: Vec<MdevType> =
        ids.into_iter().map(|id| one_type(reading, id)).collect::<Result<_, _>>()?;
    Ok(Some(types).filter(|types| !types.is_empty()))
}

fn one_type(reading: &mut Reading<'_>, id: String) -> Result<MdevType, Refusal> {
    let name = name(reading, &format!("{TYPES}/{id}/name"))?;
    let device_api = required(reading, &format!("{TYPES}/{id}/device_api"))?;
    let attribute = format!("{TYPES}/{id}/available_instances");
    let available = required(reading, &attribute)?;
    let Some(available_instances) = unsigned_without_minus(&available) else {
        return Err(reading.not_a("decimal number", &attribute, &available));
    };
    Ok(MdevType { id, name, device_api, available_instances: u64::from(available_instances) })
}

/// A type need not have a name; one that cannot be read costs the device.
fn name(reading: &mut Reading<'_>, attribute: &str) -> Result<Option<String>, Refusal> {
    let name = reading.line(attribute)?;
    if name.is_none() && reading.files.exists(&reading.path_of(attribute)) {
        return Err(reading.unreadable(attribute, "cannot be read"));
    }
    Ok(name)
}

/// A count is the one number in which libvirt takes no minus.
fn unsigned_without_minus(text: &str) -> Option<u32> {
    number::unsigned(text, 10).filter(|_| !text.contains('-'))
}

fn required(reading: &mut Reading<'_>, attribute: &str) -> Result<String, Refusal> {
    let line = reading.line(attribute)?;
    line.ok_or_else(|| reading.unreadable(attribute, "is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    const MTTY: &str = "/sys/devices/virtual/mtty/mtty";

    #[test]
    fn a_parent_must_be_registered() {
        let parent = Scratch::new(MTTY).subsystem("mtty");
        assert!(matches!(read(&parent), Err(Refusal::NotADevice)));
        let fields = read(&parent.link("/sys/class/mdev_bus/mtty", MTTY)).unwrap();
        assert_eq!(fields.get(device::ADDRESS), Some("mtty"));
        assert_eq!(fields.get(mdev_types::TYPES), None);
    }

    #[test]
    fn a_count_is_a_number_without_minus() {
        let count = |text: &str| {
            let parent = Scratch::new(MTTY)
                .subsystem("mtty")
                .link("/sys/class/mdev_bus/mtty", MTTY)
                .directory("mdev_supported_types", &["t"])
                .attribute("mdev_supported_types/t/device_api", "vfio-pci\0x\n")
                .attribute("mdev_supported_types/t/available_instances", text);
            let fields = read(&parent).ok()?;
            let types = fields.get(mdev_types::TYPES)?;
            assert_eq!(types[0].device_api, "vfio-pci");
            Some(types[0].available_instances)
        };
        assert_eq!(count(" +3\n"), Some(3));
        assert_eq!(count("3\0\n"), Some(3));
        assert_eq!(count("010\n"), Some(10));
        for bad in ["-0\n", "-1\n", "3\n\n", "0x3\n", "4294967296\n", "\n"] {
            assert_eq!(count(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_there_and_cannot_be_read_costs_the_parent() {
        let parent = || {
            Scratch::new(MTTY)
                .subsystem("mtty")
                .link("/sys/class/mdev_bus/mtty", MTTY)
                .attribute("mdev_supported_types/t/device_api", "vfio-pci\n")
                .attribute("mdev_supported_types/t/available_instances", "1\n")
        };
        let listed = || parent().directory("mdev_supported_types", &["t"]);
        assert!(read(&listed()).is_ok());
        let named = |length| listed().bytes("mdev_supported_types/t/name", &vec![b'n'; length]);
        assert!(read(&named(4096)).is_ok());
        for length in [4097, 1 << 20] {
            assert!(unreadable(&named(length)).contains("mdev_supported_types/t/name"));
        }
        let unlisted = parent().attribute("mdev_supported_types", "");
        assert!(unreadable(&unlisted).contains("cannot be listed"));
    }

    #[test]
    fn the_address_is_the_name_of_the_link_even_if_it_differs() {
        let parent = Scratch::new("/sys/devices/virtual/mdpy/mdpy")
            .subsystem("mdpy")
            .directory("mdev_supported_types", &[])
            .directory(BUS, &["other", "mdpy-0"])
            .link("/sys/class/mdev_bus/other", "/sys/devices/other")
            .link("/sys/class/mdev_bus/mdpy-0", "/sys/devices/virtual/mdpy/mdpy");
        assert_eq!(mdev_bus_name(&parent.device, &parent).as_deref(), Some("mdpy-0"));
    }
}
