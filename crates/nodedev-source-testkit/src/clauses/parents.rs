//! Clause 8: families.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_types::fields::{device, mdev};
use nodedev_types::{DeviceId, Fields, SysfsPath};

use crate::rig::{Rig, Session};
use crate::verdict::ensure;
use crate::{Harness, HostChange, Order, Verdict, View};

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let mut session = Session::start(rig).await?;
    let usual = grow(rig, &mut session, Order::ParentFirst).await?;
    rig.apply(HostChange::Clear).await?;
    session.settle(rig).await?;
    let reversed = grow(rig, &mut session, Order::ChildFirst).await?;
    let differences = reversed.differences(&usual);
    ensure!(differences.is_empty(), "with the child before its parent: {}", differences.join("; "));
    no_cycles(&usual)
}

async fn grow<H: Harness>(
    rig: &Rig<H>,
    session: &mut Session,
    order: Order,
) -> Result<View, crate::Stop> {
    rig.apply(HostChange::AddFamily(0, order)).await?;
    session.settle(rig).await?;
    Ok(session.view.clone())
}

/// What the fields say about where a device is.
#[derive(Default)]
struct Place {
    path: Option<SysfsPath>,
    address: Option<String>,
    parent_address: Option<String>,
}

fn no_cycles(view: &View) -> Verdict {
    let mut places: BTreeMap<DeviceId, Place> = BTreeMap::new();
    for ((source, id), fields) in view.claims() {
        let place = places.entry(id.clone()).or_default();
        learn(place, &id, &fields);
        if let (DeviceId::Mdev { parent, .. }, Some(said)) = (&id, fields.get(mdev::PARENT_ADDR)) {
            ensure!(**parent == *said, "{source} says of {id} that its parent is {said}");
        }
    }
    for id in places.keys() {
        let mut above = BTreeSet::from([id]);
        let mut at = id;
        while let Some(parent) = parent(&places, at) {
            ensure!(above.insert(parent), "{id} is its own ancestor, by way of {parent}");
            at = parent;
        }
    }
    Ok(())
}

fn learn(place: &mut Place, id: &DeviceId, fields: &Fields) {
    match id {
        DeviceId::Sysfs(path) => place.path = Some(path.clone()),
        DeviceId::Mdev { parent, .. } => place.parent_address = Some(parent.to_string()),
        _ => {}
    }
    if let Some(path) = fields.get(device::PATH).and_then(|path| SysfsPath::new(path).ok()) {
        place.path.get_or_insert(path);
    }
    if let Some(address) = fields.get(device::ADDRESS) {
        place.address = Some(address.to_owned());
    }
}

/// By path where there is one, by the parent's address otherwise.
fn parent<'a>(places: &'a BTreeMap<DeviceId, Place>, of: &DeviceId) -> Option<&'a DeviceId> {
    let place = places.get(of)?;
    let by_path = place.path.as_ref().and_then(|path| {
        path.ancestors().find_map(|above| {
            find(places, |place| place.path.as_ref().is_some_and(|p| p.as_str() == above))
        })
    });
    by_path.or_else(|| {
        let address = place.parent_address.as_ref()?;
        find(places, |place| place.address.as_ref() == Some(address))
    })
}

fn find(places: &BTreeMap<DeviceId, Place>, is_it: impl Fn(&Place) -> bool) -> Option<&DeviceId> {
    places.iter().find(|(_, place)| is_it(place)).map(|(id, _)| id)
}
