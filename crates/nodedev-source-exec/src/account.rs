//! What the program says: the devices as of its last complete listing and of all that came after.
//!
//! Its lines come in the order in which it has read, so this is at any moment what it knows. A word's
//! revision is taken when the line arrives, under the lock of this account, as is a snapshot's: all
//! that a snapshot holds was said before it, and all that comes is newer. Reads nothing.

mod book;

use nodedev_source::{Hint, Listing, RevisionCounter, SourceEvent};
use nodedev_types::{DeviceId, Diagnostic, Fields, Observation, SourceId, Value};

use self::book::{Book, Bounds, Full};
use crate::config::ExecConfig;
use crate::fields::BadField;
use crate::message::{Message, Refused};

/// Bytes that a field counts at least, and a text of a list: kept they take some times the room of a short
/// line about them.
const FIELD: usize = 64;
const TEXT: usize = 16;

/// All of it.
#[derive(Debug)]
pub(crate) struct Account {
    source: SourceId,
    bounds: Bounds,
    book: Book,
    /// A listing that has begun.
    draft: Option<Draft>,
    /// The line with which the last listing began.
    began: u64,
    /// Whether there was a complete listing.
    is_complete: bool,
    /// Whether one has come unasked that no snapshot has shown yet.
    is_fresh: bool,
    /// Whether a snapshot was given.
    is_served: bool,
    /// The newest request, and the hint that was the newest then.
    asked: (u64, Hint),
    /// A hint that is older than the begin of every listing from now on: that of the start, or of the
    /// newest request that was answered. When the program began any other one nobody knows: its line
    /// may have waited.
    heard: Hint,
    /// Whether somebody waits for its answer.
    is_awaited: bool,
}

#[derive(Debug)]
struct Draft {
    /// The line of its `begin`, or of the first one since the last `end`.
    since: u64,
    /// The request that it answers.
    answers: Option<u64>,
    book: Book,
}

/// A line, cut and read.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) number: u64,
    pub(crate) size: usize,
    pub(crate) said: Result<Message, Refused>,
}

/// What follows from a line.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    pub(crate) events: Vec<SourceEvent>,
    /// Whether a listing is complete.
    pub(crate) is_listed: bool,
    /// The request that it answers.
    pub(crate) answers: Option<u64>,
    /// Whether something of the line could not be used.
    pub(crate) is_bad: bool,
    /// Whether there is room for what was left out before.
    pub(crate) has_room_again: bool,
}

impl Account {
    /// Of a program that was started after this hint.
    pub(crate) fn new(config: &ExecConfig, heard: Hint) -> Self {
        Self {
            source: SourceId::new(&config.name),
            bounds: Bounds::new(config),
            book: Book::default(),
            draft: None,
            began: 0,
            is_complete: false,
            is_fresh: false,
            is_served: false,
            asked: (0, heard),
            heard,
            is_awaited: false,
        }
    }

    /// Takes note of a line.
    pub(crate) fn take(&mut self, word: Word, revisions: &RevisionCounter) -> Effect {
        let mut effect = Effect::default();
        let Word { number, size, said } = word;
        match said {
            Ok(Message::Begin { answers }) => {
                let unfinished = self.unfinished();
                let since = unfinished.unwrap_or(number);
                self.draft = Some(Draft { since, answers, book: Book::default() });
                self.began = number;
                if unfinished.is_some() {
                    self.complain(&mut effect, None, None, number, "begins before an `end`");
                }
            }
            Ok(Message::End) => self.end(&mut effect, number),
            Ok(Message::Observation { device, fields, bad }) => {
                let size = size.max(weight(&fields));
                if self.observe(&mut effect, &device, fields, (number, size), revisions) {
                    for BadField { name, problem } in bad {
                        self.complain(&mut effect, Some(&device), Some(name), number, &problem);
                    }
                }
            }
            Ok(Message::Unreadable { device, reason }) => {
                let diagnostic = Diagnostic::warning(device.to_string(), reason);
                self.unreadable(&mut effect, device, diagnostic, revisions);
            }
            Ok(Message::Gone { device }) => {
                self.book().remove(&device);
                if self.draft.is_none() {
                    let (source, revision) = (self.source.clone(), revisions.next());
                    effect.events.push(SourceEvent::Gone { source, device, revision });
                }
            }
            Ok(Message::Diagnostic(diagnostic)) => self.note(&mut effect, None, diagnostic),
            Ok(Message::Hello(_)) => {
                self.complain(&mut effect, None, None, number, "a second hello")
            }
            Err(Refused { device: Some(device), problem }) => {
                effect.is_bad = true;
                let text = format!("{}: {problem}", self.place(number));
                let diagnostic = Diagnostic::warning(device.to_string(), text);
                self.unreadable(&mut effect, device, diagnostic, revisions);
            }
            Err(Refused { device: None, problem }) => {
                self.complain(&mut effect, None, None, number, &problem);
            }
        }
        effect.has_room_again = self.has_room_again();
        effect
    }

