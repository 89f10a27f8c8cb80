//! Which devices there are now, for the registry's self-check: sysfs' list against what was said.
//!
//! Of a device that was said nothing is read: that it is on the list is enough. Of the others, most of
//! which are no node devices, the `uevent` file is read; all of it only of those that this does not
//! rule out.

use std::path::Path;
use std::time::Instant;

use nodedev_source::{Inventory, SourceError};
use nodedev_types::{DeviceId, SourceId};

use crate::announce::Announcer;
use crate::error::UdevError;
use crate::inner::Inner;
use crate::pool::Priority;
use crate::reader::{Host, Outcome};
use crate::scan::{self, Listed, SYS};

/// Devices that one job looks at, so that those that have changed need not wait behind all of them.
const AT_ONCE: usize = 128;

/// Finds them.
pub(crate) async fn take(inner: &Inner) -> Result<Inventory, SourceError> {
    let _keeper = inner.pool.keep();
    let began = Instant::now();
    let enumeration = inner.ask("the list of devices", Priority::Bulk, |host, announcer| {
        let _entered = announcer.announce(SYS, host.config.enumeration_deadline);
        scan::devices(Path::new(SYS))
    });
    let Listed { paths, .. } = enumeration.await?.map_err(UdevError::Enumeration)?;
    let (mut devices, unknown) = sort(inner, paths, began);
    for paths in unknown.chunks(AT_ONCE) {
        let paths = paths.to_vec();
        let found = inner.ask("devices that were not said", Priority::Bulk, |host, announcer| {
            paths
                .into_iter()
                .filter_map(|path| identity(host, &path, announcer))
                .collect::<Vec<_>>()
        });
        devices.extend(found.await?);
    }
    let computer = inner.ask("the host", Priority::Bulk, |host, a| host.read_computer(a)).await?;
    let is_there = match computer {
        Outcome::Observed { .. } => true,
        Outcome::Unreadable { .. } => inner.memory().has_said_computer(),
        _ => false,
    };
    devices.extend(is_there.then_some(DeviceId::Computer));
    Ok(Inventory::new().with_stream(SourceId::new(SourceId::UDEV), devices))
}

/// Those that were said, and those of which nothing is known. What the kernel is removing is neither,
/// nor is what could not be read.
fn sort(inner: &Inner, paths: Vec<String>, began: Instant) -> (Vec<DeviceId>, Vec<String>) {
    let memory = inner.memory();
    let (mut devices, mut unknown) = (Vec::new(), Vec::new());
    for path in paths {
        if memory.hides(&path, began) {
            continue;
        }
        match memory.said(&path) {
            Some(said) => devices.push(said.id.clone()),
            None if memory.knows(&path) => {}
            None => unknown.push(path),
        }
    }
    (devices, unknown)
}

fn identity(host: &Host, path: &str, announcer: &Announcer) -> Option<DeviceId> {
    if !host.may_be_a_node_device(path, announcer) {
        return None;
    }
    match host.read(path, announcer) {
        Outcome::Observed { id, .. } => Some(id),
        _ => None,
    }
}
