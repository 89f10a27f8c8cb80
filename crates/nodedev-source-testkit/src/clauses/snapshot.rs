//! Clause 3: snapshots are repeatable and whole.

use std::collections::BTreeSet;

use nodedev_source::{Snapshot, SourceInfo, event_channel};

use crate::rig::Rig;
use crate::verdict::ensure;
use crate::{Harness, HostChange, Stop, Verdict, View};

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let source = rig.source();
    let info = source.info();
    let empty = rig.snapshot(&*source).await?;
    whole(&info, &empty)?;
    nothing_but_permanent(rig, &View::of(empty))?;
    for n in 0..3 {
        rig.apply(HostChange::Add(n)).await?;
    }
    let first = rig.snapshot(&*source).await?;
    let second = rig.snapshot(&*source).await?;
    whole(&info, &first)?;
    newer(&first, &second)?;
    let second = View::of(second);
    let differences = second.differences(&View::of(first));
    ensure!(
        differences.is_empty(),
        "the second snapshot of a quiet host differs from the first: {}",
        differences.join("; ")
    );
    same_inventory(rig, &second).await?;
    answers_hints(rig).await?;
    rig.apply(HostChange::Clear).await?;
    let cleared = rig.fresh().await?;
    whole(&info, &cleared)?;
    nothing_but_permanent(rig, &View::of(cleared))
}

fn whole(info: &SourceInfo, snapshot: &Snapshot) -> Verdict {
    let listed: Vec<_> = snapshot.listings.iter().map(|listing| &listing.source).collect();
    let declared: BTreeSet<_> = info.streams.iter().map(|stream| &stream.id).collect();
    ensure!(
        listed.len() == declared.len() && listed.iter().all(|id| declared.contains(id)),
        "the snapshot lists the streams {listed:?}, declared are {declared:?}"
    );
    for listing in &snapshot.listings {
        if let Err(error) = &listing.devices {
            ensure!(false, "the listing of {} failed: {}", listing.source, error.full_message());
        }
    }
    Ok(())
}

fn newer(first: &Snapshot, second: &Snapshot) -> Verdict {
    for new in &second.listings {
        for old in first.listings.iter().filter(|old| old.source == new.source) {
            ensure!(
                old.revision < new.revision,
                "the second listing of {} has revision {}, the first had {}",
                new.source,
                new.revision,
                old.revision
            );
        }
    }
    Ok(())
}

fn nothing_but_permanent<H: Harness>(rig: &Rig<H>, view: &View) -> Verdict {
    let permanent = rig.harness.permanent();
    let claims = view.claims();
    let extra: Vec<_> = claims.keys().filter(|(_, device)| !permanent.contains(device)).collect();
    ensure!(extra.is_empty(), "a host without devices gives {extra:?}");
    Ok(())
}

/// A source that gives an inventory names in it what it lists.
async fn same_inventory<H: Harness>(rig: &Rig<H>, view: &View) -> Verdict {
    let source = rig.source();
    let found = rig.within("inventory()", source.inventory()).await?;
    let found = found
        .map_err(|error| Stop::Failed(format!("inventory() failed: {}", error.full_message())))?;
    for (stream, devices) in found.into_iter().flat_map(|found| found.streams) {
        let claims = view.claims();
        let of_stream = claims.keys().filter(|(claimed, _)| *claimed == stream);
        let listed: BTreeSet<_> = of_stream.map(|(_, device)| device.clone()).collect();
        ensure!(
            devices == listed,
            "the inventory of {stream} differs from its listing in {:?}",
            devices.symmetric_difference(&listed).collect::<Vec<_>>()
        );
    }
    Ok(())
}

async fn answers_hints<H: Harness>(rig: &Rig<H>) -> Verdict {
    let source = rig.source();
    if source.info().interests.is_empty() {
        return Ok(());
    }
    let (sink, _receiver) = event_channel(crate::rig::ROOMY);
    let watch = rig
        .within("watch()", source.watch(sink, rig.hints.subscribe()))
        .await?
        .map_err(|error| Stop::Failed(format!("watch() failed: {}", error.full_message())))?;
    let hint = rig.hints.raise();
    let answers = rig.snapshot(&*source).await?.answers;
    ensure!(answers >= hint, "a snapshot answers {answers:?} after {hint:?} was raised");
    drop(watch);
    Ok(())
}
