//! Calls that change devices: what speaks against one is found here, in libvirt's order.
//!
//! No source of this daemon can act yet, so a call that passes every check is refused at the end.

use std::sync::Arc;

use nodedev_rpc::{
    DeviceFlagsArgs, DocumentArgs, NodeDevice, SetAutostartArgs, UPDATE_CONFIG, UPDATE_LIVE,
    UpdateArgs, XML_VALIDATE,
};
use nodedev_types::{Capability, Device};

use super::look::find;
use super::{Answered, flags};
use crate::session::Shared;
use crate::virt_error::{self, Failure};

type Checked = Result<Answered, Failure>;

pub(super) fn create_document(args: &DocumentArgs) -> Checked {
    flags::check(args.flags, XML_VALIDATE, "nodeDeviceCreateXML")?;
    check_document(&args.xml)?;
    cannot_act()
}

pub(super) fn define_document(args: &DocumentArgs) -> Checked {
    flags::check(args.flags, XML_VALIDATE, "nodeDeviceDefineXML")?;
    check_document(&args.xml)?;
    cannot_act()
}

pub(super) fn start(shared: &Arc<Shared>, args: &DeviceFlagsArgs) -> Checked {
    flags::check(args.flags, 0, "nodeDeviceCreate")?;
    let snapshot = shared.registry.snapshot();
    if find(&snapshot, &args.name)?.active {
        return Err(virt_error::invalid("Device is already active"));
    }
    cannot_act()
}

pub(super) fn stop(shared: &Arc<Shared>, args: &NodeDevice) -> Checked {
    let snapshot = shared.registry.snapshot();
    let device = find(&snapshot, &args.name)?;
    if !device.active {
        return Err(virt_error::invalid(format!("Device '{}' is not active", args.name)));
    }
    check_kind(device)?;
    cannot_act()
}

pub(super) fn undefine(shared: &Arc<Shared>, args: &DeviceFlagsArgs) -> Checked {
    flags::check(args.flags, 0, "nodeDeviceUndefine")?;
    let snapshot = shared.registry.snapshot();
    let device = find(&snapshot, &args.name)?;
    if !device.persistent {
        return Err(virt_error::invalid(format!("Node device '{}' is not defined", args.name)));
    }
    check_kind(device)?;
    cannot_act()
}

pub(super) fn set_autostart(shared: &Arc<Shared>, args: &SetAutostartArgs) -> Checked {
    let snapshot = shared.registry.snapshot();
    let device = find(&snapshot, &args.name)?;
    if device.capability() != Some(Capability::Mdev) {
        return Err(virt_error::unsupported_operation("Unsupported device type"));
    }
    if !device.persistent {
        return Err(virt_error::invalid("cannot set autostart for transient device"));
    }
    cannot_act()
}

pub(super) fn update(shared: &Arc<Shared>, args: &UpdateArgs) -> Checked {
    flags::check(args.flags, UPDATE_LIVE | UPDATE_CONFIG, "nodeDeviceUpdate")?;
    let snapshot = shared.registry.snapshot();
    let device = find(&snapshot, &args.name)?;
    read_capability(&args.xml)?;
    if args.flags & UPDATE_LIVE != 0 && !device.active {
        return Err(virt_error::invalid(format!("Device '{}' is not active", args.name)));
    }
    if args.flags & UPDATE_CONFIG != 0 && !device.persistent {
        return Err(virt_error::invalid(format!("Node device '{}' is not defined", args.name)));
    }
    check_kind(device)?;
    cannot_act()
}

fn check_document(xml: &str) -> Result<(), Failure> {
    match read_capability(xml)? {
        Capability::Mdev => Ok(()),
        _ => Err(virt_error::unsupported_device()),
    }
}

fn read_capability(xml: &str) -> Result<Capability, Failure> {
    nodedev_xml::read_capability(xml).map_err(|error| virt_error::from_document(&error))
}

fn check_kind(device: &Device) -> Result<(), Failure> {
    match device.capability() {
        Some(Capability::Mdev) => Ok(()),
        _ => Err(virt_error::unsupported_device()),
    }
}

fn cannot_act() -> Checked {
    Err(virt_error::unsupported_operation("this daemon cannot change mediated devices yet"))
}
