//! A host made of files, with definitions beside it: what both sources know, and where they differ.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nodedev_source_testkit::mock_host::{MockHost, wrap};
use tempfile::TempDir;

use crate::command::{nodedev, run};
use crate::require::{mock_hosts, programs, require, root};

/// A mock host.
#[derive(Debug)]
pub(crate) struct Mock {
    host: MockHost,
    folder: TempDir,
}

impl Mock {
    /// The host that a file in umockdev's format describes.
    pub(crate) fn load(file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut host = MockHost::new(&folder.path().join("host")).unwrap();
        host.load(&fs::read_to_string(file).unwrap()).unwrap();
        let mock = Self { host, folder };
        mock.link_mdev_parents();
        mock.make_iommu_groups();
        mock
    }

    /// The host of the fixtures with every kind of device.
    fn every_kind() -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        Self::load(&fixtures.join("hosts/every-kind.umockdev"))
    }

    /// What the text format cannot say: the kernel links every parent of mediated devices.
    fn link_mdev_parents(&self) {
        let parents: Vec<_> = self.host.paths().map(str::to_owned).collect();
        for parent in parents {
            let name = parent.rsplit('/').next().unwrap();
            if self.host.real_path(&format!("{parent}/mdev_supported_types")).is_dir() {
                self.host.link(&format!("/sys/class/mdev_bus/{name}"), &parent).unwrap();
            }
        }
    }

    /// Groups are no devices, so the text format has only the links to them.
    fn make_iommu_groups(&self) {
        for device in self.host.paths() {
            if let Ok(target) = fs::read_link(self.host.real_path(&format!("{device}/iommu_group")))
            {
                let group = target.file_name().unwrap().to_str().unwrap();
                let name = device.rsplit('/').next().unwrap();
                let member = format!("/sys/kernel/iommu_groups/{group}/devices/{name}");
                self.host.link(&member, device).unwrap();
            }
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `nodedev` on this host.
    pub(crate) fn nodedev(&self, args: &[&str]) -> Command {
        wrap(Command::new(nodedev()).args(args).env("NODEDEV_CONNECT", "none"), self.host.root())
    }

    /// A program of libvirt's on this host, which needs a word put in for it.
    pub(crate) fn peer_command(&self, program: &str) -> Command {
        let shim = self.folder.path().join("netlink.so");
        if !shim.exists() {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/shim/netlink.c");
            let mut gcc = Command::new("gcc");
            run(gcc.args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(source).arg("-ldl")).ok();
        }
        let preload = format!("{}:libumockdev-preload.so.0", shim.display());
        let script = format!(
            "mount -t tmpfs none /run/libvirt 2>/dev/null; LD_PRELOAD={preload} exec \"$@\""
        );
        wrap(Command::new("sh").args(["-c", &script, "sh", program]), self.host.root())
    }

    /// A program that stands for mdevctl and gives these listings.
    fn mdevctl(&self, defined: &str, active: &str) -> String {
        let program = self.folder.path().join("mdevctl");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n'list --dumpjson --defined') echo '{defined}' ;;\n\
             'list --dumpjson') echo '{active}' ;;\n--version) echo mdevctl 9.9.9 ;;\n*) exit 2 ;;\nesac\n"
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program.to_str().unwrap().to_owned()
    }
}

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

/// DIFFERENCES: a live claim without a kernel device makes no device.
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
    mock.host.stop_udevd().unwrap();
    let listed = run(&mut mock.nodedev(&["list"]));
    assert!(listed.stdout.contains("pci_0000_00_02_0"), "{listed:?}");
    assert!(listed.stderr.contains("udevd is not running"), "{listed:?}");
    let sources = run(&mut mock.nodedev(&["sources"])).stdout;
    assert!(sources.contains("udevd is not running"), "{sources}");
}
