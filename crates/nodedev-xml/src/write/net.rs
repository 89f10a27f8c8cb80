//! Network interfaces.

use nodedev_types::{Fields, fields::net};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("interface", fields.get(net::INTERFACE));
    out.text("address", fields.get(net::ADDRESS));
    link(out, fields);
    for feature in fields.get(net::FEATURES).unwrap_or_default() {
        out.element("feature").attribute("name", feature).empty();
    }
    if let Some(subtype) = fields.get(net::SUBTYPE) {
        out.element("capability").attribute("type", subtype).empty();
    }
}

fn link(out: &mut Output<'_>, fields: &Fields) {
    let (speed, state) = (fields.get(net::LINK_SPEED), fields.get(net::LINK_STATE));
    if speed.is_none() && state.is_none() {
        return;
    }
    let mut element = out.element("link");
    if let Some(speed) = speed {
        element = element.attribute_display("speed", format_args!("{speed}"));
    }
    if let Some(state) = state {
        element = element.attribute("state", state);
    }
    element.empty();
}
