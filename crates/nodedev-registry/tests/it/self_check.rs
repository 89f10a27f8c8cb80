//! The list compared with the host: what no event explains is a fault, told and healed.

use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, SourceState, Subscription};
use nodedev_source::{ErrorKind, SourceError};
use nodedev_source_testkit::{Behaviour, ScriptedHost};
use nodedev_types::Severity;
use tokio::time::Instant;

use crate::host::{idle, is_silent, link, mdevctl, next, soon, start_with, status, udev};

const EVERY: Duration = Duration::from_secs(300);

fn config() -> RegistryConfig {
    let mut config = RegistryConfig::default();
    config.self_check = Some(EVERY);
    config
}

async fn checked() -> (Registry, Subscription, ScriptedHost) {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    let registry = start_with(&[kernel], config()).await;
    let events = registry.subscribe().1;
    (registry, events, host)
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_event_is_found_told_and_healed() {
    let (registry, mut events, host) = checked().await;
    host.lose_events(true);
    let (id, fields) = link("eth1");
    host.set(&id, fields);
    host.remove(&link("eth0").0);
    host.lose_events(false);
    let begun = Instant::now();
    assert_eq!(next(&mut events).await, ["deleted net_eth0_", "created net_eth1_"]);
    // Not before the differences were seen twice.
    assert_eq!(begun.elapsed().as_secs(), 305);
    idle().await;
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.checks, kernel.drifts, kernel.resyncs), (2, 2, 1));
    assert_eq!(kernel.reasons.get("the self-check found differences"), Some(&1));
    assert_eq!((&kernel.state, kernel.stale), (&SourceState::Running, None));
    let told: Vec<_> = kernel.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("net/eth0: was listed and not there"), "{told:?}");
    assert!(told[1].contains("net/eth1: was there and not listed"), "{told:?}");
    assert!(kernel.diagnostics.iter().all(|told| told.severity == Severity::Error));
    // What the next comparison finds right is no longer told; how often it was wrong is.
    soon(host.until(|calls| calls.inventory == 3)).await;
    idle().await;
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.drifts, kernel.diagnostics.len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_event_on_its_way_is_no_drift() {
    let (registry, mut events, host) = checked().await;
    host.lose_events(true);
    let (id, fields) = link("eth1");
    host.set(&id, fields);
    soon(host.until(|calls| calls.inventory == 1)).await;
    idle().await;
    host.lose_events(false);
    host.repeat(&id);
    assert_eq!(next(&mut events).await, ["created net_eth1_"]);
    soon(host.until(|calls| calls.inventory == 2)).await;
    idle().await;
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.checks, kernel.drifts, kernel.resyncs), (2, 0, 0));
    assert!(is_silent(&mut events).await);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_comes_and_goes_all_the_time_is_no_drift() {
    let (registry, _, host) = checked().await;
    let (id, fields) = link("eth1");
    for round in 1..4 {
        host.lose_events(true);
        host.set(&id, fields.clone());
        soon(host.until(|calls| calls.inventory == round)).await;
        idle().await;
        // The event comes late, and the device goes and comes again.
        host.lose_events(false);
        host.repeat(&id);
        host.remove(&id);
        idle().await;
    }
    assert_eq!(status(&registry, "udev").drifts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_comparison_that_fails_or_hangs_is_told_and_made_again() {
    let (registry, mut events, host) = checked().await;
    let error = SourceError::new(ErrorKind::Failed, "no /sys");
    for (behaviour, told) in [
        (Behaviour::Fail(error), "cannot be compared with the host: no /sys"),
        (Behaviour::Hang, "cannot be compared with the host: no answer within 30s"),
        (Behaviour::Panic, "cannot be compared with the host: it panicked"),
    ] {
        let calls = host.calls().inventory;
        host.on_inventory(behaviour);
        soon(host.until(|now| now.inventory == calls + 1)).await;
        tokio::time::sleep(Duration::from_secs(31)).await;
        let kernel = status(&registry, "udev");
        assert!(kernel.diagnostics.iter().any(|d| d.message == told), "{:?}", kernel.diagnostics);
        assert_eq!(kernel.state, SourceState::Running);
    }
    host.on_inventory(Behaviour::Normal);
    let calls = host.calls().inventory;
    soon(host.until(|now| now.inventory == calls + 1)).await;
    idle().await;
    let kernel = status(&registry, "udev");
    assert!(kernel.diagnostics.is_empty(), "it is over: {:?}", kernel.diagnostics);
    host.lose_events(true);
    host.remove(&link("eth0").0);
    assert_eq!(next(&mut events).await, ["deleted net_eth0_"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_compared_unless_it_was_asked_for() {
    let (kernel, host) = udev();
    let _registry = start_with(&[kernel], RegistryConfig::default()).await;
    tokio::time::sleep(10 * EVERY).await;
    assert_eq!(host.calls().inventory, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_read_is_not_compared() {
    let (tool, config_host) = mdevctl();
    let registry = start_with(&[tool], config()).await;
    let error = SourceError::new(ErrorKind::Unsupported, "not now");
    config_host.lose_events(true);
    config_host.set_on(&crate::host::defined(), &crate::host::mdev(), crate::host::definition());
    config_host.fail_stream(&crate::host::defined(), Some(error));
    for checks in 1..4 {
        soon(config_host.until(|calls| calls.inventory == checks)).await;
        idle().await;
    }
    assert_eq!(status(&registry, "mdevctl").drifts, 0);
}
