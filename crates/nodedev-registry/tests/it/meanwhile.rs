//! What is said of a device while a snapshot is being taken: the snapshot, which is older, does not undo it.

use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, SourceState};
use nodedev_source::{ErrorKind, SourceError, SourceEvent};
use nodedev_source_testkit::ScriptedHost;
use nodedev_types::fields::device;
use nodedev_types::{DeviceId, Diagnostic, Fields, Revision, SourceId};
use tokio::time::Instant;

use crate::host::{idle, link, next, soon, start, status, udev};

async fn with_interface() -> (Registry, ScriptedHost, DeviceId) {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    (start(&[kernel]).await, host, id)
}

fn wrong() -> Diagnostic {
    Diagnostic::warning(link("eth0").0.to_string(), "not a link state: `rubbish`")
}

/// How many devices are stale, and what is wrong with them.
fn doubts(registry: &Registry) -> (usize, Vec<Diagnostic>) {
    let kernel = status(registry, "udev");
    (kernel.streams[0].stale, kernel.diagnostics)
}

/// Lets these things happen while a snapshot is being taken, which has read all devices before.
async fn during_a_snapshot(host: &ScriptedHost, happens: impl FnOnce()) {
    let hold = host.hold_snapshots();
    host.resync("test");
    soon(hold.reached()).await;
    happens();
    idle().await;
    hold.release();
    idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_cannot_be_read_is_stale_and_its_diagnostic_stays() {
    let (registry, host, id) = with_interface().await;
    during_a_snapshot(&host, || host.unreadable(&id, wrong())).await;
    assert_eq!(doubts(&registry), (1, vec![wrong()]));
    host.set(&id, link("eth0").1);
    idle().await;
    assert_eq!(doubts(&registry), (0, vec![]), "a newer word is believed");
}

#[tokio::test(start_paused = true)]
async fn what_was_found_before_the_snapshot_read_the_device_is_over() {
    let (registry, host, id) = with_interface().await;
    let late = |revision| SourceEvent::Unreadable {
        source: SourceId::new(SourceId::UDEV),
        device: id.clone(),
        revision,
        diagnostic: wrong(),
    };
    during_a_snapshot(&host, || host.say(|_| late(Revision(1)))).await;
    assert_eq!(doubts(&registry), (0, vec![]));
    // Nobody knows when: the device is listed, and whoever found it otherwise looks again.
    during_a_snapshot(&host, || host.say(|_| SourceEvent::Diagnostic(wrong()))).await;
    assert_eq!(doubts(&registry), (0, vec![]));
    // With what was said of it in the same moment.
    let mut fields = link("eth0").1;
    fields.set(device::DRIVER, "virtio_net");
    during_a_snapshot(&host, || {
        host.set(&id, fields);
        host.say(|_| SourceEvent::Diagnostic(wrong()));
    })
    .await;
    assert_eq!(doubts(&registry), (0, vec![wrong()]));
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_told_once_more_with_the_next_snapshot_and_not_for_ever() {
    let (registry, host, _) = with_interface().await;
    let odd = Diagnostic::warning("/sys/odd", "is odd");
    during_a_snapshot(&host, || host.say(|_| SourceEvent::Diagnostic(odd.clone()))).await;
    assert_eq!(doubts(&registry).1, [odd]);
    host.resync("test");
    idle().await;
    assert_eq!(doubts(&registry).1, []);
}

#[tokio::test(start_paused = true)]
async fn a_complaint_of_the_snapshot_does_not_outlive_a_newer_reading_or_the_device() {
    let (registry, host, id) = with_interface().await;
    host.set_diagnostics(vec![wrong()]);
    let mut fields = link("eth0").1;
    fields.set(device::DRIVER, "virtio_net");
    during_a_snapshot(&host, || host.set(&id, fields)).await;
    assert_eq!(doubts(&registry), (0, vec![]));
    host.set_diagnostics(vec![wrong()]);
    during_a_snapshot(&host, || host.remove(&id)).await;
    assert_eq!(doubts(&registry), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_complaint_of_the_snapshot_stays_when_the_newer_word_is_older_than_it() {
    let (registry, host, id) = with_interface().await;
    host.set_diagnostics(vec![wrong()]);
    during_a_snapshot(&host, || {
        host.say(|_| SourceEvent::Gone {
            source: SourceId::new(SourceId::UDEV),
            device: id.clone(),
            revision: Revision(1),
        });
    })
    .await;
    assert_eq!(doubts(&registry), (0, vec![wrong()]));
}

#[tokio::test(start_paused = true)]
async fn the_diagnostics_of_a_device_that_was_never_listed_go_with_it() {
    let (registry, host, _) = with_interface().await;
    let ghost = link("ghost").0;
    let odd = Diagnostic::warning(ghost.to_string(), "cannot be read");
    host.say(|_| SourceEvent::Diagnostic(odd.clone()));
    idle().await;
    assert_eq!(doubts(&registry).1, [odd]);
    host.say(|revision| SourceEvent::Gone {
        source: SourceId::new(SourceId::UDEV),
        device: ghost.clone(),
        revision,
    });
    idle().await;
    assert_eq!(doubts(&registry).1, []);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_to_mend_is_looked_at_once_in_the_longest_pause() {
    let (kernel, host) = udev();
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    let error = SourceError::new(ErrorKind::PermissionDenied, "may not be read");
    host.fail_stream(&SourceId::new(SourceId::UDEV), Some(error));
    host.resync("test");
    idle().await;
    assert!(matches!(status(&registry, "udev").state, SourceState::Degraded(_)));
    let begun = Instant::now();
    host.fail_stream(&SourceId::new(SourceId::UDEV), None);
    host.lose_events(true);
    let (id, _) = link("eth0");
    host.set(&id, Fields::new());
    host.lose_events(false);
    assert_eq!(next(&mut events).await.len(), 1);
    let longest = RegistryConfig::default().backoff_max;
    assert!(begun.elapsed() <= longest && begun.elapsed() > longest - Duration::from_secs(1));
    assert_eq!(status(&registry, "udev").state, SourceState::Running);
}
