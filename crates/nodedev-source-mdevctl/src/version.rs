//! Which mdevctl it is: asked for each binary that turns up until it answers, once a minute at most, since each
//! snapshot waits for it; and not for its first listing, which the start of a daemon waits for.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::binary::Binary;
use crate::command::{self, Run, WORDS};
use crate::config::MdevctlConfig;
use crate::counts::Counts;
use crate::remains::Remains;

/// After how long one is asked again that has given no answer.
const AGAIN: Duration = Duration::from_secs(60);

/// The last binary that turned up, and what it said when it was asked.
#[derive(Debug, Default)]
pub(crate) struct VersionCache {
    newest: Mutex<Option<(Binary, Asked)>>,
    remains: Remains,
}

/// `None` if it has not answered; it may have answered without telling a version.
type Answer = Option<Option<String>>;

/// What has come of asking a binary.
#[derive(Debug, Clone)]
enum Asked {
    NotYet,
    Answered(Option<String>),
    /// Until then it is not asked again.
    Unanswered(Instant),
}

impl VersionCache {
    /// As [`VersionCache::of`], but a binary that has just turned up is not asked yet.
    pub(crate) async fn of_known(
        &self,
        config: &MdevctlConfig,
        counts: &Counts,
        program: &Path,
    ) -> Option<String> {
        let binary = Binary::at(program)?;
        let is_new = self.cached().as_ref().is_none_or(|(known, _)| *known != binary);
        if is_new {
            *self.cached() = Some((binary, Asked::NotYet));
            return None;
        }
        self.of(config, counts, program).await
    }

    /// `mdevctl X.Y.Z`, where the program tells.
    pub(crate) async fn of(
        &self,
        config: &MdevctlConfig,
        counts: &Counts,
        program: &Path,
    ) -> Option<String> {
        let binary = Binary::at(program)?;
        if let Some(known) = self.known(&binary, Instant::now()) {
            return known;
        }
        let answer = ask(config, counts, program, &self.remains).await;
        self.note(binary, answer.clone(), Instant::now());
        answer.flatten()
    }

    fn note(&self, binary: Binary, answer: Answer, now: Instant) {
        let asked = answer.map_or_else(|| Asked::Unanswered(now + AGAIN), Asked::Answered);
        *self.cached() = Some((binary, asked));
    }

    /// What is to be said without asking.
    fn known(&self, binary: &Binary, now: Instant) -> Answer {
        match &*self.cached() {
            Some((known, Asked::Answered(version))) if known == binary => Some(version.clone()),
            Some((known, Asked::Unanswered(until))) if known == binary && now < *until => {
                Some(None)
            }
            _ => None,
        }
    }

    fn cached(&self) -> MutexGuard<'_, Option<(Binary, Asked)>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it says, if it comes to an end of its own. What kept it from that may be over the next time.
async fn ask(config: &MdevctlConfig, counts: &Counts, program: &Path, remains: &Remains) -> Answer {
    let (arguments, deadline) = (&["--version"][..], config.deadline);
    let run = Run {
        arguments,
        input: &[],
        deadline,
        keeps: WORDS,
        may_leave: None,
        remains: Some(remains),
    };
    match command::run(config, counts, program, run).await {
        Ok(output) if output.status.success() => {
            Some(named(&String::from_utf8_lossy(&output.stdout)))
        }
        Ok(output) => {
            let complaint = output.complaint();
            tracing::debug!(source = "mdevctl", %complaint, "no version");
            output.status.code().map(|_| None)
        }
        Err(error) => {
            tracing::debug!(source = "mdevctl", error = %error.full_message(), "no version");
            None
        }
    }
}

/// The first line, with the name before a bare number.
fn named(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let short: String = line.chars().take(100).collect();
    if short.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(format!("mdevctl {short}"));
    }
    Some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_gets_the_name() {
        assert_eq!(named("mdevctl 1.4.0\n").as_deref(), Some("mdevctl 1.4.0"));
        assert_eq!(named("0.81\n").as_deref(), Some("mdevctl 0.81"));
        assert_eq!(named("\n"), None);
    }

    #[test]
    fn one_that_gives_no_answer_is_left_alone_for_a_while_and_not_for_ever() {
        let (cache, now) = (VersionCache::default(), Instant::now());
        let binary = Binary::at(Path::new("/proc/self/exe")).unwrap();
        assert_eq!(cache.known(&binary, now), None);
        cache.note(binary.clone(), None, now);
        assert_eq!(cache.known(&binary, now), Some(None));
        assert_eq!(cache.known(&binary, now + AGAIN), None, "it is asked again");
        let other = Binary::at(Path::new("/")).unwrap();
        assert_eq!(cache.known(&other, now), None, "another one is asked at once");
        cache.note(binary.clone(), Some(Some("mdevctl 9".to_owned())), now);
        assert_eq!(cache.known(&binary, now + 2 * AGAIN), Some(Some("mdevctl 9".to_owned())));
    }
}
