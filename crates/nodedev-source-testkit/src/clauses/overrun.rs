//! Clause 7: a reader that does not read.

use crate::rig::{Rig, Session};
use crate::{Harness, HostChange, Verdict};

/// How many devices appear and change while nobody reads.
const FLOOD: usize = 16;

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let mut session = Session::arm(rig, 1).await?;
    session.list(rig).await?;
    for n in 0..FLOOD {
        rig.apply(HostChange::Add(n)).await?;
        rig.apply(HostChange::Change(n)).await?;
    }
    for n in (0..FLOOD).step_by(2) {
        rig.apply(HostChange::Remove(n)).await?;
    }
    // The answers are thrown away: only the queue may tell the view of what happened.
    rig.snapshot(&*session.source).await?;
    let device = rig.harness.device(1);
    let _ = rig.within("refresh()", session.source.refresh(&device)).await?;
    session.settle(rig).await?;
    rig.apply(HostChange::Add(0)).await?;
    session.settle(rig).await
}
