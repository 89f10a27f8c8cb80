//! Where we differ from libvirt on purpose: each difference as narrow as it can be, with its reason.
//!
//! A rule that nothing matches hides nothing. What no rule explains is a fault.

use std::collections::BTreeSet;

use super::dump::{Device, Part};

/// The `host_uuid` that both daemons are configured with.
pub const HOST_UUID: &str = "6f0d3f0e-7f1b-4f0e-9b5a-0123456789ab";

/// One difference that is meant.
#[derive(Debug)]
pub struct Rule {
    /// What reports call it.
    pub id: &'static str,
    /// What libvirt does, and what we do instead.
    pub reason: &'static str,
    /// The first major version of libvirt that does as ours, where one does.
    pub before: Option<u32>,
    pub(super) what: What,
}

impl Rule {
    /// Whether the rule holds for a libvirt of this major version.
    pub(super) fn holds(&self, major: u32) -> bool {
        self.before.is_none_or(|before| major < before)
    }
}

/// What a rule explains.
#[derive(Debug)]
pub(super) enum What {
    /// Lines of devices of a kind. `{}` stands for any text without angle brackets.
    Line {
        kind: &'static str,
        parts: &'static [Part],
        theirs: Option<&'static str>,
        ours: Option<&'static str>,
        /// What has to be so besides, of the texts that stand for `{}`.
        so: fn(&Seen<'_>) -> bool,
    },
    /// Devices that only we list.
    Extra { kind: &'static str, so: fn(&str, &Device) -> bool },
    /// Devices that only we list since libvirt has given their name to another.
    Collision,
    /// Devices that libvirt calls by another name, which this function makes ours of.
    Renamed { kind: &'static str, our_name: fn(&str) -> String },
    /// Devices of these prefixes, which libvirt judges by other rules.
    Judged { prefixes: &'static [&'static str] },
}

/// What a line's rule may look at.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) theirs: &'a [&'a str],
    pub(super) ours: &'a [&'a str],
    /// Our device.
    pub(super) device: &'a Device,
    /// Devices that only we list, and on purpose.
    pub(super) extra: &'a BTreeSet<String>,
}

const DOCUMENTS: &[Part] = &[Part::Live, Part::Inactive];

