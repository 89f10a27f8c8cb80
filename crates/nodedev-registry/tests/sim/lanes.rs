//! When the simulated udev source reads what: each device for itself, one reading after the other.
//!
//! Different devices overtake each other; the messages about one keep their order.

use std::collections::BTreeMap;
use std::time::Duration;

use nodedev_source::SourceEvent;
use nodedev_types::{DeviceId, Fields, Revision};
use tokio::time::Instant;

use crate::kernel::Uevent;

/// What is to be done when its time has come.
#[derive(Debug)]
pub(crate) enum Job {
    /// The device is to be read.
    Read { uevent: Uevent, revision: Revision, within: Duration },
    /// What was read is to be said; `None` for what was not there, an error for the unreadable.
    Say { uevent: Uevent, revision: Revision, read: Read },
    /// It has been said before.
    Again(SourceEvent),
}

pub(crate) type Read = Result<Option<Fields>, String>;

/// The jobs by their time.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    jobs: BTreeMap<(Instant, u64), Job>,
    /// Until when something is being done about a device.
    busy: BTreeMap<DeviceId, Instant>,
    next: u64,
}

impl Lanes {
    /// Plans the reading after all that is planned for the device. It begins after `wait`, and what
    /// was read is said after `within`.
    pub(crate) fn plan(
        &mut self,
        uevent: Uevent,
        revision: Revision,
        wait: Duration,
        within: Duration,
    ) {
        let now = Instant::now();
        self.busy.retain(|_, until| *until > now);
        let ids: Vec<_> = uevent.old.iter().chain([&uevent.id]).cloned().collect();
        let free = ids.iter().filter_map(|id| self.busy.get(id)).max().copied();
        let begin = free.map_or(now, |free| free.max(now)) + wait;
        self.busy.extend(ids.into_iter().map(|id| (id, begin + within)));
        self.put(begin, Job::Read { uevent, revision, within });
    }

    pub(crate) fn put(&mut self, at: Instant, job: Job) {
        self.next += 1;
        self.jobs.insert((at, self.next), job);
    }

    /// Waits for the next job. The future may be dropped without losing one.
    pub(crate) async fn due(&mut self) -> Job {
        match self.jobs.first_key_value() {
            None => std::future::pending().await,
            Some(((at, _), _)) => tokio::time::sleep_until(*at).await,
        }
        match self.jobs.pop_first() {
            Some((_, job)) => job,
            None => std::future::pending().await,
        }
    }
}
