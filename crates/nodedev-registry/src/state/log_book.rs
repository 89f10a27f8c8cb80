//! What the log has been told of a source's diagnostics: each new one once, and that it is over.
//!
//! A snapshot replaces all diagnostics and most of them come back with it, and a device is read again
//! before it is said that it is still bad: only what stays away is over.

use std::collections::BTreeMap;
use std::time::Duration;

use nodedev_types::{Diagnostic, Severity};
use tokio::time::Instant;

/// How long a diagnostic must stay away before it counts as over.
const OVER: Duration = Duration::from_secs(2);
/// How many lines are written in a [`WHILE`].
const MOST: u32 = 20;
const WHILE: Duration = Duration::from_secs(10);
/// With more than so many told, what is away is over at once: a flood of them is not waited for.
const MOST_TOLD: usize = 1024;

/// One source's.
#[derive(Debug, Default)]
pub(super) struct LogBook {
    /// What was told, and since when it is away.
    told: BTreeMap<Diagnostic, Option<Instant>>,
    window: Option<Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    lines: u32,
    kept_back: u64,
}

/// What is to be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Something new cannot be used.
    New(Diagnostic),
    /// Something can be used again, or is gone.
    Over(Diagnostic),
    /// So many lines were left out.
    KeptBack(u64),
}

impl LogBook {
    /// What is new and what is over, when these are the diagnostics there are now.
    pub(super) fn review<'a>(
        &mut self,
        current: impl Iterator<Item = &'a Diagnostic>,
        now: Instant,
    ) -> Vec<Line> {
        let mut news = Vec::new();
        let mut away: Vec<_> = self.told.keys().cloned().collect();
        away.sort_unstable();
        for diagnostic in current {
            if let Ok(at) = away.binary_search(diagnostic) {
                away.remove(at);
            }
            if self.told.insert(diagnostic.clone(), None).is_none() {
                news.push(Line::New(diagnostic.clone()));
            }
        }
        for diagnostic in away {
            self.note_away(diagnostic, now, &mut news);
        }
        self.limit(news, now)
    }

    fn note_away(&mut self, diagnostic: Diagnostic, now: Instant, news: &mut Vec<Line>) {
        let Some(since) = self.told.get_mut(&diagnostic) else {
            return;
        };
        let is_over = now.duration_since(*since.get_or_insert(now)) >= OVER;
        if is_over || self.told.len() > MOST_TOLD {
            self.told.remove(&diagnostic);
            news.push(Line::Over(diagnostic));
        }
    }

    /// When something may be over, or the number of lines that were left out is to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        let over = self.told.values().flatten().min().map(|since| *since + OVER);
        let kept_back = self.window.filter(|window| window.kept_back > 0);
        over.into_iter().chain(kept_back.map(|window| window.since + WHILE)).min()
    }

    fn limit(&mut self, news: Vec<Line>, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(ended) = self.window.take_if(|window| now.duration_since(window.since) >= WHILE)
            && ended.kept_back > 0
        {
            lines.push(Line::KeptBack(ended.kept_back));
        }
        for line in news {
            let begun = Window { since: now, lines: 0, kept_back: 0 };
            let window = self.window.get_or_insert(begun);
            if window.lines < MOST {
                window.lines += 1;
                lines.push(line);
            } else {
                window.kept_back += 1;
            }
        }
        lines
    }
}

impl Line {
    /// Writes it.
    pub(super) fn write(&self, source: &str) {
        match self {
            Self::New(told) => write_new(source, told),
            Self::Over(told) => {
                let (device, attribute) = (&told.subject, told.attribute.as_deref());
                tracing::info!(source, device, attribute, "no longer so: {}", told.message);
            }
            Self::KeptBack(count) => {
                tracing::warn!(source, count, "further diagnostics are in `nodedev sources` only");
            }
        }
    }
}

fn write_new(source: &str, told: &Diagnostic) {
    let (device, attribute) = (&told.subject, told.attribute.as_deref());
    match told.severity {
        Severity::Info => tracing::info!(source, device, attribute, "{}", told.message),
        Severity::Warning => tracing::warn!(source, device, attribute, "{}", told.message),
        _ => tracing::error!(source, device, attribute, "{}", told.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(n: u32) -> Diagnostic {
        Diagnostic::warning(format!("device{n}"), "is odd")
    }

    fn review(book: &mut LogBook, current: &[Diagnostic], now: Instant) -> Vec<Line> {
        book.review(current.iter(), now)
    }

    #[test]
    fn a_diagnostic_is_told_once_and_that_it_is_over_once() {
        let (mut book, begun) = (LogBook::default(), Instant::now());
        assert_eq!(review(&mut book, &[odd(1)], begun), [Line::New(odd(1))]);
        assert_eq!(review(&mut book, &[odd(1)], begun), []);
        assert_eq!(book.due(), None);
        assert_eq!(review(&mut book, &[], begun), []);
        assert_eq!(book.due(), Some(begun + OVER));
        assert_eq!(review(&mut book, &[], begun + OVER), [Line::Over(odd(1))]);
        assert_eq!(review(&mut book, &[], begun + 2 * OVER), []);
        assert_eq!(book.due(), None);
    }

    #[test]
    fn what_a_snapshot_says_again_is_neither_over_nor_new() {
        let (mut book, begun) = (LogBook::default(), Instant::now());
        review(&mut book, &[odd(1)], begun);
        review(&mut book, &[], begun);
        assert_eq!(review(&mut book, &[odd(1)], begun + OVER / 2), []);
        assert_eq!(review(&mut book, &[odd(1)], begun + 9 * OVER), []);
    }

    #[test]
    fn a_flood_is_told_by_its_number() {
        let (mut book, begun) = (LogBook::default(), Instant::now());
        let many: Vec<_> = (0..MOST + 30).map(odd).collect();
        assert_eq!(review(&mut book, &many, begun).len(), MOST as usize);
        assert_eq!(book.due(), Some(begun + WHILE));
        let next = [many.clone(), vec![odd(1000)]].concat();
        let lines = review(&mut book, &next, begun + WHILE);
        assert_eq!(lines, [Line::KeptBack(30), Line::New(odd(1000))]);
        assert_eq!(book.due(), None);
    }
}
