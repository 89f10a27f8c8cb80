//! What is shown of the registry: its list, its events, its queues.

use std::collections::BTreeMap;
use std::fmt::Result;

use nodedev_registry::{QueueStatus, Registry, Totals};

use super::page::Page;

pub(super) fn write(page: &mut Page<'_>, registry: &Registry) -> Result {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.info("build", "The daemon that answers", &version)?;
    list(page, registry)?;
    events(page, &registry.totals())?;
    queues(page, &registry.queues())
}

fn list(page: &mut Page<'_>, registry: &Registry) -> Result {
    let snapshot = registry.snapshot();
    let mut devices: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for device in snapshot.devices() {
        let state = if device.active { "active" } else { "inactive" };
        for capability in device.capabilities() {
            *devices.entry((capability.as_str(), state)).or_default() += 1;
        }
    }
    let devices = devices.into_iter().map(|((capability, state), count)| {
        ([("capability", capability), ("state", state)], count)
    });
    page.gauges("devices", "Devices with a capability, main or nested", devices)?;
    let count = snapshot.len() as u64;
    page.gauge("list_devices", "Devices in the list", None, count)?;
    page.gauge("list_generation", "The list that is published now", None, snapshot.generation())
}

fn events(page: &mut Page<'_>, totals: &Totals) -> Result {
    let Totals { created, deleted, defined, undefined, updated, missed, messages, .. } = *totals;
    let events = [
        ("created", created),
        ("deleted", deleted),
        ("defined", defined),
        ("undefined", undefined),
        ("updated", updated),
    ];
    let events = events.map(|(event, count)| ([("event", event)], count));
    page.counters("events", "Events that the registry has told its followers", events)?;
    let help = "Messages of sources that were taken in";
    page.counter("messages", help, messages)?;
    let help = "How often a follower was too slow and was told to read the list again";
    page.counter("missed_events", help, missed)
}

fn queues(page: &mut Page<'_>, queues: &[QueueStatus]) -> Result {
    let name = |queue: &QueueStatus| queue.source.clone().unwrap_or_else(|| "registry".to_owned());
    let waiting = queues.iter().map(|queue| ([("queue", name(queue))], queue.waiting as u64));
    let help = "Messages that wait in the queue of a source or in the one that all share";
    page.gauges("queue_messages", help, waiting)?;
    let bounds = queues.iter().map(|queue| ([("queue", name(queue))], queue.bound as u64));
    page.gauges("queue_bound_messages", "Messages that may wait in a queue", bounds)
}
