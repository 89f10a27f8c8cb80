//! Clause 9: what cannot be used costs itself.

use nodedev_types::Diagnostic;

use crate::rig::{Rig, Session, skip};
use crate::run::skip_part;
use crate::verdict::ensure;
use crate::{Applied, BadInput, Harness, HostChange, Skip, Verdict, View};

/// The device that is corrupted; its neighbours are 0 and 2.
const VICTIM: usize = 1;

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    for n in 0..3 {
        rig.apply(HostChange::Add(n)).await?;
    }
    let mut session = Session::start(rig).await?;
    session.settle(rig).await?;
    let mut skips: Vec<Skip> = Vec::new();
    for bad in BadInput::ALL {
        let change = HostChange::Corrupt(VICTIM, *bad);
        match skip(change, rig.try_apply(change).await?) {
            Err(skip) => skips.push(skip),
            Ok(applied) => {
                corrupted(rig, &mut session, *bad, &applied).await?;
                rig.apply(HostChange::Mend(VICTIM)).await?;
                mended(rig, &mut session, *bad).await?;
            }
        }
    }
    if skips.len() == BadInput::ALL.len() {
        return Err(skips.swap_remove(0).into());
    }
    skips.iter().try_for_each(|skip| skip_part(9, skip))
}

async fn corrupted<H: Harness>(
    rig: &Rig<H>,
    session: &mut Session,
    bad: BadInput,
    applied: &Applied,
) -> Verdict {
    let now = View::of(rig.fresh().await?);
    let (mark, wanted) = (rig.harness.mark(VICTIM), *applied != Applied::Ordinary);
    ensure!(
        !wanted || now.listed_diagnostics().iter().any(|d| names(d, &mark)),
        "{bad:?}: no diagnostic of the snapshot names {mark}: {:?}",
        now.listed_diagnostics()
    );
    neighbours(rig, session, &now, bad)?;
    // The victim may be left out, unreadable or there with less; neighbours are judged alone.
    session.list(rig).await?;
    neighbours(rig, session, &now, bad)
}

fn names(diagnostic: &Diagnostic, mark: &str) -> bool {
    diagnostic.to_string().contains(mark) && !diagnostic.message.is_empty()
}

fn neighbours<H: Harness>(rig: &Rig<H>, session: &Session, now: &View, bad: BadInput) -> Verdict {
    for n in [0, 2] {
        let device = rig.harness.device(n);
        let before: Vec<_> = session.view.claims_of(&device).collect();
        let after: Vec<_> = now.claims_of(&device).collect();
        ensure!(
            before == after,
            "{bad:?}: with its neighbour corrupted, {device} is said as {after:?} and not {before:?}"
        );
        let stale = before.iter().any(|(source, _)| now.is_stale(source, &device));
        ensure!(!stale, "{bad:?}: with its neighbour corrupted, {device} could not be read");
    }
    Ok(())
}

async fn mended<H: Harness>(rig: &Rig<H>, session: &mut Session, bad: BadInput) -> Verdict {
    session.settle(rig).await?;
    session.list(rig).await?;
    let victim = rig.harness.device(VICTIM);
    let stale: Vec<_> = session
        .view
        .claims_of(&victim)
        .filter(|(source, _)| session.view.is_stale(source, &victim))
        .collect();
    ensure!(stale.is_empty(), "{bad:?}: after it was mended {victim} is still unreadable");
    let mark = rig.harness.mark(VICTIM);
    let left: Vec<_> = session
        .view
        .listed_diagnostics()
        .iter()
        .filter(|diagnostic| names(diagnostic, &mark))
        .collect();
    ensure!(left.is_empty(), "{bad:?}: after it was mended there is still {left:?}");
    Ok(())
}
