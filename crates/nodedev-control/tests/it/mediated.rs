//! Mediated devices: what is asked of the source in control, and what is refused before.

use std::time::Duration;

use nodedev_control::{
    Refusal, Scrutiny, Update, create, define, set_autostart, start, stop, undefine, update,
};
use nodedev_registry::{Action, MdevConfig};
use nodedev_source::{ErrorKind, SourceError};
use nodedev_types::{DeviceName, MdevAttribute, SourceId};

use crate::host::{ADDRESS, Host, MDEV, PCI, UUID, id, idle};

fn document(parent: &str, mdev_type: &str, uuid: &str) -> String {
    format!(
        "<device><name>x</name><parent>{parent}</parent><capability type='mdev'><type id='{mdev_type}'/>{uuid}\
         <attr name='a' value='1'/></capability></device>"
    )
}

fn own() -> String {
    own_document("t")
}

/// A document of the device, with this type.
pub(crate) fn own_document(mdev_type: &str) -> String {
    document(PCI, mdev_type, &format!("<uuid>{UUID}</uuid>"))
}

fn config(mdev_type: &str, autostart: bool) -> MdevConfig {
    let attributes = vec![MdevAttribute { name: "a".to_owned(), value: "1".to_owned() }];
    MdevConfig { mdev_type: mdev_type.to_owned(), attributes, autostart }
}

fn mdev() -> DeviceName {
    DeviceName::new(MDEV)
}

#[tokio::test(start_paused = true)]
async fn a_definition_without_a_uuid_leaves_it_to_mdevctl() {
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    let xml = document(PCI, "t", "");
    let asked = host.asked(define(&registry, &xml, Scrutiny::Lax)).await;
    let parent = ADDRESS.to_owned();
    assert_eq!(asked, Action::Define { parent, uuid: None, config: config("t", false) });
}

#[tokio::test(start_paused = true)]
async fn redefine_and_update_keep_the_autostart() {
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    host.define("u", true).await;
    // The source keeps what the definition has: this is what the list knows, which may be older.
    let changed =
        Action::Modify { device: id(), config: config("t", true), live: false, defined: true };
    let xml = own();
    assert_eq!(host.asked(define(&registry, &xml, Scrutiny::Lax)).await, changed);
    let name = mdev();
    let updated = update(&registry, &name, &xml, Update::default());
    assert_eq!(host.asked(updated).await, changed);
}

