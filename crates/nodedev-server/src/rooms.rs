//! How many clients there are, and who has to wait outside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Line, watch};

use crate::config::{Limits, ServerConfig};

/// Counts the clients of a server.
#[derive(Debug)]
pub(crate) struct Rooms {
    counts: watch::Sender<Counts>,
    clients: watch::Sender<usize>,
    lines: Mutex<Lines>,
    config: watch::Receiver<Arc<ServerConfig>>,
}

/// Clients that wait to say who they are, each behind the others of the same holder: only the first looks for a
/// place whenever there may be one, and a crowd costs no more than a single client.
type Lines = BTreeMap<(Holder, Side), Arc<Line<()>>>;

#[derive(Debug, Default)]
struct Counts {
    clients: usize,
    /// How many of them are whose, the daemon's own aside.
    guests: BTreeMap<Holder, usize>,
    /// By [`Side`]: nobody out there is to keep out those on this host.
    unknown: [usize; 2],
    /// How many of them are of which user.
    unknown_of: BTreeMap<u32, usize>,
}

/// Whose place a client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// Root's, or of the daemon's own user: it may take every place.
    Own,
    /// Another user's.
    User(u32),
    /// One from another host.
    Remote,
}

impl Holder {
    const fn user(self) -> Option<u32> {
        match self {
            Self::User(user) => Some(user),
            Self::Own | Self::Remote => None,
        }
    }
}

impl Counts {
    /// Whether one more guest would leave too little for others: no guest may take more than half of
    /// all places, and all guests together no more than nine of ten.
    fn has_enough(&self, holder: Holder, limits: &Limits) -> bool {
        let held = self.guests.get(&holder).copied().unwrap_or_default();
        let all: usize = self.guests.values().sum();
        let (half, most) = (limits.clients.div_ceil(2), limits.clients - limits.clients / 10);
        holder != Holder::Own && (held >= half || all >= most)
    }

    /// Whether one more may say who it is: no user may take more than half of these places.
    fn may_be_unknown(&self, holder: Holder, side: Side, limits: &Limits) -> bool {
        let places = limits.anonymous_clients;
        let held = holder.user().and_then(|user| self.unknown_of.get(&user));
        self.unknown[side as usize] < places && held.is_none_or(|held| *held < places.div_ceil(2))
    }
}

/// Where a client is that has to say who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// On this host.
    Here,
    /// On another.
    #[cfg_attr(
        not(any(feature = "tls", test)),
        expect(dead_code, reason = "only TLS clients are outside")
    )]
    Outside,
}

/// One client's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    rooms: Arc<Rooms>,
    holder: Holder,
    unknown: Mutex<Option<Side>>,
}

impl Rooms {
    pub(crate) fn new(config: watch::Receiver<Arc<ServerConfig>>) -> Arc<Self> {
        let (counts, clients) = (watch::channel(Counts::default()).0, watch::channel(0).0);
        Arc::new(Self { counts, clients, lines: Mutex::default(), config })
    }

    pub(crate) fn clients(&self) -> watch::Receiver<usize> {
        self.clients.subscribe()
    }

    /// Waits for a place. `None` for a guest that has had enough of them, so that a crowd of one
    /// user's clients keeps nobody else out.
    pub(crate) async fn enter(self: &Arc<Self>, holder: Holder) -> Option<Ticket> {
        let mut enough = false;
        self.take(|counts, limits| {
            enough = counts.has_enough(holder, limits);
            let free = !enough && counts.clients < limits.clients;
            if free {
                counts.clients += 1;
                if holder != Holder::Own {
                    *counts.guests.entry(holder).or_default() += 1;
                }
            }
            free || enough
        })
        .await;
        if enough {
            return None;
        }
        self.publish();
        Some(Ticket { rooms: Arc::clone(self), holder, unknown: Mutex::new(None) })
    }