/// All of them.
pub const RULES: &[Rule] = &[
    Rule {
        id: "computer-uuid",
        reason: "without DMI libvirt prints a uuid of zeros; ours is the configured one, or made of the \
                 machine id",
        before: None,
        what: What::Line {
            kind: "system",
            parts: DOCUMENTS,
            theirs: Some("      <uuid>00000000-0000-0000-0000-000000000000</uuid>"),
            ours: Some("      <uuid>{}</uuid>"),
            so: |seen| is_uuid(seen.ours[0]),
        },
    },
    Rule {
        id: "attribute-escaped",
        reason: "libvirt prints attributes of mediated devices unescaped; ours are well-formed",
        before: None,
        what: What::Line {
            kind: "mdev",
            parts: DOCUMENTS,
            theirs: Some("    <attr name='{*}' value='{*}'/>"),
            ours: Some("    <attr name='{}' value='{}'/>"),
            so: ours_is_escaped,
        },
    },
    Rule {
        id: "card-type-escaped",
        reason: "libvirt prints the type of a network card unescaped; ours is well-formed",
        before: None,
        what: What::Line {
            kind: "ccwgroup",
            parts: DOCUMENTS,
            theirs: Some("      <card_type>{*}</card_type>"),
            ours: Some("      <card_type>{}</card_type>"),
            so: ours_is_escaped,
        },
    },
    Rule {
        id: "card-type-absent",
        reason: "libvirt prints `(null)` for a type that is not known; ours is left out",
        before: None,
        what: What::Line {
            kind: "ccwgroup",
            parts: DOCUMENTS,
            theirs: Some("      <card_type>(null)</card_type>"),
            ours: None,
            so: |_| true,
        },
    },
    Rule {
        id: "chpid-escaped",
        reason: "libvirt prints the channel path unescaped; ours is well-formed",
        before: None,
        what: What::Line {
            kind: "ccwgroup",
            parts: DOCUMENTS,
            theirs: Some("      <chpid>{*}</chpid>"),
            ours: Some("      <chpid>{}</chpid>"),
            so: ours_is_escaped,
        },
    },
    Rule {
        id: "chpid-absent",
        reason: "libvirt prints `(null)` for a channel path that is not known; ours is left out",
        before: None,
        what: What::Line {
            kind: "ccwgroup",
            parts: DOCUMENTS,
            theirs: Some("      <chpid>(null)</chpid>"),
            ours: None,
            so: |_| true,
        },
    },
    Rule {
        id: "remote-port-escaped",
        reason: "libvirt prints the name of a remote port unescaped; ours is well-formed",
        before: None,
        what: What::Line {
            kind: "scsi_target",
            parts: DOCUMENTS,
            theirs: Some("      <rport>{*}</rport>"),
            ours: Some("      <rport>{}</rport>"),
            so: ours_is_escaped,
        },
    },
    Rule {
        id: "remote-port-name-escaped",
        reason: "libvirt prints the address of a remote port unescaped; ours is well-formed",
        before: None,
        what: What::Line {
            kind: "scsi_target",
            parts: DOCUMENTS,
            theirs: Some("      <wwpn>{*}</wwpn>"),
            ours: Some("      <wwpn>{}</wwpn>"),
            so: ours_is_escaped,
        },
    },
    Rule {
        id: "possible-link-speed",
        reason: "libvirt prints `(null)` for a speed of a link that it has no word for; ours is left out",
        before: None,
        what: What::Line {
            kind: "pci",
            parts: DOCUMENTS,
            theirs: Some("      <link validity='cap' port='{}' speed='(null)' width='{}'/>"),
            ours: Some("      <link validity='cap' port='{}' width='{}'/>"),
            so: |seen| seen.theirs == seen.ours,
        },
    },
    Rule {
        id: "current-link-speed",
        reason: "libvirt prints `(null)` for a speed of a link that it has no word for; ours is left out",
        before: None,
        what: What::Line {
            kind: "pci",
            parts: DOCUMENTS,
            theirs: Some("      <link validity='sta' speed='(null)' width='{}'/>"),
            ours: Some("      <link validity='sta' width='{}'/>"),
            so: |seen| seen.theirs == seen.ours,
        },
    },
    Rule {
        id: "mdev-parents",
        reason: "of the parents of mediated devices that are not on a bus libvirt knows `mtty` alone; \
                 ours are all of /sys/class/mdev_bus",
        before: None,
        what: What::Extra { kind: "mdev_types", so: is_mdev_parent },
    },
    Rule {
        id: "mdev-of-such-a-parent",
        reason: "a parent that libvirt does not know cannot be the parent in its documents",
        before: None,
        what: What::Line {
            kind: "mdev",
            parts: DOCUMENTS,
            theirs: Some("  <parent>{}</parent>"),
            ours: Some("  <parent>{}</parent>"),
            so: |seen| seen.extra.contains(seen.ours[0]),
        },
    },
    Rule {
        id: "mdev-of-such-a-parent-info",
        reason: "a parent that libvirt does not know cannot be the parent in its answers",
        before: None,
        what: What::Line {
            kind: "mdev",
            parts: &[Part::Info],
            theirs: Some("Parent:         {}"),
            ours: Some("Parent:         {}"),
            so: |seen| seen.extra.contains(seen.ours[0]),
        },
    },
    Rule {
        id: "parent-by-address",
        reason: "a subchannel and a group may have one address; libvirt takes either, ours is always the \
                 same",
        before: None,
        what: What::Line {
            kind: "mdev",
            parts: DOCUMENTS,
            theirs: Some("  <parent>{}</parent>"),
            ours: Some("  <parent>{}</parent>"),
            so: |seen| have_one_address(seen.theirs[0], seen.ours[0]),
        },
    },
    Rule {
        id: "group-of-the-stopped",
        reason: "libvirt keeps the IOMMU group of a device that was stopped; what is inactive has none",
        before: None,
        what: What::Line {
            kind: "mdev",
            parts: DOCUMENTS,
            theirs: Some("    <iommuGroup number='{}'/>"),
            ours: Some("    <iommuGroup number='0'/>"),
            so: |seen| seen.device.state("Active") == "no" && is_number(seen.theirs[0]),
        },
    },
    Rule {
        id: "autostart-of-the-transient",
        reason: "libvirt takes autostart of an undefined device from its parent's listing; without a \
                 definition nothing can start it",
        before: None,
        what: What::Line {
            kind: "mdev",
            parts: &[Part::Info],
            theirs: Some("Autostart:      yes"),
            ours: Some("Autostart:      no"),
            so: |seen| seen.device.state("Persistent") == "no",
        },
    },
    Rule {
        id: "upper-case",
        reason: "libvirt takes over a uuid as a definition spells it, so that one device may be two; ours \
                 are in lower case",
        before: None,
        what: What::Renamed { kind: "mdev", our_name: |theirs| theirs.to_ascii_lowercase() },
    },
    Rule {
        id: "upper-case-uuid",
        reason: "the uuid of such a device",
        before: None,
        what: What::Line {
            kind: "mdev",
            parts: DOCUMENTS,
            theirs: Some("    <uuid>{}</uuid>"),
            ours: Some("    <uuid>{}</uuid>"),
            so: |seen| seen.theirs[0].to_ascii_lowercase() == seen.ours[0],
        },
    },
    Rule {
        id: "collision",
        reason: "of devices whose names collide libvirt lists the last; ours are all listed, the smallest \
                 path under the name itself",
        before: None,
        what: What::Collision,
    },
    Rule {
        id: "channel-devices-before-10",
        reason: "an older libvirt judges devices of s390 by other rules than 11.3",
        before: Some(10),
        what: What::Judged { prefixes: &["ccw_", "ccwgroup_", "block_dasd"] },
    },
    Rule {
        id: "product-data-escaped-since-10",
        reason: "an older libvirt prints a function's product data unescaped",
        before: Some(10),
        what: What::Line {
            kind: "pci",
            parts: DOCUMENTS,
            theirs: Some("        <{}>{*}</{}>"),
            ours: Some("        <{}>{}</{}>"),
            so: |seen| {
                let [tag, text, end] = seen.theirs else { return false };
                seen.ours == [tag, escaped(text).as_str(), end] && PRODUCT_DATA.contains(end)
            },
        },
    },
    Rule {
        id: "empty-product-data-since-10",
        reason: "an older libvirt closes an empty field of product data by an element of its own",
        before: Some(10),
        what: What::Line {
            kind: "pci",
            parts: DOCUMENTS,
            theirs: Some("        <{}></{}>"),
            ours: Some("        <{}/>"),
            so: |seen| {
                seen.theirs[0] == seen.ours[0]
                    && ["vendor_field", "system_field"].contains(&seen.theirs[1])
            },
        },
    },
    Rule {
        id: "block-size-zero-since-10",
        reason: "an older libvirt prints no size of blocks where it is 0",
        before: Some(10),
        what: What::Line {
            kind: "storage",
            parts: DOCUMENTS,
            theirs: None,
            ours: Some("    <logical_block_size>0</logical_block_size>"),
            so: |_| true,
        },
    },
    Rule {
        id: "number-of-blocks-zero-since-10",
        reason: "an older libvirt prints no number of blocks where it is 0",
        before: Some(10),
        what: What::Line {
            kind: "storage",
            parts: DOCUMENTS,
            theirs: None,
            ours: Some("    <num_blocks>0</num_blocks>"),
            so: |_| true,
        },
    },
];

