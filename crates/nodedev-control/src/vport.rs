//! Virtual ports of Fibre Channel hosts (NPIV): choosing the host, and names that nobody gave.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

use nodedev_registry::{Action, Registry, Snapshot};
use nodedev_types::fields::scsi_host::{FABRIC_WWN, WWNN, WWPN};
use nodedev_types::{Capability, Device, DeviceName, Key};
use nodedev_xml::{ParentWwn, Request, Wanted};

use crate::document::named;
use crate::refusal::Refusal;

/// Makes a virtual port.
pub(crate) async fn create(registry: &Registry, request: Request) -> Result<DeviceName, Refusal> {
    let Wanted::ScsiHost(Some(names)) = &request.wanted else {
        return Err(Refusal::NotFibreChannel);
    };
    let wwnn = names.wwnn.clone().unwrap_or_else(world_wide_name);
    let wwpn = names.wwpn.clone().unwrap_or_else(world_wide_name);
    let host = parent(&registry.snapshot(), &request)?.id.clone();
    let what = "Unable to create virtual port";
    let created = registry.perform(Action::CreateVport { host, wwnn, wwpn }).await;
    named(created.map_err(Refusal::failed(what))?, what)
}

/// Removes a virtual port.
pub(crate) async fn delete(registry: &Registry, port: &Device) -> Result<(), Refusal> {
    let name = |key: Key<String>| port.fields.get(key).map(str::to_owned);
    let (Some(wwnn), Some(wwpn)) = (name(WWNN), name(WWPN)) else {
        return Err(Refusal::NotFibreChannel);
    };
    let snapshot = registry.snapshot();
    let parent = port.parent.as_ref().and_then(|name| snapshot.device(name.as_str()));
    let host = parent.filter(|parent| parent.capability() == Some(Capability::ScsiHost));
    let host = host.ok_or_else(|| {
        Refusal::NoVportParent(format!("Device '{}' is no virtual port of a SCSI host", port.name))
    })?;
    let action = Action::DeleteVport { host: host.id.clone(), wwnn, wwpn };
    let deleted = registry.perform(action).await;
    deleted.map(drop).map_err(Refusal::failed("Unable to delete virtual port"))
}

/// The host that gets the port: the one that is named, else the first that fits.
fn parent<'a>(snapshot: &'a Snapshot, request: &Request) -> Result<&'a Arc<Device>, Refusal> {
    if let Some(name) = &request.parent {
        return named_parent(snapshot, name);
    }
    let mut hosts = snapshot.with_capability(Capability::Vports);
    let (found, what) = match &request.parent_wwn {
        Some(ParentWwn::Host { wwnn, wwpn }) => {
            let found = hosts.find(|host| is(host, WWNN, wwnn) && is(host, WWPN, wwpn));
            (
                found,
                format!(
                    "Could not find any vport capable device with wwnn '{wwnn}' and wwpn '{wwpn}'"
                ),
            )
        }
        Some(ParentWwn::Fabric(fabric)) => {
            let found = hosts.find(|host| is(host, FABRIC_WWN, fabric));
            (found, format!("Could not find any vport capable device in fabric '{fabric}'"))
        }
        None => (hosts.next(), "Could not find any vport capable device".to_owned()),
    };
    found.ok_or(Refusal::NoVportParent(what))
}

fn named_parent<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Arc<Device>, Refusal> {
    let missing = || Refusal::NoVportParent(format!("Could not find parent device for '{name}'"));
    let device = snapshot.device(name).ok_or_else(missing)?;
    if device.capabilities().contains(&Capability::Vports) {
        return Ok(device);
    }
    let text = format!("Parent device {name} is not capable of vport operations");
    Err(Refusal::NoVportParent(text))
}

fn is(host: &Device, key: Key<String>, name: &str) -> bool {
    host.fields.get(key) == Some(name)
}

/// A name nobody has: the form of a registered name with the vendor's part that libvirt uses, and 36
/// random bits.
fn world_wide_name() -> String {
    // Each hasher has keys of its own, which the system's randomness seeds.
    let random = RandomState::new().hash_one(SystemTime::now());
    format!("5001a4a{:09x}", random & 0xf_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_are_sixteen_digits_and_differ() {
        let names = [world_wide_name(), world_wide_name()];
        assert_ne!(names[0], names[1]);
        for name in names {
            assert!(name.len() == 16 && name.starts_with("5001a4a"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
        }
    }
}
