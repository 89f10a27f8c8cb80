//! `docs/fields.md`: every field of the model, from the table in `nodedev-types`.

use nodedev_merge::OWNERSHIP;
use nodedev_types::{Field, Refresh, ValueKind};

use crate::markdown::{codes, head, table};

const INTRODUCTION: &str = "\
Every field that a node device can have, in the order of libvirt's document. A field's name is the
path of its element there where it has one, in lower case with underscores, and the path of its member
in [JSON](json.md). The table is `crates/nodedev-types/src/fields.rs`; who may set a field is told in
[merge-policy.md](merge-policy.md).

*Read* says when a source reads the field: on an event or an enumeration, or also for a caller that
asks for this one device (`nodedev dump`, `nodedev explain`). What is read for a caller is given to
this caller alone and never stored.

Fields of a third-party source's own are called `NAMESPACE:NAME` and need no row here.
";

pub(crate) fn page() -> String {
    let rows = Field::ALL.iter().map(|&field| {
        [
            codes([field.as_str()]),
            kind(field.kind()).to_owned(),
            when(field.refresh()).to_owned(),
            owner(field),
            field.description(),
        ]
    });
    let table =
        table(["field", "type", "read", "owner", "what it is and where it comes from"], rows);
    format!("{}\n{table}", head("Fields", INTRODUCTION))
}

fn kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Flag => "flag",
        ValueKind::Number => "number",
        ValueKind::Text => "text",
        ValueKind::Texts => "texts",
        ValueKind::Capability => "capability",
        ValueKind::PciAddress => "PCI address",
        ValueKind::PciAddresses => "PCI addresses",
        ValueKind::PciExpress => "PCI Express",
        ValueKind::PciVpd => "vital product data",
        ValueKind::MdevTypes => "mdev types",
        ValueKind::Attributes => "mdev attributes",
        ValueKind::CcwgroupMembers => "ccwgroup members",
        _ => unreachable!("a type without a word for it: {kind:?}"),
    }
}

fn when(refresh: Refresh) -> &'static str {
    match refresh {
        Refresh::OnEvent => "on an event",
        Refresh::OnDump => "for a caller too",
    }
}

fn owner(field: Field) -> String {
    let rule = OWNERSHIP.iter().find(|rule| rule.fields.contains(&field));
    codes(rule.map(|rule| rule.sources()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_row_and_an_owner() {
        let page = page();
        for field in Field::ALL {
            assert!(page.contains(&format!("| `{field}` |")), "{field}");
            assert_ne!(owner(*field), "-", "{field}");
            assert!(!field.description().contains('\n'), "{field}");
        }
    }
}
