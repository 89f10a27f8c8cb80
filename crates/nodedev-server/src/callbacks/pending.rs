//! Events that wait for one client to read, put together per callback and device.
//!
//! Only what takes itself back is left out: a start that nobody has heard of and the stop after it.
//! A stop and the start after it are both told, in their order.

use std::collections::BTreeMap;

use nodedev_registry::{Change, ChangeKind};
use nodedev_rpc::{
    EVENT_LIFECYCLE, EVENT_UPDATE, Frame, Header, Lifecycle, LifecycleEvent, NodeDevice,
    UpdateEvent,
};
use nodedev_types::DeviceName;

/// What kind of thing an event is about: events about different ones never touch each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// Whether the device runs.
    Active,
    /// Whether it is defined.
    Persistent,
    /// Everything else.
    Content,
}

impl Subject {
    const fn of(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Created | ChangeKind::Deleted => Self::Active,
            ChangeKind::Defined | ChangeKind::Undefined => Self::Persistent,
            _ => Self::Content,
        }
    }
}

type Key = (i32, DeviceName, Subject);

/// Bounded; see [`Pending::note`].
#[derive(Debug)]
pub(super) struct Pending {
    limit: usize,
    counted: u64,
    /// By the order in which they are told.
    queue: BTreeMap<u64, (Key, ChangeKind)>,
    /// Where in the queue the events of a key are, in order: at most a loss and the gain after it.
    places: BTreeMap<Key, Vec<u64>>,
}

