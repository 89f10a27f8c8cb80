use super::*;

fn document(name: &str, kind: &str, path: &str, inside: &str) -> String {
    format!(
        "<device>\n  <name>{name}</name>\n  <path>{path}</path>\n  <parent>computer</parent>\n  \
         <capability type='{kind}'>\n{inside}  </capability>\n</device>\n"
    )
}

fn info(name: &str, persistent: &str, autostart: &str) -> String {
    format!(
        "Name:           {name}\nParent:         computer\nActive:         yes\n\
         Persistent:     {persistent}\nAutostart:      {autostart}\n"
    )
}

fn device(name: &str, kind: &str, inside: &str) -> Device {
    Device {
        live: document(name, kind, &format!("/sys/devices/{name}"), inside),
        inactive: "error: not persistent\n".to_owned(),
        info: info(name, "no", "no"),
        lists: ["--all".to_owned(), format!("--all --cap {kind}")].into(),
    }
}

fn dump(devices: &[(&str, Device)]) -> Dump {
    let devices = devices.iter().map(|(name, device)| ((*name).to_owned(), device.clone()));
    Dump { devices: devices.collect(), ..Dump::default() }
}

/// Compares one device of this name.
fn pair(name: &str, theirs: &Device, ours: &Device) -> Comparison {
    compare("11.3.0", &dump(&[(name, theirs.clone())]), &dump(&[(name, ours.clone())]))
}

