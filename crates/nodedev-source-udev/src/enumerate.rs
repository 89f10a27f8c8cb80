//! libudev: which devices there are, and what it says of one. Every libudev object stays in here.

use std::fs;
use std::io;
use std::path::Path;

use udev::{Device, Enumerator, Udev};

use crate::classify::IGNORED_SUBSYSTEMS;
use crate::raw_device::RawDevice;

/// The paths of all devices, whether udevd has seen them or not, in libudev's order; and those whose
/// path is not UTF-8, for people.
pub(crate) fn syspaths() -> io::Result<(Vec<String>, Vec<String>)> {
    let mut enumerator = Enumerator::new()?;
    for subsystem in IGNORED_SUBSYSTEMS {
        enumerator.nomatch_subsystem(subsystem)?;
    }
    let mut paths = Vec::new();
    let mut odd = Vec::new();
    for device in enumerator.scan_devices()? {
        match device.syspath().to_str() {
            Some(path) => paths.push(path.to_owned()),
            None => odd.push(device.syspath().to_string_lossy().into_owned()),
        }
    }
    Ok((paths, odd))
}

/// Whether there is anything in `/sys`: libudev calls a host without sysfs one without devices.
pub(crate) fn has_sysfs() -> bool {
    fs::read_dir("/sys").is_ok_and(|mut entries| entries.next().is_some())
}

/// What libudev says of a device now. `None` when there is no such device.
pub(crate) fn raw_device(syspath: &str) -> Option<RawDevice> {
    let udev = Udev::new().ok()?;
    let device = Device::from_syspath_with_context(udev, Path::new(syspath)).ok()?;
    // libudev resolves the path; a link in it would make a second identity of one device.
    if device.syspath() != Path::new(syspath) {
        return None;
    }
    let mut raw = RawDevice {
        syspath: syspath.to_owned(),
        sysname: device.sysname().to_string_lossy().into_owned(),
        subsystem: device.subsystem().map(lossy),
        devtype: device.devtype().map(lossy),
        devnode: device.devnode().map(|path| lossy(path.as_os_str())),
        ..RawDevice::default()
    };
    let is_in_database = device.is_initialized();
    for property in device.properties() {
        let name = lossy(property.name());
        // Links are made by udevd alone. libudev has no list of them for a device whose `uevent` file
        // says this, as that of a mock host may.
        if name == "DEVLINKS" && !is_in_database {
            continue;
        }
        if property.value().to_str().is_none() {
            raw.lossy.insert(name.clone());
        }
        raw.properties.insert(name, lossy(property.value()));
    }
    Some(raw)
}

fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}
