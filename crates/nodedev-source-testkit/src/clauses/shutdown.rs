//! Clause 12: nothing stays behind.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use nodedev_source::event_channel;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::footprint::Footprint;
use crate::rig::{ROOMY, Rig, Session, now};
use crate::verdict::ensure;
use crate::{Harness, HostChange, Verdict};

const CYCLES: usize = 3;
/// How often the process is looked at while something is awaited.
const TICK: Duration = Duration::from_millis(5);
/// How long the first watch has to leave nothing behind; what stays is taken for lasting equipment.
const SETTLING: Duration = Duration::from_secs(1);

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    rig.apply(HostChange::Add(0)).await?;
    let before = Footprint::take();
    cycle(rig).await?;
    await_footprint(&before, SETTLING).await;
    let lasting = Footprint::take();
    for _ in 0..CYCLES {
        cycle(rig).await?;
        cancel(rig).await?;
    }
    let deadline = rig.harness.deadline();
    ensure!(
        await_footprint(&lasting, deadline).await,
        "{deadline:?} after the last of {} watches was dropped there are {:?}, before there were {lasting:?}",
        2 * CYCLES,
        Footprint::take()
    );
    // What was cancelled must not have harmed the host or another source.
    Session::start(rig).await?.settle(rig).await
}

/// A whole life, and the end of its sink.
async fn cycle<H: Harness>(rig: &Rig<H>) -> Verdict {
    let mut session = Session::start(rig).await?;
    session.settle(rig).await?;
    rig.apply(HostChange::Change(0)).await?;
    session.settle(rig).await?;
    let (_source, mut receiver) = session.end();
    let drained = async { while receiver.recv().await.is_some() {} };
    rig.within("the end of the sink after its watch was dropped", drained).await
}

/// Drops each future after it was polled once, twice and a few times.
async fn cancel<H: Harness>(rig: &Rig<H>) -> Verdict {
    let device = rig.harness.device(0);
    for polls in 1..=4 {
        let source = rig.source();
        let (sink, _receiver) = event_channel(ROOMY);
        poll(polls, source.watch(sink, rig.hints.subscribe())).await;
        poll(polls, source.snapshot()).await;
        poll(polls, source.refresh(&device)).await;
        rig.snapshot(&*source).await?;
    }
    Ok(())
}

async fn poll<T>(polls: usize, future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if now(future.as_mut()).await.is_some() {
            return;
        }
        yield_now().await;
    }
}

async fn await_footprint(wanted: &Footprint, within: Duration) -> bool {
    let end = Instant::now() + within;
    while !Footprint::take().fits(wanted) {
        if Instant::now() >= end {
            return false;
        }
        sleep(TICK).await;
    }
    true
}
