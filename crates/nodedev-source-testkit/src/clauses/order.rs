//! Clause 6: messages about one device come in order, and senseless events do no harm.

use std::collections::BTreeMap;

use nodedev_source::SourceEvent;
use nodedev_types::{DeviceId, Revision, SourceId};

use crate::rig::{Rig, Session, skip};
use crate::run::skip_part;
use crate::verdict::ensure;
use crate::{Announcement, Harness, HostChange, Verdict};

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let mut session = Session::start(rig).await?;
    for _ in 0..3 {
        rig.apply(HostChange::Add(0)).await?;
        for _ in 0..5 {
            rig.apply(HostChange::Change(0)).await?;
        }
        session.settle(rig).await?;
        rig.apply(HostChange::Remove(0)).await?;
        session.settle(rig).await?;
    }
    for announcement in [Announcement::Remove, Announcement::Change] {
        let change = HostChange::Announce(0, announcement);
        if let Err(skip) = skip(change, rig.try_apply(change).await?) {
            skip_part(6, &skip)?;
        }
    }
    session.settle(rig).await?;
    rig.apply(HostChange::Add(0)).await?;
    session.settle(rig).await?;
    in_order(&session.heard)
}

fn in_order(heard: &[SourceEvent]) -> Verdict {
    let mut last: BTreeMap<(&SourceId, &DeviceId), Revision> = BTreeMap::new();
    for (source, device, revision) in heard.iter().filter_map(subject) {
        let before = last.insert((source, device), revision);
        ensure!(
            before.is_none_or(|before| before <= revision),
            "{source} said revision {revision} of {device} after a newer one ({before:?})"
        );
    }
    Ok(())
}

const fn subject(event: &SourceEvent) -> Option<(&SourceId, &DeviceId, Revision)> {
    match event {
        SourceEvent::Observed(said) => Some((&said.source, &said.device, said.revision)),
        SourceEvent::Gone { source, device, revision }
        | SourceEvent::Unreadable { source, device, revision, .. } => {
            Some((source, device, *revision))
        }
        _ => None,
    }
}
