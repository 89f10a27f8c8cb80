//! What cannot wait to be read, and renames that meet each other. No device is read: the only reader is held.

use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use nodedev_source::{EventReceiver, event_channel};

use super::*;
use crate::config::UdevConfig;
use crate::pool::{Asker, Order};
use crate::queue::event_queue;

struct Rig {
    coordinator: Coordinator,
    messages: Receiver<Message>,
    said: EventReceiver,
    inner: Arc<Inner>,
    // Dropped last: with it the reader goes on.
    _release: mpsc::Sender<()>,
}

/// A coordinator with room for that many readings that wait, behind one that does not end.
fn rig(waiting: usize) -> Rig {
    let config =
        UdevConfig { event_queue: waiting, readers: 1, bulk_readers: 1, ..UdevConfig::default() };
    let inner = Arc::new(Inner::new(UdevConfig { abandoned_readers: 0, ..config }));
    let (release, held) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel();
    let hold = move |_: &_| {
        began.send(()).unwrap();
        let _ = held.recv();
    };
    let asker = Asker::default();
    inner.pool.submit(Order::event("held", &asker), hold, |_| ()).unwrap();
    begun.recv().unwrap();
    let (queue, messages) = event_queue(waiting, inner.counts.clone());
    let (sink, said) = event_channel(64);
    let coordinator = Coordinator::new(Arc::clone(&inner), queue, sink);
    Rig { coordinator, messages, said, inner, _release: release }
}

impl Rig {
    fn event(&mut self, action: &str, path: &str, old_path: Option<&str>) {
        let event = RawEvent {
            action: action.to_owned(),
            path: path.to_owned(),
            old_path: old_path.map(str::to_owned),
        };
        self.coordinator.event(&event);
    }

    /// Whether the source asks to be read again.
    fn is_resync_asked_for(&mut self) -> bool {
        while let Ok(message) = self.messages.try_recv() {
            self.coordinator.act(message).unwrap();
        }
        self.said().iter().any(|said| matches!(said, SourceEvent::Resync { .. }))
    }

    /// What it has said since the last time.
    fn said(&mut self) -> Vec<SourceEvent> {
        let mut context = Context::from_waker(Waker::noop());
        let next = || match pin!(self.said.recv()).poll(&mut context) {
            Poll::Ready(said) => said,
            Poll::Pending => None,
        };
        std::iter::from_fn(next).collect()
    }
}

#[test]
fn what_cannot_wait_to_be_read_is_made_good_by_an_enumeration() {
    let mut rig = rig(2);
    rig.event("add", "/sys/devices/a", None);
    rig.event("add", "/sys/devices/b", None);
    assert!(!rig.is_resync_asked_for());
    rig.event("add", "/sys/devices/c", None);
    assert!(rig.is_resync_asked_for());
    assert_eq!(rig.inner.counts.dropped.value(), 1);
    assert!(!rig.coordinator.reading.contains_key("/sys/devices/c"), "nothing waits for it");
    rig.event("move", "/sys/devices/e", Some("/sys/devices/d"));
    assert!(rig.is_resync_asked_for());
    assert_eq!(rig.coordinator.renames.len(), 0);
}

#[test]
fn what_comes_and_goes_does_not_wait_twice() {
    let mut rig = rig(2);
    for _ in 0..100 {
        rig.event("add", "/sys/devices/a", None);
        rig.event("remove", "/sys/devices/a", None);
    }
    rig.event("add", "/sys/devices/b", None);
    assert!(!rig.is_resync_asked_for());
    assert_eq!(rig.inner.counts.dropped.value(), 0);
}

#[test]
fn a_rename_that_meets_another_one_ends_without_the_device_they_share() {
    let mut rig = rig(9);
    rig.event("move", "/sys/devices/c", Some("/sys/devices/a"));
    // The first of them has gone elsewhere without a word.
    rig.event("move", "/sys/devices/c", Some("/sys/devices/b"));
    assert_eq!(rig.coordinator.renames.len(), 1);
    rig.event("remove", "/sys/devices/c", None);
    assert_eq!(rig.coordinator.renames.len(), 0);
}

#[test]
fn what_is_below_a_renamed_device_moves_with_it_known_or_not() {
    let mut rig = rig(9);
    rig.event("add", "/sys/devices/a/new", None);
    rig.inner.memory().fail("/sys/devices/a/bad", Revision(1));
    assert!(rig.coordinator.retries.again("/sys/devices/a/unready", Instant::now()));
    rig.event("add", "/sys/devices/ab", None);
    rig.event("move", "/sys/devices/b", Some("/sys/devices/a"));
    let read: Vec<_> = rig.coordinator.reading.keys().map(String::as_str).collect();
    let moved = ["", "/bad", "/new", "/unready"].map(|child| format!("/sys/devices/b{child}"));
    assert_eq!(read[0], "/sys/devices/ab");
    assert_eq!(read[1..], moved);
    assert!(rig.coordinator.retries.due(Instant::now() + SECOND_CHANCE).is_empty());
    assert!(!rig.inner.memory().knows("/sys/devices/a/bad"));
}

#[test]
fn a_device_that_could_only_be_complained_of_goes_with_a_word() {
    let mut rig = rig(9);
    let path = "/sys/devices/bad";
    rig.inner.memory().fail(path, Revision(1));
    rig.event("remove", path, None);
    let said = rig.said();
    let [SourceEvent::Gone { device, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(*device, DeviceId::sysfs(path).unwrap());
    rig.event("remove", path, None);
    assert!(rig.said().is_empty(), "once");
}

#[test]
fn a_reading_that_is_older_than_a_listing_takes_nothing_away() {
    let mut rig = rig(9);
    let path = "/sys/devices/a";
    let older = rig.inner.revisions.next();
    let listed = rig.inner.revisions.next();
    let id = DeviceId::sysfs(path).unwrap();
    rig.inner.memory().list(listed, [(path.to_owned(), id)], []);
    let said = rig.coordinator.conclude(path, older, Outcome::Vanished).unwrap();
    assert!(said.is_empty() && rig.inner.memory().knows(path), "{said:?}");
    rig.event("remove", path, None);
    assert!(matches!(&rig.said()[..], [SourceEvent::Gone { .. }]));
}
