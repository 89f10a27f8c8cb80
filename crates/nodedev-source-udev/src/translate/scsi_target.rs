//! `scsi_target`: SCSI targets.

use nodedev_types::fields::scsi_target;

use crate::reading::{Reading, Refusal};

#[expect(
    clippy::unnecessary_wraps,
    reason = "every kind has the same signature; remote ports will need it"
)]
pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let target = reading.device.sysname.as_str();
    reading.fields.set(scsi_target::TARGET, target);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::read;

    #[test]
    fn the_name_says_all() {
        let target = Scratch::new("/sys/devices/x/target0:0:1").devtype("scsi_target");
        let fields = read(&target).unwrap();
        assert_eq!(fields.get(scsi_target::TARGET), Some("target0:0:1"));
    }
}
