//! Clause 4: nothing is lost between watching and reading.

use std::sync::Arc;

use nodedev_source::Snapshot;

use crate::rig::{ROOMY, Rig, Session, now};
use crate::{Harness, HostChange, Stop, Verdict};

/// Devices that may appear while a snapshot is under way, after device 0.
const DURING: std::ops::Range<usize> = 1..6;

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let mut session = Session::arm(rig, ROOMY).await?;
    rig.apply(HostChange::Add(0)).await?;
    let snapshot = disturbed_snapshot(rig, &session).await?;
    session.view.list(snapshot);
    session.settle(rig).await?;
    rig.apply(HostChange::Add(DURING.end)).await?;
    session.settle(rig).await?;
    rig.apply(HostChange::Remove(0)).await?;
    session.settle(rig).await
}

/// Reads a snapshot; whenever the reading waits, another device appears.
async fn disturbed_snapshot<H: Harness>(rig: &Rig<H>, session: &Session) -> Result<Snapshot, Stop> {
    let source = Arc::clone(&session.source);
    let mut reading = source.snapshot();
    let mut read = None;
    for n in DURING {
        if read.is_none() {
            read = now(&mut reading).await;
        }
        rig.apply(HostChange::Add(n)).await?;
    }
    let read = match read {
        Some(read) => read,
        None => rig.within("snapshot()", reading).await?,
    };
    read.map_err(|error| Stop::Failed(format!("snapshot() failed: {}", error.full_message())))
}