/// Elements of a function's product data that hold texts.
const PRODUCT_DATA: &[&str] = &[
    "change_level",
    "manufacture_id",
    "part_number",
    "serial_number",
    "vendor_field",
    "asset_tag",
    "system_field",
];

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
        && groups.iter().any(|group| group.bytes().any(|b| b != b'0'))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether ours are theirs, escaped. Equal ones are no difference.
fn ours_is_escaped(seen: &Seen<'_>) -> bool {
    seen.theirs.iter().zip(seen.ours).all(|(theirs, ours)| escaped(theirs) == **ours)
}

fn escaped(text: &str) -> String {
    let characters = text.chars().map(|c| match c {
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&apos;".to_owned(),
        other => other.to_string(),
    });
    characters.collect()
}

/// Named `<subsystem>_<sysname>`, and none that libvirt knows.
fn is_mdev_parent(name: &str, device: &Device) -> bool {
    let sysname = device.path().rsplit('/').next().unwrap_or_default();
    let sysname = sysname.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    name != "mtty_mtty" && !sysname.is_empty() && name.ends_with(&format!("_{sysname}"))
}

fn have_one_address(theirs: &str, ours: &str) -> bool {
    let address = |name: &str| {
        let kinds = ["css_", "ccwgroup_"];
        kinds.iter().find_map(|kind| name.strip_prefix(kind)).map(str::to_owned)
    };
    address(theirs).is_some() && address(theirs) == address(ours)
}

