//! What the program says: the devices as of its last complete listing and of all that came after.
//!
//! Its lines come in the order in which it has read, so this is at any moment what it knows. A word's
//! revision is taken when the line arrives, under the lock of this account, as is a snapshot's: all
//! that a snapshot holds was said before it, and all that comes is newer. Reads nothing.

use std::collections::BTreeMap;

use nodedev_source::{Hint, Listing, RevisionCounter, SourceEvent};
use nodedev_types::{DeviceId, Diagnostic, Fields, Observation, SourceId, Value};

use crate::config::ExecConfig;
use crate::fields::BadField;
use crate::message::{Message, Refused};

/// Complaints that are kept and told; further ones are counted alone.
const COMPLAINTS: usize = 64;
/// Bytes that a field counts at least, and a text of a list: kept they take some times the room of a short
/// line about them.
const FIELD: usize = 64;
const TEXT: usize = 16;

/// All of it.
#[derive(Debug)]
pub(crate) struct Account {
    source: SourceId,
    devices_limit: usize,
    total_limit: usize,
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

#[derive(Debug, Default)]
struct Book {
    devices: BTreeMap<DeviceId, Entry>,
    /// Bytes of the lines about all of them.
    total: usize,
    complaints: Vec<(Option<DeviceId>, Diagnostic)>,
}

#[derive(Debug)]
struct Entry {
    /// None of a device that cannot be read.
    fields: Option<Fields>,
    size: usize,
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
}

impl Account {
    /// Of a program that was started after this hint.
    pub(crate) fn new(config: &ExecConfig, heard: Hint) -> Self {
        Self {
            source: SourceId::new(&config.name),
            devices_limit: config.devices_limit,
            total_limit: config.total_limit,
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
                self.unreadable(&mut effect, device, size, diagnostic, revisions);
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
                self.unreadable(&mut effect, device, size, diagnostic, revisions);
            }
            Err(Refused { device: None, problem }) => {
                self.complain(&mut effect, None, None, number, &problem);
            }
        }
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
        for (device, entry) in &self.book.devices {
            match entry.fields.clone() {
                None => unreadable.push(device.clone()),
                Some(fields) => {
                    let (source, device) = (source.clone(), device.clone());
                    devices.push(Observation { source, device, revision, fields });
                }
            }
        }
        let complaints = self.book.complaints.iter().map(|(_, told)| told.clone()).collect();
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
        let complaints = self.draft.iter().flat_map(|draft| &draft.book.complaints);
        complaints.map(|(_, told)| told.clone()).collect()
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
        if let Err(problem) = self.room_for(device, size) {
            self.complain(effect, None, None, number, &format!("{device}: {problem}"));
            return false;
        }
        self.book().set(device.clone(), Some(fields.clone()), size);
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
        size: usize,
        diagnostic: Diagnostic,
        revisions: &RevisionCounter,
    ) {
        if let Err(problem) = self.room_for(&device, size) {
            let diagnostic = Diagnostic::warning(device.to_string(), problem);
            return self.note(effect, None, diagnostic);
        }
        self.book().set(device.clone(), None, size);
        self.keep(Some(device.clone()), diagnostic.clone());
        if self.draft.is_none() {
            let (source, revision) = (self.source.clone(), revisions.next());
            effect.events.push(SourceEvent::Unreadable { source, device, revision, diagnostic });
        }
    }

    fn room_for(&mut self, device: &DeviceId, size: usize) -> Result<(), String> {
        let (devices, total) = (self.devices_limit, self.total_limit);
        let book = self.book();
        let before = book.devices.get(device).map(|entry| entry.size);
        if before.is_none() && book.devices.len() >= devices {
            return Err(format!("left out: there are {devices} devices, which is the bound"));
        }
        if book.total - before.unwrap_or(0) + size > total {
            return Err(format!("left out: the devices take {total} bytes, which is the bound"));
        }
        Ok(())
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
        if self.keep(device, told.clone()) && self.draft.is_none() {
            effect.events.push(SourceEvent::Diagnostic(told));
        }
    }

    fn keep(&mut self, device: Option<DeviceId>, told: Diagnostic) -> bool {
        let complaints = &mut self.book().complaints;
        let has_room = complaints.len() < COMPLAINTS;
        if has_room {
            complaints.push((device, told));
        }
        has_room
    }
}

fn weight(fields: &Fields) -> usize {
    let of_list = |value: &Value| match value {
        Value::Texts(texts) => TEXT * texts.len(),
        _ => 0,
    };
    fields.iter().map(|(_, value)| FIELD + of_list(value)).sum()
}

impl Book {
    fn set(&mut self, device: DeviceId, fields: Option<Fields>, size: usize) {
        self.remove(&device);
        self.total += size;
        self.devices.insert(device, Entry { fields, size });
    }

    /// With what was wrong with it.
    fn remove(&mut self, device: &DeviceId) {
        if let Some(entry) = self.devices.remove(device) {
            self.total -= entry.size;
        }
        self.complaints.retain(|(of, _)| of.as_ref() != Some(device));
    }
}

#[cfg(test)]
mod tests;
