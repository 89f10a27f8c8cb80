//! Looking at files, which may take for ever: on other threads, of which there is a bounded number.
//!
//! A thread that hangs in a file cannot be ended. It keeps its place until the file answers, however often
//! the source is started again meanwhile, and the runtime's other threads stay free for others.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

/// Threads at once, those that hang included.
const THREADS: usize = 8;

/// The places of these threads. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Files(Arc<Semaphore>);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unseen {
    /// Not within the deadline, or there was no place until then.
    Late,
    /// A fault of ours.
    Panicked(JoinError),
}

impl Default for Files {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(THREADS)))
    }
}

impl Files {
    /// Waits for a place, and does the work there. When the answer is no longer waited for, the work goes on
    /// and its place stays taken.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let place = Arc::clone(&self.0).acquire_owned().await;
        let working = move || {
            let _place = place;
            work()
        };
        spawn_blocking(working).await
    }

    /// The same, and does not wait longer than that.
    pub(crate) async fn look_within<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unseen> {
        match timeout(deadline, self.look(work)).await {
            Ok(answer) => answer.map_err(Unseen::Panicked),
            Err(_) => Err(Unseen::Late),
        }
    }
}

#[cfg(test)]
impl Files {
    /// As if in every place somebody hung, until what is returned is dropped.
    pub(crate) async fn hang(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(THREADS).unwrap();
        Arc::clone(&self.0).acquire_many_owned(all).await.unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_hangs_keeps_its_place_until_it_is_answered() {
        let (files, soon) = (Files::default(), Duration::from_millis(20));
        let mut answers = Vec::new();
        for _ in 0..THREADS {
            let (answer, answered) = mpsc::channel::<()>();
            answers.push(answer);
            let late = files.look_within(soon, move || answered.recv()).await;
            assert!(matches!(late, Err(Unseen::Late)), "{late:?}");
        }
        let late = files.look_within(soon, || ()).await;
        assert!(matches!(late, Err(Unseen::Late)), "a ninth thread");
        answers.pop();
        assert_eq!(files.look(|| 7).await.unwrap(), 7);
        let panicked = files.look_within(soon * 100, || panic!("on purpose")).await;
        assert!(matches!(panicked, Err::<(), _>(Unseen::Panicked(_))));
    }
}
