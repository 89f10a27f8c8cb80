//! Mediated devices that are asked for.

use nodedev_types::MdevAttribute;

use super::{RequestError, Wanted, text};
use crate::read::element::Element;

/// The mediated device that is asked for.
pub(super) fn wanted(element: Element<'_, '_>) -> Result<Wanted, RequestError> {
    let mdev_type = element.child("type").and_then(|child| child.attribute("id"));
    let mdev_type = mdev_type.filter(|id| !id.is_empty()).ok_or(RequestError::NoType)?;
    let uuid = text(element, "uuid").map(|text| uuid(&text)).transpose()?;
    let group = element.child("iommuGroup").and_then(|child| child.attribute("number"));
    if let Some(number) = group.filter(|number| !number.is_empty())
        && number.trim_ascii_start().parse::<u32>().is_err()
    {
        return Err(RequestError::InvalidGroup(number.to_owned()));
    }
    let attribute = |attr: Element<'_, '_>| {
        let given = |name| attr.attribute(name).filter(|value| !value.is_empty());
        let (name, value) = (given("name")?, given("value")?);
        Some(MdevAttribute { name: name.to_owned(), value: value.to_owned() })
    };
    let attributes = element.children("attr").filter_map(attribute).collect();
    Ok(Wanted::Mdev { uuid, mdev_type: mdev_type.to_owned(), attributes })
}

/// 32 hexadecimal digits; hyphens and blanks may stand before each pair, white space around.
fn uuid(text: &str) -> Result<String, RequestError> {
    let invalid = || RequestError::InvalidUuid(text.to_owned());
    let mut rest = text.trim_ascii().as_bytes();
    let mut uuid = String::with_capacity(36);
    for pair in 0..16 {
        while let [b'-' | b' ', behind @ ..] = rest {
            rest = behind;
        }
        let [high, low, behind @ ..] = rest else { return Err(invalid()) };
        if !(high.is_ascii_hexdigit() && low.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        if matches!(pair, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        uuid.extend([high, low].map(|digit| char::from(digit.to_ascii_lowercase())));
        rest = behind;
    }
    if rest.is_empty() { Ok(uuid) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mdev(inside: &str) -> Result<Wanted, String> {
        super::super::tests::wanted(&format!("<capability type='mdev'>{inside}</capability>"))
    }

    const TYPE: &str = "<type id='t'/>";

    fn uuid_of(text: &str) -> Result<Option<String>, String> {
        match mdev(&format!("{TYPE}<uuid>{text}</uuid>"))? {
            Wanted::Mdev { uuid, .. } => Ok(uuid),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_uuid_may_be_written_in_many_ways() {
        let plain = "11111111-2222-4333-8444-5555555555ff";
        for text in [
            plain,
            "111111112222433384445555555555FF",
            " 11111111-2222-4333-8444-5555555555ff\n",
            "11-11 11--1122224333 8444-5555555555FF",
        ] {
            assert_eq!(uuid_of(text), Ok(Some(plain.to_owned())), "{text}");
        }
        assert_eq!(uuid_of(""), Ok(None));
        for text in ["zz", "1", "1-1111111222243338444555555555555", &format!("{plain}0"), " "] {
            let expected = format!("Invalid uuid '{text}' for new mdev device");
            assert_eq!(uuid_of(text), Err(expected));
        }
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        for (inside, expected) in [
            ("", "missing type id attribute for 'new device'"),
            ("<type id=''/>", "missing type id attribute for 'new device'"),
            ("<type/><type id='t'/>", "missing type id attribute for 'new device'"),
            (
                "<type id='t'/><iommuGroup number='-1'/>",
                "invalid iommu group number '-1' for 'new device'",
            ),
            (
                "<type id='t'/><iommuGroup number='7 '/>",
                "invalid iommu group number '7 ' for 'new device'",
            ),
        ] {
            assert_eq!(mdev(inside), Err(expected.to_owned()));
        }
        assert!(mdev("<type id='t'/><iommuGroup number=' +7'/>").is_ok());
    }
}
