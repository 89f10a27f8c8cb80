//! Events that wait for one client to read, put together per callback and device.
//!
//! Only what takes itself back is left out: a start that nobody has heard of and the stop after it. Where the
//! device is still listed then, both are told until the next start takes their place: it may have changed with
//! the start, which is told by the start alone. A stop and the start after it are both told, in their order.

use std::collections::BTreeMap;

use nodedev_registry::ChangeKind::{Created, Defined, Deleted, Undefined};
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
            Created | Deleted => Self::Active,
            Defined | Undefined => Self::Persistent,
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
    /// Where in the queue the events of a key are, in order: at most a loss and a gain.
    places: BTreeMap<Key, Vec<u64>>,
}

impl Pending {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, counted: 0, queue: BTreeMap::new(), places: BTreeMap::new() }
    }

    /// Notes an event for a callback, after which the device is listed or not. `false` when more would wait
    /// than may.
    pub(super) fn note(&mut self, callback: i32, change: &Change, is_listed: bool) -> bool {
        let key = (callback, change.name.clone(), Subject::of(change.kind));
        match *self.waiting(&key) {
            [.., (_, last)] if last == change.kind => {}
            // Nobody has heard that it came, so nobody needs to hear that it went.
            [(gain, Created | Defined)] if !is_listed => self.drop_at(gain),
            // The loss before has yet to be told, and the device is read then.
            [_, (gain, Created | Defined)] => self.drop_at(gain),
            // Nobody has heard that it came before, and this has the device read.
            [(gain, Created | Defined), (loss, _)] => {
                self.drop_at(gain);
                self.drop_at(loss);
                self.append(key, change.kind);
            }
            _ => self.append(key, change.kind),
        }
        self.queue.len() <= self.limit
    }

    /// The events of that key, in order.
    fn waiting(&self, key: &Key) -> Vec<(u64, ChangeKind)> {
        let places = self.places.get(key).into_iter().flatten();
        places.filter_map(|place| Some((*place, self.queue.get(place)?.1))).collect()
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
            Created => lifecycle(Lifecycle::Created),
            Deleted => lifecycle(Lifecycle::Deleted),
            Defined => lifecycle(Lifecycle::Defined),
            Undefined => lifecycle(Lifecycle::Undefined),
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
    use ChangeKind::Updated;

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
            assert!(pending.note(1, &change("a", kind), false));
        }
        assert_eq!(told(&mut pending), []);
    }

    #[test]
    fn what_takes_itself_back_and_may_have_changed_the_device_is_told() {
        for (gain, loss) in [(Created, Deleted), (Defined, Undefined)] {
            let mut pending = Pending::new(2);
            let mut note = |kind| assert!(pending.note(1, &change("a", kind), true));
            [gain, loss].into_iter().for_each(&mut note);
            // However often: no more than two wait.
            [gain, loss, gain, loss].into_iter().for_each(&mut note);
            let seen: Vec<_> = told(&mut pending).into_iter().map(|(.., kind)| kind).collect();
            assert_eq!(seen, [gain, loss]);
        }
    }

    #[test]
    fn a_stop_and_a_start_are_both_told() {
        let mut pending = Pending::new(10);
        for kind in [Deleted, Created, Updated, Updated, Deleted, Created] {
            assert!(pending.note(1, &change("a", kind), true));
        }
        let seen: Vec<_> = told(&mut pending).into_iter().map(|(.., kind)| kind).collect();
        assert_eq!(seen, [Deleted, Updated, Created]);
    }

    #[test]
    fn callbacks_and_devices_do_not_touch_each_other() {
        let mut pending = Pending::new(10);
        pending.note(1, &change("a", Created), true);
        pending.note(2, &change("a", Created), true);
        pending.note(1, &change("b", Deleted), true);
        pending.forget(2);
        assert_eq!(
            told(&mut pending),
            [(1, "a".to_owned(), Created), (1, "b".to_owned(), Deleted)]
        );
    }

    #[test]
    fn more_than_the_limit_is_said() {
        let mut pending = Pending::new(2);
        assert!(pending.note(1, &change("a", Created), true));
        assert!(pending.note(1, &change("b", Created), true));
        assert!(!pending.note(1, &change("c", Created), true));
    }

    const NAMES: [&str; 3] = ["a", "b", "c"];

    /// A device as the list has it, or as a follower knows it; neither active nor persistent is gone.
    #[derive(Debug, Clone, Copy, Default, PartialEq)]
    struct Known {
        active: bool,
        persistent: bool,
        content: u32,
    }

    impl Known {
        const fn is_listed(self) -> bool {
            self.active || self.persistent
        }
    }

    /// What is told of a device that was so and is so now.
    fn changes(old: Known, new: Known) -> Vec<ChangeKind> {
        let told = [
            (old.active && !new.active, Deleted),
            (old.persistent && !new.persistent, Undefined),
            (!old.active && new.active, Created),
            (!old.persistent && new.persistent, Defined),
        ];
        let mut told: Vec<_> =
            told.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect();
        if told.is_empty() && old != new {
            told.push(Updated);
        }
        told
    }

    /// Applies what is told, and reads again what is not gone.
    fn follow(pending: &mut Pending, is: &[Known; 3], seen: &mut [Known; 3]) {
        for (_, name, kind) in told(pending) {
            let device = NAMES.iter().position(|known| *known == name).expect("known");
            let known = &mut seen[device];
            let (flag, now) = match kind {
                Created => (Some(&mut known.active), true),
                Deleted => (Some(&mut known.active), false),
                Defined => (Some(&mut known.persistent), true),
                Undefined => (Some(&mut known.persistent), false),
                _ => (None, true),
            };
            if let Some(flag) = flag {
                assert_ne!(*flag, now, "{name} {kind}: told twice");
                *flag = now;
            }
            known.content = if known.is_listed() { is[device].content } else { 0 };
        }
    }

    proptest! {
        /// Whoever follows what is told, and reads what it is told of, ends with the same devices as whoever
        /// saw everything, whenever it reads. What comes or goes may be different at the same time, which no
        /// event of its own tells.
        #[test]
        fn a_follower_ends_where_the_list_is(steps in proptest::collection::vec((0..3_usize, any::<[bool; 3]>(), 0..4_u8), 0..60)) {
            let mut pending = Pending::new(usize::MAX);
            let (mut is, mut seen) = ([Known::default(); 3], [Known::default(); 3]);
            for (number, (device, [starts, defines, differs], read)) in (1..).zip(steps) {
                let old = is[device];
                let (active, persistent) = (old.active != starts, old.persistent != defines);
                let content = if differs { number } else { old.content };
                let new = Known { active, persistent, content };
                let new = if new.is_listed() { new } else { Known::default() };
                is[device] = new;
                for kind in changes(old, new) {
                    pending.note(1, &change(NAMES[device], kind), new.is_listed());
                }
                prop_assert!(pending.places.values().all(|places| places.len() <= 2));
                if read == 0 {
                    follow(&mut pending, &is, &mut seen);
                }
            }
            follow(&mut pending, &is, &mut seen);
            prop_assert_eq!(is, seen);
            prop_assert!(pending.places.is_empty());
        }
    }
}
