//! A few places for something that many want at once, of which no user gets all.
//!
//! Knows of users and numbers only. Who waits for too long, or for somebody who has gone, has to drop the future.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All places, and how many of them a user may have.
#[derive(Debug)]
pub(crate) struct Shares {
    all: Arc<Semaphore>,
    share: usize,
    /// Those of users of whom somebody is here.
    users: Mutex<BTreeMap<u32, Arc<Semaphore>>>,
}

/// The places that one client may have.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    all: Arc<Semaphore>,
    of_user: Option<Arc<Semaphore>>,
}

/// One place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_user: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

impl Shares {
    pub(crate) fn new(all: usize, share: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), share, users: Mutex::default() }
    }

    /// What clients of that user have together; without one it may be all.
    pub(crate) fn of(&self, user: Option<u32>) -> Share {
        Share { all: Arc::clone(&self.all), of_user: user.map(|user| self.of_user(user)) }
    }

    /// Of users of whom nobody is here any more nothing is kept.
    fn of_user(&self, user: u32) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|_, places| Arc::strong_count(places) > 1);
        let places = users.entry(user).or_insert_with(|| Arc::new(Semaphore::new(self.share)));
        Arc::clone(places)
    }
}

#[cfg(test)]
impl From<Arc<Semaphore>> for Share {
    fn from(all: Arc<Semaphore>) -> Self {
        Self { all, of_user: None }
    }
}

impl Share {
    /// Waits for a place, first come, first served. `None` is never said: nobody closes the places.
    pub(crate) async fn place(&self) -> Option<Place> {
        // In this order: who waits for others of the same user takes no place from another's.
        let of_user = match &self.of_user {
            Some(places) => Some(Arc::clone(places).acquire_owned().await.ok()?),
            None => None,
        };
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Place { _of_user: of_user, _of_all: of_all })
    }

    /// A place, if there is one now.
    pub(crate) fn free_place(&self) -> Option<Place> {
        let of_user = match &self.of_user {
            Some(places) => Some(Arc::clone(places).try_acquire_owned().ok()?),
            None => None,
        };
        let of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Place { _of_user: of_user, _of_all: of_all })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn enter(shares: &Shares, user: Option<u32>) -> Option<Place> {
        let share = shares.of(user);
        let place = timeout(Duration::from_secs(1), share.place()).await.ok().flatten();
        let free = share.free_place();
        assert!(place.is_some() || free.is_none());
        place
    }

    async fn fill(shares: &Shares, user: u32, places: usize) -> Vec<Place> {
        let mut taken = Vec::new();
        for _ in 0..places {
            taken.push(enter(shares, Some(user)).await.expect("there is a place"));
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_one_user_leaves_places_to_others() {
        let shares = Shares::new(4, 2);
        let mut crowd = fill(&shares, 1, 2).await;
        assert!(enter(&shares, Some(1)).await.is_none());
        assert!(enter(&shares, Some(2)).await.is_some());
        crowd.pop();
        assert!(enter(&shares, Some(1)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn all_users_together_have_so_many_places() {
        let shares = Shares::new(4, 2);
        let mut taken = fill(&shares, 1, 2).await;
        taken.extend(fill(&shares, 2, 2).await);
        for user in [None, Some(3)] {
            assert!(enter(&shares, user).await.is_none(), "{user:?}");
        }
        taken.pop();
        assert!(enter(&shares, Some(3)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_nobodys_may_have_all() {
        let shares = Shares::new(4, 2);
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(enter(&shares, None).await.expect("there is a place"));
        }
        assert!(enter(&shares, None).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_first_is_served_first_and_who_has_left_is_not() {
        let shares = Shares::new(4, 2);
        let mut crowd = fill(&shares, 1, 2).await;
        let wait = || {
            let share = shares.of(Some(1));
            tokio::spawn(async move { share.place().await })
        };
        let (left, first, second) = (wait(), wait(), wait());
        tokio::task::yield_now().await;
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
        crowd.pop();
        let place = timeout(Duration::from_secs(1), first).await.expect("it is its turn").unwrap();
        assert!(place.is_some() && !second.is_finished());
        drop(place);
        assert!(second.await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_users_of_whom_nobody_is_here() {
        let shares = Shares::new(4, 2);
        let crowd = fill(&shares, 1, 2).await;
        for user in 2..100 {
            assert!(enter(&shares, Some(user)).await.is_some());
        }
        assert!(shares.users.lock().unwrap().len() <= 2);
        drop(crowd);
        assert!(enter(&shares, Some(100)).await.is_some());
        assert_eq!(shares.users.lock().unwrap().len(), 1);
    }
}
