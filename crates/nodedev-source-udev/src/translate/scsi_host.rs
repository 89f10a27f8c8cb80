//! `scsi_host`: SCSI host adapters.

use nodedev_types::fields::scsi_host;

use crate::number;
use crate::reading::{Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    let Some(host) = number_behind(name, "host") else {
        return Err(reading.not_a("name of a SCSI host", "name", name));
    };
    let unique_id = reading.text(&format!("/sys/class/scsi_host/{name}/unique_id"))?;
    reading.fields.set(scsi_host::HOST, u64::from(host));
    // Whatever is no such number means that the driver has none.
    let unique_id = unique_id.and_then(|text| number::signed(&text, 10));
    let unique_id = unique_id.and_then(|id| u64::try_from(id).ok());
    reading.fields.set_opt(scsi_host::UNIQUE_ID, unique_id);
    Ok(())
}

/// The decimal number behind a prefix.
pub(super) fn number_behind(name: &str, prefix: &str) -> Option<u32> {
    let digits = name.strip_prefix(prefix)?;
    decimal(digits)
}

/// Decimal digits and nothing else.
pub(super) fn decimal(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    #[test]
    fn the_number_is_in_the_name_and_the_unique_id_in_the_class() {
        let host = Scratch::new("/sys/devices/x/host12").devtype("scsi_host");
        let fields = read(&host).unwrap();
        assert_eq!(fields.get(scsi_host::HOST), Some(12));
        assert_eq!(fields.get(scsi_host::UNIQUE_ID), None);
        for (text, expected) in [("3\n", Some(3)), ("-1\n", None), ("none\n", None)] {
            let host = Scratch::new("/sys/devices/x/host12")
                .devtype("scsi_host")
                .attribute("/sys/class/scsi_host/host12/unique_id", text);
            assert_eq!(read(&host).unwrap().get(scsi_host::UNIQUE_ID), expected);
        }
        let bad = Scratch::new("/sys/devices/x/host+1").devtype("scsi_host");
        assert!(unreadable(&bad).contains("host+1"));
    }
}