    /// Everything, as it is now; nothing before the first complete listing.
    pub(crate) fn snapshot(
        &mut self,
        revisions: &RevisionCounter,
    ) -> Option<(Listing, Vec<Diagnostic>)> {
        if !self.is_complete {
            return None;
        }
        self.is_fresh = false;
        self.is_served = true;
        let (source, revision) = (self.source.clone(), revisions.next());
        let (mut devices, mut unreadable) = (Vec::new(), Vec::new());
        for (device, fields) in self.book.devices() {
            match fields.cloned() {
                None => unreadable.push(device.clone()),
                Some(fields) => {
                    let (source, device) = (source.clone(), device.clone());
                    devices.push(Observation { source, device, revision, fields });
                }
            }
        }
        let complaints = self.book.complaints().cloned().collect();
        let listing = Listing::complete(source, revision, devices).with_unreadable(unreadable);
        Some((listing, complaints))
    }

    /// A new request, unless a listing has come that no snapshot has shown yet and that is known to be
    /// newer than this hint.
    pub(crate) fn ask(&mut self, newest: Hint) -> Option<u64> {
        if self.is_complete && self.is_fresh && newest <= self.heard {
            return None;
        }
        self.asked = (self.asked.0 + 1, newest);
        self.is_awaited = true;
        Some(self.asked.0)
    }

    /// Nobody waits any more for the answer of a request.
    pub(crate) fn forget(&mut self, request: u64) {
        self.is_awaited &= request != self.asked.0;
    }

