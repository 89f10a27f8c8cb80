//! `scsi_host`: SCSI host adapters.

use nodedev_types::fields::scsi_host;

use crate::number;
use crate::reading::{Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    let host = name.strip_prefix("host").and_then(|number| number::unsigned(number, 0));
    let Some(host) = host else {
        return Err(reading.not_a("name of a SCSI host", "name", name));
    };
    let unique_id = reading.contents(&format!("/sys/class/scsi_host/{name}/unique_id"))?;
    reading.fields.set(scsi_host::HOST, u64::from(host));
    // Whatever is no such number means that the driver has none.
    let unique_id = unique_id.and_then(|text| {
        let line = text.split(['\0', '\n']).next()?;
        number::signed(line, 10)
    });
    let unique_id = unique_id.and_then(|id| u64::try_from(id).ok());
    reading.fields.set_opt(scsi_host::UNIQUE_ID, unique_id);
    Ok(())
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
        for (text, expected) in [
            ("3\n", Some(3)),
            ("7\nx\n", Some(7)),
            ("7\r\n", None),
            ("-1\n", None),
            ("none\n", None),
        ] {
            let host = Scratch::new("/sys/devices/x/host12")
                .devtype("scsi_host")
                .attribute("/sys/class/scsi_host/host12/unique_id", text);
            assert_eq!(read(&host).unwrap().get(scsi_host::UNIQUE_ID), expected);
        }
    }

    #[test]
    fn the_number_is_read_like_libvirt_reads_it() {
        let host =
            |name: &str| Scratch::new(&format!("/sys/devices/x/{name}")).devtype("scsi_host");
        for (name, number) in [("host010", 8), ("host0x1f", 31), ("host+3", 3)] {
            let fields = read(&host(name)).unwrap();
            assert_eq!(fields.get(scsi_host::HOST), Some(number), "{name}");
        }
        for name in ["host", "host08", "host1x", "host4294967296", "xhost1"] {
            assert!(unreadable(&host(name)).contains(name));
        }
    }
}