#[track_caller]
fn assert_intended(comparison: &Comparison, name: &str, rules: &[&'static str]) {
    assert!(comparison.is_clean(), "{comparison:#?}");
    assert_eq!(comparison.intended.get(name), Some(&rules.iter().copied().collect()));
}

#[test]
fn equal_devices_are_equal() {
    let one = device("drm_card0", "drm", "    <type>primary</type>\n");
    let comparison = pair("drm_card0", &one, &one);
    assert!(comparison.is_clean());
    assert_eq!((comparison.devices, comparison.equal), (1, 1));
}

type Change = fn(&mut Device);

#[test]
fn each_part_of_a_device_is_looked_at() {
    let one = device("drm_card0", "drm", "    <type>primary</type>\n");
    let changes: [(&str, Change); 5] = [
        ("-    <type>primary</type>", |d| d.live = d.live.replace("primary", "render")),
        ("-error: not persistent", |d| d.inactive = "error: other words\n".to_owned()),
        ("-Autostart:      no", |d| {
            d.info = d.info.replace("Autostart:      no", "Autostart: yes")
        }),
        ("-nodedev-list --all --cap drm", |d| {
            d.lists.remove("--all --cap drm");
        }),
        ("+++ ours: dumpxml drm_card0", |d| d.live = d.live.replace("'drm'", "\"drm\"")),
    ];
    for (expected, change) in changes {
        let mut other = one.clone();
        change(&mut other);
        let comparison = pair("drm_card0", &one, &other);
        let shown = comparison.differing.get("drm_card0").unwrap_or_else(|| panic!("{expected}"));
        assert!(shown.contains(expected), "{expected}: {shown}");
        assert_eq!(comparison.equal, 0);
    }
}

#[test]
fn ends_of_lines_count() {
    let one = device("drm_card0", "drm", "");
    for other in [one.live.trim_end().to_owned(), one.live.replace('\n', "\r\n")] {
        let other = Device { live: other, ..one.clone() };
        assert!(!pair("drm_card0", &one, &other).is_clean());
    }
}

#[test]
fn devices_of_one_side_are_missing_or_extra() {
    let (a, b) = (device("drm_a", "drm", ""), device("drm_b", "drm", ""));
    let comparison = compare("11.3.0", &dump(&[("drm_a", a)]), &dump(&[("drm_b", b)]));
    assert_eq!(comparison.missing, ["drm_a".to_owned()].into());
    assert_eq!(comparison.extra, ["drm_b".to_owned()].into());
    assert!(!comparison.is_clean());
}

#[test]
fn refused_questions_are_compared() {
    let mut theirs = dump(&[]);
    theirs.complaints.insert("--all --cap ccw".to_owned(), "error: no such word\n".to_owned());
    let comparison = compare("11.3.0", &theirs, &dump(&[]));
    assert!(comparison.differing["nodedev-list --all --cap ccw"].contains("-error: no such word"));
    assert!(compare("11.3.0", &theirs, &theirs).is_clean());
}

#[test]
fn zeros_for_a_uuid_are_meant_and_another_uuid_is_not() {
    let computer =
        |uuid: &str| device("computer", "system", &format!("      <uuid>{uuid}</uuid>\n"));
    let zeros = computer("00000000-0000-0000-0000-000000000000");
    let own = computer(super::super::intended::HOST_UUID);
    assert_intended(&pair("computer", &zeros, &own), "computer", &["computer-uuid"]);
    assert!(!pair("computer", &own, &zeros).is_clean(), "the other way round it is a fault");
    assert!(!pair("computer", &zeros, &computer("none")).is_clean());
    let elsewhere = |uuid: &str| device("drm_x", "drm", &format!("      <uuid>{uuid}</uuid>\n"));
    let zeros = elsewhere("00000000-0000-0000-0000-000000000000");
    assert!(!pair("drm_x", &zeros, &elsewhere(super::super::intended::HOST_UUID)).is_clean());
}

#[test]
fn what_libvirt_leaves_unescaped_is_escaped_in_ours() {
    let with = |name: &str, value: &str| {
        device("mdev_x", "mdev", &format!("    <attr name='{name}' value='{value}'/>\n"))
    };
    let theirs = with("a<b", "x&'y");
    let comparison = pair("mdev_x", &theirs, &with("a&lt;b", "x&amp;&apos;y"));
    assert_intended(&comparison, "mdev_x", &["attribute-escaped"]);
    assert!(!pair("mdev_x", &theirs, &with("a&lt;b", "x&amp;&apos;z")).is_clean());
}

#[test]
fn unknown_texts_of_a_network_card_are_left_out() {
    let group = |inside: &str| device("ccwgroup_0", "ccwgroup", inside);
    let theirs = group("      <card_type>a&b</card_type>\n      <chpid>(null)</chpid>\n");
    let ours = group("      <card_type>a&amp;b</card_type>\n");
    let comparison = pair("ccwgroup_0", &theirs, &ours);
    assert_intended(&comparison, "ccwgroup_0", &["card-type-escaped", "chpid-absent"]);
    let theirs = group("      <card_type>OSD</card_type>\n      <chpid>44</chpid>\n");
    assert!(!pair("ccwgroup_0", &theirs, &group("      <chpid>44</chpid>\n")).is_clean());
}

#[test]
fn a_speed_without_a_word_is_left_out() {
    let link = |text: &str| device("pci_0", "pci", &format!("      <link {text}/>\n"));
    let theirs = link("validity='cap' port='0' speed='(null)' width='4'");
    let comparison = pair("pci_0", &theirs, &link("validity='cap' port='0' width='4'"));
    assert_intended(&comparison, "pci_0", &["possible-link-speed"]);
    assert!(!pair("pci_0", &theirs, &link("validity='cap' port='0' width='8'")).is_clean());
    let theirs = link("validity='cap' port='0' speed='8' width='4'");
    assert!(!pair("pci_0", &theirs, &link("validity='cap' port='0' width='4'")).is_clean());
}

#[test]
fn a_parent_that_libvirt_does_not_know_is_extra_and_a_parent() {
    let parent = || {
        let path = "/sys/devices/virtual/mdpy/mdpy";
        let live = document("mdpy_mdpy", "mdev_types", path, "");
        Device { live, ..device("mdpy_mdpy", "mdev_types", "") }
    };
    let theirs = device("mdev_x", "mdev", "");
    let mut ours = theirs.clone();
    ours.live = ours.live.replace("computer", "mdpy_mdpy");
    ours.info = ours.info.replace("computer", "mdpy_mdpy");
    let all = dump(&[("mdev_x", ours.clone()), ("mdpy_mdpy", parent())]);
    let comparison = compare("11.3.0", &dump(&[("mdev_x", theirs.clone())]), &all);
    let rules = ["mdev-of-such-a-parent", "mdev-of-such-a-parent-info"];
    assert_intended(&comparison, "mdev_x", &rules);
    assert_intended(&comparison, "mdpy_mdpy", &["mdev-parents"]);
    assert!(!pair("mdev_x", &theirs, &ours).is_clean(), "a parent that is not there");
    let mtty = device("mtty_mtty", "mdev_types", "");
    let comparison = compare("11.3.0", &dump(&[]), &dump(&[("mtty_mtty", mtty)]));
    assert_eq!(comparison.extra.len(), 1, "libvirt knows this one");
}

#[test]
fn of_colliding_names_libvirt_has_one() {
    let at = |name: &str, path: &str| Device {
        live: document(name, "net", path, &format!("    <interface>{path}</interface>\n")),
        info: info(name, "no", "no"),
        ..device(name, "net", "")
    };
    let suffixed = "net_a_1_0123abcd";
    let ours = dump(&[("net_a_1", at("net_a_1", "/s/a.1")), (suffixed, at(suffixed, "/s/a_1"))]);
    let first = dump(&[("net_a_1", at("net_a_1", "/s/a.1"))]);
    let comparison = compare("11.3.0", &first, &ours);
    assert_intended(&comparison, suffixed, &["collision"]);
    assert_eq!(comparison.equal, 1);
    let last = dump(&[("net_a_1", at("net_a_1", "/s/a_1"))]);
    let comparison = compare("11.3.0", &last, &ours);
    assert_intended(&comparison, "net_a_1", &["collision"]);
    let neither = dump(&[("net_a_1", at("net_a_1", "/s/b"))]);
    assert!(!compare("11.3.0", &neither, &ours).is_clean());
    let other = dump(&[("net_b", at("net_b", "/s/b")), ("net_c_0123abcd", at("net_c", "/s/c"))]);
    let theirs = dump(&[("net_b", at("net_b", "/s/b"))]);
    assert_eq!(compare("11.3.0", &theirs, &other).extra.len(), 1, "no name that it collides with");
}

#[test]
fn a_uuid_in_upper_case_is_the_same_device() {
    let defined = |name: &str, uuid: &str| Device {
        info: info(name, "yes", "no"),
        lists: ["--inactive".to_owned()].into(),
        ..device(name, "mdev", &format!("    <uuid>{uuid}</uuid>\n"))
    };
    let (upper, lower) = (defined("mdev_AB_x", "AB"), defined("mdev_ab_x", "ab"));
    // The paths made here have the name in them, and follow it.
    let ours = dump(&[("mdev_ab_x", lower)]);
    let comparison = compare("11.3.0", &dump(&[("mdev_AB_x", upper.clone())]), &ours);
    assert_intended(&comparison, "mdev_ab_x", &["upper-case", "upper-case-uuid"]);
    let other = dump(&[("mdev_ab_x", defined("mdev_ab_x", "ac"))]);
    assert!(!compare("11.3.0", &dump(&[("mdev_AB_x", upper)]), &other).is_clean());
}

#[test]
fn rules_of_an_older_libvirt_hold_for_it_alone() {
    let (one, other) = (device("ccw_0", "ccw", ""), device("ccw_0", "ccw", "    <x/>\n"));
    let (theirs, ours) = (dump(&[("ccw_0", one)]), dump(&[("ccw_0", other)]));
    assert_intended(&compare("9.0.0", &theirs, &ours), "ccw_0", &["channel-devices-before-10"]);
    assert!(!compare("11.3.0", &theirs, &ours).is_clean());
    assert!(!compare("no version", &theirs, &ours).is_clean());
}

#[test]
fn product_data_was_once_unescaped_and_empty_disks_without_blocks() {
    let field = |text: &str| {
        let line = format!("        <vendor_field index='1'>{text}</vendor_field>\n");
        dump(&[("pci_0", device("pci_0", "pci", &line))])
    };
    let (theirs, ours) = (field("a<b"), field("a&lt;b"));
    let rules = ["product-data-escaped-since-10"];
    assert_intended(&compare("9.0.0", &theirs, &ours), "pci_0", &rules);
    assert!(!compare("11.3.0", &theirs, &ours).is_clean());
    assert!(!compare("9.0.0", &theirs, &field("a&lt;c")).is_clean());
    let empty = device("pci_0", "pci", "        <vendor_field index='1'/>\n");
    let rules = ["empty-product-data-since-10"];
    let comparison = compare("9.0.0", &field(""), &dump(&[("pci_0", empty)]));
    assert_intended(&comparison, "pci_0", &rules);
    let disk = |inside: &str| dump(&[("block_a", device("block_a", "storage", inside))]);
    let zeros =
        disk("    <logical_block_size>0</logical_block_size>\n    <num_blocks>0</num_blocks>\n");
    let rules = ["block-size-zero-since-10", "number-of-blocks-zero-since-10"];
    assert_intended(&compare("9.0.0", &disk(""), &zeros), "block_a", &rules);
    assert!(!compare("11.3.0", &disk(""), &zeros).is_clean());
}

#[test]
fn the_state_of_a_device_limits_a_rule() {
    let mdev = |group: &str, active: &str, persistent: &str, autostart: &str| {
        let mut one = device("mdev_x", "mdev", &format!("    <iommuGroup number='{group}'/>\n"));
        one.info = info("mdev_x", persistent, autostart).replace("yes\nP", &format!("{active}\nP"));
        one
    };
    let theirs = mdev("12", "no", "yes", "no");
    let comparison = pair("mdev_x", &theirs, &mdev("0", "no", "yes", "no"));
    assert_intended(&comparison, "mdev_x", &["group-of-the-stopped"]);
    assert!(
        !pair("mdev_x", &mdev("12", "yes", "no", "no"), &mdev("0", "yes", "no", "no")).is_clean()
    );
    let comparison = pair("mdev_x", &mdev("1", "yes", "no", "yes"), &mdev("1", "yes", "no", "no"));
    assert_intended(&comparison, "mdev_x", &["autostart-of-the-transient"]);
    let defined = pair("mdev_x", &mdev("1", "yes", "yes", "yes"), &mdev("1", "yes", "yes", "no"));
    assert!(!defined.is_clean());
}

#[test]
fn what_was_equal_once_is_acquitted() {
    let (one, other) = (device("net_a", "net", ""), device("net_a", "net", "    <x/>\n"));
    let mut comparison = pair("net_a", &one, &other);
    comparison.acquit_all_but(&["net_b".to_owned()].into());
    assert!(comparison.is_clean());
    assert_eq!(comparison.equal, 1);
}
