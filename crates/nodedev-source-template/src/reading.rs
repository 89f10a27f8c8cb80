//! What there is on the host, read anew each time. Remembers nothing, and may block.
//!
//! To be replaced by what your source reads.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use nodedev_types::fields::device;
use nodedev_types::{DeviceId, Diagnostic, Fields};

use crate::source::NAME;

/// Bytes that a file may have.
const LONGEST: usize = 4096;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) devices: Vec<(DeviceId, Fields)>,
    pub(crate) unreadable: Vec<DeviceId>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// One device, as it was found.
#[derive(Debug)]
pub(crate) enum Device {
    /// It is there, and this is all that is known of it.
    There(Fields),
    /// It is there and cannot be read.
    Unreadable(Diagnostic),
    /// It is not there.
    Gone,
}

/// The identity of the device whose file is called so.
pub(crate) fn identity(name: &str) -> DeviceId {
    DeviceId::foreign(NAME, name)
}

/// Every device. What is bad costs itself.
///
/// # Errors
///
/// When there is nothing to be read at all.
pub(crate) fn read_all(folder: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else {
            let problem = "the name of the file is not UTF-8";
            found.diagnostics.push(Diagnostic::warning(name.display().to_string(), problem));
            continue;
        };
        match read_one(folder, name) {
            Device::There(fields) => found.devices.push((identity(name), fields)),
            Device::Unreadable(diagnostic) => {
                found.unreadable.push(identity(name));
                found.diagnostics.push(diagnostic);
            }
            // It went while the others were read, which is nobody's fault.
            Device::Gone => {}
        }
    }
    Ok(found)
}

/// The device whose file is called so.
pub(crate) fn read_one(folder: &Path, name: &str) -> Device {
    let bad = |problem: String| {
        Device::Unreadable(Diagnostic::warning(identity(name).to_string(), problem))
    };
    let bytes = match read_bounded(&folder.join(name)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Device::Gone,
        Err(error) => return bad(format!("cannot be read: {error}")),
    };
    if bytes.len() > LONGEST {
        return bad(format!("has more than {LONGEST} bytes"));
    }
    match str::from_utf8(&bytes).map(str::trim) {
        Err(error) => bad(format!("is not UTF-8: {error}")),
        Ok(text) if text.contains(char::is_control) => {
            bad(format!("is not the name of a driver: {text:?}"))
        }
        Ok(text) => {
            let mut fields = Fields::new();
            // What is not known is absent, and not empty.
            fields.set_opt(device::DRIVER, (!text.is_empty()).then_some(text));
            Device::There(fields)
        }
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
