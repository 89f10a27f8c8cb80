//! Clause 5: events and snapshots tell one story.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::rig::{Rig, Session};
use crate::run::skip_part;
use crate::{Announcement, Harness, HostChange, Skip, Stop, Verdict};

/// How many scripts are played, and how long the longest is.
const SCRIPTS: usize = 8;
const LENGTH: usize = 12;
/// How many devices take part.
const DEVICES: usize = 4;

/// What a script wants; what it comes to depends on whether the device is there.
#[derive(Debug, Clone, Copy)]
enum Step {
    Add,
    Change,
    Remove,
    Rename,
    Repeat,
    /// Let the source catch up.
    Settle,
}

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let mut session = Session::start(rig).await?;
    let mut skips = Vec::new();
    for script in scripts() {
        let mut played = Vec::new();
        let outcome = play(rig, &mut session, &script, &mut played, &mut skips).await;
        outcome.map_err(|stop| match stop {
            Stop::Failed(message) => Stop::Failed(format!("after {played:?}: {message}")),
            other => other,
        })?;
        rig.apply(HostChange::Clear).await?;
        session.settle(rig).await?;
    }
    skips.dedup();
    skips.iter().try_for_each(|skip| skip_part(5, skip))
}

async fn play<H: Harness>(
    rig: &Rig<H>,
    session: &mut Session,
    script: &[(Step, usize)],
    played: &mut Vec<HostChange>,
    skips: &mut Vec<Skip>,
) -> Verdict {
    for (step, n) in script {
        let Some(change) = change(*step, *n, rig.is_there(*n)) else {
            session.settle(rig).await?;
            continue;
        };
        played.push(change);
        match rig.apply(change).await {
            Err(Stop::Skipped(skip)) if !matches!(step, Step::Add | Step::Remove) => {
                skips.push(skip)
            }
            outcome => outcome?,
        }
    }
    session.settle(rig).await
}

const fn change(step: Step, n: usize, there: bool) -> Option<HostChange> {
    Some(match (step, there) {
        (Step::Settle, _) => return None,
        (Step::Add | Step::Rename, false) => HostChange::Add(n),
        (Step::Add, true) => HostChange::Announce(n, Announcement::Add),
        (Step::Change, true) => HostChange::Change(n),
        (Step::Repeat, _) | (Step::Change, false) => HostChange::Announce(n, Announcement::Change),
        (Step::Remove, true) => HostChange::Remove(n),
        (Step::Remove, false) => HostChange::Announce(n, Announcement::Remove),
        (Step::Rename, true) => HostChange::Rename(n),
    })
}

/// The same scripts every time.
fn scripts() -> Vec<Vec<(Step, usize)>> {
    let step = prop_oneof![
        3 => Just(Step::Add),
        2 => Just(Step::Change),
        2 => Just(Step::Remove),
        1 => Just(Step::Rename),
        1 => Just(Step::Repeat),
        1 => Just(Step::Settle),
    ];
    let script = vec((step, 0..DEVICES), LENGTH / 2..=LENGTH);
    let mut runner = TestRunner::deterministic();
    (0..SCRIPTS).filter_map(|_| Some(script.new_tree(&mut runner).ok()?.current())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_the_same_every_time_and_hold_every_step() {
        let text = format!("{:?}", scripts());
        assert_eq!(text, format!("{:?}", scripts()));
        assert_eq!(scripts().len(), SCRIPTS);
        for step in ["Add", "Change", "Remove", "Rename", "Repeat", "Settle"] {
            assert!(text.contains(step), "{step}");
        }
    }
}
