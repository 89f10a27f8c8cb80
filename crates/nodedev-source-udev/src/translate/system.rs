//! `computer`: the host itself.

use nodedev_types::fields::{device, system};
use nodedev_types::{Capability, MdevUuid};

use crate::reading::{Reading, Refusal, shown};

/// Where the firmware's tables are shown.
pub(crate) const DMI: &str = "/sys/devices/virtual/dmi/id";

/// Reads the host. Only x86 shows its firmware tables, as with libvirt.
pub(crate) fn computer(
    reading: &mut Reading<'_>,
    configured_uuid: Option<&str>,
) -> Result<(), Refusal> {
    reading.fields.set(device::CAPABILITY, Capability::System);
    let uuid = host_uuid(reading, configured_uuid)?;
    reading.fields.set_opt(system::HARDWARE_UUID, uuid);
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
        firmware_tables(reading)?;
    }
    Ok(())
}

fn firmware_tables(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    for (key, attribute) in [
        (system::PRODUCT, "product_name"),
        (system::HARDWARE_VENDOR, "sys_vendor"),
        (system::HARDWARE_VERSION, "product_version"),
        (system::HARDWARE_SERIAL, "product_serial"),
        (system::FIRMWARE_VENDOR, "bios_vendor"),
        (system::FIRMWARE_VERSION, "bios_version"),
        (system::FIRMWARE_RELEASE_DATE, "bios_date"),
    ] {
        let text = reading.text(attribute)?;
        reading.fields.set_opt(key, text);
    }
    Ok(())
}

/// The configured UUID, else the firmware's, else the machine id, which libvirt can be told to use
/// in the same way. A text that is no usable UUID is passed over.
fn host_uuid(
    reading: &mut Reading<'_>,
    configured: Option<&str>,
) -> Result<Option<String>, Refusal> {
    if let Some(text) = configured {
        if let Some(uuid) = usable_uuid(text) {
            return Ok(Some(uuid));
        }
        reading.warn("host_uuid", format!("not a usable uuid: `{text}`"));
    }
    if let Some(text) = reading.text("product_uuid")? {
        if let Some(uuid) = usable_uuid(&text) {
            return Ok(Some(uuid));
        }
        reading.warn("product_uuid", format!("not a usable uuid: `{}`", shown(&text)));
    }
    let machine_id = reading.text("/etc/machine-id")?;
    Ok(machine_id.as_deref().and_then(usable_uuid))
}

/// 32 hexadecimal digits, hyphenated or not, in lower case and hyphenated; none when all sixteen
/// bytes are equal, as firmware without a UUID fills it.
fn usable_uuid(text: &str) -> Option<String> {
    let digits: String = text.trim().chars().filter(|&c| c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    if digits.as_bytes().chunks(2).all(|byte| byte == &digits.as_bytes()[..2]) {
        return None;
    }
    let uuid = MdevUuid::new(&format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    ));
    Some(uuid.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use nodedev_types::Fields;

    use super::*;
    use crate::scratch::{NoNames, Scratch};

    const MACHINE_ID: &str = "0123456789abcdef0123456789abcdef\n";

    fn read(scratch: &Scratch, configured: Option<&str>) -> Fields {
        let mut reading = Reading::new(&scratch.device, scratch, &NoNames);
        computer(&mut reading, configured).unwrap();
        reading.fields
    }

    #[test]
    fn the_uuid_is_configured_or_the_firmware_s_or_the_machine_s() {
        let all = Scratch::new(DMI)
            .attribute("product_uuid", "AAAAAAAA-0000-4000-8000-00000000000F\n")
            .attribute("/etc/machine-id", MACHINE_ID);
        let uuid = |scratch: &Scratch, configured| {
            read(scratch, configured).get(system::HARDWARE_UUID).map(str::to_owned)
        };
        assert_eq!(
            uuid(&all, Some("11111111-2222-3333-4444-555555555555")).as_deref(),
            Some("11111111-2222-3333-4444-555555555555")
        );
        assert_eq!(uuid(&all, None).as_deref(), Some("aaaaaaaa-0000-4000-8000-00000000000f"));
        let invalid = Scratch::new(DMI)
            .attribute("product_uuid", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n")
            .attribute("/etc/machine-id", MACHINE_ID);
        assert_eq!(uuid(&invalid, None).as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
        assert_eq!(uuid(&Scratch::new(DMI), None), None);
    }

    #[test]
    fn empty_texts_of_the_firmware_are_absent() {
        let scratch =
            Scratch::new(DMI).attribute("sys_vendor", "ACME\n").attribute("product_name", "\n");
        let fields = read(&scratch, None);
        if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
            assert_eq!(fields.get(system::HARDWARE_VENDOR), Some("ACME"));
        }
        assert_eq!(fields.get(system::PRODUCT), None);
    }
}
