//! Hosts made of files, with definitions beside them: what both sources know, and where they differ.

use nodedev_tests::command::run;
use nodedev_tests::mock::Mock;
use nodedev_tests::require::{mock_hosts, programs, require, root};

const UUID: &str = "11111111-2222-4333-8444-555555555555";
const NAME: &str = "mdev_11111111_2222_4333_8444_555555555555_0000_00_02_0";

#[test]
fn both_sources_speak_of_a_device_and_each_is_heard_on_its_own_fields() {
    require!(root());
    require!(programs(&["unshare"]));
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let entry = |mdev_type: &str, start: &str, value: &str| {
        format!(
            "[{{\"0000:00:02.0\":[{{\"{UUID}\":{{\"mdev_type\":\"{mdev_type}\",\
             \"start\":\"{start}\",\"attrs\":[{{\"weight\":\"{value}\"}}]}}}}]}}]"
        )
    };
    let mdevctl =
        mock.mdevctl(&entry("i915-GVTg_V5_8", "auto", "2"), &entry("i915-GVTg_V5_8", "auto", "1"));

    let explained =
        run(&mut mock.nodedev(&["explain", NAME, "--json", "--mdevctl", &mdevctl])).ok();
    let explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
    let field = |name: &str| {
        let fields = explained["fields"].as_array().unwrap();
        fields.iter().find(|field| field["field"] == name).unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(field("mdev.type")["value"], "i915-GVTg_V5_4");
    assert_eq!(field("mdev.type")["origin"]["said"][0], "udev");
    assert_eq!(field("mdev.type")["lost"][0]["source"], "mdevctl/active");
    assert_eq!(field("mdev.type")["lost"][0]["value"], "i915-GVTg_V5_8");
    assert_eq!(field("mdev.defined.type")["origin"]["said"][0], "mdevctl/defined");
    assert_eq!(field("mdev.attributes")["origin"]["said"][0], "mdevctl/active");
    assert_eq!(field("mdev.iommu_group.number")["value"], 12);
    assert_eq!(explained["device"]["autostart"], true);
    let text = run(&mut mock.nodedev(&["explain", NAME, "--mdevctl", &mdevctl])).ok();
    assert!(text.contains("lost: mdevctl/active says i915-GVTg_V5_8"), "{text}");

    let live = run(&mut mock.nodedev(&["dump", NAME, "--mdevctl", &mdevctl])).ok();
    assert!(live.contains("<type id='i915-GVTg_V5_4'/>"), "{live}");
    assert!(live.contains("<attr name='weight' value='1'/>"), "{live}");
    let inactive =
        run(&mut mock.nodedev(&["dump", NAME, "--inactive", "--mdevctl", &mdevctl])).ok();
    assert!(inactive.contains("<type id='i915-GVTg_V5_8'/>"), "{inactive}");
    assert!(inactive.contains("<attr name='weight' value='2'/>"), "{inactive}");
}

/// docs/differences.md: a live claim without a kernel device makes no device.
#[test]
fn a_live_claim_without_a_kernel_device_makes_no_ghost() {
    require!(root());
    require!(programs(&["unshare"]));
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let ghost = r#"[{"mtty":[{"99999999-2222-4333-8444-555555555555":{"mdev_type":"mtty-1","start":"manual"}}]}]"#;
    let mdevctl = mock.mdevctl("[]", ghost);
    let listed = run(&mut mock.nodedev(&["list", "--all", "--mdevctl", &mdevctl])).ok();
    assert!(!listed.contains("99999999"), "{listed}");
    assert!(listed.contains(NAME), "{listed}");
}

#[test]
fn without_udevd_the_list_is_there_and_says_what_it_lacks() {
    require!(root());
    require!(programs(&["unshare"]));
    require!(mock_hosts());
    let mock = Mock::every_kind();
    mock.host().stop_udevd().unwrap();
    let listed = run(&mut mock.nodedev(&["list"]));
    assert!(listed.stdout.contains("pci_0000_00_02_0"), "{listed:?}");
    assert!(listed.stderr.contains("udevd is not running"), "{listed:?}");
    let sources = run(&mut mock.nodedev(&["sources"])).stdout;
    assert!(sources.contains("udevd is not running"), "{sources}");
}
