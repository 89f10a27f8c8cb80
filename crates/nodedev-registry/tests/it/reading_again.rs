//! Refresh and explain: one device read again for one caller, and nobody else the wiser.

#![expect(clippy::unwrap_used, reason = "a device that is not there fails the test")]

use std::time::Duration;

use nodedev_registry::{Origin, Registry, RegistryError};
use nodedev_source::{ErrorKind, SourceError};
use nodedev_source_testkit::{Behaviour, ScriptedHost};
use nodedev_types::fields::{device, mdev as field, net};
use nodedev_types::{Device, DeviceName, Fields, Value};
use tokio::time::Instant;

use crate::host::{
    MDEV, active, defined, definition, idle, is_silent, link, live, mdev, mdev_path, next, nic,
    running, soon, start, udev, with_parent,
};

const PATH: &str = "/sys/devices/virtual/net/eth0";

fn eth0(state: &str) -> Fields {
    let mut fields = nic(PATH, "");
    fields.set(net::LINK_STATE, state);
    fields.set(device::DRIVER, "veth");
    fields
}

fn name() -> DeviceName {
    DeviceName::new("net_eth0_")
}

async fn with_eth0() -> (Registry, ScriptedHost) {
    let (kernel, host) = udev();
    host.set(&link("eth0").0, eth0("down"));
    (start(&[kernel]).await, host)
}

fn stored(registry: &Registry) -> Device {
    let snapshot = registry.snapshot();
    let device = snapshot.device("net_eth0_").cloned();
    (*device.unwrap()).clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_read_again_is_laid_over_and_never_stored() {
    let (registry, host) = with_eth0().await;
    let (_, mut events) = registry.subscribe();
    // The driver has gone, and a field that is not dynamic is none of this answer's business.
    let mut fresh = Fields::new();
    fresh.set(net::LINK_STATE, "up");
    fresh.set(net::ADDRESS, "02:00:00:00:00:09");
    host.set_dynamic(&link("eth0").0, Some(fresh));
    let refreshed = registry.refresh(&name()).await.unwrap();
    assert!(refreshed.diagnostics.is_empty());
    let fields = &refreshed.device.fields;
    assert_eq!(fields.get(net::LINK_STATE), Some("up"));
    assert_eq!(fields.get(device::DRIVER), None, "what the answer leaves out is absent");
    assert_eq!(fields.get(net::ADDRESS), Some(""));
    assert!(is_silent(&mut events).await);
    assert_eq!(stored(&registry).fields.get(net::LINK_STATE), Some("down"));
}

#[tokio::test(start_paused = true)]
async fn lists_and_lookups_read_nothing() {
    let (registry, host) = with_eth0().await;
    let _ = registry.snapshot().device("net_eth0_").map(|d| d.capabilities());
    idle().await;
    assert_eq!(host.calls().refresh, 0);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_gives_the_stored_values_and_a_diagnostic() {
    let gone = SourceError::new(ErrorKind::Gone, "the device has vanished");
    let cases = [
        (Behaviour::Fail(gone), "udev: the device has vanished", 0),
        (Behaviour::Hang, "udev: no answer within 1s", 1),
        (Behaviour::Panic, "udev: it panicked", 0),
        (Behaviour::Garbage, "udev: `garbage` is none of its streams", 0),
    ];
    for (behaviour, expected, seconds) in cases {
        let (registry, host) = with_eth0().await;
        host.on_refresh(behaviour);
        let begun = Instant::now();
        let refreshed = registry.refresh(&name()).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(seconds), "{expected}");
        assert_eq!(refreshed.diagnostics, [expected]);
        assert_eq!(refreshed.device, stored(&registry));
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_vanishes_meanwhile_is_no_device() {
    let (registry, host) = with_eth0().await;
    let missing = |name: &DeviceName| Some(RegistryError::NoSuchDevice(name.clone()));
    let other = DeviceName::new("net_eth1_");
    assert_eq!(registry.refresh(&other).await.err(), missing(&other));
    host.on_refresh(Behaviour::Delay(Duration::from_millis(500)));
    let asked = tokio::spawn({
        let registry = registry.clone();
        async move { registry.refresh(&name()).await }
    });
    soon(host.until(|calls| calls.refresh == 1)).await;
    host.remove(&link("eth0").0);
    assert_eq!(asked.await.unwrap().err(), missing(&name()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_read_holds_up_nobody() {
    let (registry, host) = with_eth0().await;
    let (_, mut events) = registry.subscribe();
    host.on_refresh(Behaviour::Hang);
    let begun = Instant::now();
    let asked = tokio::spawn({
        let registry = registry.clone();
        async move { registry.refresh(&name()).await }
    });
    soon(host.until(|calls| calls.refresh == 1)).await;
    let (id, fields) = link("eth1");
    host.set(&id, fields);
    assert_eq!(next(&mut events).await, ["created net_eth1_"]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(asked.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn explain_names_every_word_and_whose_it_is() {
    let (registry, host, config) = with_parent().await;
    config.set_on(&defined(), &mdev(), definition());
    let mut listed = live("1");
    listed.set(field::TYPE, "old");
    config.set_on(&active(), &mdev(), listed);
    host.set(&mdev(), running(&mdev_path()));
    let (_, mut events) = registry.subscribe();
    if registry.snapshot().device(MDEV).is_none_or(|device| !device.active) {
        next(&mut events).await;
    }
    idle().await;
    let explanation = registry.explain(&DeviceName::new(MDEV)).await.unwrap();
    let claims: Vec<_> = explanation.claims.iter().map(|c| c.source.as_str()).collect();
    assert_eq!(claims, ["mdevctl/active", "mdevctl/defined", "udev"]);
    assert!(explanation.claims.iter().all(|c| c.said.is_some() && c.stale.is_none()));
    let row = |name: &str| explanation.fields.iter().find(|row| row.field == name).unwrap();
    assert_eq!(row("mdev.type").value, Some(Value::from("t")));
    assert_eq!(row("mdev.type").lost[0].source, active());
    let Origin::Said(by) = &row("mdev.attributes").origin else { panic!("the tool says it") };
    assert_eq!(by.as_slice(), [active()]);
    assert_eq!(row("active").value, Some(Value::from(true)));
    config.fail_stream(&defined(), Some(SourceError::new(ErrorKind::Malformed, "bad JSON")));
    config.resync("test");
    idle().await;
    let explanation = registry.explain(&DeviceName::new(MDEV)).await.unwrap();
    assert_eq!(explanation.claims[1].stale.as_deref(), Some("bad JSON"));
}
