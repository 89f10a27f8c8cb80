//! `scsi_host`: SCSI host adapters.

use nodedev_types::fields::scsi_host;

use crate::number;
use crate::reading::{LONGEST, Reading, Refusal, shown};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    let host = name.strip_prefix("host").and_then(|number| number::unsigned(number, 0));
    let Some(host) = host else {
        return Err(reading.not_a("name of a SCSI host", "name", name));
    };
    // libvirt looks into the classes by the number alone.
    let name = &format!("host{host}");
    let unique_id = unique_id(reading, name)?;
    let fibre_channel = fibre_channel(reading, name)?.unwrap_or_default();
    let fields = &mut reading.fields;
    fields.set(scsi_host::HOST, u64::from(host));
    fields.set_opt(scsi_host::UNIQUE_ID, unique_id);
    fields.set_opt(scsi_host::WWNN, fibre_channel.wwnn);
    fields.set_opt(scsi_host::WWPN, fibre_channel.wwpn);
    fields.set_opt(scsi_host::FABRIC_WWN, fibre_channel.fabric_wwn);
    fields.set_opt(scsi_host::MAX_VPORTS, fibre_channel.max_vports);
    fields.set_opt(scsi_host::VPORTS, fibre_channel.vports);
    Ok(())
}

/// The number that tells adapters of one driver apart. A negative one means that there is none.
fn unique_id(reading: &mut Reading<'_>, name: &str) -> Result<Option<u64>, Refusal> {
    let attribute = format!("{SCSI_HOSTS}/{name}/unique_id");
    let Some(line) = reading.first_line(&attribute, LONGEST)? else {
        return Ok(None);
    };
    let number = number::signed(&line, 10);
    if number.is_none() {
        reading.warn(&attribute, format!("not a decimal number: `{}`", shown(&line)));
    }
    Ok(number.and_then(|id| u64::try_from(id).ok()))
}

const SCSI_HOSTS: &str = "/sys/class/scsi_host";
const FC_HOSTS: &str = "/sys/class/fc_host";

/// What makes an adapter a Fibre Channel host, and one that can have virtual ports.
#[derive(Debug, Default)]
struct FibreChannel {
    wwnn: Option<String>,
    wwpn: Option<String>,
    fabric_wwn: Option<String>,
    max_vports: Option<u64>,
    vports: Option<u64>,
}

