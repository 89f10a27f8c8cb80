//! What is counted, and that a view which may be out of date is marked until it has been healed.

use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, SourceState, Totals};
use nodedev_source::{ErrorKind, SourceError};
use nodedev_source_testkit::{Behaviour, ScriptedHost};

use crate::host::{
    PCI, idle, link, pci, soon, start, start_with, status, sysfs, udev, with_parent,
};

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
async fn requests_that_one_snapshot_answers_are_counted() {
    let (registry, host) = with_eth0().await;
    let hold = host.hold_snapshots();
    host.resync("the first");
    idle().await;
    // These are answered by one more snapshot.
    (0..4).for_each(|n| host.resync(&format!("number {n}")));
    drop(hold);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.resyncs, kernel.coalesced), (2, 3));
    host.resync("the last");
    idle().await;
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.resyncs, kernel.coalesced, kernel.coalesced_hints), (3, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn hints_that_one_snapshot_answers_are_counted() {
    let (registry, host, config) = with_parent().await;
    let counted = || {
        let tool = status(&registry, "mdevctl");
        (tool.resyncs, tool.coalesced_hints)
    };
    let before = counted();
    config.resync_on_hint(false);
    for instances in [Some(2), Some(3), Some(4)] {
        host.set(&sysfs(PCI), pci(PCI, instances));
        idle().await;
    }
    assert_eq!(counted(), (before.0, before.1 + 2));
    config.resync("it looks again");
    idle().await;
    host.set(&sysfs(PCI), pci(PCI, Some(5)));
    idle().await;
    assert_eq!(counted(), (before.0 + 1, before.1 + 2));
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
    assert_eq!(registry.totals().missed, 1);
    // Each time, and each follower.
    let (_, mut other) = registry.subscribe();
    for round in 0..2 {
        for n in 0..3 {
            host.set(&link(&format!("eth{round}{n}")).0, fields.clone());
            idle().await;
        }
        assert!(slow.next().await.is_err());
    }
    assert!(other.next().await.is_err());
    assert_eq!(registry.totals().missed, 4);
    let Totals { messages, created, deleted, updated, missed, .. } = registry.totals();
    assert_eq!((messages, created, deleted, updated, missed), (16, 11, 5, 0, 4));
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
    // More than is taken at once: the rest waits for its turn.
    host.flood(&link("eth0").0, 3000);
    idle().await;
    let own = Some("udev".to_owned());
    assert_eq!(names(&registry), [(None, 0, 4096), (own.clone(), 3000 - 1024, 4096)]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(names(&registry), [(None, 0, 4096), (own, 0, 4096)]);
    assert_eq!(registry.totals().messages, 3000);
    registry.shutdown().await;
    assert_eq!(registry.queues()[0].waiting, 0);
}
