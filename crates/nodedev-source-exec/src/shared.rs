//! What is known of a run beside its task: what the program has said, and how far it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::unistd::Pid;
use nodedev_source::{ErrorKind, Hint, RevisionCounter, Snapshot, SourceError};
use nodedev_types::Diagnostic;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::account::Account;
use crate::command;
use crate::config::ExecConfig;
use crate::message::Hello;
use crate::run::Means;

/// What others may know of a run, and ask of it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<ExecConfig>,
    pub(crate) revisions: Arc<RevisionCounter>,
    account: Mutex<Account>,
    pub(crate) progress: watch::Sender<Progress>,
    /// The newest request.
    pub(crate) looks: watch::Sender<u64>,
    head: Pid,
}

/// How far it is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) hello: Option<Hello>,
    pub(crate) is_listed: bool,
    /// The newest request that was answered.
    pub(crate) answered: u64,
    pub(crate) ended: Option<SourceError>,
}

/// A request that somebody waits for the answer of.
struct Asking<'a> {
    account: &'a Mutex<Account>,
    id: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(self.account).forget(self.id);
    }
}

fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Of a program that was started after this hint.
    pub(crate) fn new(means: &Means, head: Pid, heard: Hint) -> Self {
        Self {
            config: Arc::clone(&means.config),
            revisions: Arc::clone(&means.revisions),
            account: Mutex::new(Account::new(&means.config, heard)),
            progress: watch::Sender::default(),
            looks: watch::Sender::new(0),
            head,
        }
    }

    /// Whether the program still runs, whatever its task has noticed.
    pub(crate) fn is_alive(&self) -> bool {
        self.progress.borrow().ended.is_none() && command::is_alive(self.head)
    }

    /// Waits for the program's first line.
    pub(crate) async fn greeted(&self) -> Result<(), SourceError> {
        let deadline = self.config.hello_deadline;
        let what = "no hello";
        self.until(deadline, what, |progress| progress.hello.is_some()).await
    }

    /// All devices: as the program lists them when it is asked, where it answers, else as it has said.
    /// What it lists is newer than this hint.
    pub(crate) async fn snapshot(&self, newest: Hint) -> Result<Snapshot, SourceError> {
        let deadline = self.config.listing_deadline;
        let what = "no complete listing";
        self.until(deadline, what, |progress| progress.is_listed).await?;
        let answers = self.progress.borrow().hello.as_ref().is_some_and(|hello| hello.answers);
        let asking = answers.then(|| self.ask(newest)).flatten();
        if let Some(asking) = &asking {
            let what = "no answer to a request";
            self.until(deadline, what, |progress| progress.answered >= asking.id).await?;
        }
        let shown = self.account().snapshot(&self.revisions);
        let Some((listing, diagnostics)) = shown else {
            return Err(self.error(ErrorKind::Failed, "ended"));
        };
        let mut snapshot = Snapshot::new().with_listing(listing);
        snapshot.diagnostics = diagnostics;
        if !answers && !self.config.interests.is_empty() {
            let text = "`interests` are configured, but the program does not answer requests";
            snapshot.diagnostics.push(Diagnostic::warning(&self.config.name, text));
        }
        let about = self.progress.borrow().hello.as_ref().and_then(|hello| hello.about.clone());
        snapshot.backend = Some(about.unwrap_or_else(|| self.config.program.display().to_string()));
        Ok(snapshot)
    }

    /// Has the program asked to list anew, unless it has done so by itself.
    fn ask(&self, newest: Hint) -> Option<Asking<'_>> {
        let id = self.account().ask(newest)?;
        self.looks.send_replace(id);
        Some(Asking { account: &self.account, id })
    }

    async fn until(
        &self,
        deadline: Duration,
        what: &str,
        so: impl Fn(&Progress) -> bool,
    ) -> Result<(), SourceError> {
        let mut progress = self.progress.subscribe();
        let waited = progress.wait_for(|progress| so(progress) || progress.ended.is_some());
        match timeout(deadline, waited).await {
            Err(_) => Err(self.error(ErrorKind::Timeout, &format!("{what} within {deadline:?}"))),
            Ok(Ok(progress)) => match &progress.ended {
                Some(error) => Err(error.clone()),
                None => Ok(()),
            },
            Ok(Err(_)) => Err(self.error(ErrorKind::Failed, "ended")),
        }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.account)
    }

    /// An error of this program.
    pub(crate) fn error(&self, kind: ErrorKind, what: &str) -> SourceError {
        SourceError::new(kind, format!("{}: {what}", self.config.program.display()))
    }
}
