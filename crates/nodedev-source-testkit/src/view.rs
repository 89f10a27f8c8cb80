//! What a source has said so far, folded by the registry's rules.

use std::collections::BTreeMap;

use nodedev_source::{Listing, Snapshot, SourceEvent};
use nodedev_types::{DeviceId, Diagnostic, Fields, Observation, Revision, SourceId};

/// A speaker and what it speaks of.
type Claim = (SourceId, DeviceId);

/// The latest word of each stream about each device.
///
/// For each of them the highest revision wins, withdrawals included, and a listing withdraws what it
/// does not name and nothing newer was said of.
#[derive(Debug, Clone, Default)]
pub struct View {
    entries: BTreeMap<Claim, Entry>,
    floors: BTreeMap<SourceId, Revision>,
    listed: Vec<Diagnostic>,
    told: Vec<Diagnostic>,
    resync: bool,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    revision: Revision,
    fields: Option<Fields>,
    stale: bool,
}

impl View {
    /// A view of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the snapshot alone says.
    #[must_use]
    pub fn of(snapshot: Snapshot) -> Self {
        let mut view = Self::new();
        view.list(snapshot);
        view
    }

    /// Takes in a message.
    pub fn take(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::Observed(observation) => self.observe(observation),
            SourceEvent::Gone { source, device, revision } => {
                self.replace((source, device), revision, None)
            }
            SourceEvent::Unreadable { source, device, revision, diagnostic } => {
                self.told.push(diagnostic);
                self.unreadable((source, device), revision);
            }
            SourceEvent::Batch(events) => events.into_iter().for_each(|event| self.take(event)),
            SourceEvent::Resync { .. } => self.resync = true,
            SourceEvent::Diagnostic(diagnostic) => self.told.push(diagnostic),
            _ => {}
        }
    }

    /// Takes in a snapshot, which ends the need for one.
    pub fn list(&mut self, snapshot: Snapshot) {
        self.resync = false;
        self.listed = snapshot.diagnostics;
        for listing in snapshot.listings {
            self.take_listing(listing);
        }
    }

    /// Whether messages may be missing, so that a snapshot must be taken.
    #[must_use]
    pub const fn needs_resync(&self) -> bool {
        self.resync
    }

    /// What each stream claims of each device now.
    #[must_use]
    pub fn claims(&self) -> BTreeMap<Claim, Fields> {
        self.entries
            .iter()
            .filter_map(|(claim, entry)| Some((claim.clone(), entry.fields.clone()?)))
            .collect()
    }

    /// Whether any stream claims the device.
    #[must_use]
    pub fn knows(&self, device: &DeviceId) -> bool {
        self.claims_of(device).next().is_some()
    }

    /// What the streams claim of one device.
    pub fn claims_of<'a>(
        &'a self,
        of: &'a DeviceId,
    ) -> impl Iterator<Item = (&'a SourceId, &'a Fields)> {
        self.entries
            .iter()
            .filter(move |((_, device), _)| device == of)
            .filter_map(|((source, _), entry)| Some((source, entry.fields.as_ref()?)))
    }

    /// Whether a stream could not read the device or the whole listing, so that its word is old.
    #[must_use]
    pub fn is_stale(&self, source: &SourceId, device: &DeviceId) -> bool {
        self.entries.get(&(source.clone(), device.clone())).is_some_and(|entry| entry.stale)
    }

    /// The diagnostics of the last snapshot, and of all events.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.listed.iter().chain(&self.told)
    }

    /// The diagnostics of the last snapshot.
    #[must_use]
    pub fn listed_diagnostics(&self) -> &[Diagnostic] {
        &self.listed
    }

    /// What this view says other than `expected`, one line each. What is stale in either is left out,
    /// since it may depend on history.
    #[must_use]
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let (mine, theirs) = (self.claims(), expected.claims());
        let mut lines = Vec::new();
        for claim @ (source, device) in
            mine.keys().chain(theirs.keys().filter(|c| !mine.contains_key(c)))
        {
            if self.is_stale(source, device) || expected.is_stale(source, device) {
                continue;
            }
            match (mine.get(claim), theirs.get(claim)) {
                (Some(a), Some(b)) if a != b => {
                    lines.push(format!("{source} says of {device} {a:?}, expected {b:?}"));
                }
                (Some(_), None) => lines.push(format!("{source} still claims {device}")),
                (None, Some(_)) => lines.push(format!("{source} does not claim {device}")),
                _ => {}
            }
        }
        lines
    }

    fn take_listing(&mut self, listing: Listing) {
        let Listing { source, revision, devices, unreadable, .. } = listing;
        let Ok(devices) = devices else {
            self.of_stream(&source).for_each(|(_, entry)| entry.stale = true);
            return;
        };
        let mut named: Vec<DeviceId> = unreadable.clone();
        named.extend(devices.iter().map(|observation| observation.device.clone()));
        named.sort();
        self.of_stream(&source)
            .filter(|((_, device), entry)| {
                entry.revision < revision && named.binary_search(device).is_err()
            })
            .for_each(|(_, entry)| {
                *entry = Entry { revision, ..Entry::default() };
            });
        devices.into_iter().for_each(|observation| self.observe(observation));
        for device in unreadable {
            self.unreadable((source.clone(), device), revision);
        }
        let floor = self.floors.entry(source).or_default();
        *floor = revision.max(*floor);
    }

    fn observe(&mut self, observation: Observation) {
        let claim = (observation.source, observation.device);
        self.replace(claim, observation.revision, Some(observation.fields));
    }

    fn replace(&mut self, claim: Claim, revision: Revision, fields: Option<Fields>) {
        if self.is_news(&claim, revision) {
            let entry = Entry { revision, fields, stale: false };
            self.entries.insert(claim, entry);
        }
    }

    fn unreadable(&mut self, claim: Claim, revision: Revision) {
        if self.is_news(&claim, revision) {
            let entry = self.entries.entry(claim).or_default();
            entry.revision = revision;
            entry.stale = true;
        }
    }

    fn is_news(&self, claim: &Claim, revision: Revision) -> bool {
        match self.entries.get(claim) {
            Some(entry) => revision >= entry.revision,
            None => self.floors.get(&claim.0).is_none_or(|floor| revision >= *floor),
        }
    }

    fn of_stream<'a>(
        &'a mut self,
        source: &'a SourceId,
    ) -> impl Iterator<Item = (&'a Claim, &'a mut Entry)> {
        self.entries.iter_mut().filter(move |((of, _), _)| of == source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> SourceId {
        SourceId::new("test")
    }

    fn observed(key: &str, revision: u64) -> SourceEvent {
        SourceEvent::Observed(Observation {
            source: source(),
            device: DeviceId::foreign("test", key),
            revision: Revision(revision),
            fields: Fields::new(),
        })
    }

    fn empty_listing(revision: u64) -> Snapshot {
        Snapshot::new().with_listing(Listing::complete(source(), Revision(revision), vec![]))
    }

    #[test]
    fn a_listing_withdraws_what_is_older_and_keeps_what_is_newer() {
        let mut view = View::new();
        view.take(observed("old", 1));
        view.take(observed("new", 3));
        view.list(empty_listing(2));
        assert!(!view.knows(&DeviceId::foreign("test", "old")));
        assert!(view.knows(&DeviceId::foreign("test", "new")));
    }

    #[test]
    fn what_was_read_before_a_listing_cannot_come_back_after_it() {
        let mut view = View::new();
        view.list(empty_listing(2));
        view.take(observed("late", 1));
        assert!(view.claims().is_empty());
        view.take(observed("late", 3));
        assert_eq!(view.claims().len(), 1);
    }

    #[test]
    fn an_unreadable_device_keeps_its_last_word() {
        let mut view = View::new();
        view.take(observed("a", 1));
        view.take(SourceEvent::Unreadable {
            source: source(),
            device: DeviceId::foreign("test", "a"),
            revision: Revision(2),
            diagnostic: Diagnostic::warning("a", "unreadable"),
        });
        assert!(view.knows(&DeviceId::foreign("test", "a")));
        assert!(view.is_stale(&source(), &DeviceId::foreign("test", "a")));
        assert_eq!(view.diagnostics().count(), 1);
    }
}
