//! `docs/merge-policy.md`: who owns which field, from the table in `nodedev-merge`.

use nodedev_merge::{Condition, OWNERSHIP, Rule, Strategy, builtin_streams};
use nodedev_types::Presence;

use crate::markdown::{codes, head, table};

const INTRODUCTION: &str = "\
Several sources speak of one device; this page says whose word counts for each field. The merge
reads the same table (`crates/nodedev-merge/src/ownership.rs`). `nodedev explain DEVICE` shows it at
work: for every field the value, its owner, and the claims that lost.

A merged device is a pure function of the latest observation of each source. Nothing is copied from
an earlier merged device, so the order in which sources speak has no influence, and a source that
leaves takes with it all that it said. Two sources that could tie on a field are refused when the
policy is built.

![What three streams say of one mediated device goes through the table of owners and becomes one device, whose parent
and name follow from the whole set](pictures/merge.svg)
";

const EXISTENCE: &str = "\
## Who says that a device exists

A device exists while someone asserts that it is active or defined. It is active while someone
asserts that it is active, and persistent while someone asserts that it is defined. A stream that
asserts nothing only adds to devices that exist anyway. Each stream can fail alone.
";

const RULES: &str = "\
## Whose word counts

*Owner*: that stream's word, or none. *First of*: the first of these that says anything. *All of*:
the texts of all, sorted, without duplicates. Streams in the column *heard* may speak of the fields
and never win; `explain` shows what they say. A field stands in exactly one row; what each field is,
is told in [fields.md](fields.md).
";

const DERIVED: &str = "\
## What nobody says

| fact | follows from |
| --- | --- |
| active, persistent | who speaks of the device, see above; the host itself is always persistent |
| autostart | `autostart` of the definition; the host itself is always started |
| parent | the nearest ancestor of the sysfs path that is a device; without a path, the device that the parent address of the definition names; else the host |
| name | the fields, by libvirt's rules; of two devices with one name the smaller identity keeps it, the other gets `_` and eight hexadecimal digits of a hash of its identity |

None of these is stored: they are found again whenever something that they depend on changes.

## Third-party sources

A source with a name space of its own asserts the existence of the devices in it, and of these only
its word counts. Fields outside the known model are called `NAMESPACE:NAME` and belong to the source
that has this name space; they may be set on any device.
";

pub(crate) fn page() -> String {
    let head = head("The merge policy", INTRODUCTION);
    let (streams, rules) = (streams(), rules());
    format!("{head}\n{EXISTENCE}\n{streams}\n{RULES}\n{rules}\n{DERIVED}")
}

fn streams() -> String {
    let rows = builtin_streams().into_iter().map(|stream| {
        let asserts = match stream.presence {
            Presence::Active => "that it is active",
            Presence::Defined => "that it is defined",
            _ => "nothing",
        };
        [codes([stream.id.as_str()]), asserts.to_owned()]
    });
    table(["stream", "asserts of a device it speaks of"], rows)
}

fn rules() -> String {
    let rows = OWNERSHIP.iter().map(|rule| {
        [
            codes(rule.fields.iter().map(|field| field.as_str())),
            strategy(rule),
            condition(rule).to_owned(),
            codes(rule.heard),
            rule.why.to_owned(),
        ]
    });
    table(["fields", "whose word", "counts", "heard", "why"], rows)
}

fn strategy(rule: &Rule) -> String {
    let sources = codes(rule.sources());
    match rule.strategy {
        Strategy::Owner(_) => format!("owner {sources}"),
        Strategy::Priority(_) => format!("first of {sources}"),
        Strategy::Union(_) => format!("all of {sources}"),
        _ => unreachable!("a strategy without a word for it: {rule:?}"),
    }
}

fn condition(rule: &Rule) -> &'static str {
    match rule.condition {
        Condition::Always => "always",
        Condition::WhileActive => "while active",
        Condition::WhilePersistent => "while persistent",
        _ => unreachable!("a condition without a word for it: {rule:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_and_every_stream_has_a_row() {
        let page = page();
        for rule in OWNERSHIP {
            assert!(page.contains(rule.why), "{rule:?}");
        }
        for stream in builtin_streams() {
            assert!(page.contains(&format!("| `{}` |", stream.id)), "{stream:?}");
        }
    }
}
