//! SCSI logical units.

use nodedev_types::{Fields, fields::scsi};

use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.signed_into(fields, scsi::HOST, "host")?;
    element.signed_into(fields, scsi::BUS, "bus")?;
    element.signed_into(fields, scsi::TARGET, "target")?;
    element.signed_into(fields, scsi::LUN, "lun")?;
    element.text_into(fields, scsi::TYPE, "type");
    Ok(())
}
