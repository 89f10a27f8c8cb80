//! What the server counts while it works: calls and how long they took, clients, what they leave
//! unread. A number is changed by one atomic operation or under a lock that is held for no longer than
//! an addition, and nothing is allocated, so that it costs the calls nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nodedev_registry::Durations;
use nodedev_rpc::PROCEDURES;

use crate::connection::End;

/// Name of what no table knows.
const OTHER: &str = "other";

/// Where clients come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoorKind {
    ReadWrite,
    ReadOnly,
    Tcp,
    Tls,
    Varlink,
}

impl DoorKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::ReadWrite, Self::ReadOnly, Self::Tcp, Self::Tls, Self::Varlink];

    /// What it is called in metrics.
    #[cfg(feature = "metrics")]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Varlink => "varlink",
        }
    }
}

/// What became of the calls of one procedure or method.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Calls {
    pub(crate) took: Durations,
    pub(crate) failed: u64,
}

/// Everything that one server counts.
#[derive(Debug)]
pub(crate) struct Counts {
    rpc: Table<i32>,
    varlink: Table<&'static str>,
    clients: [Whole; DoorKind::ALL.len()],
    connections: [AtomicU64; DoorKind::ALL.len()],
    ends: [AtomicU64; End::NAMES.len()],
    turned_away: AtomicU64,
    held_up: AtomicU64,
    coalesced: AtomicU64,
    /// Bytes of replies and events that clients have not read.
    pub(crate) unread: Whole,
    /// Events that have not even been written for a client.
    pub(crate) pending: Whole,
}

impl Counts {
    /// Counts nothing yet. `methods` are those of varlink.
    pub(crate) fn new(methods: &[&'static str]) -> Self {
        Self {
            rpc: Table::new(PROCEDURES.iter().map(|info| (info.number, info.name))),
            varlink: Table::new(methods.iter().map(|name| (*name, *name))),
            clients: Default::default(),
            connections: Default::default(),
            ends: Default::default(),
            turned_away: AtomicU64::default(),
            held_up: AtomicU64::default(),
            coalesced: AtomicU64::default(),
            unread: Whole::default(),
            pending: Whole::default(),
        }
    }

    /// A call of libvirt's protocol has been answered.
    pub(crate) fn rpc(&self, procedure: i32, took: Duration, failed: bool) {
        self.rpc.note(&procedure, took, failed);
    }

    /// A call over varlink has been answered.
    pub(crate) fn varlink(&self, method: &'static str, took: Duration, failed: bool) {
        self.varlink.note(&method, took, failed);
    }

    /// A client has come in; it leaves when the answer is dropped.
    pub(crate) fn client(&self, door: DoorKind) -> Part {
        count(&self.connections[door as usize]);
        let mut client = self.clients[door as usize].part();
        client.set(1);
        client
    }

    /// A connection has ended.
    pub(crate) fn end(&self, end: &End) {
        count(&self.ends[end.index()]);
    }

    /// A client was not let in: there were too many of the same.
    pub(crate) fn turn_away(&self) {
        count(&self.turned_away);
    }

    /// The thread that served one client alone was held up, and is left to itself.
    pub(crate) fn hold_up(&self) {
        count(&self.held_up);
    }

    /// So many events of clients need not be told, because others take them back or say the same.
    pub(crate) fn coalesce(&self, events: usize) {
        self.coalesced.fetch_add(events as u64, Ordering::Relaxed);
    }
}

/// What the counts are now.
#[cfg(feature = "metrics")]
impl Counts {
    pub(crate) fn rpc_calls(&self) -> impl Iterator<Item = (&'static str, Calls)> {
        self.rpc.calls()
    }

    pub(crate) fn varlink_calls(&self) -> impl Iterator<Item = (&'static str, Calls)> {
        self.varlink.calls()
    }

