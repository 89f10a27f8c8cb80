//! Looking at one device.

use std::sync::Arc;

use nodedev_registry::Snapshot;
use nodedev_rpc::{
    DeviceFlagsArgs, List, ListCapsArgs, LookupByWwnArgs, NamesReply, NodeDevice, NumberReply,
    OptionalTextReply, Reply, TextReply, XML_INACTIVE,
};
use nodedev_types::{Capability, Device, DeviceName, fields};
use nodedev_xml::Form;

use super::{Answered, Outcome, flags};
use crate::session::Shared;
use crate::virt_error::{self, Failure};

pub(super) fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Arc<Device>, Failure> {
    snapshot.device(name).ok_or_else(|| virt_error::no_device(name))
}

pub(super) fn by_name(snapshot: &Snapshot, args: NodeDevice) -> Result<NodeDevice, Failure> {
    find(snapshot, &args.name)?;
    Ok(args)
}

/// The SCSI host with these world-wide names, as documents print them. libvirt's daemon answers an
/// error without a cause where there is none; here it is said.
pub(super) fn by_wwn(snapshot: &Snapshot, args: &LookupByWwnArgs) -> Result<NodeDevice, Failure> {
    flags::check(args.flags, 0, "nodeDeviceLookupSCSIHostByWWN")?;
    let LookupByWwnArgs { wwnn, wwpn, .. } = args;
    let is_it = |device: &&Arc<Device>| {
        let names = [fields::scsi_host::WWNN, fields::scsi_host::WWPN];
        names.map(|name| device.fields.get(name)) == [Some(wwnn.as_str()), Some(wwpn.as_str())]
    };
    let host = snapshot.with_capability(Capability::FcHost).find(is_it);
    let host = host.ok_or_else(|| virt_error::no_scsi_host(wwnn, wwpn))?;
    Ok(NodeDevice { name: host.name.to_string() })
}

/// The document of a device, its dynamic fields read again under the registry's deadline.
pub(super) fn document(shared: &Arc<Shared>, args: DeviceFlagsArgs) -> Result<Answered, Failure> {
    flags::check(args.flags, XML_INACTIVE, "nodeDeviceGetXMLDesc")?;
    find(&shared.registry.snapshot(), &args.name)?;
    let shared = Arc::clone(shared);
    Ok(Answered::later(async move { read_document(&shared, &args).await }))
}

async fn read_document(shared: &Shared, args: &DeviceFlagsArgs) -> Outcome {
    let name = DeviceName::new(&args.name);
    let refreshed = shared.registry.refresh(&name).await;
    let refreshed = refreshed.map_err(|error| virt_error::from_registry(&error))?;
    for diagnostic in &refreshed.diagnostics {
        if shared.complaints.may_tell() {
            tracing::warn!(device = %name, "{diagnostic}");
        }
    }
    let device = refreshed.device;
    let inactive = args.flags & XML_INACTIVE != 0;
    if inactive && !device.persistent {
        let detail = format!("node device '{name}' is not persistent");
        return Err(virt_error::invalid(detail));
    }
    let form = if inactive { Form::Inactive } else { Form::Live };
    let value = nodedev_xml::write(&device, form);
    Ok(Reply::NodeDeviceGetXmlDesc(TextReply { value }))
}

pub(super) fn parent(snapshot: &Snapshot, args: &NodeDevice) -> Result<OptionalTextReply, Failure> {
    let parent = find(snapshot, &args.name)?.parent.as_ref();
    Ok(OptionalTextReply { value: parent.map(ToString::to_string) })
}

pub(super) fn capability_count(
    snapshot: &Snapshot,
    args: &NodeDevice,
) -> Result<NumberReply, Failure> {
    let count = find(snapshot, &args.name)?.capabilities().len();
    Ok(NumberReply { value: i32::try_from(count).unwrap_or(i32::MAX) })
}

pub(super) fn capabilities(
    snapshot: &Snapshot,
    args: &ListCapsArgs,
) -> Result<NamesReply, Failure> {
    let capabilities = find(snapshot, &args.name)?.capabilities();
    let limit = usize::try_from(args.max_names).unwrap_or(0);
    let names = capabilities.iter().take(limit).map(|c| c.as_str().to_owned()).collect();
    Ok(NamesReply { names: List(names) })
}

pub(super) fn autostart(snapshot: &Snapshot, args: &NodeDevice) -> Result<NumberReply, Failure> {
    Ok(yes_or_no(find(snapshot, &args.name)?.autostart))
}

pub(super) fn is_persistent(
    snapshot: &Snapshot,
    args: &NodeDevice,
) -> Result<NumberReply, Failure> {
    Ok(yes_or_no(find(snapshot, &args.name)?.persistent))
}

pub(super) fn is_active(snapshot: &Snapshot, args: &NodeDevice) -> Result<NumberReply, Failure> {
    Ok(yes_or_no(find(snapshot, &args.name)?.active))
}

fn yes_or_no(yes: bool) -> NumberReply {
    NumberReply { value: i32::from(yes) }
}
