//! One call of a source: in a task of its own, under a deadline, ended when dropped.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use nodedev_source::SourceError;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::threads::Threads;

/// Why a call gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{}", .0.full_message())]
    Source(SourceError),
    #[error("it panicked")]
    Panicked,
    #[error("the call was ended")]
    Ended,
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// Makes a short call where the caller is, without a task of its own: a panic in it is the source's alone all the
/// same, and so is a hang that leaves the thread to others; it is ended when dropped. Where the source may block
/// ([`nodedev_source::allow_blocking`]), whoever allowed that has to see to the deadline.
pub(crate) async fn call_here<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, CallError> {
    let caught = AssertUnwindSafe(in_words(call)).catch_unwind();
    match tokio::time::timeout(deadline, caught).await {
        Ok(Ok(result)) => result.map_err(CallError::Source),
        Ok(Err(_)) => Err(CallError::Panicked),
        Err(_) => Err(CallError::Late(deadline)),
    }
}

/// The call, with an error of its own words only. What lies behind one is the source's code, which may panic when it
/// is asked for words or dropped: that belongs into the call.
async fn in_words<T>(call: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
    call.await.map_err(|error| plain(&error))
}

/// The same error as words.
pub(crate) fn plain(error: &SourceError) -> SourceError {
    SourceError::new(error.kind(), error.full_message())
}

/// A call that is under way. A panic or a hang in it is the source's alone.
#[derive(Debug)]
pub(crate) struct Call<T> {
    task: JoinHandle<Result<T, SourceError>>,
    deadline: Duration,
    due: Instant,
}

impl<T: Send + 'static> Call<T> {
    /// Starts it on the caller's runtime.
    pub(crate) fn start(
        deadline: Duration,
        call: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Self {
        Self::of(tokio::spawn(in_words(call)), deadline)
    }

    /// Starts it on the source's own thread, if it has one.
    pub(crate) fn start_on(
        threads: &Threads,
        deadline: Duration,
        call: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Self {
        Self::of(threads.spawn(in_words(call)), deadline)
    }

    fn of(task: JoinHandle<Result<T, SourceError>>, deadline: Duration) -> Self {
        Self { task, deadline, due: Instant::now() + deadline }
    }

    /// The result, or why there is none. The future may be dropped and asked for again.
    pub(crate) async fn outcome(&mut self) -> Result<T, CallError> {
        // The clock runs out here and not in the task, which may never let go of its thread.
        match tokio::time::timeout_at(self.due, &mut self.task).await {
            Ok(Ok(result)) => result.map_err(CallError::Source),
            Ok(Err(error)) if error.is_panic() => Err(CallError::Panicked),
            Ok(Err(_)) => Err(CallError::Ended),
            Err(_) => Err(CallError::Late(self.deadline)),
        }
    }

    /// The result, or why there is none in words.
    pub(crate) async fn result(&mut self) -> Result<T, String> {
        self.outcome().await.map_err(|error| error.to_string())
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
