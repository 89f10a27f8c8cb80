//! What a source may have, and what is remembered of it: at the bound nothing becomes wrong, and it heals.

use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, SourceState, Subscription};
use nodedev_source_testkit::ScriptedHost;
use nodedev_types::Fields;
use nodedev_types::fields::device;

use crate::host::{idle, is_silent, link, mdevctl, next, soon, start_with, status, udev};

async fn with(config: RegistryConfig, links: usize) -> (Registry, Subscription, ScriptedHost) {
    let (kernel, host) = udev();
    (0..links).for_each(|n| set(&host, n));
    let registry = start_with(&[kernel], config).await;
    let events = registry.subscribe().1;
    (registry, events, host)
}

fn set(host: &ScriptedHost, n: usize) {
    let (id, fields) = link(&format!("l{n}"));
    host.set(&id, fields);
}

fn remove(host: &ScriptedHost, n: usize) {
    host.remove(&link(&format!("l{n}")).0);
}

fn names(registry: &Registry) -> Vec<String> {
    registry.snapshot().devices().map(|device| device.name.to_string()).collect()
}

fn told(registry: &Registry) -> Vec<String> {
    status(registry, "udev").diagnostics.iter().map(ToString::to_string).collect()
}

fn few_devices() -> RegistryConfig {
    let mut config = RegistryConfig::default();
    config.source_devices = 3;
    config
}

const LEFT_OUT: &str = "udev: has more than 3 devices, which is the bound:";

#[tokio::test(start_paused = true)]
async fn what_went_while_a_snapshot_hung_stays_away_and_what_was_there_comes() {
    let mut config = RegistryConfig::default();
    config.departures = 3;
    let (registry, mut events, host) = with(config, 8).await;
    // Only a snapshot tells of this one.
    host.lose_events(true);
    set(&host, 100);
    host.lose_events(false);
    let hold = host.hold_snapshots();
    host.resync("test");
    soon(hold.reached()).await;
    for n in 0..8 {
        remove(&host, n);
        assert_eq!(next(&mut events).await, [format!("deleted net_l{n}_")]);
    }
    let kernel = status(&registry, "udev");
    let why = "more departures than are remembered while it is read";
    assert_eq!(kernel.stale.unwrap().reason, why);
    assert_eq!(kernel.reasons.get(why), Some(&1));
    hold.release();
    // Nothing of those that went; the snapshot after that one.
    assert_eq!(next(&mut events).await, ["created net_l100_"]);
    assert!(is_silent(&mut events).await);
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.resyncs, kernel.stale), (2, None));
    // Whoever went can come again.
    set(&host, 1);
    assert_eq!(next(&mut events).await, ["created net_l1_"]);
}

#[tokio::test(start_paused = true)]
async fn departures_up_to_the_bound_need_no_second_look() {
    let mut config = RegistryConfig::default();
    config.departures = 8;
    let (registry, _, host) = with(config, 8).await;
    let hold = host.hold_snapshots();
    host.resync("test");
    soon(hold.reached()).await;
    (0..8).for_each(|n| remove(&host, n));
    idle().await;
    hold.release();
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!((names(&registry).len(), status(&registry, "udev").resyncs), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn devices_over_the_bound_are_left_out_until_there_is_room() {
    let (registry, mut events, host) = with(few_devices(), 5).await;
    assert_eq!(names(&registry), ["net_l0_", "net_l1_", "net_l2_"]);
    assert_eq!(told(&registry), [format!("{LEFT_OUT} 2 are left out until there is room")]);
    let kernel = status(&registry, "udev");
    assert_eq!((&kernel.state, kernel.stale), (&SourceState::Running, None));
    // Those who are in change, and one more comes and says much.
    let (id, mut fields) = link("l0");
    fields.set(device::DRIVER, "test");
    host.set(&id, fields);
    assert_eq!(next(&mut events).await, ["updated net_l0_"]);
    set(&host, 5);
    host.flood(&link("l5").0, 50);
    idle().await;
    assert_eq!(told(&registry), [format!("{LEFT_OUT} 3 are left out until there is room")]);
    // With too little room for all, who comes first comes in; no listing is made for each place.
    remove(&host, 0);
    assert_eq!(next(&mut events).await, ["deleted net_l0_"]);
    host.repeat(&link("l5").0);
    assert_eq!(next(&mut events).await, ["created net_l5_"]);
    remove(&host, 1);
    assert_eq!(next(&mut events).await, ["deleted net_l1_"]);
    assert_eq!(status(&registry, "udev").resyncs, 0);
    // With room for all it is read again.
    remove(&host, 2);
    assert_eq!(next(&mut events).await, ["deleted net_l2_"]);
    assert_eq!(next(&mut events).await, ["created net_l3_", "created net_l4_"]);
    idle().await;
    assert_eq!(names(&registry), ["net_l3_", "net_l4_", "net_l5_"]);
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.resyncs, kernel.stale, kernel.diagnostics.len()), (1, None, 0));
    let why = "there is room again for devices that were left out";
    assert_eq!(kernel.reasons.get(why), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn who_was_left_out_and_goes_needs_no_room() {
    let (registry, _, host) = with(few_devices(), 4).await;
    remove(&host, 3);
    idle().await;
    assert_eq!(told(&registry), Vec::<String>::new());
    assert_eq!((names(&registry).len(), status(&registry, "udev").resyncs), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn others_have_their_own_room_and_a_flood_of_names_takes_none() {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    let registry = start_with(&[kernel, tool], few_devices()).await;
    (0..3000).for_each(|n| set(&host, n));
    let (uuid, definition) = (crate::host::mdev(), crate::host::definition());
    config.set_on(&crate::host::defined(), &uuid, definition);
    config.set_on(&crate::host::active(), &uuid, Fields::new());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(registry.snapshot().len(), 4);
    let more = "more than 1024 are left out until there is room";
    assert_eq!(told(&registry), [format!("{LEFT_OUT} {more}")]);
    assert_eq!(status(&registry, "mdevctl").diagnostics, []);
    // All but three go: it is known of some only that they were there.
    (0..2997).for_each(|n| remove(&host, n));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut listed = names(&registry);
    listed.retain(|name| name.starts_with("net_"));
    assert_eq!(listed, ["net_l2997_", "net_l2998_", "net_l2999_"]);
    assert_eq!(told(&registry), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_listing_in_which_all_are_others_heals_itself() {
    let (registry, _, host) = with(few_devices(), 3).await;
    host.lose_events(true);
    (0..3).for_each(|n| remove(&host, n));
    (10..13).for_each(|n| set(&host, n));
    host.lose_events(false);
    host.resync("test");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(names(&registry), ["net_l10_", "net_l11_", "net_l12_"]);
    assert_eq!((told(&registry), status(&registry, "udev").resyncs), (Vec::new(), 2));
}

#[tokio::test(start_paused = true)]
async fn who_is_left_out_is_no_drift() {
    let mut config = few_devices();
    config.self_check = Some(Duration::from_secs(60));
    let (registry, _, host) = with(config, 5).await;
    soon(host.until(|calls| calls.inventory == 3)).await;
    idle().await;
    let kernel = status(&registry, "udev");
    assert_eq!((kernel.checks, kernel.drifts, kernel.resyncs), (3, 0, 0));
}
