//! Clause 10: a device that goes while it is read.

use nodedev_source::ErrorKind;
use nodedev_types::Severity;

use crate::rig::{Rig, Session};
use crate::verdict::ensure;
use crate::{Harness, HostChange, Verdict, View};

const VICTIM: usize = 1;

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    for n in 0..3 {
        rig.apply(HostChange::Add(n)).await?;
    }
    let mut session = Session::start(rig).await?;
    session.settle(rig).await?;
    let victim = rig.harness.device(VICTIM);
    let mark = rig.harness.mark(VICTIM);
    rig.apply(HostChange::VanishDuringRead(VICTIM)).await?;
    let snapshot = rig.snapshot(&*session.source).await?;
    for listing in &snapshot.listings {
        if let Err(error) = &listing.devices {
            ensure!(false, "the listing of {} failed: {}", listing.source, error.full_message());
        }
        ensure!(!listing.unreadable.contains(&victim), "{victim} is called unreadable");
    }
    let warning = snapshot
        .diagnostics
        .iter()
        .find(|d| d.severity > Severity::Info && d.to_string().contains(&mark));
    ensure!(warning.is_none(), "there is a diagnostic about {victim}: {warning:?}");
    let read = View::of(snapshot.clone());
    for n in [0, 2] {
        let device = rig.harness.device(n);
        ensure!(read.knows(&device), "{victim} took {device} with it");
    }
    session.view.list(snapshot);
    session.settle(rig).await?;
    match rig.within("refresh()", session.source.refresh(&victim)).await? {
        Ok(said) => ensure!(said.is_none(), "refresh() of vanished {victim} said {said:?}"),
        Err(error) => ensure!(
            error.kind() == ErrorKind::Gone,
            "refresh() of vanished {victim} failed as {}: {}",
            error.kind(),
            error.full_message()
        ),
    }
    Ok(())
}
