//! `nodedev graph`: devices as a drawing. Asks for the devices; what is drawn and how is below.

mod dot;
mod layout;
mod look;
mod svg;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::io::Write as _;

use nodedev_types::{Device, DeviceName};
use nodedev_varlink::Filter;

use self::tree::Tree;
use crate::args::{Format, Graph};
use crate::connect::Connection;
use crate::health;
use crate::output::Output;
use crate::status::Failure;

pub(crate) async fn run(
    args: &Graph,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    let devices = devices(connection).await?;
    let tree = match &args.name {
        None => Tree::of_all(&devices),
        Some(name) => {
            Tree::around(&devices, name).ok_or_else(|| Failure::NoSuchDevice(vec![name.clone()]))?
        }
    };
    let drawn = match args.format {
        Format::Svg => svg::draw(&tree),
        Format::Dot => dot::draw(&tree),
    };
    let mut out = output.writer();
    out.write_all(drawn.as_bytes())?;
    out.flush()?;
    let sources = connection.sources().await?.sources;
    health::warn_of_unusable(&sources, output);
    health::check(&sources)
}

/// All devices by their names.
async fn devices(connection: &mut Connection) -> Result<BTreeMap<DeviceName, Device>, Failure> {
    let mut devices = BTreeMap::new();
    for row in connection.list(&Filter::default()).await?.devices {
        match connection.device(&row.name, false).await {
            Ok(found) => devices.insert(row.name, found.device),
            // It went meanwhile.
            Err(Failure::NoSuchDevice(_)) => None,
            Err(failure) => return Err(failure),
        };
    }
    Ok(devices)
}
