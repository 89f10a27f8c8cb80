//! Groups of channel devices of s390.

use nodedev_types::{CcwgroupMember, DeviceName, Fields, fields::ccwgroup};

use super::channel;
use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.text_into(fields, ccwgroup::STATE, "state");
    channel::read(element, fields, (ccwgroup::CSSID, ccwgroup::SSID, ccwgroup::DEVNO))?;
    members(element, fields)?;
    if let Some(card) = element.child("capability") {
        fields.set(ccwgroup::TYPE, kind(card)?);
        card.text_into(fields, ccwgroup::CARD_TYPE, "card_type");
        card.text_into(fields, ccwgroup::CHPID, "chpid");
    }
    Ok(())
}

fn members(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    let Some(list) = element.child("members") else {
        return Ok(());
    };
    let members = list.children("ccw_device").map(member).collect::<Result<Vec<_>, _>>()?;
    if !members.is_empty() {
        fields.set(ccwgroup::MEMBERS, members);
    }
    Ok(())
}

fn member(element: Element<'_, '_>) -> Result<CcwgroupMember, Error> {
    Ok(CcwgroupMember {
        reference: element.required("ref")?.to_owned(),
        device: DeviceName::new(&element.text()),
    })
}

fn kind<'a>(element: Element<'a, '_>) -> Result<&'a str, Error> {
    match element.required("type")? {
        known @ ("qeth_generic" | "qeth_layer2" | "qeth_layer3") => Ok(known),
        _ => Err(element.invalid_attribute("type", "a kind of qeth group")),
    }
}
