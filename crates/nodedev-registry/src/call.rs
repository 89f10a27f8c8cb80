//! One call of a source: in a task of its own, under a deadline, ended when dropped.

use std::future::Future;
use std::time::Duration;

use nodedev_source::SourceError;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A call that is under way. A panic or a hang in it is the source's alone.
#[derive(Debug)]
pub(crate) struct Call<T> {
    task: JoinHandle<Result<T, SourceError>>,
    deadline: Duration,
    due: Instant,
}

impl<T: Send + 'static> Call<T> {
    pub(crate) fn start(
        deadline: Duration,
        call: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Self {
        Self { task: tokio::spawn(call), deadline, due: Instant::now() + deadline }
    }

    /// The result, or why there is none. The future may be dropped and asked for again.
    pub(crate) async fn result(&mut self) -> Result<T, String> {
        // The clock runs out here and not in the task, which may never let go of its thread.
        match tokio::time::timeout_at(self.due, &mut self.task).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => Err(error.full_message()),
            Ok(Err(error)) if error.is_panic() => Err("it panicked".to_owned()),
            Ok(Err(_)) => Err("the call was ended".to_owned()),
            Err(_) => Err(format!("no answer within {:?}", self.deadline)),
        }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
