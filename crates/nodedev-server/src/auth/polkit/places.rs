//! Who may ask polkit now, and who waits until others have their answers.
//!
//! Knows of users and numbers, nothing of the bus. Whoever stops waiting has to drop the future.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Questions that wait for their answers at once. Half of the 128 calls that a bus takes of one connection
/// before they are answered: each question may be followed by the call that takes it back.
const QUESTIONS: usize = 64;
/// How many of them may be about one user's processes, so that a crowd of these keeps nobody else from being
/// asked about.
const OF_ONE_USER: usize = QUESTIONS / 4;
/// How long a question may wait to be asked.
const TURN: Duration = Duration::from_secs(30);

/// Counts the questions.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    /// Those of users that have asked lately.
    users: Mutex<BTreeMap<u32, Arc<Semaphore>>>,
}

/// The place of one question; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    _of_user: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(QUESTIONS)), users: Mutex::default() }
    }

    /// Waits for a place, first come, first served. `None` when there was none for too long.
    pub(super) async fn enter(&self, user: u32) -> Option<Place> {
        let turn = async {
            // In this order: who waits for the others of his user takes no place from another's.
            let of_user = self.of(user).acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Place { _of_user: of_user, _of_all: of_all })
        };
        timeout(TURN, turn).await.ok().flatten()
    }

    /// The user's places. Of users of whom nobody asks or waits nothing is kept.
    fn of(&self, user: u32) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|_, places| Arc::strong_count(places) > 1);
        let places = users.entry(user).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_USER)));
        Arc::clone(places)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    async fn enter(places: &Places, user: u32) -> Option<Place> {
        timeout(TURN / 2, places.enter(user)).await.ok().flatten()
    }

    async fn fill(places: &Places, user: u32) -> Vec<Place> {
        let mut taken = Vec::new();
        for _ in 0..OF_ONE_USER {
            taken.push(enter(places, user).await.expect("there is a place"));
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_one_user_keeps_nobody_else_from_asking() {
        let places = Places::new();
        let mut crowd = fill(&places, 1).await;
        assert!(enter(&places, 1).await.is_none());
        assert!(enter(&places, 2).await.is_some());
        crowd.pop();
        assert!(enter(&places, 1).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn all_users_together_have_so_many_places() {
        let places = Places::new();
        let mut taken = Vec::new();
        for user in 1..=4 {
            taken.extend(fill(&places, user).await);
        }
        assert_eq!(taken.len(), QUESTIONS);
        assert!(enter(&places, 5).await.is_none());
        taken.pop();
        assert!(enter(&places, 5).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_is_not_waited_for_without_end() {
        let places = Places::new();
        let _crowd = fill(&places, 1).await;
        let begun = Instant::now();
        assert!(places.enter(1).await.is_none());
        assert!(begun.elapsed() >= TURN && begun.elapsed() < 2 * TURN, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_first_asks_first_and_who_has_left_does_not() {
        let places = Arc::new(Places::new());
        let mut crowd = fill(&places, 1).await;
        let wait = || {
            let places = Arc::clone(&places);
            tokio::spawn(async move { places.enter(1).await })
        };
        let (left, first, second) = (wait(), wait(), wait());
        tokio::task::yield_now().await;
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
        crowd.pop();
        let place = timeout(TURN / 2, first).await.expect("it is its turn").unwrap();
        assert!(place.is_some() && !second.is_finished());
        drop(place);
        assert!(second.await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_users_who_do_not_ask() {
        let places = Places::new();
        let crowd = fill(&places, 1).await;
        for user in 2..100 {
            assert!(enter(&places, user).await.is_some());
        }
        assert!(places.users.lock().unwrap().len() <= 2);
        drop(crowd);
        assert!(enter(&places, 100).await.is_some());
        assert_eq!(places.users.lock().unwrap().len(), 1);
    }
}
