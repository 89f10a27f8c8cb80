//! What is counted, and that a view which may be out of date is marked until it has been healed.

use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, SourceState, Totals};
use nodedev_source::{ErrorKind, SourceError};
use nodedev_source_testkit::{Behaviour, ScriptedHost};

use crate::host::{idle, link, soon, start, start_with, status, udev};

async fn with_eth0() -> (Registry, ScriptedHost) {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    (start(&[kernel]).await, host)
}

#[tokio::test(start_paused = true)]
async fn a_view_that_is_being_resynced_is_stale_until_it_has_been_read_again() {
    let (registry, host) = with_eth0().await;
    let hold = host.hold_snapshots();
    host.resync("an event was lost");
    idle().await;
    let kernel = status(&registry, "udev");
    let stale = kernel.stale.unwrap();
    assert_eq!(stale.reason, "an event was lost");
    assert_eq!(kernel.state, SourceState::Running, "it works, and what it said may be old");
    // More evidence comes while it is being read: this reading does not answer it.
    host.resync("a receive error");
    idle().await;
    let now = status(&registry, "udev").stale.unwrap();
    assert_eq!((now.since, now.reason.as_str()), (stale.since, "a receive error"));
    drop(hold);
    // It is read again after as long as that took.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let kernel = status(&registry, "udev");
    assert_eq!(kernel.stale, None);
    assert_eq!((kernel.resyncs, kernel.snapshots), (2, 3));
    let reasons: Vec<_> = kernel.reasons.iter().map(|(why, n)| (why.as_str(), *n)).collect();
    assert_eq!(reasons, [("a receive error", 1), ("an event was lost", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_source_is_stale_since_its_failure() {
    let (registry, host) = with_eth0().await;
    host.on_watch(Behaviour::Fail(SourceError::new(ErrorKind::Failed, "no socket")));
    host.die();
    idle().await;
    let stale = status(&registry, "udev").stale.unwrap();
    assert_eq!(stale.reason, "it ended by itself");
    soon(host.until(|calls| calls.watch == 4)).await;
    idle().await;
    let kernel = status(&registry, "udev");
    let still = kernel.stale.unwrap();
    assert_eq!((still.since, still.reason.as_str()), (stale.since, "cannot be watched: no socket"));
    assert_eq!((kernel.failures, kernel.restarts), (4, 3));
    host.on_watch(Behaviour::Normal);
    soon(host.until(|calls| calls.snapshot == 2)).await;
    idle().await;
    assert_eq!(status(&registry, "udev").stale, None);
}

#[tokio::test(start_paused = true)]
async fn dropped_messages_are_counted_and_healed() {
    let (kernel, host) = udev();
    let mut config = RegistryConfig::default();
    config.source_queue = 8;
    let registry = start_with(&[kernel], config).await;
    for n in 0..30 {
        let (id, fields) = link(&format!("eth{n}"));
        host.set(&id, fields);
    }
    idle().await;
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.dropped, kernel.resyncs), (22, 1));
    assert_eq!(kernel.reasons.get("event queue overrun"), Some(&1));
    assert_eq!((registry.snapshot().len(), kernel.stale), (30, None));
}

#[tokio::test(start_paused = true)]
async fn many_reasons_are_told_apart_up_to_a_bound() {
    let (registry, host) = with_eth0().await;
    for n in 0..50 {
        host.resync(&format!("reason {n}"));
        idle().await;
    }
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.resyncs, kernel.reasons.len()), (50, 17));
    assert_eq!(kernel.reasons.get("other reasons"), Some(&34));
}

#[tokio::test(start_paused = true)]
async fn the_registry_counts_what_it_tells_and_who_missed_it() {
    let (kernel, host) = udev();
    let mut config = RegistryConfig::default();
    config.event_queue = 2;
    let registry = start_with(&[kernel], config).await;
    let (_, mut slow) = registry.subscribe();
    let (id, fields) = link("eth0");
    for _ in 0..5 {
        host.set(&id, fields.clone());
        idle().await;
        host.remove(&id);
        idle().await;
    }
    assert!(slow.next().await.is_err());
    let Totals { messages, created, deleted, updated, missed, .. } = registry.totals();
    assert_eq!((messages, created, deleted, updated, missed), (10, 5, 5, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_source_counts_itself_is_shown_as_of_now() {
    let (registry, host) = with_eth0().await;
    assert_eq!(registry.sources()[0].counts[0].value, 0);
    host.flood(&link("eth0").0, 7);
    let sources = registry.sources();
    let sent = &sources[0].counts[0];
    assert_eq!((sent.name, sent.value, sent.is_level), ("sent", 7, false));
}

#[tokio::test(start_paused = true)]
async fn queues_show_what_waits_in_them() {
    let (registry, host) = with_eth0().await;
    let names = |registry: &Registry| {
        let queues = registry.queues().into_iter();
        queues.map(|queue| (queue.source, queue.waiting, queue.bound)).collect::<Vec<_>>()
    };
    assert_eq!(names(&registry), [(None, 0, 4096), (Some("udev".to_owned()), 0, 4096)]);
    host.flood(&link("eth0").0, 100);
    idle().await;
    assert_eq!(names(&registry), [(None, 0, 4096), (Some("udev".to_owned()), 0, 4096)]);
    registry.shutdown().await;
    assert_eq!(registry.queues()[0].waiting, 0);
}
