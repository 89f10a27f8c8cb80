//! Clause 13: what the source tells people.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::sync::Arc;

use nodedev_source::{NodeDeviceSource, SourceInfo};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::rig::{Rig, Session};
use crate::run::{is_alone, skip_part};
use crate::trace::Collector;
use crate::verdict::ensure;
use crate::{Harness, HostChange, Skip, Verdict};

/// More than any source has to say of itself.
const LONGEST: usize = 64 * 1024;

pub(super) async fn check<H: Harness>(rig: &Rig<H>) -> Verdict {
    let targets = rig.harness.tracing_targets();
    let collector = Collector::new(targets.clone(), names(&rig.source().info()));
    let dispatch = Dispatch::new(collector.clone());
    if is_alone() {
        // The source's own threads have no other way to the collector.
        let _ = tracing::dispatcher::set_global_default(dispatch.clone());
    }
    exercise(rig).with_subscriber(dispatch).await?;
    let nameless = collector.nameless();
    ensure!(
        nameless.is_empty(),
        "spans or events without the field `source`: {}",
        nameless.join(", ")
    );
    if targets.is_empty() {
        let reason = "spans were not looked at: the harness names no tracing targets";
        return skip_part(13, &Skip::inapplicable(reason));
    }
    Ok(())
}

fn names(info: &SourceInfo) -> BTreeSet<String> {
    let streams = info.streams.iter().map(|stream| stream.id.to_string());
    streams.chain([info.name.clone()]).collect()
}

async fn exercise<H: Harness>(rig: &Rig<H>) -> Verdict {
    sensible(&rig.source())?;
    rig.apply(HostChange::Add(0)).await?;
    let mut session = Session::start(rig).await?;
    rig.apply(HostChange::Change(0)).await?;
    session.settle(rig).await?;
    let device = rig.harness.device(0);
    let _ = rig.within("refresh()", session.source.refresh(&device)).await?;
    sensible(&session.source)?;
    rig.apply(HostChange::Remove(0)).await?;
    session.settle(rig).await
}

fn sensible(source: &Arc<dyn NodeDeviceSource>) -> Verdict {
    let mut text = Bounded(String::new());
    let written = write!(text, "{source:?}").and_then(|()| write!(text, "{source:#?}"));
    ensure!(written.is_ok(), "Debug output fails, or is longer than {LONGEST} bytes");
    ensure!(!text.0.trim().is_empty(), "Debug output is empty");
    Ok(())
}

/// Refuses to grow beyond [`LONGEST`].
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}
