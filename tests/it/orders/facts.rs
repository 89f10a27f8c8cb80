//! What can happen on a host, and in which orders. Knows no host and no daemon.

/// One thing that happens. Each happens once at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// A definition is made.
    Define,
    /// Its type, its attributes and its autostart change.
    Redefine,
    /// It is removed.
    Undefine,
    /// The parent appears, without the driver that offers types.
    Appear,
    /// The driver is bound.
    Bind,
    /// The parent appears with its driver bound.
    AppearBound,
    /// The device is started.
    Start,
    /// It is stopped.
    Stop,
    /// It is started again, with another attribute.
    Restart,
    /// The parent vanishes, and with it whatever runs on it.
    Vanish,
    /// The device is started, and udevd is slow to say so.
    StartUnheard,
    /// Now it does.
    HearStart,
    /// The device is stopped, and udevd is slow to say so.
    StopUnheard,
    /// Now it does.
    HearStop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parent {
    Absent,
    Unbound,
    Bound,
}

/// Where a host has come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    parent: Parent,
    /// How often the definition has been written, where there is one.
    pub(super) definition: Option<u8>,
    /// How often the device has been started, where it runs.
    pub(super) running: Option<u8>,
    starts: u8,
    unheard: [bool; 2],
}

impl Now {
    const EMPTY: Self = Self {
        parent: Parent::Absent,
        definition: None,
        running: None,
        starts: 0,
        unheard: [false; 2],
    };

    /// After all of these.
    pub(super) fn after_all(past: &[Fact]) -> Self {
        let after = |now: Self, fact: &Fact| now.after(*fact).expect("the order is possible");
        past.iter().fold(Self::EMPTY, after)
    }

    /// Whether udevd has said all that there is to say.
    pub(super) fn is_settled(self) -> bool {
        self.unheard == [false; 2]
    }

    /// What is then; nothing where the fact is impossible.
    fn after(self, fact: Fact) -> Option<Self> {
        let mut then = self;
        let is_possible = match fact {
            Fact::Define => self.definition.is_none() && then.define(1),
            Fact::Redefine => self.definition.is_some() && then.define(2),
            Fact::Undefine => then.definition.take().is_some(),
            Fact::Appear => self.parent == Parent::Absent && then.parent_is(Parent::Unbound),
            Fact::AppearBound => self.parent == Parent::Absent && then.parent_is(Parent::Bound),
            Fact::Bind => self.parent == Parent::Unbound && then.parent_is(Parent::Bound),
            Fact::Vanish => self.parent != Parent::Absent && then.parent_is(Parent::Absent),
            Fact::Start => self.starts == 0 && then.start(),
            Fact::Restart => self.starts == 1 && then.start(),
            Fact::Stop => then.running.take().is_some(),
            Fact::StartUnheard => then.start() && then.is_unheard(0, true),
            Fact::HearStart => self.unheard[0] && then.is_unheard(0, false),
            Fact::StopUnheard => then.running.take().is_some() && then.is_unheard(1, true),
            // udevd tells of a device's events in their order.
            Fact::HearStop => self.unheard == [false, true] && then.is_unheard(1, false),
        };
        is_possible.then_some(then)
    }

    fn define(&mut self, times: u8) -> bool {
        self.definition = Some(times);
        true
    }

    fn parent_is(&mut self, parent: Parent) -> bool {
        self.parent = parent;
        self.running = self.running.filter(|_| parent == Parent::Bound);
        true
    }

    fn start(&mut self) -> bool {
        let is_possible = self.parent == Parent::Bound && self.running.is_none();
        self.starts += 1;
        self.running = Some(self.starts);
        is_possible
    }

    fn is_unheard(&mut self, which: usize, unheard: bool) -> bool {
        self.unheard[which] = unheard;
        true
    }
}

/// The orders of some facts.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Each goes on until nothing more can happen. Those with a common beginning follow each other.
    pub(super) all: Vec<Vec<Fact>>,
    /// How often a fact could not come next, and with it whatever would have followed.
    pub(super) excluded: usize,
}

impl Orders {
    /// Every order in which these can happen.
    pub(super) fn of(facts: &[Fact]) -> Self {
        let mut orders = Self::default();
        orders.go_on(&mut Vec::new(), facts, Now::EMPTY);
        orders
    }

    fn go_on(&mut self, past: &mut Vec<Fact>, facts: &[Fact], now: Now) {
        let mut ends = true;
        for fact in facts {
            if past.contains(fact) {
                continue;
            }
            let Some(then) = now.after(*fact) else {
                self.excluded += 1;
                continue;
            };
            ends = false;
            past.push(*fact);
            self.go_on(past, facts, then);
            past.pop();
        }
        if ends {
            self.all.push(past.clone());
        }
    }
}

#[test]
fn orders_are_all_those_that_can_be() {
    use Fact::{Appear, Bind, Define, HearStart, HearStop, Start, Undefine, Vanish};
    let orders = |facts: &[Fact]| Orders::of(facts).all;
    assert_eq!(orders(&[Appear, Bind]), [[Appear, Bind]]);
    assert_eq!(
        orders(&[Appear, Bind, Start, Vanish]),
        [vec![Appear, Bind, Start, Vanish], vec![Appear, Bind, Vanish], vec![Appear, Vanish]]
    );
    let two = Orders::of(&[Define, Undefine, Appear, Vanish]);
    assert_eq!(two.all.len(), 6, "two of four places: {:?}", two.all);
    assert_eq!(two.excluded, 6, "each second fact, while its first is missing");
    let late =
        orders(&[Fact::AppearBound, Fact::StartUnheard, HearStart, Fact::StopUnheard, HearStop]);
    let at = |fact: Fact| late.iter().map(move |order| order.iter().position(|f| *f == fact));
    assert!(at(HearStart).zip(at(HearStop)).all(|(start, stop)| start < stop), "{late:?}");
    assert_eq!(late.len(), 2, "{late:?}");
}