    pub(crate) fn clients_by_door(&self) -> [(&'static str, u64); DoorKind::ALL.len()] {
        DoorKind::ALL.map(|door| (door.name(), self.clients[door as usize].get()))
    }

    pub(crate) fn connections_by_door(&self) -> [(&'static str, u64); DoorKind::ALL.len()] {
        DoorKind::ALL.map(|door| (door.name(), get(&self.connections[door as usize])))
    }

    pub(crate) fn ends_by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        End::NAMES.into_iter().zip(self.ends.iter().map(get))
    }

    pub(crate) fn turned_away(&self) -> u64 {
        get(&self.turned_away)
    }

    pub(crate) fn held_up(&self) -> u64 {
        get(&self.held_up)
    }

    pub(crate) fn coalesced(&self) -> u64 {
        get(&self.coalesced)
    }
}

fn count(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

#[cfg(feature = "metrics")]
fn get(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

/// Calls by what they ask for; a row for each that there is, and one for all others.
#[derive(Debug)]
struct Table<K> {
    rows: BTreeMap<K, Row>,
    other: Row,
}

#[derive(Debug)]
struct Row {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only metrics show it"))]
    name: &'static str,
    calls: Mutex<Calls>,
}

impl Row {
    fn new(name: &'static str) -> Self {
        Self { name, calls: Mutex::default() }
    }
}

impl<K: Ord> Table<K> {
    fn new(rows: impl Iterator<Item = (K, &'static str)>) -> Self {
        let rows = rows.map(|(key, name)| (key, Row::new(name))).collect();
        Self { rows, other: Row::new(OTHER) }
    }

    fn note(&self, key: &K, took: Duration, failed: bool) {
        let row = self.rows.get(key).unwrap_or(&self.other);
        let mut calls = row.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.took.note(took);
        calls.failed += u64::from(failed);
    }

    /// Those that have been called.
    #[cfg(feature = "metrics")]
    fn calls(&self) -> impl Iterator<Item = (&'static str, Calls)> {
        let rows = self.rows.values().chain([&self.other]);
        let rows =
            rows.map(|row| (row.name, *row.calls.lock().unwrap_or_else(PoisonError::into_inner)));
        rows.filter(|(_, calls)| calls.took.count() > 0)
    }
}

/// A number that many holders make together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whole(Arc<AtomicU64>);

impl Whole {
    /// A new holder's part of it: nothing yet.
    pub(crate) fn part(&self) -> Part {
        Part { whole: Arc::clone(&self.0), mine: 0 }
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn get(&self) -> u64 {
        get(&self.0)
    }
}

/// One holder's part of a number, gone with it.
#[derive(Debug)]
pub(crate) struct Part {
    whole: Arc<AtomicU64>,
    mine: u64,
}

impl Part {
    /// How much it is now.
    pub(crate) fn set(&mut self, now: usize) {
        let now = now as u64;
        // Wraps around where it has become less.
        self.whole.fetch_add(now.wrapping_sub(self.mine), Ordering::Relaxed);
        self.mine = now;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;

    #[test]
    fn holders_make_a_number_together_and_take_their_parts_with_them() {
        let whole = Whole::default();
        let (mut first, mut second) = (whole.part(), whole.part());
        first.set(10);
        second.set(5);
        first.set(3);
        assert_eq!(whole.get(), 8);
        drop(second);
        assert_eq!(whole.get(), 3);
    }

    #[test]
    fn calls_are_counted_by_their_procedure_and_unknown_ones_together() {
        let counts = Counts::new(&["List"]);
        let known = PROCEDURES[0];
        counts.rpc(known.number, Duration::from_millis(1), false);
        counts.rpc(known.number, Duration::from_millis(1), true);
        counts.rpc(-1, Duration::ZERO, true);
        counts.varlink("List", Duration::ZERO, false);
        let seen = |calls: Vec<(&'static str, Calls)>| {
            let rows = calls.into_iter();
            rows.map(|(name, calls)| (name, calls.took.count(), calls.failed)).collect::<Vec<_>>()
        };
        assert_eq!(seen(counts.rpc_calls().collect()), [(known.name, 2, 1), (OTHER, 1, 1)]);
        assert_eq!(seen(counts.varlink_calls().collect()), [("List", 1, 0)]);
    }
}
