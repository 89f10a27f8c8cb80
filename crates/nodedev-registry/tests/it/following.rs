//! Readers and followers: what they see, when, and what a slow one is told.

use std::time::Duration;

use nodedev_registry::{NextError, Registry, RegistryConfig, RegistryError};
use nodedev_source_testkit::Behaviour;
use nodedev_types::{Capability, DeviceName};
use tokio::time::Instant;

use crate::host::{
    PCI, batch, defined, definition, idle, is_silent, link, mdev, mdevctl, next, pci, soon, start,
    start_with, status, sysfs, told, udev,
};

#[tokio::test(start_paused = true)]
async fn without_sources_the_list_is_ready_and_empty() {
    let registry = Registry::builder().start().unwrap();
    registry.ready().await;
    assert!(registry.snapshot().is_empty());
    assert_eq!(registry.snapshot().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn ready_means_that_every_source_has_been_read() {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    let (id, fields) = link("lo");
    host.set(&id, fields);
    host.on_snapshot(Behaviour::Delay(Duration::from_secs(3)));
    config.on_snapshot(Behaviour::Delay(Duration::from_secs(4)));
    let begun = Instant::now();
    let registry = start(&[kernel, tool]).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
    assert!(registry.snapshot().device("net_lo_").is_some());
    assert_eq!(registry.snapshot().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_early_follower_is_told_of_the_whole_list_at_once() {
    let (kernel, host) = udev();
    for name in ["eth0", "eth1"] {
        let (id, fields) = link(name);
        host.set(&id, fields);
    }
    host.on_snapshot(Behaviour::Delay(Duration::from_secs(1)));
    let registry = Registry::builder().source(kernel).start().unwrap();
    let (list, mut events) = registry.subscribe();
    assert_eq!((list.generation(), list.len()), (0, 0));
    assert_eq!(next(&mut events).await, ["created net_eth0_", "created net_eth1_"]);
    assert!(is_silent(&mut events).await);
}

#[tokio::test(start_paused = true)]
async fn a_source_with_interests_is_read_after_the_others() {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    let hold = host.hold_snapshots();
    let registry = Registry::builder().source(tool).source(kernel);
    let registry = registry.start().unwrap();
    soon(hold.reached()).await;
    idle().await;
    assert_eq!((config.calls().watch, config.calls().snapshot), (1, 0));
    hold.release();
    registry.ready().await;
    assert_eq!(config.calls().snapshot, 1);
}

#[tokio::test(start_paused = true)]
async fn ready_comes_by_its_deadline_without_a_source_that_hangs() {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    let (id, fields) = link("lo");
    config.set_on(&defined(), &mdev(), definition());
    host.set(&id, fields);
    host.on_watch(Behaviour::Hang);
    let mut slow = RegistryConfig::default();
    slow.watch = Duration::from_secs(100);
    let begun = Instant::now();
    let registry = start_with(&[kernel, tool], slow).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    idle().await;
    assert_eq!(registry.snapshot().len(), 1, "what the others say is not kept back any longer");
}

#[tokio::test(start_paused = true)]
async fn a_batch_and_its_list_belong_together() {
    let (kernel, host) = udev();
    let registry = start(&[kernel]).await;
    let (before, mut events) = registry.subscribe();
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    let batch = batch(&mut events).await;
    assert_eq!(told(&batch), ["created net_eth0_"]);
    assert_eq!(batch.snapshot.generation(), before.generation() + 1);
    assert!(batch.snapshot.device("net_eth0_").is_some());
    assert!(batch.snapshot.device_at("/sys/devices/virtual/net/eth0").is_some());
    assert!(before.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_said_again_is_not_told_again() {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields.clone());
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    host.repeat(&id);
    host.set(&id, fields);
    host.resync("to be sure");
    assert!(is_silent(&mut events).await);
    assert_eq!(status(&registry, "udev").resyncs, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_follower_is_told_that_it_missed_something_and_goes_on() {
    let (kernel, host) = udev();
    let mut few = RegistryConfig::default();
    few.event_queue = 4;
    let registry = start_with(&[kernel], few).await;
    let (_, mut slow) = registry.subscribe();
    let (_, mut quick) = registry.subscribe();
    for n in 0..20 {
        let (id, fields) = link(&format!("l{n}"));
        host.set(&id, fields);
        assert_eq!(next(&mut quick).await, [format!("created net_l{n}_")]);
    }
    let Err(NextError::Missed(missed)) = slow.next().await else {
        panic!("twenty batches do not wait in a queue of four")
    };
    assert_eq!(missed.snapshot.len(), 20);
    let (id, _) = link("l3");
    host.remove(&id);
    let batch = batch(&mut slow).await;
    assert_eq!(told(&batch), ["deleted net_l3_"]);
    assert_eq!(batch.snapshot.generation(), missed.snapshot.generation() + 1);
}

#[tokio::test(start_paused = true)]
async fn going_and_coming_back_is_told_even_when_it_is_fast() {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields.clone());
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    host.remove(&id);
    host.set(&id, fields);
    assert_eq!(next(&mut events).await, ["deleted net_eth0_"]);
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_every_watch_and_every_stream() {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    let registry = start(&[kernel, tool]).await;
    let (_, mut events) = registry.subscribe();
    assert_eq!((host.calls().watching, config.calls().watching), (1, 1));
    registry.shutdown().await;
    assert_eq!((host.calls().watching, config.calls().watching), (0, 0));
    assert!(matches!(events.next().await, Err(NextError::Closed)));
    let (_, mut late) = registry.subscribe();
    assert!(matches!(late.next().await, Err(NextError::Closed)));
    let asked = registry.refresh(&DeviceName::new("computer")).await;
    assert_eq!(asked.err(), Some(RegistryError::Closed));
    registry.ready().await;
    registry.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_sources() {
    let (kernel, host) = udev();
    let registry = start(&[kernel]).await;
    let other = registry.clone();
    drop(registry);
    idle().await;
    assert_eq!(host.calls().watching, 1);
    drop(other);
    soon(host.until(|calls| calls.watching == 0)).await;
}

#[tokio::test(start_paused = true)]
async fn sources_that_cannot_be_told_apart_are_refused() {
    let ((one, _), (two, _)) = (udev(), udev());
    let same = Registry::builder().source(one).source(two).start();
    assert_eq!(same.err(), Some(RegistryError::DuplicateSource("udev".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn lookups_by_capability_follow_the_list() {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    host.set(&sysfs(PCI), pci(PCI, Some(1)));
    let registry = start(&[kernel]).await;
    let names = |capability| -> Vec<String> {
        let snapshot = registry.snapshot();
        let found = snapshot.with_capability(capability);
        found.map(|device| device.name.to_string()).collect()
    };
    assert_eq!(names(Capability::Net), ["net_eth0_"]);
    assert_eq!(names(Capability::MdevTypes), ["pci_0000_00_02_0"]);
    host.remove(&id);
    host.set(&sysfs(PCI), pci(PCI, None));
    idle().await;
    assert!(names(Capability::Net).is_empty() && names(Capability::MdevTypes).is_empty());
}