    /// Where such clients stand in line. Nothing is kept of lines in which nobody stands.
    fn line(&self, holder: Holder, side: Side) -> Arc<Line<()>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|_, line| Arc::strong_count(line) > 1);
        Arc::clone(lines.entry((holder, side)).or_default())
    }

    /// Waits until `wanted` takes something. The future may be dropped: then nothing is taken.
    async fn take(&self, mut wanted: impl FnMut(&mut Counts, &Limits) -> bool) {
        let (mut counts, mut config) = (self.counts.subscribe(), self.config.clone());
        config.mark_unchanged();
        loop {
            let limits = self.config.borrow().limits.clone();
            if self.counts.send_if_modified(|counts| wanted(counts, &limits)) {
                return;
            }
            tokio::select! {
                // The sender lives in `self`, so this never fails.
                _ = counts.changed() => {}
                // There may be more places now.
                Ok(()) = config.changed() => {}
            }
        }
    }

    fn publish(&self) {
        self.clients.send_if_modified(|clients| {
            let now = self.counts.borrow().clients;
            std::mem::replace(clients, now) != now
        });
    }
}

impl Ticket {
    /// Waits for one of the few places of clients that have to authenticate. The future may be dropped: then
    /// nothing is taken.
    pub(crate) async fn wait_as_unknown(&self, side: Side) {
        let line = self.rooms.line(self.holder, side);
        let _first = line.lock().await;
        let wanted = |counts: &mut Counts, limits: &Limits| {
            let free = counts.may_be_unknown(self.holder, side, limits);
            if free {
                counts.unknown[side as usize] += 1;
                if let Some(user) = self.holder.user() {
                    *counts.unknown_of.entry(user).or_default() += 1;
                }
            }
            free
        };
        self.rooms.take(wanted).await;
        *self.unknown() = Some(side);
    }

    /// The client has authenticated.
    pub(crate) fn known(&self) {
        if let Some(side) = self.unknown().take() {
            self.rooms.counts.send_modify(|counts| {
                counts.unknown[side as usize] -= 1;
                if let Some(user) = self.holder.user() {
                    leave(&mut counts.unknown_of, user);
                }
            });
        }
    }

    fn unknown(&self) -> MutexGuard<'_, Option<Side>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.known();
        self.rooms.counts.send_modify(|counts| {
            counts.clients -= 1;
            leave(&mut counts.guests, self.holder);
        });
        self.rooms.publish();
    }
}

