//! Clause 1: who the source is and who its devices are.

use std::collections::BTreeSet;

use nodedev_source::{Snapshot, SourceInfo, StreamInfo};
use nodedev_types::fields::device;
use nodedev_types::{Capability, DeviceId, Observation};

use crate::rig::Rig;
use crate::verdict::ensure;
use crate::{Harness, HostChange, Verdict};

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let source = rig.source();
    let info = source.info();
    names(&info)?;
    for n in 0..3 {
        rig.apply(HostChange::Add(n)).await?;
    }
    let before = rig.snapshot(&*source).await?;
    ensure!(source.info() == info, "info() changed from {info:?} to {:?}", source.info());
    let restarted = rig.source();
    ensure!(
        restarted.info() == info,
        "info() after a restart is {:?}, not {info:?}",
        restarted.info()
    );
    identities(&info, &before)?;
    let after = rig.snapshot(&*restarted).await?;
    let (before, after) = (ids(&before), ids(&after));
    ensure!(before == after, "ids after a restart are {after:?}, not {before:?}");
    for n in 0..3 {
        let device = rig.harness.device(n);
        ensure!(before.contains(&device), "{device} is on the host and not in the snapshot");
    }
    Ok(())
}

fn names(info: &SourceInfo) -> Verdict {
    ensure!(is_name(&info.name), "source name {:?}", info.name);
    ensure!(!info.version.is_empty(), "the version is empty");
    ensure!(!info.streams.is_empty(), "there is no stream");
    let ids: BTreeSet<_> = info.streams.iter().map(|stream| &stream.id).collect();
    ensure!(ids.len() == info.streams.len(), "two streams have one id");
    for stream in &info.streams {
        ensure!(is_name(stream.id.as_str()), "stream name {:?}", stream.id.as_str());
        if let Some(namespace) = &stream.namespace {
            let reserved = ["computer", "mdev"].contains(&namespace.as_str());
            ensure!(is_name(namespace) && !reserved, "name space {namespace:?}");
        }
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-/".contains(&b))
}

fn identities(info: &SourceInfo, snapshot: &Snapshot) -> Verdict {
    for listing in &snapshot.listings {
        let mut seen = BTreeSet::new();
        for observation in listing.devices.iter().flatten() {
            let id = &observation.device;
            ensure!(seen.insert(id), "{} names {id} twice", listing.source);
            if let Some(stream) = info.stream(&observation.source) {
                identity(stream, observation)?;
            }
        }
    }
    Ok(())
}

fn identity(stream: &StreamInfo, observation: &Observation) -> Verdict {
    let id = &observation.device;
    if let DeviceId::Foreign { namespace, key } = id {
        ensure!(
            stream.namespace.as_deref() == Some(&**namespace),
            "{} names {id}, whose name space it does not own",
            stream.id
        );
        ensure!(!key.is_empty(), "{} names {id}, whose key is empty", stream.id);
    }
    let is_mdev = matches!(id, DeviceId::Mdev { .. });
    let capability = observation.fields.get(device::CAPABILITY);
    ensure!(
        is_mdev || capability != Some(Capability::Mdev),
        "{} says that {id} is a mediated device, and its id is of another kind",
        stream.id
    );
    Ok(())
}

fn ids(snapshot: &Snapshot) -> BTreeSet<DeviceId> {
    let observations = snapshot.listings.iter().flat_map(|l| l.devices.iter().flatten());
    observations.map(|observation| observation.device.clone()).collect()
}
