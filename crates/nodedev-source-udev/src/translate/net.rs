//! `net`: network interfaces. Link state and speed as sysfs shows them.

use std::io::ErrorKind;

use nodedev_types::fields::net;

use crate::files::FileError;
use crate::number;
use crate::reading::{Base, Reading, Refusal};

const STATES: [&str; 7] =
    ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let interface = reading.property("INTERFACE");
    let address = reading.text("address")?;
    reading.unsigned("addr_len", Base::Decimal)?;
    let state = state(reading)?;
    let speed = if state == "up" { speed(reading)? } else { None };
    let wireless = reading.device.devtype.as_deref() == Some("wlan");
    let fields = &mut reading.fields;
    fields.set_opt(net::INTERFACE, interface);
    fields.set_opt(net::ADDRESS, address);
    fields.set_opt(net::LINK_SPEED, speed);
    fields.set(net::LINK_STATE, state);
    fields.set(net::SUBTYPE, if wireless { "80211" } else { "80203" });
    Ok(())
}

fn state(reading: &mut Reading<'_>) -> Result<String, Refusal> {
    let Some(text) = reading.contents("operstate")? else {
        return Err(reading.unreadable("operstate", "is missing"));
    };
    match text.split_once('\n') {
        Some((word, _)) if STATES.contains(&word) => Ok(word.to_owned()),
        _ => Err(reading.not_a("link state", "operstate", &text)),
    }
}

/// The speed; absent when it is 0 or the driver says that there is none now.
fn speed(reading: &Reading<'_>) -> Result<Option<u64>, Refusal> {
    let bytes = match reading.files.contents(&reading.path_of("speed")) {
        Ok(bytes) => bytes,
        Err(FileError::Io(error)) if error.kind() == ErrorKind::InvalidInput => return Ok(None),
        Err(error) => return Err(reading.unreadable("speed", error.to_string())),
    };
    let text = String::from_utf8_lossy(&bytes);
    let line = text.split_once('\n').map_or(&*text, |(line, _)| line);
    match number::unsigned(line, 10) {
        Some(speed) => Ok(Some(u64::from(speed)).filter(|&speed| speed != 0)),
        None => Err(reading.not_a("decimal number", "speed", &text)),
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
            .attribute("operstate", state)
    }

    #[test]
    fn an_unknown_speed_of_a_virtio_interface_is_the_highest_number() {
        let fields = read(&interface("up\n").attribute("speed", "-1\n")).unwrap();
        assert_eq!(fields.get(net::LINK_SPEED), Some(4_294_967_295));
        assert_eq!(fields.get(net::LINK_STATE), Some("up"));
        assert_eq!(fields.get(net::SUBTYPE), Some("80203"));
        assert_eq!(fields.get(net::ADDRESS), Some("02:00:00:00:00:01"));
    }

    #[test]
    fn the_speed_is_read_while_up_only_and_left_out_when_zero_or_refused() {
        let down = interface("down\n").attribute("speed", "junk\n");
        assert_eq!(read(&down).unwrap().get(net::LINK_SPEED), None);
        let zero = interface("up\n").attribute("speed", "0\n");
        assert_eq!(read(&zero).unwrap().get(net::LINK_SPEED), None);
        let refused = interface("up\n").failing("speed", ErrorKind::InvalidInput);
        assert_eq!(read(&refused).unwrap().get(net::LINK_SPEED), None);
        let denied = interface("up\n").failing("speed", ErrorKind::PermissionDenied);
        assert!(unreadable(&denied).contains("speed"));
    }

    #[test]
    fn a_state_must_be_a_known_word_on_a_line() {
        for bad in ["up", "sideways\n", "\n", ""] {
            assert!(unreadable(&interface(bad)).contains("operstate"), "{bad:?}");
        }
        assert!(unreadable(&interface("up\n").attribute("speed", "fast\n")).contains("fast"));
        assert!(unreadable(&interface("down\n").attribute("addr_len", "six\n")).contains("six"));
    }

    #[test]
    fn wireless_is_another_subtype_and_an_empty_address_is_absent() {
        let wireless = interface("dormant\n").devtype("wlan").attribute("address", "\n");
        let fields = read(&wireless).unwrap();
        assert_eq!(fields.get(net::SUBTYPE), Some("80211"));
        assert_eq!(fields.get(net::ADDRESS), None);
    }
}
