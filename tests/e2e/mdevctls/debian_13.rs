//! The mdevctl and the virsh of Debian 13, from a root of that distribution: our daemon runs here and
//! calls the one, the other calls our daemon.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nodedev_tests::command::{Ran, run};

use crate::device::{MTTY, Mdev, State};
use crate::guest::{Guest, Wanted};
use crate::kernel::{read_definition, write_callout};
use crate::life::{self, Virsh};
use crate::tools::Mdevctl;

/// Where it is. It was made before the machine was started, and is entered once for all.
fn root() -> &'static str {
    static ROOT: OnceLock<String> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = std::env::var("NODEDEV_DEBIAN_ROOT").unwrap();
        run(Command::new("enter-root").args([&root, "true"])).ok();
        let resolved = PathBuf::from(root).canonicalize().unwrap();
        resolved.to_str().unwrap().to_owned()
    })
}

fn mdevctl() -> Mdevctl {
    Mdevctl::before(&format!("chroot {} mdevctl", root()))
}

fn guest(mdevctl: &Mdevctl) -> Guest {
    Guest::with(&Wanted { drivers: &["mtty"], mdevctl: Some(mdevctl), ..Wanted::default() })
}

fn virsh(guest: &Guest, words: &[&str]) -> Ran {
    let uri = guest.uri();
    run(Command::new("chroot").arg(root()).args(["virsh", "-q", "-c", &uri]).args(words))
}

#[test]
fn a_device_has_its_whole_life_with_mdevctl_1_4_and_virsh_11_3() {
    let mdevctl = mdevctl();
    let version = run(Command::new(mdevctl.program()).arg("--version")).ok();
    assert!(version.contains("1.4"), "{version}");
    let guest = guest(&mdevctl);
    life::persistent(&guest, &Virsh(virsh), &MTTY);
    life::transient(&guest, &Virsh(virsh), &MTTY);
}

#[test]
fn a_redefinition_with_another_type_and_attributes_keeps_the_autostart() {
    let mdevctl = mdevctl();
    let guest = guest(&mdevctl);
    let name = MTTY.name();
    virsh(&guest, &["nodedev-define", &MTTY.file(&guest)]).ok();
    virsh(&guest, &["nodedev-autostart", &name]).ok();
    guest.follow();
    let other = Mdev { mdev_type: "mtty-2", ..MTTY };
    let attribute = "<attr name='power/control' value='on'/>\n";
    virsh(&guest, &["nodedev-define", &other.file_with(&guest, attribute)]).ok();
    other.expect(&guest, State::Defined { autostart: true, active: false });
    assert_eq!(
        read_definition("mtty", MTTY.uuid),
        serde_json::json!({"mdev_type": "mtty-2", "start": "auto", "attrs": [{"power/control": "on"}]})
    );
    assert!(guest.document(&name).contains(attribute.trim_end()));
    life::expect_events(&guest, &MTTY, &["updated"]);
}

#[test]
fn an_update_of_the_definition_keeps_the_autostart_and_the_running_device() {
    let mdevctl = mdevctl();
    let guest = guest(&mdevctl);
    let name = MTTY.name();
    virsh(&guest, &["nodedev-define", &MTTY.file(&guest)]).ok();
    virsh(&guest, &["nodedev-autostart", &name]).ok();
    virsh(&guest, &["nodedev-start", &name]).ok();
    guest.follow();
    let other = Mdev { mdev_type: "mtty-2", ..MTTY };
    virsh(&guest, &["nodedev-update", &name, &other.file(&guest), "--config"]).ok();
    assert_eq!(read_definition("mtty", MTTY.uuid)["mdev_type"], "mtty-2");
    assert_eq!(read_definition("mtty", MTTY.uuid)["start"], "auto");
    let device = guest.device(&name);
    assert!(device["document"].as_str().unwrap().contains("<type id='mtty-1'/>"), "{device:?}");
    assert!(device["definition"].as_str().unwrap().contains("<type id='mtty-2'/>"), "{device:?}");
    assert_eq!(device["autostart"], true);
    life::expect_events(&guest, &MTTY, &["updated"]);

    // What runs keeps its type, and no script of this machine can change it.
    let refused = virsh(&guest, &["nodedev-update", &name, &other.file(&guest), "--live"]);
    assert!(refused.stderr.contains("type"), "{refused:?}");
    let refused = virsh(&guest, &["nodedev-update", &name, &MTTY.file(&guest), "--live"]);
    assert_ne!(refused.status, Some(0));
    assert!(refused.stderr.contains("mdevctl modify"), "{refused:?}");

    guest.nodedev(&["update", &name, &MTTY.file(&guest), "--config"]).ok();
    MTTY.expect(&guest, State::Defined { autostart: true, active: true });
}

#[test]
fn an_update_through_virsh_11_3_with_mdevctl_1_2_is_an_unsupported_operation() {
    let guest = Guest::start();
    guest.client().define(&MTTY).unwrap();
    let update = ["nodedev-update", &MTTY.name(), &MTTY.file(&guest), "--config"];
    let refused = virsh(&guest, &update);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("Operation not supported"), "{refused:?}");
    assert!(refused.stderr.contains("mdevctl 1.2"), "{refused:?}");
}

#[test]
fn a_live_update_changes_what_runs_and_not_the_definition() {
    let mdevctl = mdevctl();
    let state = mdevctl.folder().join("state");
    fs::write(&state, r#"[{"speed":"slow"}]"#).unwrap();
    write_callout(&include_str!("live_update.sh").replace("STATE", state.to_str().unwrap()));
    let guest = guest(&mdevctl);
    let name = MTTY.name();
    virsh(&guest, &["nodedev-create", &MTTY.file(&guest)]).ok();
    guest.until("its attribute is read", |guest| {
        guest.document(&name).contains("<attr name='speed' value='slow'/>")
    });
    guest.follow();
    let fast = "<attr name='speed' value='fast'/>\n";
    virsh(&guest, &["nodedev-update", &name, &MTTY.file_with(&guest, fast), "--live"]).ok();
    let document = guest.document(&name);
    assert!(document.contains(fast.trim_end()), "{document}");
    life::expect_events(&guest, &MTTY, &["updated"]);
    // It has no definition still.
    MTTY.expect(&guest, State::Transient);
}
