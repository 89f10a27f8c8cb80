//! Clause 2: a source says only what it declares.

use nodedev_source::{SourceEvent, SourceInfo};
use nodedev_types::{FieldName, Fields, Observation, Refresh, Value};

use crate::rig::{Rig, Session};
use crate::verdict::ensure;
use crate::{Applied, BadInput, Harness, HostChange, Verdict, View};

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    rig.apply(HostChange::Add(0)).await?;
    let mut session = Session::start(rig).await?;
    for change in [HostChange::Add(1), HostChange::Change(0), HostChange::Remove(1)] {
        rig.apply(change).await?;
    }
    session.settle(rig).await?;
    let info = &session.info;
    for listing in rig.snapshot(&*session.source).await?.listings {
        for said in listing.devices.iter().flatten() {
            ensure!(
                said.source == listing.source,
                "the listing of {} holds a word of {}",
                listing.source,
                said.source
            );
            owned(info, said)?;
        }
    }
    for event in &session.heard {
        if let SourceEvent::Observed(said) = event {
            owned(info, said)?;
        }
    }
    refreshed(rig, &session).await?;
    absent_is_not_empty(rig).await
}

fn owned(info: &SourceInfo, said: &Observation) -> Verdict {
    let (source, device) = (&said.source, &said.device);
    let Some(stream) = info.stream(source) else {
        ensure!(false, "{source} speaks of {device} and is no declared stream");
        return Ok(());
    };
    if let Some(field) = stream.fields.first_outside(&said.fields) {
        ensure!(false, "{source} says {field} of {device} and does not declare it");
    }
    for (name, value) in said.fields.iter() {
        if let FieldName::Known(field) = name {
            ensure!(
                field.kind() == value.kind(),
                "{source} says {name} of {device} as {}, which is {}",
                value.kind(),
                field.kind()
            );
        }
    }
    Ok(())
}

async fn refreshed<H: Harness>(rig: &Rig<H>, session: &Session) -> Verdict {
    let device = rig.harness.device(0);
    let Ok(Some(said)) = rig.within("refresh()", session.source.refresh(&device)).await? else {
        return Ok(());
    };
    ensure!(said.device == device, "refresh() of {device} answered for {}", said.device);
    owned(&session.info, &said)?;
    let still = said.fields.iter().find(|(name, _)| match name {
        FieldName::Known(field) => field.refresh() != Refresh::OnDump,
        FieldName::Extension(_) => false,
        _ => true,
    });
    ensure!(still.is_none(), "refresh() of {device} said {still:?}, which is not read on dump");
    Ok(())
}

/// A field whose attribute is taken away must go, not turn into an empty text.
async fn absent_is_not_empty<H: Harness>(rig: &Rig<H>) -> Verdict {
    let device = rig.harness.device(0);
    let before = View::of(rig.fresh().await?);
    let applied = rig.try_apply(HostChange::Corrupt(0, BadInput::Missing)).await?;
    if matches!(applied, Applied::Inapplicable(_) | Applied::Unsupported(_)) {
        return Ok(());
    }
    let after = View::of(rig.fresh().await?);
    for (source, now) in after.claims_of(&device) {
        let was = before.claims_of(&device).find(|(of, _)| *of == source);
        if let Some(field) = was.and_then(|(_, was)| newly_empty(was, now)) {
            ensure!(false, "{source} says an empty {field} of {device} where there is none");
        }
    }
    Ok(())
}

fn newly_empty<'a>(was: &Fields, now: &'a Fields) -> Option<&'a FieldName> {
    let empty = Value::from("");
    now.iter()
        .find(|(name, value)| **value == empty && was.value(name) != Some(&empty))
        .map(|(name, _)| name)
}
