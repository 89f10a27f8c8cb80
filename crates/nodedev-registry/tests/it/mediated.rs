//! Mediated devices, of which two sources speak: ghosts, announcements that wait, and hints.

use std::time::Duration;

use nodedev_registry::{Registry, Subscription};
use nodedev_source::{ErrorKind, SourceError};
use nodedev_source_testkit::{Behaviour, ScriptedHost};
use nodedev_types::fields::{device, mdev as field};
use nodedev_types::{DeviceId, Fields};
use tokio::time::Instant;

use crate::host::{
    MDEV, PCI, active, attributes, defined, definition, idle, is_silent, link, live, mdev,
    mdev_path, next, pci, running, soon, status, sysfs, with_parent,
};

fn created() -> [String; 1] {
    [format!("created {MDEV}")]
}

/// A registry whose host runs the device with this attribute.
async fn with_running(value: &str) -> (Registry, Subscription, ScriptedHost, ScriptedHost) {
    let (registry, host, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    config.lose_events(true);
    config.set_on(&active(), &mdev(), live(value));
    config.lose_events(false);
    host.set(&mdev(), running(&mdev_path()));
    assert_eq!(next(&mut events).await, created());
    (registry, events, host, config)
}

fn shown(registry: &Registry) -> Fields {
    let snapshot = registry.snapshot();
    snapshot.device(MDEV).map(|d| d.fields.clone()).unwrap_or_default()
}

/// What mdevctl would say from now on, without a word of it.
fn in_silence(config: &ScriptedHost, change: impl FnOnce()) {
    config.lose_events(true);
    change();
    config.lose_events(false);
}

#[tokio::test(start_paused = true)]
async fn a_live_claim_without_a_kernel_device_makes_no_device() {
    let (registry, _, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    config.set_on(&active(), &mdev(), live("1"));
    config.resync("test");
    assert!(is_silent(&mut events).await);
    assert!(registry.snapshot().device(MDEV).is_none());
    let streams = status(&registry, "mdevctl").streams;
    assert_eq!(streams[1].devices, 1, "it is kept, for the day the kernel shows the device");
}

#[tokio::test(start_paused = true)]
async fn created_comes_first_and_complete() {
    let (registry, mut events, _, _) = with_running("1").await;
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), Some(attributes("1").as_slice()));
    assert!(is_silent(&mut events).await, "and nothing comes after it");
}

#[tokio::test(start_paused = true)]
async fn an_announcement_waits_for_the_listing_that_answers_its_hint() {
    let (registry, host, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    // A listing that began before the device was there answers nothing.
    let hold = config.hold_snapshots();
    config.resync("test");
    soon(hold.reached()).await;
    in_silence(&config, || config.set_on(&active(), &mdev(), live("1")));
    let begun = Instant::now();
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    assert!(registry.snapshot().device(MDEV).is_none());
    hold.release();
    assert_eq!(next(&mut events).await, created());
    assert!(begun.elapsed() < Duration::from_millis(100));
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), Some(attributes("1").as_slice()));
}

#[tokio::test(start_paused = true)]
async fn an_announcement_waits_at_most_a_second_and_holds_up_nobody_else() {
    let (registry, host, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    in_silence(&config, || config.set_on(&active(), &mdev(), live("1")));
    config.on_snapshot(Behaviour::Delay(Duration::from_secs(5)));
    let begun = Instant::now();
    host.set(&mdev(), running(&mdev_path()));
    let (other, fields) = link("eth0");
    host.set(&other, fields);
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(next(&mut events).await, created());
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), None);
    assert_eq!(next(&mut events).await, [format!("updated {MDEV}")], "what comes later");
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert!(is_silent(&mut events).await);
}

