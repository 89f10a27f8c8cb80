//! `storage`: whole disks, cdroms, floppies and sd cards.

use nodedev_types::fields::storage;

use crate::reading::{Base, Reading, Refusal};

/// What a drive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drive {
    Disk,
    Cdrom,
    Floppy,
    Sd,
    Dasd,
}

impl Drive {
    const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Cdrom => "cdrom",
            Self::Floppy => "floppy",
            Self::Sd => "sd",
            Self::Dasd => "dasd",
        }
    }

    /// By ID_TYPE. What has no usable type (tapes, loop devices, device mapper) is no device.
    fn by_type(id_type: &str, devnode: &str) -> Option<Self> {
        Some(match id_type {
            "disk" if devnode.starts_with("/dev/dasd") => Self::Dasd,
            "disk" => Self::Disk,
            "cd" | "cd/dvd" => Self::Cdrom,
            "floppy" => Self::Floppy,
            "sd" => Self::Sd,
            "dasd" => Self::Dasd,
            _ => return None,
        })
    }

    /// By other properties and the name of the node, where there is no type.
    fn by_other_signs(has_property: impl Fn(&str) -> bool, devnode: &str) -> Option<Self> {
        if has_property("ID_DRIVE_FLOPPY") {
            Some(Self::Floppy)
        } else if has_property("ID_CDROM") {
            Some(Self::Cdrom)
        } else if has_property("ID_DRIVE_FLASH_SD") {
            Some(Self::Sd)
        } else if devnode.starts_with("/dev/vd") || devnode.starts_with("/dev/nvme") {
            Some(Self::Disk)
        } else if devnode.starts_with("/dev/dasd") {
            Some(Self::Dasd)
        } else {
            None
        }
    }
}

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let raw = reading.device;
    let Some(devnode) = raw.devnode.as_deref() else {
        return Err(Refusal::NotADevice);
    };
    let id_type = raw.property("ID_TYPE").filter(|&id_type| id_type != "generic");
    let drive = match id_type {
        Some(id_type) => Drive::by_type(id_type, devnode),
        None => Drive::by_other_signs(|name| raw.property(name).is_some(), devnode),
    };
    let drive = drive.ok_or(Refusal::NotADevice)?;
    let bus = reading.property("ID_BUS");
    let model = reading.text("device/model")?;
    let vendor = reading.text("device/vendor")?;
    let serial = serial(drive, reading)?;
    let fields = &mut reading.fields;
    fields.set(storage::BLOCK, devnode);
    fields.set_opt(storage::BUS, bus);
    fields.set(storage::DRIVE_TYPE, drive.name());
    fields.set_opt(storage::MODEL, model.as_deref().map(trimmed));
    fields.set_opt(storage::VENDOR, vendor.as_deref().map(trimmed));
    fields.set_opt(storage::SERIAL, serial);
    match drive {
        Drive::Disk | Drive::Sd | Drive::Dasd => fixed(reading),
        Drive::Cdrom | Drive::Floppy => removable(drive, reading),
    }
}

/// The inquiry data is padded at its end; blanks before it are the vendor's own.
fn trimmed(text: &str) -> &str {
    text.trim_end_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r'])
}

fn serial(drive: Drive, reading: &mut Reading<'_>) -> Result<Option<String>, Refusal> {
    if drive != Drive::Dasd {
        return Ok(reading.property("ID_SERIAL"));
    }
    match reading.text("device/uid")? {
        Some(uid) => Ok(Some(uid)),
        None => Err(reading.unreadable("device/uid", "is missing")),
    }
}

fn fixed(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let size = blocks(reading)?;
    reading.fields.set(storage::SIZE, size);
    Ok(())
}

