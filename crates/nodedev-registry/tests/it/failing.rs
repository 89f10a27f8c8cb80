//! Sources that fail, hang, panic, end, flood or talk nonsense: what it costs them, and nobody else.

#![expect(clippy::unwrap_used, reason = "a registry that ends too early fails the test")]

use std::sync::Arc;
use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, SourceState, Subscription};
use nodedev_source::{
    ErrorKind, EventSink, HintStream, NodeDeviceSource, Presence, Snapshot, SourceError,
    SourceEvent, SourceInfo, Watch, async_trait,
};
use nodedev_source_testkit::{Behaviour, ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, net};
use nodedev_types::{
    DeviceId, DeviceName, Diagnostic, FieldSet, Fields, Observation, SourceId, StreamInfo,
};
use tokio::time::Instant;

use crate::host::{
    MDEV, active, defined, definition, idle, is_silent, link, live, mdev, mdev_path, mdevctl, next,
    running, soon, start, start_with, status, udev, with_parent,
};

fn acme() -> (Arc<ScriptedSource>, ScriptedHost) {
    let stream = StreamInfo::new("acme", Presence::Active, FieldSet::new().with(device::DRIVER));
    let info = SourceInfo::new("acme", "1").with_stream(stream.with_namespace("acme"));
    ScriptedSource::with_info(info)
}

fn slot() -> DeviceId {
    DeviceId::foreign("acme", "slot")
}

/// A source with one device beside a healthy one, both followed.
async fn beside_udev() -> (Registry, Subscription, ScriptedHost, ScriptedHost) {
    let ((kernel, host), (third, other)) = (udev(), acme());
    other.set(&slot(), Fields::new());
    let registry = start(&[kernel, third]).await;
    let (_, events) = registry.subscribe();
    (registry, events, host, other)
}

fn reason(registry: &Registry) -> String {
    match status(registry, "acme").state {
        SourceState::Degraded(reason) => reason,
        state => panic!("it is {state:?}"),
    }
}

fn failed() -> Behaviour {
    Behaviour::Fail(SourceError::new(ErrorKind::Failed, "the board does not answer"))
}

/// While one source is degraded the other works, and the last word of the first stays.
async fn assert_others_work(registry: &Registry, events: &mut Subscription, host: &ScriptedHost) {
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    assert_eq!(next(events).await, ["created net_eth0_"]);
    assert!(registry.snapshot().device("acme_slot").is_some());
    assert_eq!(status(registry, "acme").streams[0].stale, 1);
    assert_eq!(status(registry, "udev").state, SourceState::Running);
}

