//! Lists of devices: from memory, never from hardware.

use std::str::FromStr;

use nodedev_registry::Snapshot;
use nodedev_rpc::{
    List, ListAllArgs, ListAllReply, ListDevicesArgs, NamesReply, NodeDevice, NumOfDevicesArgs,
    NumberReply,
};
use nodedev_types::Capability;

use super::filter::{self, Filter};
use super::flags;
use crate::virt_error::Failure;

pub(super) fn count(snapshot: &Snapshot, args: &NumOfDevicesArgs) -> Result<NumberReply, Failure> {
    flags::check(args.flags, 0, "nodeNumOfDevices")?;
    let count = names_with(snapshot, args.capability.as_deref()).count();
    Ok(NumberReply { value: i32::try_from(count).unwrap_or(i32::MAX) })
}

pub(super) fn names(snapshot: &Snapshot, args: &ListDevicesArgs) -> Result<NamesReply, Failure> {
    flags::check(args.flags, 0, "nodeListDevices")?;
    let limit = usize::try_from(args.max_names).unwrap_or(0);
    let names = names_with(snapshot, args.capability.as_deref()).take(limit).collect();
    Ok(NamesReply { names: List(names) })
}

pub(super) fn all(snapshot: &Snapshot, args: ListAllArgs) -> Result<ListAllReply, Failure> {
    flags::check(args.flags, filter::KNOWN, "nodeConnectListAllNodeDevices")?;
    let filter = Filter(args.flags);
    let wanted = snapshot.devices().filter(|device| filter.lets_through(device));
    if args.need_results == 0 {
        let count = u32::try_from(wanted.count()).unwrap_or(u32::MAX);
        return Ok(ListAllReply { devices: List::default(), count });
    }
    let devices: Vec<_> =
        wanted.map(|device| NodeDevice { name: device.name.to_string() }).collect();
    let count = u32::try_from(devices.len()).unwrap_or(u32::MAX);
    Ok(ListAllReply { devices: List(devices), count })
}

/// A capability that does not exist is one that no device has.
fn names_with<'a>(
    snapshot: &'a Snapshot,
    capability: Option<&str>,
) -> Box<dyn Iterator<Item = String> + 'a> {
    match capability.map(Capability::from_str) {
        None => Box::new(snapshot.devices().map(|device| device.name.to_string())),
        Some(Ok(capability)) => {
            Box::new(snapshot.with_capability(capability).map(|device| device.name.to_string()))
        }
        Some(Err(_)) => Box::new(std::iter::empty()),
    }
}
