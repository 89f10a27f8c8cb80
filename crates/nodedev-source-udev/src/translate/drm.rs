//! `drm`: direct-rendering-manager minors.

use nodedev_types::fields::drm;

use crate::reading::{Base, Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let minor = reading.property_signed("MINOR", Base::Decimal)?;
    // Each kind has 64 minors.
    let kind = match minor >> 6 {
        0 => "primary",
        1 => "control",
        2 => "render",
        _ => return Err(reading.not_a("minor of a known kind", "MINOR", &minor.to_string())),
    };
    reading.fields.set(drm::TYPE, kind);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    #[test]
    fn the_minor_tells_the_kind() {
        let card = |minor: &str| {
            Scratch::new("/sys/devices/x/card0").devtype("drm_minor").property("MINOR", minor)
        };
        for (minor, kind) in [("0", "primary"), ("64", "control"), ("128", "render")] {
            assert_eq!(read(&card(minor)).unwrap().get(drm::TYPE), Some(kind));
        }
        assert!(unreadable(&card("192")).contains("192"));
        assert!(unreadable(&card("-1")).contains("-1"));
    }
}
