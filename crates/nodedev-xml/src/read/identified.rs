//! `<product id='0x…'>name</product>` and `<vendor …>`, of PCI and USB devices.

use nodedev_types::{Fields, Key};

use super::element::Element;
use crate::Error;

/// Reads the element, if it is there. One tag has no name, an empty pair of tags has an empty one.
pub(super) fn read(
    element: Element<'_, '_>,
    fields: &mut Fields,
    tag: &str,
    (id, name): (Key<u64>, Key<String>),
) -> Result<(), Error> {
    let Some(element) = element.child(tag) else {
        return Ok(());
    };
    fields.set(id, element.required_hex("id")?);
    if !element.is_one_tag() {
        fields.set(name, element.text());
    }
    Ok(())
}
