//! `net`: network interfaces. Link state and speed as sysfs shows them.

use std::io::ErrorKind;

use nodedev_types::Texts;
use nodedev_types::fields::net;

use super::net_features::{features, known_features};
use crate::files::FileError;
use crate::number;
use crate::reading::{Base, LONGEST, Reading, Refusal};

const STATES: [&str; 7] =
    ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];

/// Interfaces that belong to no device: they have no link `device`.
const VIRTUAL: &str = "/sys/devices/virtual/net/";

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let Some(interface) = reading.property("INTERFACE") else {
        return Err(reading.unreadable("INTERFACE", "property is missing"));
    };
    let address = reading.text("address")?;
    if address.is_none() && is_leaving(reading) {
        return Err(Refusal::Vanished);
    }
    reading.unsigned("addr_len", Base::Auto)?;
    // Before its files: of these some are held by the same lock, behind which nobody else waits at a gate.
    let features = features(reading, &interface)?;
    set_features(reading, features);
    if let Err(refusal) = link(reading, &by_name(&interface)) {
        return Err(if is_leaving(reading) { Refusal::Vanished } else { refusal });
    }
    let wireless = reading.device.devtype.as_deref() == Some("wlan");
    let fields = &mut reading.fields;
    fields.set(net::INTERFACE, interface);
    fields.set_opt(net::ADDRESS, address);
    fields.set(net::SUBTYPE, if wireless { "80211" } else { "80203" });
    Ok(())
}

/// Only what is read again for each document.
pub(super) fn translate_again(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let Some(interface) = reading.property("INTERFACE") else {
        return Err(reading.unreadable("INTERFACE", "property is missing"));
    };
    let features = features(reading, &interface)?;
    set_features(reading, features);
    link(reading, &by_name(&interface))
}

/// The same of what is known to be an interface and to be called as its directory is, of which nothing else is
/// looked at.
pub(crate) fn translate_known(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let device = reading.device;
    let name = device.file_name();
    let features = known_features(reading, name, device.syspath.starts_with(VIRTUAL))?;
    set_features(reading, features);
    link(reading, &device.syspath)
}

fn link(reading: &mut Reading<'_>, directory: &str) -> Result<(), Refusal> {
    let state = state(reading, directory)?;
    let speed = if state == "up" { speed(reading, directory)? } else { None };
    let fields = &mut reading.fields;
    fields.set_opt(net::LINK_SPEED, speed);
    fields.set(net::LINK_STATE, state);
    Ok(())
}

fn set_features(reading: &mut Reading<'_>, features: Texts) {
    let features = Some(features).filter(|features| !features.is_empty());
    reading.fields.set_opt(net::FEATURES, features);
}

/// Whether the kernel has begun to remove the interface: its files are still there, and its address is
/// refused, without which it would have another name.
fn is_leaving(reading: &Reading<'_>) -> bool {
    let read = reading.files.contents(&reading.path_of("address"));
    matches!(read, Err(FileError::Io(error)) if error.kind() == ErrorKind::InvalidInput)
}

/// Where the kernel shows the link of an interface, by the name that it has now.
fn by_name(interface: &str) -> String {
    format!("/sys/class/net/{interface}")
}

fn state(reading: &mut Reading<'_>, directory: &str) -> Result<String, Refusal> {
    let path = format!("{directory}/operstate");
    let Some(text) = reading.contents(&path)? else {
        return Err(reading.unreadable(&path, "is missing"));
    };
    match text.split_once('\n') {
        Some((word, _)) if text.len() <= LONGEST && STATES.contains(&word) => Ok(word.to_owned()),
        _ => Err(reading.not_a("link state", &path, &text)),
    }
}