#[tokio::test(start_paused = true)]
async fn an_autostart_that_may_be_out_of_date_is_set_again() {
    let (name, set) = (mdev(), Action::SetAutostart { device: id(), autostart: true });
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    host.define("t", true).await;
    set_autostart(&registry, &name, true).await.expect("it is so, as the list knows for sure");

    // The listing fails, or does not come.
    let defined = SourceId::new(SourceId::MDEVCTL_DEFINED);
    let error = SourceError::new(ErrorKind::Failed, "on purpose");
    host.mdevctl.fail_stream(&defined, Some(error));
    host.mdevctl.resync("a definition has changed");
    idle().await;
    assert_eq!(host.asked(set_autostart(&registry, &name, true)).await, set);
    host.mdevctl.fail_stream(&defined, None);
    tokio::time::sleep(Duration::from_secs(600)).await;
    set_autostart(&registry, &name, true).await.expect("the list knows it again");

    let held = host.mdevctl.hold_snapshots();
    host.mdevctl.resync("a definition has changed");
    idle().await;
    assert_eq!(host.asked(set_autostart(&registry, &name, true)).await, set);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_running_device_that_is_defined_gets_a_definition() {
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    host.run("t").await;
    let xml = own();
    let asked = host.asked(define(&registry, &xml, Scrutiny::Lax)).await;
    let (parent, uuid) = (ADDRESS.to_owned(), Some(UUID.to_owned()));
    assert_eq!(asked, Action::Define { parent, uuid, config: config("t", false) });
}

#[tokio::test(start_paused = true)]
async fn an_update_changes_what_runs_unless_it_is_told_otherwise() {
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    host.define("t", false).await;
    host.run("t").await;
    let (name, xml) = (mdev(), own());
    for (what, live, defined) in [
        (Update::default(), true, false),
        (Update { live: true, config: false }, true, false),
        (Update { live: false, config: true }, false, true),
        (Update { live: true, config: true }, true, true),
    ] {
        let asked = host.asked(update(&registry, &name, &xml, what)).await;
        let expected = Action::Modify { device: id(), config: config("t", false), live, defined };
        assert_eq!(asked, expected, "{what:?}");
    }
    let other = document(PCI, "u", &format!("<uuid>{UUID}</uuid>"));
    let refusal = update(&registry, &name, &other, Update::default()).await.unwrap_err();
    let expected = format!("Cannot update device '{MDEV}', type mismatch (current type 't')");
    assert_eq!(refusal.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_a_document_lacks_is_said_before_anything_is_done() {
    let host = Host::start().await;
    let registry = &host.registry;
    let parent = |parent: &str| document(parent, "t", "");
    for (xml, expected) in [
        (document(PCI, "", ""), "missing type id attribute for 'new device'"),
        (parent(""), "missing parent device"),
        (parent("nope"), "invalid parent device 'nope'"),
        (parent("scsi_host1"), "Unable to find address for parent device 'scsi_host1'"),
        ("<device><capability type='net'/></device>".to_owned(), "Unsupported device type"),
    ] {
        assert_eq!(
            define(registry, &xml, Scrutiny::Lax).await.unwrap_err().to_string(),
            expected,
            "{xml}"
        );
        assert_eq!(
            create(registry, &xml, Scrutiny::Lax).await.unwrap_err().to_string(),
            expected,
            "{xml}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_state_forbids_is_said_before_anything_is_done() {
    let host = Host::start().await;
    let registry = &host.registry;
    let (pci, mdev) = (DeviceName::new(PCI), mdev());
    let said = |result: Result<(), Refusal>| result.unwrap_err().to_string();
    assert_eq!(said(start(registry, &pci).await), "Device is already active");
    assert_eq!(said(stop(registry, &pci).await), "Unsupported device type");
    assert_eq!(said(undefine(registry, &pci).await), format!("Node device '{PCI}' is not defined"));
    assert_eq!(said(set_autostart(registry, &pci, true).await), "Unsupported device type");

    host.run("t").await;
    let transient = "cannot set autostart for transient device";
    assert_eq!(said(set_autostart(registry, &mdev, true).await), transient);
    let config = Update { live: false, config: true };
    assert_eq!(
        said(update(registry, &mdev, &own(), config).await),
        "transient node devices do not have any persistent config"
    );

    let host = Host::start().await;
    let registry = &host.registry;
    host.define("t", true).await;
    assert_eq!(said(stop(registry, &mdev).await), format!("Device '{MDEV}' is not active"));
    let live = Update { live: true, config: false };
    assert_eq!(said(update(registry, &mdev, &own(), live).await), "node device is not active");
    for xml in
        [document(PCI, "t", ""), document(PCI, "t", &format!("<uuid>{}</uuid>", &"b".repeat(32)))]
    {
        let refused = said(update(registry, &mdev, &xml, Update::default()).await);
        assert!(refused.ends_with(&format!("uuid mismatch (current uuid '{UUID}')")), "{refused}");
    }
    set_autostart(registry, &mdev, true).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_form_is_judged_where_it_is_asked_for_and_before_an_update() {
    let host = Host::start().await;
    let registry = &host.registry;
    host.define("t", true).await;
    let unknown = |parent: &str| own().replace(PCI, parent).replace("<attr ", "<attribute ");
    let is_of_form = |refusal: Refusal| match refusal {
        Refusal::Form(violation) => assert_eq!(violation.place, "device/capability/attribute"),
        other => panic!("{other:?}"),
    };
    // Before the parent is looked for, which is unknown too.
    for xml in [unknown(PCI), unknown("nope")] {
        is_of_form(define(registry, &xml, Scrutiny::Schema).await.unwrap_err());
        is_of_form(create(registry, &xml, Scrutiny::Schema).await.unwrap_err());
        is_of_form(update(registry, &mdev(), &xml, Update::default()).await.unwrap_err());
    }
    let lax = define(registry, &unknown("nope"), Scrutiny::Lax).await.unwrap_err();
    assert_eq!(lax.to_string(), "invalid parent device 'nope'");
    let twice = own().replace("<capability", "<capability type='mdev'/><capability");
    for scrutiny in [Scrutiny::Lax, Scrutiny::Schema] {
        let refusal = define(registry, &twice, scrutiny).await.unwrap_err();
        assert!(!matches!(refusal, Refusal::Failed { .. }), "{refusal}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_names_a_device_and_has_a_parent_before_the_kind_of_device_counts() {
    let host = Host::start().await;
    let registry = &host.registry;
    let pci = DeviceName::new(PCI);
    for (xml, expected) in [
        (own().replace("<name>x</name>", "<name/>"), "missing name information"),
        (own().replace(PCI, "scsi_host1"), "Unable to find address for parent device 'scsi_host1'"),
        (own(), "Unsupported device type"),
    ] {
        let refusal = update(registry, &pci, &xml, Update::default()).await.unwrap_err();
        assert_eq!(refusal.to_string(), expected);
    }
}
