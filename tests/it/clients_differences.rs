//! Where an answer of ours is not libvirt's on purpose, as data: taken out of both sides.

/// Lines that begin so, and why they may differ.
const LINES: &[(&str, &str)] = &[
    ("virConnectGetLibVersion", "we answer as libvirt 11.3 does, whatever is installed here"),
    ("getLibVersion", "as above"),
    ("virNodeDeviceLookupSCSIHostByWWN(absent)", "libvirt forgets to say what it did not find"),
    ("nodeDeviceLookupSCSIHostByWWN", "as above"),
    ("virConnectListAllNodeDevices, count(0x400000)", "group devices, since libvirt 11.1"),
    ("virConnectListAllNodeDevices(0x400000)", "as above"),
    ("virConnectListAllNodeDevices, count(0x800000)", "their members, since libvirt 11.1"),
    ("virConnectListAllNodeDevices(0x800000)", "as above"),
    ("virConnectListAllNodeDevices, count(0x10000000)", "persistent ones, since libvirt 10.1"),
    ("virConnectListAllNodeDevices(0x10000000)", "as above"),
    ("virConnectListAllNodeDevices, count(0x20000000)", "transient ones, since libvirt 10.1"),
    ("virConnectListAllNodeDevices(0x20000000)", "as above"),
];

/// Texts after which the rest of the line is our own: what is wrong with a text that is no XML.
const OWN_WORDS: &[&str] = &["error 35 domain 22 level 2:", "! 35 22 2"];

/// Texts that stand for the same: libvirt before 10.1 did not number the places in its formats.
const SAME: &[(&str, &str)] = &[("%1$s", "%s")];

/// The output without what differs on purpose.
pub(crate) fn without_differences(output: &str) -> String {
    let differs = |line: &&str| !LINES.iter().any(|(start, _)| line.starts_with(start));
    output.lines().filter(differs).map(|line| format!("{}\n", in_common(line))).collect()
}

fn in_common(line: &str) -> String {
    let words = OWN_WORDS.iter().find_map(|words| Some(line.find(words)? + words.len()));
    let line = words.map_or(line, |end| &line[..end]);
    SAME.iter().fold(line.to_owned(), |line, (ours, theirs)| line.replace(ours, theirs))
}

#[test]
fn what_differs_on_purpose_is_taken_out() {
    let output = "getLibVersion = 1\nf(<a>) error 35 domain 22 level 2: no\ng ! '%1$s' = 1\n";
    let expected = "f(<a>) error 35 domain 22 level 2:\ng ! '%s' = 1\n";
    assert_eq!(without_differences(output), expected);
}
