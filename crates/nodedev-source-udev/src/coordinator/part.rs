//! Kernel objects that come after the device whose attributes they hold: they are no devices here, but
//! what their device shows has changed with them.

use super::Coordinator;

/// Classes whose objects lie in the directory of their device, below the name of the class: a SCSI host
/// is announced first, and what makes it a Fibre Channel host next.
const CLASSES: [&str; 2] = ["fc_host", "scsi_host"];

impl Coordinator {
    /// Reads the device again that this object is a part of, if it is one.
    pub(super) fn part_changed(&mut self, path: &str) {
        if let Some(device) = device_of(path) {
            // As with a link, nothing is told of the device's own coming or going.
            self.link_found(device.to_owned());
        }
    }
}

/// `…/host5` for `…/host5/fc_host/host5`.
fn device_of(path: &str) -> Option<&str> {
    let (folder, _) = path.rsplit_once('/')?;
    let (device, class) = folder.rsplit_once('/')?;
    CLASSES.contains(&class).then_some(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_below_the_name_of_its_class() {
        for (path, device) in [
            ("/sys/devices/x/host5/fc_host/host5", Some("/sys/devices/x/host5")),
            ("/sys/devices/x/host5/scsi_host/host5", Some("/sys/devices/x/host5")),
            ("/sys/devices/x/host5", None),
            ("/sys/devices/virtual/fc_host", None),
            ("", None),
        ] {
            assert_eq!(device_of(path), device, "{path}");
        }
    }
}
