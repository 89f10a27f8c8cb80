//! What libudev says of a device. Every libudev object stays in here.

use std::io;
use std::path::Path;

use udev::{Device, Udev};

use crate::files::is_absent;
use crate::raw_device::RawDevice;

/// What libudev says of a device now. `None` when there is no such device.
///
/// # Errors
///
/// When it cannot tell.
pub(crate) fn raw_device(syspath: &str) -> io::Result<Option<RawDevice>> {
    let device = match Device::from_syspath_with_context(Udev::new()?, Path::new(syspath)) {
        Err(error) if is_absent(&error) => return Ok(None),
        device => device?,
    };
    // libudev resolves the path; a link in it would make a second identity of one device.
    if device.syspath() != Path::new(syspath) {
        tracing::debug!(syspath, resolved = %device.syspath().display(), "leads elsewhere");
        return Ok(None);
    }
    let mut raw = RawDevice {
        syspath: syspath.to_owned(),
        sysname: device.sysname().to_string_lossy().into_owned(),
        subsystem: device.subsystem().map(lossy),
        devtype: device.devtype().map(lossy),
        devnode: device.devnode().map(|path| lossy(path.as_os_str())),
        ..RawDevice::default()
    };
    for property in device.properties() {
        let name = lossy(property.name());
        // Links are made by udevd alone. libudev has no list of them for a device whose `uevent` file
        // says this, as that of a mock host may.
        if name == "DEVLINKS" && !device.is_initialized() {
            continue;
        }
        if property.value().to_str().is_none() {
            raw.lossy.insert(name.clone());
        }
        raw.properties.insert(name, lossy(property.value()));
    }
    Ok(Some(raw))
}

fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}
