//! `nodedev list`: which devices, as lines, as a tree or as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use nodedev_driver::registry::Snapshot;
use nodedev_types::{Capability, Device, DeviceId, DeviceName};
use serde::Serialize;

use crate::args::List;
use crate::connect::Connection;
use crate::output::{Ink, Output};
use crate::status::Failure;

/// What JSON shows of a device in a list.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a DeviceName,
    id: &'a DeviceId,
    parent: Option<&'a DeviceName>,
    active: bool,
    persistent: bool,
    autostart: bool,
    capabilities: Vec<Capability>,
}

pub(crate) fn run(args: &List, connection: &Connection, output: &Output) -> Result<(), Failure> {
    let snapshot = connection.snapshot();
    let chosen: Vec<_> = snapshot.devices().filter(|device| is_wanted(args, device)).collect();
    let mut out = output.writer();
    if args.json {
        let rows: Vec<_> = chosen.iter().map(|device| row(device)).collect();
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)?;
    } else if args.tree {
        write_tree(&mut out, &chosen, &snapshot, output)?;
    } else {
        for device in chosen {
            writeln!(out, "{}", device.name)?;
        }
    }
    out.flush()?;
    connection.warn_of_unusable(output);
    connection.check_sources()
}

fn is_wanted(args: &List, device: &Device) -> bool {
    let state = args.all || device.active != args.inactive;
    let persistence =
        (!args.persistent || device.persistent) && (!args.transient || !device.persistent);
    let capability =
        args.cap.is_empty() || device.capabilities().iter().any(|c| args.cap.contains(c));
    state && persistence && capability
}

fn row(device: &Device) -> Row<'_> {
    Row {
        name: &device.name,
        id: &device.id,
        parent: device.parent.as_ref(),
        active: device.active,
        persistent: device.persistent,
        autostart: device.autostart,
        capabilities: device.capabilities(),
    }
}

/// Children by the name of their nearest ancestor that is shown; `None` for the roots.
type Branches<'a> = BTreeMap<Option<&'a DeviceName>, Vec<&'a Device>>;

fn write_tree(
    out: &mut impl Write,
    chosen: &[&Arc<Device>],
    snapshot: &Snapshot,
    output: &Output,
) -> std::io::Result<()> {
    let shown: BTreeSet<&DeviceName> = chosen.iter().map(|device| &device.name).collect();
    let mut branches = Branches::new();
    for device in chosen {
        branches.entry(shown_ancestor(device, &shown, snapshot)).or_default().push(device);
    }
    for root in branches.get(&None).into_iter().flatten() {
        writeln!(out, "{}", label(root, output))?;
        write_children(out, root, &branches, "", output)?;
    }
    Ok(())
}

fn shown_ancestor<'a>(
    device: &'a Device,
    shown: &BTreeSet<&'a DeviceName>,
    snapshot: &'a Snapshot,
) -> Option<&'a DeviceName> {
    let above = |name: &&'a DeviceName| snapshot.device(name.as_str())?.parent.as_ref();
    std::iter::successors(device.parent.as_ref(), above).find(|name| shown.contains(name))
}

fn write_children(
    out: &mut impl Write,
    device: &Device,
    branches: &Branches<'_>,
    indent: &str,
    output: &Output,
) -> std::io::Result<()> {
    let children = branches.get(&Some(&device.name)).map_or(&[][..], Vec::as_slice);
    for (place, child) in children.iter().enumerate() {
        let (branch, below) = match (output.is_terminal(), place + 1 == children.len()) {
            (false, _) => ("  ", "  "),
            (true, false) => ("├─ ", "│  "),
            (true, true) => ("└─ ", "   "),
        };
        let line = output.paint(Ink::Dim, format!("{indent}{branch}"));
        writeln!(out, "{line}{}", label(child, output))?;
        write_children(out, child, branches, &format!("{indent}{below}"), output)?;
    }
    Ok(())
}

fn label(device: &Device, output: &Output) -> String {
    if device.active { device.name.to_string() } else { output.paint(Ink::Dim, &device.name) }
}