/// One place less of that holder's; nothing is kept of who has none.
fn leave<K: Ord>(places: &mut BTreeMap<K, usize>, holder: K) {
    if let Some(held) = places.get_mut(&holder) {
        *held -= 1;
        if *held == 0 {
            places.remove(&holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn rooms(clients: usize, unknown: usize) -> (watch::Sender<Arc<ServerConfig>>, Arc<Rooms>) {
        let mut config = ServerConfig::default();
        config.limits.clients = clients;
        config.limits.anonymous_clients = unknown;
        let (sender, receiver) = watch::channel(Arc::new(config));
        (sender, Rooms::new(receiver))
    }

    async fn enter(rooms: &Arc<Rooms>) -> Ticket {
        rooms.enter(Holder::Own).await.expect("the daemon's own are never turned away")
    }

    async fn has_room(rooms: &Arc<Rooms>) -> Option<Ticket> {
        timeout(Duration::from_millis(1), enter(rooms)).await.ok()
    }

    async fn may_be_unknown(ticket: &Ticket, side: Side) -> bool {
        timeout(Duration::from_millis(1), ticket.wait_as_unknown(side)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_house_opens_again_when_somebody_leaves() {
        let (_config, rooms) = rooms(2, 2);
        let first = enter(&rooms).await;
        let _second = enter(&rooms).await;
        assert_eq!(*rooms.clients().borrow(), 2);
        assert!(has_room(&rooms).await.is_none());
        drop(first);
        assert!(has_room(&rooms).await.is_some());
        assert_eq!(*rooms.clients().borrow(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_outside_comes_in_when_the_house_is_made_larger() {
        let (config, rooms) = rooms(1, 1);
        let _first = enter(&rooms).await;
        let outside = tokio::spawn({
            let rooms = Arc::clone(&rooms);
            async move { enter(&rooms).await }
        });
        tokio::task::yield_now().await;
        let mut larger = ServerConfig::default();
        larger.limits.clients = 2;
        config.send_replace(Arc::new(larger));
        assert!(timeout(Duration::from_secs(1), outside).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_clients_have_few_places_until_they_are_known() {
        let (_config, rooms) = rooms(9, 1);
        let (first, second) = (enter(&rooms).await, enter(&rooms).await);
        assert!(may_be_unknown(&first, Side::Here).await);
        assert!(!may_be_unknown(&second, Side::Here).await);
        assert!(has_room(&rooms).await.is_some());
        first.known();
        assert!(may_be_unknown(&second, Side::Here).await);
        drop(first);
        let third = enter(&rooms).await;
        assert!(!may_be_unknown(&third, Side::Here).await);
        drop(second);
        assert!(may_be_unknown(&third, Side::Here).await);
        drop(third);
        assert_eq!(*rooms.clients().borrow(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_guests_leaves_places_to_others() {
        let (_config, rooms) = rooms(10, 1);
        let mut inside = Vec::new();
        for (holder, places) in [(Holder::User(1), 5), (Holder::Remote, 4), (Holder::User(2), 0)] {
            for _ in 0..places {
                inside.push(rooms.enter(holder).await.expect("there is a place"));
            }
            assert!(rooms.enter(holder).await.is_none(), "{holder:?}");
        }
        let own = enter(&rooms).await;
        assert!(has_room(&rooms).await.is_none());
        drop(inside);
        assert!(rooms.enter(Holder::User(1)).await.is_some());
        drop(own);
        assert_eq!(*rooms.clients().borrow(), 0);
        assert!(rooms.counts.borrow().guests.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_one_user_keeps_no_other_from_saying_who_it_is() {
        let (_config, rooms) = rooms(100, 5);
        let mut inside = Vec::new();
        for user in [1, 1, 1, 1, 2, 2, 2] {
            inside.push(rooms.enter(Holder::User(user)).await.expect("there is a place"));
        }
        for (client, expected) in inside.iter().zip([true, true, true, false, true, true, false]) {
            assert_eq!(may_be_unknown(client, Side::Here).await, expected, "{client:?}");
        }
        inside[0].known();
        assert!(may_be_unknown(&inside[3], Side::Here).await);
        let own = enter(&rooms).await;
        inside[4].known();
        assert!(may_be_unknown(&own, Side::Here).await);
        drop((inside, own));
        assert!(rooms.counts.borrow().unknown_of.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_crowd_that_waits_only_the_first_looks_for_a_place() {
        let (_config, rooms) = rooms(100, 2);
        let first = rooms.enter(Holder::User(1)).await.expect("there is a place");
        assert!(may_be_unknown(&first, Side::Here).await);
        let mut waiting = Vec::new();
        for _ in 0..20 {
            let ticket = rooms.enter(Holder::User(1)).await.expect("there is a place");
            waiting.push(tokio::spawn(async move {
                ticket.wait_as_unknown(Side::Here).await;
                ticket
            }));
        }
        tokio::task::yield_now().await;
        assert_eq!(rooms.counts.receiver_count(), 1);
        // Those that leave are passed over, the first one too.
        waiting.drain(..5).for_each(|client| client.abort());
        drop(first);
        for client in waiting {
            let client = timeout(Duration::from_secs(1), client).await.expect("it is its turn");
            drop(client);
        }
        assert_eq!(rooms.counts.receiver_count(), 0);
        drop(rooms.line(Holder::Own, Side::Here));
        assert_eq!(rooms.lines.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn those_outside_keep_nobody_here_out() {
        let (_config, rooms) = rooms(9, 1);
        let (outside, here) = (enter(&rooms).await, enter(&rooms).await);
        assert!(may_be_unknown(&outside, Side::Outside).await);
        assert!(may_be_unknown(&here, Side::Here).await);
    }
}
