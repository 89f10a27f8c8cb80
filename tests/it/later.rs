//! The elements that are not read yet, as data: taken out of both sides before a comparison.

/// Elements of a kind of device that are still to come.
const ELEMENTS: &[(&str, &[&str])] = &[
    // Without DMI libvirt prints zeros; ours is derived from the machine id.
    ("system", &["      <uuid>"]),
];

/// Devices that a libvirt before 10.0 judges by other rules than ours, which are those of 11.3.
const JUDGED_OTHERWISE_BEFORE_10: &[&str] = &["ccw_", "ccwgroup_", "block_dasd"];

/// Elements that a libvirt before 10.0 writes by other rules: without escapes, or not if they are 0.
const WRITTEN_OTHERWISE_BEFORE_10: &[&str] = &[
    "    <capability type='vpd'>",
    "    <logical_block_size>0</logical_block_size>",
    "    <num_blocks>0</num_blocks>",
];

/// The document without what a libvirt of this version writes by other rules than ours.
pub(crate) fn written_alike(version: &str, document: &str) -> String {
    let elements = if is_before_10(version) { WRITTEN_OTHERWISE_BEFORE_10 } else { &[] };
    without_elements(document, elements)
}

/// Whether a libvirt of this version, for example `9.0.0`, has the same rules for the device.
pub(crate) fn is_judged_alike(version: &str, name: &str) -> bool {
    !is_before_10(version)
        || !JUDGED_OTHERWISE_BEFORE_10.iter().any(|prefix| name.starts_with(prefix))
}

fn is_before_10(version: &str) -> bool {
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    major < 10
}

/// The document without what is still to come.
pub(crate) fn without_later(document: &str) -> String {
    let kind = document
        .lines()
        .find_map(|line| line.strip_prefix("  <capability type='")?.split('\'').next());
    let Some(kind) = kind else {
        return document.to_owned();
    };
    let elements = ELEMENTS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, list)| list);
    without_elements(document, elements)
}

fn without_elements(document: &str, elements: &[&str]) -> String {
    let mut kept = String::new();
    let mut until: Option<String> = None;
    for line in document.lines() {
        if let Some(end) = &until {
            if line == end {
                until = None;
            }
            continue;
        }
        if elements.iter().any(|element| line.starts_with(element)) {
            until = closing(line);
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// The line that ends the element that this line begins, unless it ends on this line.
fn closing(line: &str) -> Option<String> {
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    let name = text.trim_start_matches('<').split([' ', '>', '/']).next().unwrap_or_default();
    let complete = text.ends_with("/>") || text.ends_with(&format!("</{name}>"));
    (!complete).then(|| format!("{indent}</{name}>"))
}

#[test]
fn elements_to_come_are_taken_out_whole() {
    let document = |elements: &str| {
        format!(
            "<device>\n  <capability type='scsi_host'>\n    <host>0</host>\n{elements}    <x/>\n  \
             </capability>\n</device>\n"
        )
    };
    let block = "    <capability type='fc_host'>\n      <wwnn>1</wwnn>\n    </capability>\n";
    let on_a_line = "    <capability type='vport_ops'></capability>\n";
    let elements = format!("{block}{on_a_line}");
    let to_come = ["    <capability type='fc_host'>", "    <capability type='vport_ops'>"];
    assert_eq!(without_elements(&document(&elements), &to_come), document(""));
}
