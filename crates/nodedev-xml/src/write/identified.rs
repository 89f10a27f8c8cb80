//! `<product id='0x…'>name</product>` and `<vendor …>`, of PCI and USB devices.

use super::output::Output;

/// How libvirt ends the tag where there is no name.
#[derive(Clone, Copy)]
pub(super) enum NoName {
    /// `<product id='0x0d57'/>`
    Tight,
    /// `<product id='0x0002' />`
    Spaced,
}

/// Writes the element, or nothing without an id. An empty name is a name.
pub(super) fn write(
    out: &mut Output<'_>,
    tag: &'static str,
    (id, name): (Option<u64>, Option<&str>),
    no_name: NoName,
) {
    let Some(id) = id else { return };
    let element = out.element(tag).attribute_display("id", format_args!("0x{id:04x}"));
    match (name, no_name) {
        (Some(name), _) => element.text(name),
        (None, NoName::Tight) => element.empty(),
        (None, NoName::Spaced) => element.spaced_empty(),
    }
}