    /// The line with which the listing under way has begun. One that begins anew counts from its first `begin`,
    /// since nothing that was said after that counts yet.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        self.draft.as_ref().map(|draft| draft.since)
    }

    /// What was wrong in the listing under way, which is told when that is complete.
    pub(crate) fn untold(&self) -> Vec<Diagnostic> {
        let draft = self.draft.iter();
        draft.flat_map(|draft| draft.book.complaints().cloned()).collect()
    }

    /// Whether there still is room for what was left out. If so, the program has to list anew: no listing that
    /// has come so far answers a request from now on, and what was left out until now counts no more.
    pub(crate) fn take_room(&mut self) -> bool {
        let has_room = self.has_room_again();
        if has_room {
            self.book.forget_left_out();
            self.is_fresh = false;
        }
        has_room
    }

    /// A listing that has begun brings them by itself.
    fn has_room_again(&self) -> bool {
        self.draft.is_none() && self.book.has_room_again(self.bounds)
    }

    /// Where words go: into the listing that has begun, else to what is known.
    fn book(&mut self) -> &mut Book {
        match &mut self.draft {
            Some(draft) => &mut draft.book,
            None => &mut self.book,
        }
    }

    fn end(&mut self, effect: &mut Effect, number: u64) {
        let Some(Draft { answers, book, .. }) = self.draft.take() else {
            return self.complain(effect, None, None, number, "an `end` without a `begin`");
        };
        self.book = book;
        self.is_complete = true;
        effect.is_listed = true;
        let (asked, hint) = self.asked;
        effect.answers = answers.filter(|answers| *answers <= asked);
        if answers == Some(asked) {
            self.heard = hint;
        }
        // Whoever waits for the answer takes it. Of any other listing somebody has to be told.
        let is_awaited = self.is_awaited && answers == Some(asked);
        if !is_awaited {
            self.is_fresh = true;
            if self.is_served {
                let reason = "the program has listed its devices anew".to_owned();
                effect.events.push(SourceEvent::Resync { reason });
            }
        }
    }

    /// Whether there was room for it.
    fn observe(
        &mut self,
        effect: &mut Effect,
        device: &DeviceId,
        fields: Fields,
        (number, size): (u64, usize),
        revisions: &RevisionCounter,
    ) -> bool {
        let bounds = self.bounds;
        if let Err(full) = self.book().observe(device, fields.clone(), size, bounds) {
            effect.is_bad = true;
            let text = format!("{}: {}", self.place(number), full.problem());
            let told = Diagnostic::warning(device.to_string(), text);
            let is_news = !self.book().is_excused(device);
            match full {
                Full::Devices(_) if is_news => self.note(effect, Some(device.clone()), told),
                // What was said before no longer holds.
                Full::Bytes(_) if is_news => {
                    self.unreadable(effect, device.clone(), told, revisions);
                }
                _ => {}
            }
            self.book().leave_out(device, size, bounds);
            return false;
        }
        if self.draft.is_none() {
            let (source, device, revision) =
                (self.source.clone(), device.clone(), revisions.next());
            let said = Observation { source, device, revision, fields };
            effect.events.push(SourceEvent::Observed(said));
        }
        true
    }

    fn unreadable(
        &mut self,
        effect: &mut Effect,
        device: DeviceId,
        diagnostic: Diagnostic,
        revisions: &RevisionCounter,
    ) {
        let bounds = self.bounds;
        if let Err(full) = self.book().doubt(&device, bounds) {
            if !self.book().is_excused(&device) {
                let told = Diagnostic::warning(device.to_string(), full.problem());
                self.note(effect, Some(device.clone()), told);
            }
            return self.book().leave_out(&device, 0, bounds);
        }
        self.book().keep(Some(device.clone()), diagnostic.clone());
        if self.draft.is_none() {
            let (source, revision) = (self.source.clone(), revisions.next());
            effect.events.push(SourceEvent::Unreadable { source, device, revision, diagnostic });
        }
    }

    /// Where a line stands. In a listing it is counted from the listing's begin, so that what is wrong in each
    /// listing is the same each time, and told once.
    fn place(&self, number: u64) -> String {
        match number.checked_sub(self.began) {
            Some(behind) if self.draft.is_some() && behind > 0 => {
                format!("line {behind} of a listing")
            }
            _ => format!("line {number}"),
        }
    }

    fn complain(
        &mut self,
        effect: &mut Effect,
        device: Option<&DeviceId>,
        attribute: Option<String>,
        number: u64,
        problem: &str,
    ) {
        effect.is_bad = true;
        let subject = device.map_or_else(|| self.source.to_string(), ToString::to_string);
        let mut told = Diagnostic::warning(subject, format!("{}: {problem}", self.place(number)));
        told.attribute = attribute;
        self.note(effect, device.cloned(), told);
    }

    /// Keeps what an operator should hear, and tells it at once outside of a listing.
    fn note(&mut self, effect: &mut Effect, device: Option<DeviceId>, told: Diagnostic) {
        if self.book().keep(device, told.clone()) && self.draft.is_none() {
            effect.events.push(SourceEvent::Diagnostic(told));
        }
    }
}

fn weight(fields: &Fields) -> usize {
    let of_list = |value: &Value| match value {
        Value::Texts(texts) => TEXT * texts.len(),
        _ => 0,
    };
    fields.iter().map(|(_, value)| FIELD + of_list(value)).sum()
}

#[cfg(test)]
mod tests;
