//! `scsi`: SCSI logical units.

use nodedev_types::fields::scsi;

use crate::number;
use crate::reading::{Base, Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    let Some([host, bus, target, lun]) = address(name) else {
        return Err(reading.not_a("SCSI address", "name", name));
    };
    let kind = reading.unsigned("type", Base::Auto)?.and_then(type_name);
    let fields = &mut reading.fields;
    fields.set(scsi::HOST, u64::from(host));
    fields.set(scsi::BUS, u64::from(bus));
    fields.set(scsi::TARGET, u64::from(target));
    fields.set(scsi::LUN, u64::from(lun));
    fields.set_opt(scsi::TYPE, kind);
    Ok(())
}

/// Four numbers with a character between them; libvirt looks neither at which one it is nor at what
/// is behind them.
fn address(name: &str) -> Option<[u32; 4]> {
    let (host, name) = number::leading(name, 10)?;
    let (bus, name) = number::leading(number::behind_separator(name)?, 10)?;
    let (target, name) = number::leading(number::behind_separator(name)?, 10)?;
    let (lun, _) = number::leading(number::behind_separator(name)?, 10)?;
    Some([host, bus, target, lun])
}

const fn type_name(number: u32) -> Option<&'static str> {
    Some(match number {
        0 => "disk",
        1 => "tape",
        3 => "processor",
        4 => "worm",
        5 => "cdrom",
        6 => "scanner",
        7 => "mod",
        8 => "changer",
        12 => "raid",
        13 => "enclosure",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    fn unit(name: &str) -> Scratch {
        Scratch::new(&format!("/sys/devices/x/{name}")).devtype("scsi_device")
    }

    #[test]
    fn the_address_is_in_the_name_and_the_type_a_word_or_absent() {
        let fields = read(&unit("1:0:2:30").attribute("type", "5\n")).unwrap();
        assert_eq!(fields.get(scsi::HOST), Some(1));
        assert_eq!(fields.get(scsi::TARGET), Some(2));
        assert_eq!(fields.get(scsi::LUN), Some(30));
        assert_eq!(fields.get(scsi::TYPE), Some("cdrom"));
        let hexadecimal = unit("1:0:2:3").attribute("type", "0xd\n");
        assert_eq!(read(&hexadecimal).unwrap().get(scsi::TYPE), Some("enclosure"));
        let unknown = unit("1:0:2:3").attribute("type", "31\n");
        assert_eq!(read(&unknown).unwrap().get(scsi::TYPE), None);
        assert_eq!(read(&unit("1:0:2:3")).unwrap().get(scsi::TYPE), None);
    }

    #[test]
    fn an_address_is_read_like_libvirt_reads_it() {
        for (name, lun) in
            [("0:0:0:-1", u32::MAX), ("+0: 0:0:7:8", 7), ("0:0:0:0x1", 0), ("0.0 0-4", 4)]
        {
            assert_eq!(read(&unit(name)).unwrap().get(scsi::LUN), Some(lun.into()), "{name}");
        }
    }

    #[test]
    fn garbage_costs_the_device() {
        assert!(unreadable(&unit("1:0:2")).contains("1:0:2"));
        assert!(unreadable(&unit("1:0:2:x")).contains("1:0:2:x"));
        assert!(unreadable(&unit("1:0:2 :3")).contains("1:0:2 :3"));
        assert!(unreadable(&unit("1:0:2:4294967296")).contains("4294967296"));
        assert!(unreadable(&unit("1:0:2:3").attribute("type", "disk\n")).contains("type"));
    }
}
