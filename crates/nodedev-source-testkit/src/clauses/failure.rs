//! Clause 11: what the source says when its own source fails.

use nodedev_source::{NodeDeviceSource, SourceError, event_channel};

use crate::rig::{ROOMY, Rig, Session, skip};
use crate::run::skip_part;
use crate::verdict::ensure;
use crate::{Applied, Failure, Harness, HostChange, Skip, Verdict};

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    rig.apply(HostChange::Add(0)).await?;
    let mut session = Session::start(rig).await?;
    session.settle(rig).await?;
    let mut skips: Vec<Skip> = Vec::new();
    for failure in Failure::ALL {
        let change = HostChange::Break(*failure);
        match skip(change, rig.try_apply(change).await?) {
            Err(skip) => skips.push(skip),
            Ok(applied) => {
                broken(rig, &session, *failure, &applied).await?;
                rig.apply(HostChange::Repair).await?;
                session.revive(rig).await?;
                session.list(rig).await?;
                session.settle(rig).await?;
            }
        }
    }
    if skips.len() == Failure::ALL.len() {
        return Err(skips.swap_remove(0).into());
    }
    skips.iter().try_for_each(|skip| skip_part(11, skip))
}

async fn broken<H: Harness>(
    rig: &Rig<H>,
    session: &Session,
    failure: Failure,
    applied: &Applied,
) -> Verdict {
    let restarted = rig.source();
    for source in [&*session.source, &*restarted] {
        let errors = snapshot_errors(rig, source).await?;
        let wanted = *applied != Applied::Ordinary;
        ensure!(wanted != errors.is_empty(), "{failure:?}: snapshot() gave the errors {errors:?}");
        errors.iter().try_for_each(|error| of_kind(failure, error))?;
    }
    let (sink, _receiver) = event_channel(ROOMY);
    let watching = restarted.watch(sink, rig.hints.subscribe());
    match rig.within("watch()", watching).await? {
        Ok(_) => Ok(()),
        Err(error) => of_kind(failure, &error),
    }
}

fn of_kind(failure: Failure, error: &SourceError) -> Verdict {
    ensure!(
        error.kind() == failure.kind(),
        "{failure:?} is reported as {}, not {}: {}",
        error.kind(),
        failure.kind(),
        error.full_message()
    );
    ensure!(!error.to_string().is_empty(), "{failure:?} is reported without a message");
    Ok(())
}

async fn snapshot_errors<H: Harness>(
    rig: &Rig<H>,
    source: &dyn NodeDeviceSource,
) -> Result<Vec<SourceError>, crate::Stop> {
    Ok(match rig.within("snapshot()", source.snapshot()).await? {
        Err(error) => vec![error],
        Ok(snapshot) => {
            snapshot.listings.into_iter().filter_map(|listing| listing.devices.err()).collect()
        }
    })
}