async fn assert_heals(registry: &Registry, events: &mut Subscription, other: &ScriptedHost) {
    let mut lists = registry.changes();
    let running = |list: &Arc<nodedev_registry::Snapshot>| {
        let acme = list.sources().iter().find(|source| source.name == "acme");
        acme.is_some_and(|acme| acme.state == SourceState::Running)
    };
    soon(lists.wait_for(running)).await.unwrap();
    assert_eq!(status(registry, "acme").streams[0].stale, 0);
    other.remove(&slot());
    assert_eq!(next(events).await, ["deleted acme_slot"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_ends_by_itself_is_started_again() {
    let (registry, mut events, host, other) = beside_udev().await;
    other.die();
    idle().await;
    assert_eq!(reason(&registry), "it ended by itself");
    assert_others_work(&registry, &mut events, &host).await;
    soon(other.until(|calls| calls.watch == 2)).await;
    assert_heals(&registry, &mut events, &other).await;
    assert_eq!(status(&registry, "acme").restarts, 1);
    assert_eq!(other.calls().watching, 1, "the old watch has been dropped");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_while_it_is_read_is_started_again() {
    let (registry, mut events, host, other) = beside_udev().await;
    other.next_snapshot(Behaviour::Panic);
    other.resync("test");
    idle().await;
    assert_eq!(reason(&registry), "cannot be read: it panicked");
    assert_others_work(&registry, &mut events, &host).await;
    assert_heals(&registry, &mut events, &other).await;
    assert_eq!(other.calls().watch, 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_while_it_is_read_is_started_again() {
    let (registry, mut events, host, other) = beside_udev().await;
    other.next_snapshot(Behaviour::Hang);
    other.resync("test");
    let begun = Instant::now();
    soon(other.until(|calls| calls.watching == 0)).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    idle().await;
    assert_eq!(reason(&registry), "cannot be read: no answer within 30s");
    assert_others_work(&registry, &mut events, &host).await;
    assert_heals(&registry, &mut events, &other).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_read_is_started_again() {
    let (registry, mut events, host, other) = beside_udev().await;
    other.next_snapshot(failed());
    other.resync("test");
    idle().await;
    assert_eq!(reason(&registry), "cannot be read: the board does not answer");
    assert_others_work(&registry, &mut events, &host).await;
    assert_heals(&registry, &mut events, &other).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_watched_is_tried_again_more_and_more_rarely() {
    for behaviour in [failed(), Behaviour::Panic, Behaviour::Hang] {
        let ((kernel, _), (third, other)) = (udev(), acme());
        let hangs = matches!(behaviour, Behaviour::Hang);
        other.on_watch(behaviour);
        let registry = start(&[kernel, third]).await;
        assert!(reason(&registry).starts_with("cannot be watched: "), "{}", reason(&registry));
        let mut last = Instant::now();
        let mut pauses = Vec::new();
        for attempt in 2..12 {
            soon(other.until(|calls| calls.watch == attempt)).await;
            pauses.push(last.elapsed());
            last = Instant::now();
        }
        let call = if hangs { 10_000 } else { 0 };
        let pause = |n: u32| Duration::from_millis(call + (500 << n).min(60_000));
        assert_eq!(pauses[0], Duration::from_millis(500));
        let expected: Vec<_> = (1..10).map(pause).collect();
        assert_eq!(pauses[1..], expected);
        other.on_watch(Behaviour::Normal);
        soon(other.until(|calls| calls.snapshot == 1)).await;
        idle().await;
        assert_eq!(status(&registry, "acme").state, SourceState::Running);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_dies_again_and_again_is_not_started_in_a_hurry() {
    let (registry, _, _, other) = beside_udev().await;
    let mut last = Instant::now();
    let mut longest = Duration::ZERO;
    for attempt in 2..10 {
        other.die();
        soon(other.until(|calls| calls.snapshot == attempt)).await;
        longest = longest.max(last.elapsed());
        last = Instant::now();
        idle().await;
    }
    assert!(longest > Duration::from_secs(30), "{longest:?}");
    assert_eq!(status(&registry, "acme").restarts, 8);
}

#[tokio::test(start_paused = true)]
async fn one_listing_can_fail_alone_and_is_tried_again() {
    let (registry, host, config) = with_parent().await;
    config.set_on(&defined(), &mdev(), definition());
    config.set_on(&active(), &mdev(), live("1"));
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    let (_, mut events) = registry.subscribe();
    let error = SourceError::new(ErrorKind::Failed, "mdevctl list: exit status 1");
    config.fail_stream(&defined(), Some(error));
    config.resync("test");
    idle().await;
    let tool = status(&registry, "mdevctl");
    assert!(matches!(&tool.state, SourceState::Degraded(why) if why.contains("exit status 1")));
    assert_eq!((tool.streams[0].stale, tool.streams[1].stale), (1, 0));
    assert!(tool.streams[0].failure.is_some() && tool.streams[1].failure.is_none());
    assert!(is_silent(&mut events).await, "the last word stays");
    assert!(registry.snapshot().device(MDEV).is_some_and(|d| d.persistent));
    config.fail_stream(&defined(), None);
    config.lose_events(true);
    config.remove_on(&defined(), &mdev());
    config.lose_events(false);
    assert_eq!(next(&mut events).await, [format!("undefined {MDEV}")]);
    let tool = status(&registry, "mdevctl");
    assert_eq!((tool.state, tool.streams[0].stale), (SourceState::Running, 0));
    assert_eq!(tool.restarts, 0, "the watch was held all the time");
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_tried_again_in_spite_of_events() {
    let (registry, _, _, other) = beside_udev().await;
    let error = SourceError::new(ErrorKind::Timeout, "slow");
    other.fail_stream(&SourceId::new("acme"), Some(error));
    other.resync("test");
    idle().await;
    assert!(reason(&registry).contains("slow"));
    other.fail_stream(&SourceId::new("acme"), None);
    // Events come faster than the pause before the next attempt.
    for _ in 0..20 {
        other.repeat(&slot());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status(&registry, "acme").state, SourceState::Running);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_cannot_be_read_keeps_its_last_word() {
    let (registry, mut events, _, other) = beside_udev().await;
    let diagnostic = Diagnostic::warning("acme:slot", "no answer within 500 ms");
    other.unreadable(&slot(), diagnostic.clone());
    idle().await;
    let acme = status(&registry, "acme");
    assert_eq!((acme.streams[0].stale, &acme.diagnostics), (1, &vec![diagnostic.clone()]));
    other.resync("test");
    idle().await;
    let acme = status(&registry, "acme");
    assert_eq!((acme.streams[0].stale, acme.diagnostics), (1, vec![diagnostic]));
    assert!(is_silent(&mut events).await);
    other.set(&slot(), Fields::new());
    idle().await;
    let acme = status(&registry, "acme");
    assert_eq!((acme.streams[0].stale, acme.diagnostics), (0, vec![]));
    assert!(is_silent(&mut events).await);
}

#[tokio::test(start_paused = true)]
async fn a_flood_costs_no_word() {
    let (registry, mut events, host, other) = beside_udev().await;
    for _ in 0..50 {
        other.flood(&slot(), 4000);
        tokio::time::sleep(Duration::from_millis(130)).await;
    }
    let acme = status(&registry, "acme");
    assert_eq!((acme.events, acme.resyncs), (200_000, 0));
    let (id, fields) = link("eth0");
    other.flood(&slot(), 4000);
    host.set(&id, fields);
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
    assert!(is_silent(&mut events).await);
}

/// Messages and requests without end: so much of them is looked at, and it is read so often.
#[tokio::test(start_paused = true)]
async fn a_flood_without_end_takes_no_more_than_its_share() {
    let (registry, mut events, host, other) = beside_udev().await;
    for _ in 0..200 {
        other.flood(&slot(), 4000);
        other.resync("without end");
        idle().await;
    }
    let acme = status(&registry, "acme");
    assert!((5_000..10_000).contains(&acme.events), "{} in 0.2 s", acme.events);
    assert!(acme.resyncs < 200 && acme.dropped > 600_000, "{acme:?}");
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
    other.remove(&slot());
    idle().await;
    assert_eq!(status(&registry, "acme").stale.map(|stale| stale.reason), None);
}

#[tokio::test(start_paused = true)]
async fn a_flood_that_overflows_the_queue_is_healed_by_a_snapshot() {
    let ((kernel, host), (third, other)) = (udev(), acme());
    let mut small = RegistryConfig::default();
    small.source_queue = 8;
    let registry = start_with(&[kernel, third], small).await;
    let (_, mut events) = registry.subscribe();
    other.flood(&slot(), 5000);
    other.set(&slot(), Fields::new());
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    let mut told = next(&mut events).await;
    if told.len() == 1 {
        told.extend(next(&mut events).await);
    }
    told.sort_unstable();
    assert_eq!(told, ["created acme_slot", "created net_eth0_"]);
    let acme = status(&registry, "acme");
    assert!((1..=3).contains(&acme.resyncs), "{} resyncs", acme.resyncs);
    assert_eq!((acme.state, acme.restarts), (SourceState::Running, 0));
    assert_eq!(status(&registry, "udev").resyncs, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_source_may_not_say_is_refused_with_a_diagnostic() {
    let (registry, mut events, _, other) = beside_udev().await;
    let (id, _) = link("eth0");
    let mut fields = Fields::new();
    fields.set(device::DRIVER, "virtio");
    fields.set(device::DEVNODE, "/dev/mine");
    other.set(&slot(), fields.clone());
    assert_eq!(next(&mut events).await, ["updated acme_slot"]);
    let subjects = |registry: &Registry| -> Vec<_> {
        let diagnostics = status(registry, "acme").diagnostics;
        diagnostics.into_iter().map(|d| (d.subject, d.attribute)).collect()
    };
    let refused = ("acme:slot".to_owned(), Some("devnode".to_owned()));
    assert_eq!(subjects(&registry), std::slice::from_ref(&refused));
    other.resync("test");
    idle().await;
    assert_eq!(subjects(&registry), [refused], "also when it is listed");
    // Another's stream, by every way there is.
    let foreign = SourceId::new(SourceId::UDEV);
    other.set_on(&foreign, &id, fields);
    other.remove_on(&foreign, &id);
    other.unreadable_on(&foreign, &id, Diagnostic::warning("x", "y"));
    other.resync("test");
    assert!(is_silent(&mut events).await);
    assert!(subjects(&registry).iter().any(|(subject, _)| subject == "udev"));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_may_say_no_more_than_a_word() {
    let (registry, _, _, other) = beside_udev().await;
    let mut fresh = Fields::new();
    fresh.set(device::DRIVER, "acme");
    fresh.set(net::LINK_STATE, "up");
    other.set_dynamic(&slot(), Some(fresh));
    let name = DeviceName::new("acme_slot");
    let refreshed = registry.refresh(&name).await.unwrap();
    assert_eq!(refreshed.device.fields.get(device::DRIVER), Some("acme"));
    assert_eq!(refreshed.device.fields.get(net::LINK_STATE), None);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_what_is_wrong_with_devices_that_it_lists() {
    let (registry, _, _, other) = beside_udev().await;
    let diagnostic = Diagnostic::warning("acme:slot", "`speed` is no number: `fast`");
    other.set_diagnostics(vec![diagnostic.clone()]);
    other.resync("test");
    idle().await;
    assert_eq!(status(&registry, "acme").diagnostics, [diagnostic]);
    other.set(&slot(), Fields::new());
    idle().await;
    assert!(status(&registry, "acme").diagnostics.is_empty(), "it was read again");
}

#[tokio::test(start_paused = true)]
async fn what_was_wrong_with_the_files_of_a_device_is_forgotten_when_they_are_read_again() {
    let (registry, host, _config) = with_parent().await;
    let wrong = Diagnostic::warning(mdev_path(), "`mdev_type` is missing");
    host.say(|_| SourceEvent::Diagnostic(wrong.clone()));
    idle().await;
    assert_eq!(status(&registry, "udev").diagnostics, [wrong]);
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    assert!(status(&registry, "udev").diagnostics.is_empty(), "it was read again");
}

#[tokio::test(start_paused = true)]
async fn a_source_cannot_speak_for_another_even_by_failing() {
    let (registry, mut events, host, other) = beside_udev().await;
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
    let kernel = SourceId::new(SourceId::UDEV);
    other.unreadable_on(&kernel, &id, Diagnostic::warning("x", "y"));
    other.fail_stream(&kernel, Some(SourceError::new(ErrorKind::Failed, "not yours")));
    other.resync("test");
    assert!(is_silent(&mut events).await);
    assert_eq!(status(&registry, "udev").streams[0].stale, 0);
    assert_eq!(status(&registry, "acme").state, SourceState::Running);
}

#[tokio::test(start_paused = true)]
async fn diagnostics_do_not_pile_up() {
    let (registry, _, _, other) = beside_udev().await;
    for n in 0..1000 {
        let diagnostic = Diagnostic::warning(format!("file {}", n % 10), n.to_string());
        other.say(|_| SourceEvent::Diagnostic(diagnostic.clone()));
    }
    idle().await;
    assert_eq!(status(&registry, "acme").diagnostics.len(), 256);
}

#[tokio::test(start_paused = true)]
async fn nonsense_costs_itself_only() {
    let ((kernel, host), (third, other)) = (udev(), acme());
    other.on_watch(Behaviour::Garbage);
    other.on_snapshot(Behaviour::Garbage);
    other.set(&slot(), Fields::new());
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    let registry = start(&[kernel, third]).await;
    let snapshot = registry.snapshot();
    let names: Vec<_> = snapshot.devices().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["acme_slot", "net_eth0_"]);
    assert!(!status(&registry, "acme").diagnostics.is_empty());
}

/// An error that panics when it is asked what it has to say.
#[derive(Debug)]
struct Speechless;

impl std::fmt::Display for Speechless {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Speechless {}

#[tokio::test(start_paused = true)]
async fn an_error_without_words_is_a_fault_of_its_source_alone() {
    let (registry, mut events, host, other) = beside_udev().await;
    let error = || SourceError::new(ErrorKind::Failed, "it fails").with_source(Speechless);
    other.on_snapshot(Behaviour::Fail(error()));
    other.resync("the snapshot fails");
    idle().await;
    assert_eq!(reason(&registry), "cannot be read: it panicked");
    other.on_snapshot(Behaviour::Normal);
    other.fail_stream(&SourceId::new("acme"), Some(error()));
    soon(other.until(|calls| calls.watch == 3)).await;
    idle().await;
    assert_eq!(reason(&registry), "cannot be read: it panicked");
    assert_others_work(&registry, &mut events, &host).await;
    other.fail_stream(&SourceId::new("acme"), None);
    other.on_refresh(Behaviour::Fail(error()));
    let read = registry.refresh(&DeviceName::new("acme_slot")).await.unwrap();
    assert_eq!(read.diagnostics, ["acme: it panicked"]);
    assert_heals(&registry, &mut events, &other).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_never_there_harms_nobody() {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    let missing = SourceError::new(ErrorKind::Unavailable, "mdevctl is not installed");
    config.on_snapshot(Behaviour::Fail(missing));
    host.set(&mdev(), running(&mdev_path()));
    let begun = Instant::now();
    let registry = start(&[kernel, tool]).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(registry.snapshot().device(MDEV).is_some());
}

/// A source whose only stream is missing in its snapshots.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl NodeDeviceSource for Forgetful {
    fn info(&self) -> SourceInfo {
        Explosive.info()
    }

    async fn watch(&self, sink: EventSink, _: HintStream) -> Result<Watch, SourceError> {
        Ok(Watch::new(sink))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        Ok(Snapshot::new())
    }

    async fn refresh(&self, _: &DeviceId) -> Result<Option<Observation>, SourceError> {
        Ok(None)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_left_out_of_a_snapshot_is_told_of() {
    let registry = Registry::builder().source(Arc::new(Forgetful));
    let registry = registry.start().unwrap();
    registry.ready().await;
    assert_eq!(reason(&registry), "acme: left out of the snapshot");
}

/// A source whose watch panics when it ends, as often as it is watched.
#[derive(Debug)]
struct Explosive;

struct Bomb(EventSink);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the watch of {:?} ends", self.0);
        }
    }
}

#[async_trait]
impl NodeDeviceSource for Explosive {
    fn info(&self) -> SourceInfo {
        let stream = StreamInfo::new("acme", Presence::Active, FieldSet::new());
        SourceInfo::new("acme", "1").with_stream(stream.with_namespace("acme"))
    }

    async fn watch(&self, sink: EventSink, _: HintStream) -> Result<Watch, SourceError> {
        Ok(Watch::new(Bomb(sink)))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        Err(SourceError::new(ErrorKind::Bug, "never works"))
    }

    async fn refresh(&self, _: &DeviceId) -> Result<Option<Observation>, SourceError> {
        Ok(None)
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_panics_when_it_ends_is_started_again_all_the_same() {
    let registry = Registry::builder().source(Arc::new(Explosive)).start().unwrap();
    registry.ready().await;
    let mut lists = registry.changes();
    let restarted = |list: &Arc<nodedev_registry::Snapshot>| list.sources()[0].restarts == 3;
    soon(lists.wait_for(restarted)).await.unwrap();
    assert_eq!(reason(&registry), "cannot be read: never works");
    registry.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_slow_to_be_read_is_told_until_it_is_quick_again() {
    let (registry, _events, _host, other) = beside_udev().await;
    let told = || {
        let diagnostics = status(&registry, "acme").diagnostics;
        diagnostics.iter().any(|told| told.message.starts_with("slow to be read"))
    };
    let mut lists = registry.changes();
    let read = |times| {
        move |list: &Arc<nodedev_registry::Snapshot>| {
            let acme = list.sources().iter().find(|source| source.name == "acme");
            acme.is_some_and(|acme| acme.snapshots == times)
        }
    };
    for (times, seconds, is_told) in [(2, 4, false), (3, 6, true), (4, 4, false)] {
        other.next_snapshot(Behaviour::Delay(Duration::from_secs(seconds)));
        other.resync("test");
        soon(lists.wait_for(read(times))).await.unwrap();
        assert_eq!(told(), is_told, "after a reading of {seconds} s");
        assert_eq!(status(&registry, "acme").state, SourceState::Running);
    }
}
