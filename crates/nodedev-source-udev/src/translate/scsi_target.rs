//! `scsi_target`: SCSI targets, and the remote port of those behind Fibre Channel.

use nodedev_types::fields::scsi_target;

use crate::reading::{Reading, Refusal};

/// The longest name of a remote port that libvirt takes.
const LONGEST: usize = 4096;

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let target = reading.device.sysname.as_str();
    reading.fields.set(scsi_target::TARGET, target);
    remote_port(reading)
}

/// The directory above is the remote port, if the class of remote ports has one of that name.
fn remote_port(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let Some(rport) = reading.device.parent_name() else {
        return Ok(());
    };
    let port_name = format!("/sys/class/fc_remote_ports/{rport}/port_name");
    let wwpn = reading.first_line(&port_name, LONGEST)?;
    if let Some(wwpn) = wwpn {
        reading.fields.set(scsi_target::RPORT, rport);
        reading.fields.set(scsi_target::WWPN, wwpn);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::read;

    fn target(parent: &str) -> Scratch {
        Scratch::new(&format!("/sys/devices/x/{parent}/target0:0:1")).devtype("scsi_target")
    }

    #[test]
    fn the_name_says_all() {
        let fields = read(&target("host0")).unwrap();
        assert_eq!(fields.get(scsi_target::TARGET), Some("target0:0:1"));
        assert_eq!(fields.get(scsi_target::RPORT), None);
        assert_eq!(fields.get(scsi_target::WWPN), None);
    }

    #[test]
    fn a_target_behind_a_remote_port_names_it_with_the_prefix_kept() {
        const NAME: &str = "/sys/class/fc_remote_ports/rport-0:0-1/port_name";
        for (text, name) in [("0x9d73\n", "0x9d73"), ("\n", ""), ("0x1 \n0x2\n", "0x1 ")] {
            let fields = read(&target("rport-0:0-1").attribute(NAME, text)).unwrap();
            assert_eq!(fields.get(scsi_target::RPORT), Some("rport-0:0-1"));
            assert_eq!(fields.get(scsi_target::WWPN), Some(name), "{text:?}");
        }
        for (length, is_shown) in [(LONGEST, true), (LONGEST + 1, false)] {
            let long = target("rport-0:0-1").attribute(NAME, &"1".repeat(length));
            assert_eq!(read(&long).unwrap().get(scsi_target::RPORT).is_some(), is_shown);
        }
        let other = read(&target("rport-0:0-2").attribute(NAME, "0x9d73\n")).unwrap();
        assert_eq!(other.get(scsi_target::RPORT), None);
    }
}
