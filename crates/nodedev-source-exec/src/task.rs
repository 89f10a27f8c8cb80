//! The task of a run: reads what the program prints until it ends, is ended, or is of no use any more.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use nodedev_source::{ErrorKind, EventSink, Hint, HintStream, SourceError, SourceEvent};
use nodedev_types::{Diagnostic, Severity};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{OwnedMutexGuard, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::account::{Account, Word};
use crate::command::{Pipes, ProcessGroup};
use crate::counts::Counts;
use crate::lines::{Line, Lines};
use crate::message::{self, Message, PROTOCOL, Reader, Refused, excerpt};
use crate::pace::Pace;
use crate::relisting::Relisting;
use crate::run::Listener;
use crate::shared::Shared;
use crate::stderr::{self, Complaints};
use crate::unfinished::Unfinished;

/// How long what an ended program has printed is read: its pipe may be held by another.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Why a run is over.
enum End {
    /// Nobody wants it any more.
    Stopped,
    /// The program has ended, and how.
    Exited(String),
    /// It is of no use any more.
    Failed(SourceError),
}

/// What it holds of a run.
pub(crate) struct Task {
    shared: Arc<Shared>,
    counts: Counts,
    reader: Reader,
    sink: Option<EventSink>,
    hints: Option<HintStream>,
    hint_due: Option<Instant>,
    stdin: Option<ChildStdin>,
    looks: watch::Receiver<u64>,
    /// The last one of them that was written, or is.
    looked: u64,
    /// What its standard input has not taken of one request. The next one is the newest that there is then:
    /// whoever waits for an older one is answered by it.
    unsent: Vec<u8>,
    lines: Lines<ChildStdout>,
    errors: Option<Lines<ChildStderr>>,
    complaints: Complaints,
    pace: Pace,
    unfinished: Unfinished,
    relisting: Relisting,
}

impl Task {
    pub(crate) fn new(
        shared: Arc<Shared>,
        counts: Counts,
        pipes: Pipes,
        listener: Option<Listener>,
    ) -> Self {
        let config = Arc::clone(&shared.config);
        let (sink, hints) = listener.map_or((None, None), |l| (Some(l.sink), Some(l.hints)));
        Self {
            looks: shared.looks.subscribe(),
            looked: 0,
            shared,
            counts,
            reader: Reader::new(&config),
            sink,
            hints: hints.filter(|_| !config.interests.is_empty()),
            hint_due: None,
            stdin: Some(pipes.stdin),
            unsent: Vec::new(),
            lines: Lines::new(pipes.stdout, config.line_limit),
            errors: Some(Lines::new(pipes.stderr, stderr::LINE_LIMIT)),
            complaints: Complaints::new(&config),
            pace: Pace::new(config.rate, config.burst),
            unfinished: Unfinished::new(config.listing_deadline),
            relisting: Relisting::new(config.room_pause),
        }
    }

    /// The whole run. `turn` is held until the program has gone.
    pub(crate) async fn run(
        mut self,
        mut group: ProcessGroup,
        mut stop: oneshot::Receiver<()>,
        turn: OwnedMutexGuard<()>,
    ) {
        let name = self.shared.config.name.clone();
        tracing::debug!(source = name, program = %self.shared.config.program.display(), "started");
        let end = tokio::select! {
            biased;
            _ = &mut stop => End::Stopped,
            end = self.listen(&mut group) => end,
        };
        let was_stopped = matches!(end, End::Stopped);
        let error = match end {
            End::Stopped => self.shared.error(ErrorKind::Failed, "was ended"),
            End::Failed(error) => error,
            End::Exited(how) => {
                // Others of its group may hold the pipes.
                group.signal(Signal::SIGKILL);
                let _ = timeout(LAST_WORDS, self.drain()).await;
                self.failure(&how)
            }
        };
        if !was_stopped {
            self.tell(&error);
        }
        let shared = Arc::clone(&self.shared);
        // Its standard input ends, and its output goes nowhere.
        drop(self);
        *shared.account() = Account::new(&shared.config, Hint::default());
        shared.progress.send_modify(|progress| progress.ended = Some(error));
        group.end(shared.config.end_deadline).await;
        drop(turn);
    }

    /// Does what comes until the program is of no use any more.
    async fn listen(&mut self, group: &mut ProcessGroup) -> End {
        loop {
            if let Err(end) = self.take_held() {
                return end;
            }
            let Self {
                counts,
                hints,
                hint_due,
                stdin,
                looks,
                looked,
                unsent,
                lines,
                errors,
                complaints,
                pace,
                unfinished,
                relisting,
                ..
            } = self;
            tokio::select! {
                biased;
                how = group.ended() => return End::Exited(how),
                _ = looks.changed(), if unsent.is_empty() => {
                    let newest = *looks.borrow_and_update();
                    counts.coalesced.add(newest.saturating_sub(*looked + 1));
                    *looked = newest;
                    unsent.extend(message::look(newest).into_bytes());
                }
                sent = send(stdin, unsent) => match sent {
                    Ok(sent) => drop(unsent.drain(..sent)),
                    // It does not read; whoever waits for an answer has a deadline.
                    Err(_) => *stdin = None,
                },
                hinted = next_hint(hints) => match hinted {
                    true => {
                        let due = Instant::now() + self.shared.config.quiet;
                        if hint_due.is_some() {
                            counts.coalesced.count();
                        }
                        hint_due.get_or_insert(due);
                    }
                    false => *hints = None,
                },
                () = until(*hint_due) => self.ask_to_be_read(),
                () = relisting.due() => {
                    if let Err(end) = self.list_anew() {
                        return end;
                    }
                }
                read = read_at_pace(lines, pace) => match read {
                    Ok(0) => return self.closed(group).await,
                    Ok(bytes) => self.take_bytes(bytes),
                    Err(error) => {
                        return End::Failed(self.failure("cannot be read").with_source(error));
                    }
                },
                // Behind what it says: its `end` may have waited for us.
                missed = unfinished.overdue() => return self.miss(&missed),
                // What it says comes before what it complains of, which waits in its pipe as well.
                read = async { complaints.wait().await; read_more(errors).await } => {
                    self.take_errors(read);
                }
            }
        }
    }

    /// Its output has ended, mostly because it has.
    async fn closed(&self, group: &mut ProcessGroup) -> End {
        match timeout(LAST_WORDS, group.ended()).await {
            Ok(how) => End::Exited(how),
            Err(_) => End::Failed(self.failure("closed its standard output")),
        }
    }

    /// What is left in the pipes of a program that has ended.
    async fn drain(&mut self) {
        while let Ok(1..) = self.lines.read().await {
            if self.take_held().is_err() {
                break;
            }
        }
        let _ = self.take_held();
        while self.errors.is_some() {
            let read = read_more(&mut self.errors).await;
            self.take_errors(read);
        }
    }

    /// Takes the lines that have been read.
    fn take_held(&mut self) -> Result<(), End> {
        loop {
            match self.lines.held() {
                Ok(None) => return Ok(()),
                Ok(Some(line)) => self.take(line)?,
                Err(_) => {
                    let what = "printed a line without an end";
                    return Err(End::Failed(self.shared.error(ErrorKind::Malformed, what)));
                }
            }
        }
    }

    fn take(&mut self, line: Line) -> Result<(), End> {
        self.counts.lines.count();
        self.pace.spend(1.0);
        let text = line.bytes.trim_ascii();
        let said = if line.too_long {
            Err(self.reader.refuse_too_long(text, self.shared.config.line_limit))
        } else if text.is_empty() {
            return Ok(());
        } else {
            self.reader.read(text)
        };
        if self.shared.progress.borrow().hello.is_none() {
            return self.greet(said, text);
        }
        let word = Word { number: line.number, size: line.bytes.len(), said };
        let (effect, unfinished) = {
            let mut account = self.shared.account();
            (account.take(word, &self.shared.revisions), account.unfinished())
        };
        self.unfinished.note(unfinished);
        if effect.has_room_again {
            self.relisting.want();
        }
        if effect.is_bad {
            self.counts.bad_lines.count();
        }
        if let Some(sink) = &self.sink {
            effect.events.into_iter().for_each(|event| sink.send(event));
        }
        if effect.is_listed {
            self.shared.progress.send_modify(|progress| {
                progress.is_listed = true;
                progress.answered = progress.answered.max(effect.answers.unwrap_or(0));
            });
        }
        Ok(())
    }

    fn greet(&mut self, said: Result<Message, Refused>, line: &[u8]) -> Result<(), End> {
        let name = &self.shared.config.name;
        let refuse = |kind, what: &str| Err(End::Failed(self.shared.error(kind, what)));
        match said {
            Ok(Message::Hello(hello)) if hello.protocol != PROTOCOL => {
                let its = hello.protocol;
                let what =
                    format!("speaks version {its} of the protocol; {PROTOCOL} is understood");
                refuse(ErrorKind::Unsupported, &what)
            }
            Ok(Message::Hello(hello)) if hello.name != *name => {
                let its = excerpt(hello.name.as_bytes());
                let what = format!("says that it is `{its}`; `{name}` is configured");
                refuse(ErrorKind::Malformed, &what)
            }
            Ok(Message::Hello(mut hello)) => {
                hello.about = hello.about.map(|about| excerpt(about.as_bytes()));
                if hello.answers {
                    self.relisting.may_be_asked();
                }
                self.shared.progress.send_modify(|progress| progress.hello = Some(hello));
                Ok(())
            }
            Ok(_) => {
                let what = format!("its first line is no hello: `{}`", excerpt(line));
                refuse(ErrorKind::Malformed, &what)
            }
            Err(Refused { problem, .. }) => {
                let what = format!("its first line is no hello: {problem}");
                refuse(ErrorKind::Malformed, &what)
            }
        }
    }

    fn take_bytes(&mut self, bytes: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a chunk is small")]
        self.pace.spend(bytes as f64 / 1024.0);
        if self.pace.is_late() {
            self.counts.held_back.count();
        }
    }

    fn take_errors(&mut self, read: io::Result<usize>) {
        let Some(errors) = &mut self.errors else { return };
        while let Ok(Some(line)) = errors.held() {
            self.complaints.take(&line);
        }
        if self.complaints.count(*read.as_ref().unwrap_or(&0)) {
            self.counts.held_back.count();
        }
        if matches!(read, Ok(0) | Err(_)) {
            self.errors = None;
        }
    }

    /// Others have news: whoever reads the source asks the program, if it answers.
    fn ask_to_be_read(&mut self) {
        self.hint_due = None;
        let reason = "other sources have news".to_owned();
        if let Some(sink) = &self.sink {
            sink.send(SourceEvent::Resync { reason });
        }
    }

    /// There may be room for what was left out: a program that answers is asked, another one has to be
    /// started again to list all that there is.
    fn list_anew(&mut self) -> Result<(), End> {
        let has_room = self.shared.account().take_room();
        self.relisting.note(has_room);
        if !has_room {
            return Ok(());
        }
        let reason = "there is room again for devices that were left out";
        let answers = self.shared.progress.borrow().hello.as_ref().is_some_and(|h| h.answers);
        if !answers {
            let what = format!("is started again: {reason}");
            return Err(End::Failed(self.shared.error(ErrorKind::Failed, &what)));
        }
        if let Some(sink) = &self.sink {
            sink.send(SourceEvent::Resync { reason: reason.to_owned() });
        }
        Ok(())
    }

    /// A listing has not ended in time. What was wrong in it may be why.
    fn miss(&self, what: &str) -> End {
        if let Some(sink) = &self.sink {
            let untold = self.shared.account().untold();
            untold.into_iter().for_each(|told| sink.send(SourceEvent::Diagnostic(told)));
        }
        End::Failed(self.shared.error(ErrorKind::Timeout, what))
    }

    fn failure(&self, what: &str) -> SourceError {
        match self.complaints.last_words() {
            Some(words) => self.shared.error(ErrorKind::Failed, &format!("{what}: {words}")),
            None => self.shared.error(ErrorKind::Failed, what),
        }
    }

    /// Tells why the run ends: all that follows is told the operator by the end of the sink.
    fn tell(&self, error: &SourceError) {
        let reason = error.full_message();
        tracing::warn!(
            source = self.shared.config.name,
            reason,
            "the program is of no use any more"
        );
        if let Some(sink) = &self.sink {
            let told = Diagnostic::warning(&self.shared.config.name, reason);
            sink.send(SourceEvent::Diagnostic(told.with_severity(Severity::Error)));
        }
    }
}

async fn send(stdin: &mut Option<ChildStdin>, unsent: &[u8]) -> io::Result<usize> {
    match stdin {
        Some(stdin) if !unsent.is_empty() => stdin.write(unsent).await,
        _ => pending().await,
    }
}

/// True for a hint, false when no more can come.
async fn next_hint(hints: &mut Option<HintStream>) -> bool {
    match hints {
        Some(hints) => hints.next().await.is_some(),
        None => pending().await,
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => pending().await,
    }
}

async fn read_more(errors: &mut Option<Lines<ChildStderr>>) -> io::Result<usize> {
    match errors {
        Some(errors) => errors.read().await,
        None => pending().await,
    }
}

async fn read_at_pace(lines: &mut Lines<ChildStdout>, pace: &mut Pace) -> io::Result<usize> {
    pace.wait().await;
    lines.read().await
}
