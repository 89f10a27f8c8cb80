//! Why the configuration directory is not watched: the watcher finds out, and each snapshot says it again,
//! since the registry forgets with each what was told before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nodedev_types::Diagnostic;

/// What one watch's directory suffers from. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unwatched(Arc<Mutex<Option<Diagnostic>>>);

impl Unwatched {
    /// Notes why, instead of what was noted before. True when nothing was.
    pub(crate) fn note(&self, why: Diagnostic) -> bool {
        self.lock().replace(why).is_none()
    }

    /// It is watched. True when it was not.
    pub(crate) fn heal(&self) -> bool {
        self.lock().take().is_some()
    }

    /// What is to be said as long as it holds.
    pub(crate) fn why(&self) -> Option<Diagnostic> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Diagnostic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
