//! The thread that a source may have of its own. Nothing runs on it but the source.

use std::future::{Future, ready};
use std::io;
use std::sync::Arc;

use nodedev_source::{ErrorKind, SourceError};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Calls that may be under way or wait for the thread. One that was given up waits there too until the thread gives
/// way, and with each restart of the source there is another.
const CALLS: usize = 16;

/// A source's thread, if it has one. It is not waited for in the end: the source may never give it back.
#[derive(Debug, Default)]
pub(crate) struct Threads(Option<Own>);

#[derive(Debug)]
struct Own {
    runtime: Runtime,
    /// Shared with each call.
    calls: Arc<()>,
}

impl Threads {
    /// One thread, named after the source.
    pub(crate) fn of(source: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(source)
            .enable_all()
            .build()?;
        Ok(Self(Some(Own { runtime, calls: Arc::default() })))
    }

    /// Starts a call there, and what that starts itself with it; without a thread of its own wherever the caller is.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> JoinHandle<Result<T, SourceError>> {
        let Some(own) = &self.0 else {
            return tokio::spawn(call);
        };
        if Arc::strong_count(&own.calls) > CALLS {
            let message = "its thread is held by a call that was given up";
            return tokio::spawn(ready(Err(SourceError::new(ErrorKind::Timeout, message))));
        }
        let counted = Arc::clone(&own.calls);
        own.runtime.spawn(async move {
            let _counted = counted;
            call.await
        })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(own) = self.0.take() {
            own.runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn calls_that_were_given_up_do_not_pile_up_behind_one_that_keeps_the_thread() {
        let threads = Threads::of("acme").unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel();
        let blocking = threads.spawn(async move {
            let _ = began.send(());
            let _ = held.recv();
            Ok(())
        });
        begun.await.unwrap();
        for _ in 1..CALLS {
            threads.spawn(ready(Ok(()))).abort();
        }
        for _ in 0..3 {
            let error = threads.spawn(ready(Ok(()))).await.unwrap().unwrap_err();
            assert!(error.to_string().contains("held"), "{error}");
        }
        drop(release);
        blocking.await.unwrap().unwrap();
        // Those that were given up are gone as soon as the thread has passed them.
        while threads.spawn(ready(Ok(()))).await.unwrap().is_err() {
            tokio::task::yield_now().await;
        }
    }
}
