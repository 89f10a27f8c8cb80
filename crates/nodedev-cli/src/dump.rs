//! `nodedev dump`: whole devices, as libvirt's document or as JSON.

use std::io::Write;

use nodedev_driver::registry::{Registry, RegistryError};
use nodedev_types::{Device, DeviceName};
use nodedev_xml::Form;

use crate::args::Dump;
use crate::connect::Connection;
use crate::output::Output;
use crate::status::Failure;

pub(crate) async fn run(
    args: &Dump,
    connection: &Connection,
    output: &Output,
) -> Result<(), Failure> {
    let names = names(args, connection);
    let devices = read(&names, args, connection.registry(), output).await?;
    let mut out = output.writer();
    if args.json {
        match devices.as_slice() {
            [device] if !args.all_devices && names.len() == 1 => {
                serde_json::to_writer_pretty(&mut out, device)?;
            }
            devices => serde_json::to_writer_pretty(&mut out, devices)?,
        }
        writeln!(out)?;
    } else {
        let form = if args.inactive { Form::Inactive } else { Form::Live };
        for device in &devices {
            out.write_all(nodedev_xml::write(device, form).as_bytes())?;
        }
    }
    out.flush()?;
    connection.warn_of_unusable(output);
    let missing = missing(&names, &devices, args);
    if missing.is_empty() {
        connection.check_sources()
    } else {
        Err(Failure::NoSuchDevice(missing))
    }
}

fn names(args: &Dump, connection: &Connection) -> Vec<DeviceName> {
    if !args.all_devices {
        return args.names.iter().map(|name| DeviceName::new(name)).collect();
    }
    let snapshot = connection.snapshot();
    let has_form = |device: &&std::sync::Arc<Device>| !args.inactive || device.persistent;
    snapshot.devices().filter(has_form).map(|device| device.name.clone()).collect()
}

/// The devices that are there; a name that is not costs itself only.
async fn read(
    names: &[DeviceName],
    args: &Dump,
    registry: &Registry,
    output: &Output,
) -> Result<Vec<Device>, Failure> {
    let mut devices = Vec::with_capacity(names.len());
    for name in names {
        match registry.refresh(name).await {
            Ok(refreshed) => {
                for diagnostic in refreshed.diagnostics {
                    output.warning(format_args!("{name}: {diagnostic}"));
                }
                if args.inactive && !refreshed.device.persistent {
                    let text = format!("{name} is not persistent: it has no inactive form");
                    return Err(Failure::Other(text));
                }
                devices.push(refreshed.device);
            }
            Err(RegistryError::NoSuchDevice(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(devices)
}

/// With all devices asked for, one that vanishes meanwhile is nobody's fault.
fn missing(names: &[DeviceName], devices: &[Device], args: &Dump) -> Vec<String> {
    if args.all_devices {
        return Vec::new();
    }
    let found = |name: &&DeviceName| devices.iter().any(|device| device.name == **name);
    names.iter().filter(|name| !found(name)).map(ToString::to_string).collect()
}
