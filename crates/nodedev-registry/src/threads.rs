//! The thread that a source may have of its own. Nothing runs on it but the source.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// A source's thread, if it has one. It is not waited for in the end: the source may never give it back.
#[derive(Debug, Default)]
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// One thread, named after the source.
    pub(crate) fn of(source: &str) -> io::Result<Self> {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(source)
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
    }

    /// Where the source's calls are to be started; `None` for wherever the caller is.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
