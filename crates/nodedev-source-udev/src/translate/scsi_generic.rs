//! `scsi_generic`: SCSI generic character devices.

use nodedev_types::fields::scsi_generic;

use crate::reading::{Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let Some(char) = reading.property("DEVNAME") else {
        return Err(reading.unreadable("DEVNAME", "property is missing"));
    };
    reading.fields.set(scsi_generic::CHAR, char);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    #[test]
    fn the_node_must_be_there() {
        let generic = Scratch::new("/sys/devices/x/sg0").subsystem("scsi_generic");
        assert!(unreadable(&generic).contains("DEVNAME"));
        let fields = read(&generic.devnode("/dev/sg0")).unwrap();
        assert_eq!(fields.get(scsi_generic::CHAR), Some("/dev/sg0"));
    }
}