impl Pending {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, counted: 0, queue: BTreeMap::new(), places: BTreeMap::new() }
    }

    /// Notes an event for a callback. `false` when more would wait than may.
    pub(super) fn note(&mut self, callback: i32, change: &Change) -> bool {
        let key = (callback, change.name.clone(), Subject::of(change.kind));
        let last = self.places.get(&key).and_then(|places| places.last().copied());
        let before = last.and_then(|place| Some((place, self.queue.get(&place)?.1)));
        match (before, change.kind) {
            // Nobody has heard that it came, so nobody needs to hear that it went.
            (Some((place, ChangeKind::Created)), ChangeKind::Deleted)
            | (Some((place, ChangeKind::Defined)), ChangeKind::Undefined) => self.drop_at(place),
            (Some((_, same)), kind) if same == kind => {}
            (_, kind) => self.append(key, kind),
        }
        self.queue.len() <= self.limit
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Forgets everything that waits for that callback.
    pub(super) fn forget(&mut self, callback: i32) {
        self.queue.retain(|_, ((id, ..), _)| *id != callback);
        self.places.retain(|(id, ..), _| *id != callback);
    }

    /// Takes the first event, as a whole frame.
    pub(super) fn next_frame(&mut self) -> Option<Vec<u8>> {
        let (place, _) = self.queue.first_key_value()?;
        let place = *place;
        let ((callback, name, _), kind) = self.queue.get(&place)?.clone();
        self.drop_at(place);
        let device = NodeDevice { name: name.to_string() };
        let lifecycle = |event| {
            let event = LifecycleEvent { callback, device: device.clone(), event, detail: 0 };
            Frame::bytes_of(&Header::event(EVENT_LIFECYCLE), &event)
        };
        let frame = match kind {
            ChangeKind::Created => lifecycle(Lifecycle::Created),
            ChangeKind::Deleted => lifecycle(Lifecycle::Deleted),
            ChangeKind::Defined => lifecycle(Lifecycle::Defined),
            ChangeKind::Undefined => lifecycle(Lifecycle::Undefined),
            _ => Frame::bytes_of(&Header::event(EVENT_UPDATE), &UpdateEvent { callback, device }),
        };
        // A name that does not fit into a message fits into no list either.
        Some(frame.unwrap_or_default())
    }

    fn append(&mut self, key: Key, kind: ChangeKind) {
        let place = self.counted;
        self.counted += 1;
        self.places.entry(key.clone()).or_default().push(place);
        self.queue.insert(place, (key, kind));
    }

    fn drop_at(&mut self, place: u64) {
        let Some((key, _)) = self.queue.remove(&place) else {
            return;
        };
        if let Some(places) = self.places.get_mut(&key) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.places.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nodedev_rpc::from_payload;
    use nodedev_types::DeviceId;
    use proptest::prelude::*;

    use super::*;
    use ChangeKind::{Created, Defined, Deleted, Undefined, Updated};

    fn change(name: &str, kind: ChangeKind) -> Change {
        Change { kind, name: DeviceName::new(name), id: DeviceId::Computer }
    }

    fn told(pending: &mut Pending) -> Vec<(i32, String, ChangeKind)> {
        let frames = std::iter::from_fn(|| pending.next_frame());
        let understood = frames.map(|frame| {
            if let Ok(event) = from_payload::<LifecycleEvent>(&frame[28..]) {
                let kind = match event.event {
                    Lifecycle::Created => Created,
                    Lifecycle::Deleted => Deleted,
                    Lifecycle::Defined => Defined,
                    Lifecycle::Undefined => Undefined,
                    other => panic!("{other:?}"),
                };
                return (event.callback, event.device.name, kind);
            }
            let event: UpdateEvent = from_payload(&frame[28..]).expect("it is an update");
            (event.callback, event.device.name, Updated)
        });
        understood.collect()
    }

    #[test]
    fn what_takes_itself_back_is_not_told() {
        let mut pending = Pending::new(10);
        for kind in [Created, Deleted, Defined, Undefined] {
            assert!(pending.note(1, &change("a", kind)));
        }
        assert_eq!(told(&mut pending), []);
    }

    #[test]
    fn a_stop_and_a_start_are_both_told() {
        let mut pending = Pending::new(10);
        for kind in [Deleted, Created, Updated, Updated, Deleted, Created] {
            assert!(pending.note(1, &change("a", kind)));
        }
        let seen: Vec<_> = told(&mut pending).into_iter().map(|(.., kind)| kind).collect();
        assert_eq!(seen, [Deleted, Updated, Created]);
    }

    #[test]
    fn callbacks_and_devices_do_not_touch_each_other() {
        let mut pending = Pending::new(10);
        pending.note(1, &change("a", Created));
        pending.note(2, &change("a", Created));
        pending.note(1, &change("b", Deleted));
        pending.forget(2);
        assert_eq!(
            told(&mut pending),
            [(1, "a".to_owned(), Created), (1, "b".to_owned(), Deleted)]
        );
    }

    #[test]
    fn more_than_the_limit_is_said() {
        let mut pending = Pending::new(2);
        assert!(pending.note(1, &change("a", Created)));
        assert!(pending.note(1, &change("b", Created)));
        assert!(!pending.note(1, &change("c", Created)));
    }

    proptest! {
        /// Whoever follows what is told ends with the same devices as whoever saw everything,
        /// whenever it reads.
        #[test]
        fn a_follower_ends_where_the_list_is(steps in proptest::collection::vec((0..3_usize, any::<bool>(), 0..4_u8), 0..60)) {
            let names = ["a", "b", "c"];
            let mut pending = Pending::new(usize::MAX);
            let (mut is, mut seen) = ([[false; 2]; 3], [[false; 2]; 3]);
            let follow = |pending: &mut Pending, seen: &mut [[bool; 2]; 3]| {
                for (_, name, kind) in told(pending) {
                    let device = &mut seen[names.iter().position(|known| *known == name).expect("known")];
                    let (flag, now) = match kind {
                        Created => (&mut device[0], true),
                        Deleted => (&mut device[0], false),
                        Defined => (&mut device[1], true),
                        Undefined => (&mut device[1], false),
                        _ => continue,
                    };
                    assert_ne!(*flag, now, "{name} {kind}: told twice");
                    *flag = now;
                }
            };
            for (device, axis, read) in steps {
                let axis = usize::from(axis);
                let now = !is[device][axis];
                is[device][axis] = now;
                let kind = match (axis, now) {
                    (0, true) => Created,
                    (0, false) => Deleted,
                    (_, true) => Defined,
                    (_, false) => Undefined,
                };
                pending.note(1, &change(names[device], kind));
                pending.note(1, &change(names[device], Updated));
                if read == 0 {
                    follow(&mut pending, &mut seen);
                }
            }
            follow(&mut pending, &mut seen);
            prop_assert_eq!(is, seen);
            prop_assert!(pending.places.is_empty());
        }
    }
}