/// The texts that stand for `{}` and `{*}` in the pattern; nothing when the line is not of it. `{}`
/// has no angle brackets, `{*}` may have any.
pub(super) fn captures<'a>(pattern: &str, line: &'a str) -> Option<Vec<&'a str>> {
    let mut found = Vec::new();
    let (mut pattern, mut line) = (pattern, line);
    loop {
        let place =
            ["{}", "{*}"].iter().filter_map(|mark| Some((pattern.find(mark)?, *mark))).min();
        let Some((at, mark)) = place else {
            return (pattern == line).then_some(found);
        };
        line = line.strip_prefix(&pattern[..at])?;
        pattern = &pattern[at + mark.len()..];
        let next = pattern.find('{').map_or(pattern, |next| &pattern[..next]);
        // What is not escaped may look like its own end.
        let end = if mark == "{*}" { line.rfind(next) } else { line.find(next) }?;
        let text = if next.is_empty() { line } else { &line[..end] };
        if mark == "{}" && text.contains(['<', '>']) {
            return None;
        }
        found.push(text);
        line = &line[text.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_capture() {
        assert_eq!(captures("<a>{}</a>", "<a>x</a>"), Some(vec!["x"]));
        assert_eq!(captures("<a>{}</a>", "<a><b></a>"), None);
        assert_eq!(captures("<a>{*}</a>", "<a><b></a>"), Some(vec!["<b>"]));
        assert_eq!(captures("<a b='{}' c='{}'/>", "<a b='1' c=''/>"), Some(vec!["1", ""]));
        assert_eq!(captures("Parent: {}", "Parent: pci"), Some(vec!["pci"]));
        let line = "<a i='1'>x</b>y</a>";
        assert_eq!(captures("<{}>{*}</{}>", line), Some(vec!["a i='1'", "x</b>y", "a"]));
        assert_eq!(captures("<a b='{*}' c='{*}'/>", "<a b='1' c='2'/>"), Some(vec!["1", "2"]));
        assert_eq!(captures("<a/>", "<a/>"), Some(vec![]));
        assert_eq!(captures("<a/>", "<b/>"), None);
    }

    #[test]
    fn rules_have_names_of_their_own_and_reasons() {
        let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.reason.len() > 10));
        for rule in RULES {
            if let What::Line { theirs, ours, .. } = rule.what {
                let count = |pattern: Option<&str>| pattern.map_or(0, |p| p.matches('{').count());
                assert!(theirs.is_some() || ours.is_some(), "{}", rule.id);
                assert!(count(theirs) <= 3 && count(ours) <= 3, "{}", rule.id);
            }
        }
    }

    #[test]
    fn a_parent_of_mediated_devices_is_named_by_its_path() {
        let parent = |path: &str| Device {
            live: format!("<device>\n  <path>{path}</path>\n  <capability type='mdev_types'>\n"),
            ..Device::default()
        };
        assert!(is_mdev_parent("mdpy_mdpy", &parent("/sys/devices/virtual/mdpy/mdpy")));
        assert!(!is_mdev_parent("mdpy_other", &parent("/sys/devices/virtual/mdpy/mdpy")));
        assert!(!is_mdev_parent("mtty_mtty", &parent("/sys/devices/virtual/mtty/mtty")));
    }

    #[test]
    fn only_a_true_uuid_stands_for_zeros() {
        assert!(is_uuid(HOST_UUID));
        assert!(!is_uuid("00000000-0000-0000-0000-000000000000"));
        assert!(!is_uuid("6f0d3f0e-7f1b-4f0e-9b5a-0123456789a"));
    }
}
