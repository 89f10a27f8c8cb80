//! Clause 4: nothing is lost between watching and reading.

use crate::rig::{ROOMY, Rig, Session, now};
use crate::{Harness, HostChange, Stop, Verdict};

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let mut session = Session::arm(rig, ROOMY).await?;
    rig.apply(HostChange::Add(0)).await?;
    let snapshot = {
        let source = std::sync::Arc::clone(&session.source);
        let mut reading = source.snapshot();
        let early = now(&mut reading).await;
        rig.apply(HostChange::Add(1)).await?;
        match early {
            Some(snapshot) => snapshot,
            None => rig.within("snapshot()", reading).await?,
        }
    };
    let snapshot = snapshot
        .map_err(|error| Stop::Failed(format!("snapshot() failed: {}", error.full_message())))?;
    session.view.list(snapshot);
    session.settle(rig).await?;
    rig.apply(HostChange::Add(2)).await?;
    session.settle(rig).await?;
    rig.apply(HostChange::Remove(0)).await?;
    session.settle(rig).await
}
