//! The outermost object of what is printed as JSON. Its shape is described in `docs/json.md`.

use std::io::Write;

use nodedev_types::JSON_VERSION;
use serde::Serialize;

use crate::status::Failure;

/// Devices, or rows of a list, of a version of the shape.
#[derive(Debug, Serialize)]
struct Document<'a, T> {
    version: u32,
    devices: &'a [T],
}

pub(crate) fn write<T: Serialize>(out: &mut impl Write, devices: &[T]) -> Result<(), Failure> {
    let document = Document { version: JSON_VERSION, devices };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    Ok(writeln!(out)?)
}
