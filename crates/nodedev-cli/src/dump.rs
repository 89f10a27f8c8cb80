//! `nodedev dump`: whole devices, as libvirt's document or as JSON.

use std::io::Write;

use nodedev_types::{Device, DeviceName};
use nodedev_varlink::{Filter, Found};

use crate::args::Dump;
use crate::connect::Connection;
use crate::document;
use crate::health;
use crate::output::Output;
use crate::status::Failure;

pub(crate) async fn run(
    args: &Dump,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    let names = names(args, connection).await?;
    let read = read(&names, args, connection, output).await?;
    write(&read.found, args, output)?;
    let sources = connection.sources().await?.sources;
    health::warn_of_unusable(&sources, output);
    read.check(output)?;
    health::check(&sources)
}

async fn names(args: &Dump, connection: &mut Connection) -> Result<Vec<DeviceName>, Failure> {
    if !args.all_devices {
        return Ok(args.names.iter().map(|name| DeviceName::new(name)).collect());
    }
    let filter = Filter { persistent: args.inactive.then_some(true), ..Filter::default() };
    let list = connection.list(&filter).await?;
    Ok(list.devices.into_iter().map(|row| row.name).collect())
}

/// What there is of what was asked for.
#[derive(Debug, Default)]
struct Read {
    found: Vec<Found>,
    missing: Vec<String>,
    not_persistent: Vec<String>,
}

/// The devices that are there; a name that is not, or not in this form, costs itself only.
async fn read(
    names: &[DeviceName],
    args: &Dump,
    connection: &mut Connection,
    output: &Output,
) -> Result<Read, Failure> {
    let mut read = Read::default();
    for name in names {
        match connection.device(name, args.inactive).await {
            Ok(found) => {
                for diagnostic in &found.diagnostics {
                    output.warning(format_args!("{name}: {diagnostic}"));
                }
                read.found.push(found);
            }
            // With all devices asked for, one that vanishes meanwhile is nobody's fault.
            Err(Failure::NoSuchDevice(_) | Failure::NotPersistent(_)) if args.all_devices => {}
            Err(Failure::NoSuchDevice(names)) => read.missing.extend(names),
            Err(Failure::NotPersistent(names)) => read.not_persistent.extend(names),
            Err(failure) => return Err(failure),
        }
    }
    Ok(read)
}

impl Read {
    fn check(self, output: &Output) -> Result<(), Failure> {
        let not_persistent = Failure::NotPersistent(self.not_persistent);
        let missing = Failure::NoSuchDevice(self.missing);
        match (not_persistent.is_about_nothing(), missing.is_about_nothing()) {
            (true, true) => Ok(()),
            (false, true) => Err(not_persistent),
            (true, false) => Err(missing),
            (false, false) => {
                output.error(&not_persistent);
                Err(missing)
            }
        }
    }
}

fn write(found: &[Found], args: &Dump, output: &Output) -> Result<(), Failure> {
    let mut out = output.writer();
    if args.json {
        let devices: Vec<&Device> = found.iter().map(|found| &found.device).collect();
        document::write(&mut out, &devices)?;
    } else {
        for found in found {
            out.write_all(found.xml.as_bytes())?;
        }
    }
    Ok(out.flush()?)
}