#[tokio::test(start_paused = true)]
async fn other_devices_do_not_put_off_an_announcement() {
    let (registry, host, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    config.on_snapshot(Behaviour::Hang);
    let begun = Instant::now();
    host.set(&mdev(), running(&mdev_path()));
    for n in 0..40 {
        let (id, fields) = link(&format!("l{n}"));
        host.set(&id, fields);
        assert_eq!(next(&mut events).await, [format!("created net_l{n}_")]);
    }
    assert_eq!(next(&mut events).await, created());
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_a_tool_that_does_not_work() {
    let (registry, host, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    config.fail_stream(&active(), Some(SourceError::new(ErrorKind::Malformed, "bad JSON")));
    config.resync("test");
    idle().await;
    let begun = Instant::now();
    host.set(&mdev(), running(&mdev_path()));
    assert_eq!(next(&mut events).await, created());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_fails_while_it_is_waited_for_is_waited_for_no_longer() {
    let (registry, host, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    config.next_snapshot(Behaviour::Panic);
    let begun = Instant::now();
    host.set(&mdev(), running(&mdev_path()));
    assert_eq!(next(&mut events).await, created());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_stops_while_it_is_held_is_never_announced() {
    let (registry, host, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    config.on_snapshot(Behaviour::Delay(Duration::from_secs(5)));
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    host.remove(&mdev());
    assert!(is_silent(&mut events).await);
    assert!(registry.snapshot().device(MDEV).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_definition_is_shown_as_it_is_while_its_start_is_held_back() {
    let (registry, host, config) = with_parent().await;
    config.set_on(&defined(), &mdev(), definition());
    idle().await;
    let (_, mut events) = registry.subscribe();
    config.on_snapshot(Behaviour::Hang);
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    let name = registry.snapshot().device(MDEV).map(|d| d.name.clone()).unwrap();
    let refreshed = registry.refresh(&name).await.unwrap();
    assert!(!refreshed.device.active);
    assert_eq!(refreshed.device.fields.get(device::PATH), None);
    assert_eq!(next(&mut events).await, created());
    let refreshed = registry.refresh(&name).await.unwrap();
    assert!(refreshed.device.active && refreshed.device.persistent);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_definition_has_no_group() {
    let (registry, host, config) = with_parent().await;
    config.set_on(&defined(), &mdev(), definition());
    let mut fields = running(&mdev_path());
    fields.set(field::IOMMU_GROUP, 12_u64);
    host.set(&mdev(), fields);
    idle().await;
    assert_eq!(shown(&registry).get(field::IOMMU_GROUP), Some(12));
    host.remove(&mdev());
    idle().await;
    assert!(registry.snapshot().device(MDEV).is_some_and(|device| device.persistent));
    assert_eq!(shown(&registry).get(field::IOMMU_GROUP), None);
}

#[tokio::test(start_paused = true)]
async fn a_later_namesake_inherits_nothing() {
    let (registry, mut events, host, config) = with_running("1").await;
    config.on_snapshot(Behaviour::Hang);
    host.remove(&mdev());
    host.set(&mdev(), running(&mdev_path()));
    assert_eq!(next(&mut events).await, [format!("deleted {MDEV}")]);
    assert_eq!(next(&mut events).await, created());
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), None);
}

#[tokio::test(start_paused = true)]
async fn a_listing_of_an_earlier_namesake_is_not_believed() {
    let (registry, mut events, host, config) = with_running("1").await;
    let hold = config.hold_snapshots();
    config.resync("test");
    soon(hold.reached()).await;
    host.remove(&mdev());
    assert_eq!(next(&mut events).await, [format!("deleted {MDEV}")]);
    in_silence(&config, || config.set_on(&active(), &mdev(), live("2")));
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    hold.release();
    assert_eq!(next(&mut events).await, created());
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), Some(attributes("2").as_slice()));
    assert!(is_silent(&mut events).await);
}

#[tokio::test(start_paused = true)]
async fn a_listing_between_two_lives_is_not_inherited() {
    let (registry, mut events, host, config) = with_running("1").await;
    host.remove(&mdev());
    assert_eq!(next(&mut events).await, [format!("deleted {MDEV}")]);
    // The tool still lists what has just gone.
    config.resync("test");
    idle().await;
    assert_eq!(status(&registry, "mdevctl").streams[1].devices, 1);
    config.on_snapshot(Behaviour::Hang);
    host.set(&mdev(), running(&mdev_path()));
    assert_eq!(next(&mut events).await, created());
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), None);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_nobody_saw_is_looked_into() {
    let (registry, mut events, host, config) = with_running("1").await;
    // It stops and starts with another attribute while events are lost.
    in_silence(&config, || config.set_on(&active(), &mdev(), live("2")));
    host.resync("receive buffer overrun");
    assert_eq!(next(&mut events).await, [format!("updated {MDEV}")]);
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), Some(attributes("2").as_slice()));
}

#[tokio::test(start_paused = true)]
async fn the_tool_runs_for_mediated_devices_and_their_parents_only() {
    let (_registry, host, config) = with_parent().await;
    let runs = || config.calls().snapshot;
    let before = runs();
    let (other, fields) = link("eth0");
    host.set(&other, fields);
    host.remove(&other);
    host.set(&sysfs("/sys/devices/x"), pci("/sys/devices/x", None));
    idle().await;
    assert_eq!(runs(), before, "unrelated devices");
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    assert_eq!(runs(), before + 1, "one that appears");
    host.remove(&mdev());
    idle().await;
    assert_eq!(runs(), before + 1, "removal needs no listing");
    host.set(&sysfs(PCI), pci(PCI, Some(0)));
    idle().await;
    assert_eq!(runs(), before + 2, "a parent whose types change");
    host.set(&sysfs(PCI), pci(PCI, None));
    idle().await;
    assert_eq!(runs(), before + 3, "a parent that is none any more");
    host.remove(&sysfs(PCI));
    idle().await;
    assert_eq!(runs(), before + 3, "by then it is an unrelated device");
}

#[tokio::test(start_paused = true)]
async fn hints_are_coalesced() {
    let (_registry, host, config) = with_parent().await;
    let before = config.calls().snapshot;
    let hold = config.hold_snapshots();
    for n in 0..50 {
        let id = DeviceId::mdev(&format!("uuid-{n}"), "0000:00:02.0");
        host.set(&id, running(&format!("{PCI}/uuid-{n}")));
    }
    soon(hold.reached()).await;
    idle().await;
    hold.release();
    idle().await;
    let runs = config.calls().snapshot - before;
    assert!(runs <= 2, "{runs} runs for fifty devices at once");
}

#[tokio::test(start_paused = true)]
async fn the_first_pass_takes_one_run() {
    let ((kernel, host), (tool, config)) = (crate::host::udev(), crate::host::mdevctl());
    host.set(&sysfs(PCI), pci(PCI, Some(1)));
    host.set(&mdev(), running(&mdev_path()));
    config.set_on(&active(), &mdev(), live("1"));
    let registry = crate::host::start(&[kernel, tool]).await;
    assert_eq!(shown(&registry).get(field::ATTRIBUTES), Some(attributes("1").as_slice()));
    idle().await;
    assert_eq!(config.calls().snapshot, 1);
}

#[tokio::test(start_paused = true)]
async fn own_words_raise_no_hint() {
    let (registry, _, config) = with_parent().await;
    let (_, mut events) = registry.subscribe();
    let hints = config.calls().hints;
    config.set_on(&defined(), &mdev(), definition());
    assert_eq!(next(&mut events).await, [format!("defined {MDEV}")]);
    config.remove_on(&defined(), &mdev());
    assert_eq!(next(&mut events).await, [format!("undefined {MDEV}")]);
    idle().await;
    assert_eq!(config.calls().hints, hints);
}
