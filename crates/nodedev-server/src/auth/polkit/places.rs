//! Who may ask polkit now, and who waits until others have their answers.
//!
//! Knows of users and numbers, nothing of the bus. Whoever stops waiting has to drop the future.

use std::time::Duration;

use tokio::time::timeout;

pub(super) use crate::shares::Place;
use crate::shares::Shares;

/// Questions that wait for their answers at once. Half of the 128 calls that a bus takes of one connection
/// before they are answered: each question may be followed by the call that takes it back.
const QUESTIONS: usize = 64;
/// How many of them may be about one user's processes, so that a crowd of these keeps nobody else from being
/// asked about.
const OF_ONE_USER: usize = QUESTIONS / 4;
/// How long a question may wait to be asked.
const TURN: Duration = Duration::from_secs(30);

/// The places of questions.
#[derive(Debug)]
pub(super) struct Places(Shares);

impl Places {
    pub(super) fn new() -> Self {
        Self(Shares::new(QUESTIONS, OF_ONE_USER))
    }

    /// Waits for a place, first come, first served. `None` when there was none for too long.
    pub(super) async fn enter(&self, user: u32) -> Option<Place> {
        timeout(TURN, self.0.of(Some(user)).place()).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn four_users_fill_it_and_a_turn_that_does_not_come_is_not_waited_for_without_end() {
        let places = Places::new();
        let mut taken = Vec::new();
        for user in 1..=4 {
            for _ in 0..OF_ONE_USER {
                taken.push(places.enter(user).await.expect("there is a place"));
            }
        }
        assert_eq!(taken.len(), QUESTIONS);
        let begun = Instant::now();
        assert!(places.enter(5).await.is_none());
        assert!(begun.elapsed() >= TURN && begun.elapsed() < 2 * TURN, "{:?}", begun.elapsed());
    }
}
