//! Virtual ports: which host gets one, and what is asked of it.

use nodedev_control::{Scrutiny, create, define, stop};
use nodedev_registry::Action;
use nodedev_types::{DeviceId, DeviceName};

use crate::host::{Host, sysfs};

const NAMES: &str = "<wwnn>50</wwnn><wwpn>51</wwpn>";

fn document(parent: &str, names: &str) -> String {
    format!(
        "<device>{parent}<capability type='scsi_host'><capability type='fc_host'>{names}\
         </capability></capability></device>"
    )
}

fn host1() -> DeviceId {
    sysfs("/sys/devices/pci0000:00/0000:00:03.0/host1")
}

#[tokio::test(start_paused = true)]
async fn the_parent_is_chosen_by_name_names_fabric_or_because_it_fits() {
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    for parent in [
        "<parent>scsi_host1</parent>",
        "<parent wwnn='2001' wwpn='1001'/>",
        "<parent fabric_wwn='f2001'/>",
        "",
    ] {
        let xml = document(parent, NAMES);
        let asked = host.asked(create(&registry, &xml, Scrutiny::Lax)).await;
        let (wwnn, wwpn) = ("50".to_owned(), "51".to_owned());
        assert_eq!(asked, Action::CreateVport { host: host1(), wwnn, wwpn }, "{parent}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_without_names_gets_some() {
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    let xml = document("", "");
    let asked = host.asked(create(&registry, &xml, Scrutiny::Lax)).await;
    let Action::CreateVport { wwnn, wwpn, .. } = asked else { panic!("{asked:?}") };
    assert!(wwnn.starts_with("5001a4a") && wwpn.starts_with("5001a4a") && wwnn != wwpn);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_can_have_no_port_is_refused() {
    let host = Host::start().await;
    let registry = &host.registry;
    for (parent, expected) in [
        (
            "<parent>scsi_host2</parent>",
            "Parent device scsi_host2 is not capable of vport operations",
        ),
        ("<parent>nope</parent>", "Could not find parent device for 'nope'"),
        (
            "<parent wwnn='2002' wwpn='1002'/>",
            "Could not find any vport capable device with wwnn '2002' and wwpn '1002'",
        ),
        (
            "<parent fabric_wwn='f2002'/>",
            "Could not find any vport capable device in fabric 'f2002'",
        ),
    ] {
        let refusal = create(registry, &document(parent, NAMES), Scrutiny::Lax).await.unwrap_err();
        assert_eq!(refusal.to_string(), expected);
    }
    let plain = "<device><capability type='scsi_host'/></device>";
    let refusal = create(registry, plain, Scrutiny::Lax).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Device is not a fibre channel HBA");
    let refusal = define(registry, &document("", NAMES), Scrutiny::Lax).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Unsupported device type");
}

#[tokio::test(start_paused = true)]
async fn a_port_is_removed_from_the_host_above_it() {
    let mut host = Host::start().await;
    let registry = host.registry.clone();
    let port = DeviceName::new("scsi_host3");
    let asked = host.asked(stop(&registry, &port)).await;
    let (wwnn, wwpn) = ("5a".to_owned(), "5b".to_owned());
    assert_eq!(asked, Action::DeleteVport { host: host1(), wwnn, wwpn });
    let said = |name: &'static str| {
        let registry = registry.clone();
        async move { stop(&registry, &DeviceName::new(name)).await.unwrap_err().to_string() }
    };
    assert_eq!(said("scsi_host1").await, "Device 'scsi_host1' is no virtual port of a SCSI host");
    assert_eq!(said("scsi_host4").await, "Device is not a fibre channel HBA");
}
