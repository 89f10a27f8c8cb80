//! Definitions made with the real mdevctl, good and bad, as `nodedev` shows them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nodedev_tests::command::{nodedev, run};
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

const ONE: &str = "11111111-2222-4333-8444-555555555555";
const TWO: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

fn define(lab: &Lab, uuid: &str, parent: &str) {
    lab.run("mdevctl", &["define", "--uuid", uuid, "--parent", parent, "--type", "some-type"]);
}

fn tools() -> Result<(), String> {
    root()?;
    programs(&["unshare", "systemd-udevd", "mdevctl"])
}

#[test]
fn definitions_are_listed_as_inactive_devices() {
    require!(tools());
    let lab = Lab::start();
    let pci = run(&mut lab.nodedev(&["list", "--cap", "pci", "--json"])).ok();
    let pci: serde_json::Value = serde_json::from_str(&pci).unwrap();
    let Some(parent) = pci["devices"][0]["id"].as_str() else { panic!("no PCI device: {pci}") };
    let address = parent.rsplit('/').next().unwrap();
    define(&lab, ONE, address);
    define(&lab, TWO, "0000:99:00.0");

    let listed = run(&mut lab.nodedev(&["list", "--inactive"])).ok();
    let name = |uuid: &str, parent: &str| {
        format!("mdev_{uuid}_{parent}").replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    };
    let (one, two) = (name(ONE, address), name(TWO, "0000:99:00.0"));
    assert_eq!(listed.lines().collect::<Vec<_>>(), [one.as_str(), two.as_str()]);

    let document = run(&mut lab.nodedev(&["dump", &one])).ok();
    let parent_name = pci["devices"][0]["name"].as_str().unwrap();
    let expected = format!(
        "<device>\n  <name>{one}</name>\n  <parent>{parent_name}</parent>\n  \
         <capability type='mdev'>\n    <type id='some-type'/>\n    <uuid>{ONE}</uuid>\n    \
         <parent_addr>{address}</parent_addr>\n    <iommuGroup number='0'/>\n  \
         </capability>\n</device>\n"
    );
    assert_eq!(document, expected);
    let absent = run(&mut lab.nodedev(&["dump", &two])).ok();
    assert!(absent.contains("<parent>computer</parent>"), "{absent}");

    assert_eq!(run(&mut lab.nodedev(&["list"])).ok().matches("mdev_").count(), 0);
    assert_eq!(run(&mut lab.nodedev(&["list", "--all"])).ok().matches("mdev_").count(), 2);
    let persistent = run(&mut lab.nodedev(&["list", "--all", "--persistent"])).ok();
    assert_eq!(persistent.lines().collect::<Vec<_>>(), ["computer", &one, &two]);
}

/// Makes a bad file, or what is no file, at that path.
type Make = fn(&Path);

/// docs/differences.md: one bad file costs that one definition, and the reason is visible.
#[test]
fn one_bad_definition_file_costs_itself() {
    require!(tools());
    let bad: [(&str, Make); 4] = [
        ("truncated", |file| fs::write(file, "{\"mdev_type\": \"t").unwrap()),
        ("10 MB", |file| fs::write(file, vec![b' '; 10 << 20]).unwrap()),
        ("not UTF-8", |file| fs::write(file, b"{\"mdev_type\": \"\xff\xfe\"").unwrap()),
        ("a directory", |file| fs::create_dir(file).unwrap()),
    ];
    for (what, make) in bad {
        let lab = Lab::start();
        define(&lab, ONE, "0000:99:00.0");
        let file = lab.definitions().join("0000:99:00.0").join(TWO);
        make(&file);
        let listed = run(&mut lab.nodedev(&["list", "--inactive"]));
        assert_eq!(listed.stdout.lines().count(), 1, "{what}: {listed:?}");
        assert!(listed.stdout.contains("11111111"), "{what}: {listed:?}");
        assert!(listed.stderr.contains(TWO), "{what}: {listed:?}");
        let devices = run(&mut lab.nodedev(&["list"]));
        assert!(devices.stdout.contains("computer"), "{what}: {devices:?}");
        let sources = run(&mut lab.nodedev(&["sources"]));
        assert!(sources.stdout.contains(TWO), "{what}: {sources:?}");
    }
}

/// A definition that this user may not read has not gone.
#[test]
fn what_may_not_be_read_is_no_proof_of_absence() {
    require!(tools());
    require!(programs(&["setpriv"]));
    let lab = Lab::start();
    define(&lab, ONE, "0000:99:00.0");
    let ours = lab.folder().join("nodedev");
    fs::copy(nodedev(), &ours).unwrap();
    let allow =
        |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    allow(lab.folder(), 0o755);
    let listed = || {
        let mut command = lab.command("setpriv");
        run(command
            .args(["--reuid=65534", "--clear-groups"])
            .arg(&ours)
            .args(["list", "--inactive"]))
    };
    assert_eq!(listed().stdout.lines().count(), 1, "{:?}", listed());

    allow(&lab.definitions().join("0000:99:00.0").join(ONE), 0o600);
    let closed = listed();
    assert_eq!((closed.status, closed.stdout.as_str()), (Some(0), ""), "{closed:?}");
    assert!(closed.stderr.contains(ONE), "{closed:?}");
    assert!(closed.stderr.contains("Permission denied"), "{closed:?}");

    allow(&lab.definitions(), 0o700);
    let closed = listed();
    assert_eq!(closed.status, Some(4), "{closed:?}");
    assert!(closed.stderr.contains("mdevctl.d: cannot be read"), "{closed:?}");
}
