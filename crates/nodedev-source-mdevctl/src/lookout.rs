//! Looks from time to time whether what the last snapshot was made without has come.
//!
//! Only while there is such a thing, on another thread, and one look at a time: while one hangs there is no
//! other. A host where nothing comes is looked at by a few calls of the kernel a minute, and nothing is run.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};

use crate::files::Files;
use crate::lack::Lack;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);

pub(crate) struct Lookout {
    program: PathBuf,
    files: Files,
    lack: Receiver<Option<Lack>>,
    /// When to look next.
    due: Option<Instant>,
    look: Option<Look>,
    /// What was there when it was last told that it has come. A listing that still lacks it is no reason to tell
    /// it again: mdevctl may see another directory than we do.
    told: Option<Lack>,
}

/// A look that is under way, and what it is for.
struct Look {
    of: Lack,
    seen: Pin<Box<dyn Future<Output = Result<Lack, JoinError>> + Send>>,
}

impl Lookout {
    /// For this program, and for what the newest snapshot says that it lacks.
    pub(crate) fn new(program: PathBuf, files: Files, mut lack: Receiver<Option<Lack>>) -> Self {
        lack.mark_changed();
        Self { program, files, lack, due: None, look: None, told: None }
    }

    /// Waits until it has come, or has changed. Nothing is lost when it is dropped meanwhile.
    pub(crate) async fn came(&mut self) {
        loop {
            if let Some(Look { seen, .. }) = &mut self.look {
                let seen = seen.as_mut().await;
                if self.is_news(seen) {
                    return;
                }
                continue;
            }
            tokio::select! {
                changed = self.lack.changed() => match changed {
                    Ok(()) => self.wait(),
                    // The source is gone.
                    Err(_) => std::future::pending().await,
                },
                () = sleep_until_some(self.due) => self.begin(),
            }
        }
    }

    /// A snapshot has just looked itself.
    fn wait(&mut self) {
        let lacks = self.lack.borrow_and_update().is_some();
        self.due = lacks.then(|| Instant::now() + EVERY);
        if !lacks {
            self.told = None;
        }
    }

    fn begin(&mut self) {
        self.due = None;
        let Some(of) = self.lack.borrow().clone() else {
            return;
        };
        let (files, program, before) = (self.files.clone(), self.program.clone(), of.clone());
        let looking = move || before.now(&program);
        self.look = Some(Look { of, seen: Box::pin(async move { files.look(looking).await }) });
    }

    fn is_news(&mut self, seen: Result<Lack, JoinError>) -> bool {
        self.due = Some(Instant::now() + EVERY);
        let (Some(Look { of, .. }), Ok(seen)) = (self.look.take(), seen) else {
            return false;
        };
        if *self.lack.borrow() != Some(of.clone()) {
            // A snapshot has looked meanwhile.
            return false;
        }
        if seen == of {
            self.told = None;
            return false;
        }
        let seen = Some(seen);
        let is_news = self.told != seen;
        self.told = seen;
        is_news
    }
}

/// For ever where there is no such time.
pub(crate) async fn sleep_until_some(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::sync::watch;
    use tokio::time::timeout;

    use super::*;

    async fn comes(lookout: &mut Lookout) -> bool {
        timeout(EVERY * 5, lookout.came()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_is_told_once_until_it_has_gone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("callouts");
        let lacks = || Some(Lack::Directory { path: path.clone(), is_there: false });
        let (sender, receiver) = watch::channel(None);
        let mut lookout = Lookout::new("mdevctl".into(), Files::default(), receiver);
        fs::create_dir(&path).unwrap();
        assert!(!comes(&mut lookout).await, "nothing is lacking");
        sender.send_replace(lacks());
        assert!(comes(&mut lookout).await);
        for _ in 0..3 {
            assert!(!comes(&mut lookout).await, "told already");
            // As an mdevctl that sees another directory says.
            sender.send_replace(lacks());
        }
        fs::remove_dir(&path).unwrap();
        assert!(!comes(&mut lookout).await);
        fs::create_dir(&path).unwrap();
        assert!(comes(&mut lookout).await);
        sender.send_replace(None);
        assert!(!comes(&mut lookout).await);
        sender.send_replace(lacks());
        assert!(comes(&mut lookout).await, "it was not lacking meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_not_looked_again_while_a_look_hangs() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("mdevctl");
        let (_sender, receiver) = watch::channel(Some(Lack::Program(None)));
        let files = Files::default();
        let hang = files.hang().await;
        let mut lookout = Lookout::new(program.clone(), files, receiver);
        assert!(!comes(&mut lookout).await);
        assert!(lookout.look.is_some() && lookout.due.is_none());
        fs::write(&program, "").unwrap();
        drop(hang);
        assert!(comes(&mut lookout).await);
    }
}