/// The speed; absent when it is 0 or the driver says that there is none now.
fn speed(reading: &Reading<'_>, directory: &str) -> Result<Option<u64>, Refusal> {
    let path = format!("{directory}/speed");
    let bytes = match reading.files.contents(&path) {
        Ok(bytes) => bytes,
        Err(FileError::Io(error)) if error.kind() == ErrorKind::InvalidInput => return Ok(None),
        Err(error) => return Err(reading.unreadable(&path, error.to_string())),
    };
    let text = String::from_utf8_lossy(&bytes);
    match number::leading(&text, 10) {
        Some((speed, behind)) if text.len() <= LONGEST && behind.starts_with('\n') => {
            Ok(Some(u64::from(speed)).filter(|&speed| speed != 0))
        }
        _ => Err(reading.not_a("decimal number on a line", &path, &text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    fn interface(state: &str) -> Scratch {
        Scratch::new("/sys/devices/virtual/net/eth0")
            .subsystem("net")
            .property("INTERFACE", "eth0")
            .attribute("address", "02:00:00:00:00:01\n")
            .attribute("/sys/class/net/eth0/operstate", state)
    }

    #[test]
    fn a_shortage_is_no_absence() {
        let short = interface("up").failing("address", ErrorKind::OutOfMemory);
        assert!(
            matches!(read(&short), Err(Refusal::Held(why)) if why.to_string().contains("address"))
        );
        let refused = interface("up").failing("address", ErrorKind::PermissionDenied);
        assert!(!matches!(read(&refused), Err(Refusal::Held(_))));
    }

    #[test]
    fn an_interface_that_is_being_removed_is_not_one_without_an_address() {
        let leaving = interface("down\n").failing("address", ErrorKind::InvalidInput);
        assert!(matches!(read(&leaving), Err(Refusal::Vanished)));
        let unreadable = interface("down\n").failing("address", ErrorKind::PermissionDenied);
        assert_eq!(read(&unreadable).unwrap().get(net::ADDRESS), None);
    }

    const SPEED: &str = "/sys/class/net/eth0/speed";

    #[test]
    fn an_unknown_speed_of_a_virtio_interface_is_the_highest_number() {
        let fields = read(&interface("up\n").attribute(SPEED, "-1\n")).unwrap();
        assert_eq!(fields.get(net::LINK_SPEED), Some(4_294_967_295));
        assert_eq!(fields.get(net::LINK_STATE), Some("up"));
        assert_eq!(fields.get(net::SUBTYPE), Some("80203"));
        assert_eq!(fields.get(net::ADDRESS), Some("02:00:00:00:00:01"));
    }

    #[test]
    fn the_speed_is_read_while_up_only_and_left_out_when_zero_or_refused() {
        let down = interface("down\n").attribute(SPEED, "junk\n");
        assert_eq!(read(&down).unwrap().get(net::LINK_SPEED), None);
        let zero = interface("up\n").attribute(SPEED, "0\n");
        assert_eq!(read(&zero).unwrap().get(net::LINK_SPEED), None);
        let refused = interface("up\n").failing(SPEED, ErrorKind::InvalidInput);
        assert_eq!(read(&refused).unwrap().get(net::LINK_SPEED), None);
        let denied = interface("up\n").failing(SPEED, ErrorKind::PermissionDenied);
        assert!(unreadable(&denied).contains("speed"));
    }

    #[test]
    fn a_state_must_be_a_known_word_on_a_line() {
        for bad in ["up", "sideways\n", "\n", ""] {
            assert!(unreadable(&interface(bad)).contains("operstate"), "{bad:?}");
        }
        assert!(unreadable(&interface("up\n").attribute(SPEED, "fast\n")).contains("fast"));
        assert!(unreadable(&interface("down\n").attribute("addr_len", "six\n")).contains("six"));
    }

    #[test]
    fn a_speed_is_one_number_on_a_line() {
        let speed = |text: &str| read(&interface("up\n").attribute(SPEED, text)).ok();
        let filled = |len: usize| format!("10\n{}", "y".repeat(len - 3));
        for good in ["10\n", "\n10\n", " +10\nx", &filled(LONGEST)] {
            assert_eq!(speed(good).unwrap().get(net::LINK_SPEED), Some(10), "{good:?}");
        }
        for bad in ["10", "10 \n", "", "\n", "10\r\n", &filled(LONGEST + 1)] {
            assert_eq!(speed(bad), None, "{bad:?}");
        }
        assert!(unreadable(&interface(&filled(2000).replace("10", "up"))).contains("operstate"));
    }

    #[test]
    fn the_link_is_that_of_the_interface_s_name() {
        let other = interface("down\n").property("INTERFACE", "eth1");
        assert!(unreadable(&other).contains("/sys/class/net/eth1/operstate"));
        let other = other.attribute("/sys/class/net/eth1/operstate", "dormant\n");
        assert_eq!(read(&other).unwrap().get(net::LINK_STATE), Some("dormant"));
        let nameless = Scratch::new("/sys/devices/virtual/net/wlan0").devtype("wlan");
        assert!(unreadable(&nameless).contains("INTERFACE"));
    }

    #[test]
    fn the_length_of_an_address_is_a_number_of_any_base() {
        let length = |text: &str| read(&interface("down\n").attribute("addr_len", text));
        assert!(length("0x6\n").is_ok());
        assert!(length("09\n").is_err());
    }

    #[test]
    fn wireless_is_another_subtype_and_an_empty_address_is_absent() {
        let wireless = interface("dormant\n").devtype("wlan").attribute("address", "\n");
        let fields = read(&wireless).unwrap();
        assert_eq!(fields.get(net::SUBTYPE), Some("80211"));
        assert_eq!(fields.get(net::ADDRESS), None);
    }
}