/// A cdrom or floppy. One that is not flagged removable has the size 0, whatever is in it.
fn removable(drive: Drive, reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let media = has_media(drive, reading)?;
    let size = if media { blocks(reading)? } else { 0 };
    if reading.signed("removable", Base::Auto)? != Some(1) {
        reading.fields.set(storage::SIZE, 0_u64);
        return Ok(());
    }
    let label = if media { reading.property("ID_FS_LABEL") } else { None };
    let fields = &mut reading.fields;
    fields.set(storage::REMOVABLE, true);
    fields.set(storage::MEDIA_AVAILABLE, media);
    fields.set(storage::MEDIA_SIZE, size);
    fields.set_opt(storage::MEDIA_LABEL, label);
    Ok(())
}

fn has_media(drive: Drive, reading: &mut Reading<'_>) -> Result<bool, Refusal> {
    if drive == Drive::Floppy {
        return Ok(reading.property("ID_FS_LABEL").is_some());
    }
    if reading.device.property("ID_CDROM_MEDIA").is_none() {
        return Ok(false);
    }
    let media = reading.property_signed("ID_CDROM_MEDIA", Base::Auto)?;
    Ok(media != 0)
}

/// Sets the block fields and gives the size: the number of sectors, which count 512 bytes, times
/// the logical block size. For other sizes than 512 this is libvirt's number, not the true one.
fn blocks(reading: &mut Reading<'_>) -> Result<u64, Refusal> {
    let sectors = reading.unsigned_long("size", Base::Auto)?.unwrap_or(0);
    let block_size = reading.unsigned_long("queue/logical_block_size", Base::Auto)?.unwrap_or(0);
    if (sectors, block_size) != (0, 0) {
        reading.fields.set(storage::LOGICAL_BLOCK_SIZE, block_size);
        reading.fields.set(storage::NUM_BLOCKS, sectors);
    }
    Ok(sectors.wrapping_mul(block_size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    fn block(name: &str) -> Scratch {
        Scratch::new(&format!("/sys/devices/x/block/{name}"))
            .subsystem("block")
            .devtype("disk")
            .devnode(&format!("/dev/{name}"))
    }

    fn drive_type(scratch: &Scratch) -> Option<String> {
        match read(scratch) {
            Ok(fields) => fields.get(storage::DRIVE_TYPE).map(str::to_owned),
            Err(Refusal::NotADevice) => None,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_type_decides_before_every_other_sign() {
        for (id_type, expected) in [
            ("disk", Some("disk")),
            ("cd", Some("cdrom")),
            ("cd/dvd", Some("cdrom")),
            ("floppy", Some("floppy")),
            ("sd", Some("sd")),
            ("tape", None),
            ("optical", None),
            ("rbc", None),
            ("", None),
        ] {
            let drive = block("vda").property("ID_TYPE", id_type).property("ID_CDROM", "1");
            assert_eq!(drive_type(&drive).as_deref(), expected, "{id_type}");
        }
    }

    #[test]
    fn without_a_type_properties_and_then_the_node_decide() {
        for (name, property, expected) in [
            ("sda", Some("ID_DRIVE_FLOPPY"), Some("floppy")),
            ("vda", Some("ID_CDROM"), Some("cdrom")),
            ("mmcblk0", Some("ID_DRIVE_FLASH_SD"), Some("sd")),
            ("mmcblk0", None, None),
            ("vda", None, Some("disk")),
            ("nvme0n1", None, Some("disk")),
            ("loop0", None, None),
            ("dm-0", None, None),
            ("xvda", None, None),
            ("sda", None, None),
        ] {
            for generic in [false, true] {
                let mut drive = block(name);
                if let Some(property) = property {
                    drive = drive.property(property, "1");
                }
                if generic {
                    drive = drive.property("ID_TYPE", "generic");
                }
                assert_eq!(drive_type(&drive).as_deref(), expected, "{name} {property:?}");
            }
        }
    }

    #[test]
    fn a_disk_says_what_it_is() {
        let disk = block("sda")
            .property("ID_TYPE", "disk")
            .property("ID_BUS", "ata")
            .property("ID_SERIAL", "SER IAL.1-2")
            .attribute("device/vendor", "  ATA     \n")
            .attribute("size", "1000\n")
            .attribute("queue/logical_block_size", "4096\n");
        let fields = read(&disk).unwrap();
        assert_eq!(fields.get(storage::VENDOR), Some("  ATA"));
        assert_eq!(fields.get(storage::MODEL), None);
        assert_eq!(fields.get(storage::SERIAL), Some("SER IAL.1-2"));
        assert_eq!(fields.get(storage::SIZE), Some(4_096_000));
        assert_eq!(fields.get(storage::NUM_BLOCKS), Some(1000));
        assert_eq!(fields.get(storage::REMOVABLE), None);
    }

    #[test]
    fn a_dasd_is_named_by_its_uid_and_keeps_blocks_of_size_zero() {
        let dasd = block("dasda").property("ID_TYPE", "disk").attribute("size", "10\n");
        assert!(unreadable(&dasd).contains("device/uid"));
        let fields = read(&dasd.attribute("device/uid", "IBM.7\n")).unwrap();
        assert_eq!(fields.get(storage::DRIVE_TYPE), Some("dasd"));
        assert_eq!(fields.get(storage::SERIAL), Some("IBM.7"));
        assert_eq!(fields.get(storage::SIZE), Some(0));
        assert_eq!(fields.get(storage::LOGICAL_BLOCK_SIZE), Some(0));
        assert_eq!(fields.get(storage::NUM_BLOCKS), Some(10));
    }

    fn cdrom() -> Scratch {
        block("sr0")
            .property("ID_CDROM", "1")
            .attribute("removable", "1\n")
            .attribute("size", "2000\n")
            .attribute("queue/logical_block_size", "2048\n")
    }

    #[test]
    fn a_cdrom_without_a_medium_has_no_blocks() {
        let fields = read(&cdrom().property("ID_FS_LABEL", "left")).unwrap();
        assert_eq!(fields.get(storage::MEDIA_LABEL), None);
        assert_eq!(fields.get(storage::REMOVABLE), Some(true));
        assert_eq!(fields.get(storage::MEDIA_AVAILABLE), Some(false));
        assert_eq!(fields.get(storage::MEDIA_SIZE), Some(0));
        assert_eq!(fields.get(storage::NUM_BLOCKS), None);
        assert_eq!(fields.get(storage::SIZE), None);
    }

    #[test]
    fn a_cdrom_with_a_medium_describes_it() {
        let with_medium =
            cdrom().property("ID_CDROM_MEDIA", "0x1").property("ID_FS_LABEL", "My_Label");
        let fields = read(&with_medium).unwrap();
        assert_eq!(fields.get(storage::MEDIA_AVAILABLE), Some(true));
        assert_eq!(fields.get(storage::MEDIA_SIZE), Some(4_096_000));
        assert_eq!(fields.get(storage::MEDIA_LABEL), Some("My_Label"));
        assert_eq!(fields.get(storage::NUM_BLOCKS), Some(2000));
    }

    #[test]
    fn a_floppy_that_is_not_flagged_removable_has_size_zero_and_nothing_more() {
        let floppy = block("fd0")
            .property("ID_DRIVE_FLOPPY", "1")
            .attribute("removable", "0\n")
            .attribute("size", "2880\n");
        let fields = read(&floppy).unwrap();
        assert_eq!(fields.get(storage::SIZE), Some(0));
        assert_eq!(fields.get(storage::NUM_BLOCKS), None);
        assert_eq!(fields.get(storage::MEDIA_AVAILABLE), None);
        let formatted = floppy.property("ID_FS_LABEL", "DOS");
        let fields = read(&formatted).unwrap();
        assert_eq!(fields.get(storage::SIZE), Some(0));
        assert_eq!(fields.get(storage::NUM_BLOCKS), Some(2880));
        assert!(unreadable(&formatted.attribute("size", "some\n")).contains("`some`"));
    }

    #[test]
    fn garbage_costs_the_device() {
        assert!(unreadable(&block("vda").attribute("size", "big\n")).contains("`big`"));
        assert!(unreadable(&cdrom().attribute("removable", "maybe\n")).contains("removable"));
        assert!(unreadable(&cdrom().property("ID_CDROM_MEDIA", "x")).contains("ID_CDROM_MEDIA"));
    }
}
