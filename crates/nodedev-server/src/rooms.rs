//! How many clients there are, and who has to wait outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::config::ServerConfig;

/// Counts the clients of a server.
#[derive(Debug)]
pub(crate) struct Rooms {
    counts: watch::Sender<Counts>,
    clients: watch::Sender<usize>,
    config: watch::Receiver<Arc<ServerConfig>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    clients: usize,
    unknown: usize,
}

/// One client's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    rooms: Arc<Rooms>,
    unknown: AtomicBool,
}

impl Rooms {
    pub(crate) fn new(config: watch::Receiver<Arc<ServerConfig>>) -> Arc<Self> {
        let (counts, clients) = (watch::channel(Counts::default()).0, watch::channel(0).0);
        Arc::new(Self { counts, clients, config })
    }

    pub(crate) fn clients(&self) -> watch::Receiver<usize> {
        self.clients.subscribe()
    }

    /// Waits for a place. A client that has to authenticate needs one of the few for unknown ones.
    pub(crate) async fn enter(self: &Arc<Self>, unknown: bool) -> Ticket {
        let (mut counts, mut config) = (self.counts.subscribe(), self.config.clone());
        config.mark_unchanged();
        while !self.take(unknown) {
            tokio::select! {
                // The sender lives in `self`, so this never fails.
                _ = counts.changed() => {}
                // There may be more places now.
                Ok(()) = config.changed() => {}
            }
        }
        Ticket { rooms: Arc::clone(self), unknown: AtomicBool::new(unknown) }
    }

    fn take(&self, unknown: bool) -> bool {
        let limits = self.config.borrow().limits.clone();
        let taken = self.counts.send_if_modified(|counts| {
            let full = counts.clients >= limits.clients
                || (unknown && counts.unknown >= limits.anonymous_clients);
            if !full {
                counts.clients += 1;
                counts.unknown += usize::from(unknown);
            }
            !full
        });
        if taken {
            self.publish();
        }
        taken
    }

    fn give_back(&self, clients: usize, unknown: usize) {
        self.counts.send_modify(|counts| {
            counts.clients -= clients;
            counts.unknown -= unknown;
        });
        self.publish();
    }

    fn publish(&self) {
        self.clients.send_if_modified(|clients| {
            let now = self.counts.borrow().clients;
            std::mem::replace(clients, now) != now
        });
    }
}

impl Ticket {
    /// The client has authenticated.
    pub(crate) fn known(&self) {
        if self.unknown.swap(false, Ordering::Relaxed) {
            self.rooms.give_back(0, 1);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.known();
        self.rooms.give_back(1, 0);
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

    async fn has_room(rooms: &Arc<Rooms>, unknown: bool) -> Option<Ticket> {
        timeout(Duration::from_millis(1), rooms.enter(unknown)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_house_opens_again_when_somebody_leaves() {
        let (_config, rooms) = rooms(2, 2);
        let first = rooms.enter(false).await;
        let _second = rooms.enter(false).await;
        assert_eq!(*rooms.clients().borrow(), 2);
        assert!(has_room(&rooms, false).await.is_none());
        drop(first);
        assert!(has_room(&rooms, false).await.is_some());
        assert_eq!(*rooms.clients().borrow(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_outside_comes_in_when_the_house_is_made_larger() {
        let (config, rooms) = rooms(1, 1);
        let _first = rooms.enter(false).await;
        let outside = tokio::spawn({
            let rooms = Arc::clone(&rooms);
            async move { rooms.enter(false).await }
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
        let first = rooms.enter(true).await;
        assert!(has_room(&rooms, true).await.is_none());
        assert!(has_room(&rooms, false).await.is_some());
        first.known();
        let second = has_room(&rooms, true).await;
        drop(first);
        assert!(has_room(&rooms, true).await.is_none());
        drop(second);
        assert_eq!(*rooms.clients().borrow(), 0);
    }
}