/// Both parts or none: if one file of either says nothing, libvirt shows neither.
fn fibre_channel(reading: &mut Reading<'_>, name: &str) -> Result<Option<FibreChannel>, Refusal> {
    let class = format!("{FC_HOSTS}/{name}");
    if !reading.files.exists(&class) {
        return Ok(None);
    }
    let Some(wwpn) = required(reading, &format!("{class}/port_name"), Some)? else {
        return Ok(None);
    };
    let Some(wwnn) = required(reading, &format!("{class}/node_name"), Some)? else {
        return Ok(None);
    };
    let fabric_wwn = value(reading, &format!("{class}/fabric_name"))?;
    let mut found =
        FibreChannel { wwnn: Some(wwnn), wwpn: Some(wwpn), fabric_wwn, ..FibreChannel::default() };
    let has_vports = [&class, &format!("{SCSI_HOSTS}/{name}")]
        .iter()
        .any(|class| reading.files.exists(&format!("{class}/vport_create")));
    if has_vports {
        found.max_vports = required(reading, &format!("{class}/max_npiv_vports"), count)?;
        found.vports = required(reading, &format!("{class}/npiv_vports_inuse"), count)?;
        if found.max_vports.is_none() || found.vports.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// A value without which the adapter is shown as if it had no Fibre Channel at all.
fn required<T>(
    reading: &mut Reading<'_>,
    attribute: &str,
    parse: fn(String) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let found = value(reading, attribute)?.and_then(parse);
    if found.is_none() {
        reading.warn(attribute, "is missing or makes no sense: not shown as a Fibre Channel host");
    }
    Ok(found)
}

/// The first line, without all that comes before the digits of a hexadecimal number.
fn value(reading: &mut Reading<'_>, attribute: &str) -> Result<Option<String>, Refusal> {
    let line = reading.first_line(attribute, LONGEST)?;
    Ok(line.map(|line| match line.split_once("0x") {
        Some((_, digits)) => digits.to_owned(),
        None => line,
    }))
}

/// A number of 32 bits with a sign.
fn count(text: String) -> Option<u64> {
    number::signed(&text, 10).map(|count| u64::from(count.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::{NoNames, Scratch};
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
        let shown = host("host010").attribute("/sys/class/scsi_host/host8/unique_id", "4\n");
        assert_eq!(read(&shown).unwrap().get(scsi_host::UNIQUE_ID), Some(4));
        for name in ["host", "host08", "host1x", "host4294967296", "xhost1"] {
            assert!(unreadable(&host(name)).contains(name));
        }
    }

    const CLASS: &str = "/sys/class/fc_host/host3";

    /// A Fibre Channel host whose attributes are as given; an empty one is missing.
    fn fibre_channel(attributes: &[(&str, &str)]) -> Scratch {
        let mut host =
            Scratch::new("/sys/devices/x/host3").devtype("scsi_host").directory(CLASS, &[]);
        let usual = [
            ("node_name", "0x20000000c9831b4b\n"),
            ("port_name", "0x10000000c9831b4b\n"),
            ("max_npiv_vports", "127\n"),
            ("npiv_vports_inuse", "2\n"),
        ];
        for (name, value) in usual.iter().chain(attributes) {
            host = host.attribute(&format!("{CLASS}/{name}"), value);
        }
        for (name, _) in attributes.iter().filter(|(_, value)| value.is_empty()) {
            host = host.failing(&format!("{CLASS}/{name}"), std::io::ErrorKind::NotFound);
        }
        host
    }

    #[test]
    fn a_fibre_channel_host_has_names_without_their_prefix() {
        let fields = read(&fibre_channel(&[("fabric_name", "0x2002\n")])).unwrap();
        assert_eq!(fields.get(scsi_host::WWNN), Some("20000000c9831b4b"));
        assert_eq!(fields.get(scsi_host::WWPN), Some("10000000c9831b4b"));
        assert_eq!(fields.get(scsi_host::FABRIC_WWN), Some("2002"));
        assert_eq!(fields.get(scsi_host::MAX_VPORTS), None, "it cannot make virtual ports");
        for (text, name) in [("x0x12 \ny\n", "12 "), ("\n", ""), ("0X1", "0X1"), ("0x10x2", "10x2")]
        {
            let fields = read(&fibre_channel(&[("port_name", text)])).unwrap();
            assert_eq!(fields.get(scsi_host::WWPN), Some(name), "{text:?}");
        }
        let long = format!("0x{}\n", "1".repeat(LONGEST));
        let fields = read(&fibre_channel(&[("fabric_name", &long)])).unwrap();
        assert_eq!(fields.get(scsi_host::FABRIC_WWN), None);
        assert!(fields.get(scsi_host::WWPN).is_some());
    }

    #[test]
    fn virtual_ports_are_counted_where_they_can_be_made() {
        for class in [CLASS, "/sys/class/scsi_host/host3"] {
            let host = fibre_channel(&[("npiv_vports_inuse", "-1\n")])
                .attribute(&format!("{class}/vport_create"), "");
            let fields = read(&host).unwrap();
            assert_eq!(fields.get(scsi_host::MAX_VPORTS), Some(127));
            assert_eq!(fields.get(scsi_host::VPORTS), Some(u32::MAX.into()));
        }
    }

    #[test]
    fn one_file_that_says_nothing_hides_the_whole_and_is_named() {
        let bad = [
            ("port_name", ""),
            ("node_name", ""),
            ("max_npiv_vports", ""),
            ("npiv_vports_inuse", "many\n"),
            ("npiv_vports_inuse", "2147483648\n"),
            ("max_npiv_vports", "7 \n"),
            ("max_npiv_vports", "\n"),
        ];
        for (attribute, text) in bad {
            let host =
                fibre_channel(&[(attribute, text)]).attribute(&format!("{CLASS}/vport_create"), "");
            let mut reading = Reading::new(&host.device, &host, &NoNames);
            translate(&mut reading).unwrap();
            assert_eq!(reading.fields.get(scsi_host::HOST), Some(3));
            for key in [scsi_host::WWNN, scsi_host::WWPN, scsi_host::FABRIC_WWN] {
                assert_eq!(reading.fields.get(key), None, "{attribute} {text:?}");
            }
            assert_eq!(reading.fields.get(scsi_host::VPORTS), None, "{attribute} {text:?}");
            assert!(reading.diagnostics[0].to_string().contains(attribute), "{attribute}");
        }
    }
}
