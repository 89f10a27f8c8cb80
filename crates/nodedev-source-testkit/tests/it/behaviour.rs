//! The scripted source does what its host is told, under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{
    ErrorKind, EventReceiver, HintSender, NodeDeviceSource, Presence, SourceError, SourceEvent,
    Watch, event_channel, hint_channel,
};
use nodedev_source_testkit::{Behaviour, ScriptedHost, ScriptedSource, View};
use nodedev_types::fields::net;
use nodedev_types::{DeviceId, Diagnostic, FieldSet, Fields};
use tokio::time::{Instant, timeout};

struct Watched {
    source: Arc<ScriptedSource>,
    host: ScriptedHost,
    events: EventReceiver,
    hints: HintSender,
    _watch: Watch,
}

async fn watched() -> Watched {
    let fields = FieldSet::new().with(net::ADDRESS).with(net::LINK_STATE);
    let (source, host) = ScriptedSource::new("test", Presence::Active, fields);
    let (sink, events) = event_channel(64);
    let (hints, stream) = hint_channel();
    let watch = source.watch(sink, stream).await.unwrap();
    Watched { source, host, events, hints, _watch: watch }
}

fn device(n: usize) -> DeviceId {
    DeviceId::sysfs(&format!("/sys/devices/{n}")).unwrap()
}

fn state(state: &str) -> Fields {
    let mut fields = Fields::new();
    fields.set(net::LINK_STATE, state);
    fields
}

#[tokio::test]
async fn a_held_snapshot_returns_what_it_read_and_cannot_bring_back_what_has_gone() {
    let mut watched = watched().await;
    watched.host.set(&device(0), state("up"));
    let hold = watched.host.hold_snapshots();
    let reading = tokio::spawn({
        let source = Arc::clone(&watched.source);
        async move { source.snapshot().await }
    });
    hold.reached().await;
    watched.host.remove(&device(0));
    assert!(!reading.is_finished());
    hold.release();
    let old = reading.await.unwrap().unwrap();
    assert_eq!(old.listings[0].devices.as_ref().unwrap().len(), 1);
    let mut view = View::new();
    for _ in 0..2 {
        view.take(watched.events.recv().await.unwrap());
    }
    view.list(old);
    assert!(!view.knows(&device(0)));
}

#[tokio::test(start_paused = true)]
async fn calls_turn_out_as_scripted_and_then_as_usual() {
    let watched = watched().await;
    let denied = SourceError::new(ErrorKind::PermissionDenied, "no");
    watched.host.next_snapshot(Behaviour::Fail(denied));
    watched.host.next_snapshot(Behaviour::Delay(Duration::from_secs(60)));
    watched.host.next_snapshot(Behaviour::Hang);
    watched.host.next_snapshot(Behaviour::Garbage);
    let error = watched.source.snapshot().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let begun = Instant::now();
    watched.source.snapshot().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(60));
    let hanging = timeout(Duration::from_secs(3600), watched.source.snapshot());
    assert!(hanging.await.is_err());
    assert_eq!(watched.source.snapshot().await.unwrap().listings.len(), 2);
    assert_eq!(watched.source.snapshot().await.unwrap().listings.len(), 1);
    assert_eq!(watched.host.calls().snapshot, 5);
}

#[tokio::test]
async fn a_scripted_panic_is_the_callers_to_catch() {
    let watched = watched().await;
    watched.host.next_refresh(Behaviour::Panic);
    let source = Arc::clone(&watched.source);
    let call = tokio::spawn(async move { source.refresh(&device(0)).await });
    assert!(call.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn hints_are_counted_and_answered() {
    let mut watched = watched().await;
    watched.host.resync_on_hint(true);
    let hint = watched.hints.raise();
    watched.host.until(|calls| calls.hints == 1).await;
    let event = watched.events.recv().await.unwrap();
    assert!(matches!(event, SourceEvent::Resync { .. }));
    assert_eq!(watched.source.snapshot().await.unwrap().answers, hint);
}

#[tokio::test]
async fn lost_and_repeated_events() {
    let mut watched = watched().await;
    watched.host.lose_events(true);
    watched.host.set(&device(0), state("up"));
    watched.host.lose_events(false);
    watched.host.send_copies(2);
    watched.host.set(&device(1), state("up"));
    watched.host.resync("test");
    let mut view = View::new();
    for _ in 0..2 {
        let event = watched.events.recv().await.unwrap();
        assert!(matches!(&event, SourceEvent::Observed(said) if said.device == device(1)));
        view.take(event);
    }
    view.take(watched.events.recv().await.unwrap());
    assert!(view.needs_resync());
    view.list(watched.source.snapshot().await.unwrap());
    assert!(view.knows(&device(0)) && !view.needs_resync());
}

#[tokio::test]
async fn a_refresh_reads_what_no_event_has_told() {
    let watched = watched().await;
    let mut fields = state("up");
    fields.set(net::ADDRESS, "52:54:00:00:00:00");
    watched.host.set(&device(0), fields);
    watched.host.set_dynamic(&device(0), Some(state("down")));
    let said = watched.source.refresh(&device(0)).await.unwrap().unwrap();
    assert_eq!(said.fields, state("down"));
    assert!(watched.source.refresh(&device(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn unreadable_devices_and_failing_streams() {
    let watched = watched().await;
    watched.host.set(&device(0), state("up"));
    watched.host.unreadable(&device(0), Diagnostic::warning("0", "is bad"));
    let snapshot = watched.source.snapshot().await.unwrap();
    assert_eq!(snapshot.listings[0].unreadable, [device(0)]);
    assert_eq!(snapshot.diagnostics.len(), 1);
    let stream = watched.host.info().streams[0].id.clone();
    let error = SourceError::new(ErrorKind::Failed, "no");
    watched.host.fail_stream(&stream, Some(error));
    let snapshot = watched.source.snapshot().await.unwrap();
    assert!(snapshot.listings[0].devices.is_err());
}

#[tokio::test]
async fn a_dead_source_ends_its_events() {
    let mut watched = watched().await;
    watched.host.die();
    assert!(watched.events.recv().await.is_none());
    assert_eq!(watched.host.calls().watching, 1);
}
