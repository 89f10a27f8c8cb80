//! Renames: the old identities go and the new ones come in one batch, with everything below them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use nodedev_source::SourceEvent;

use super::{Cause, Coordinator};

/// A rename whose devices are being read.
#[derive(Debug)]
struct Rename {
    waiting: BTreeSet<String>,
    said: Vec<SourceEvent>,
}

/// Renames under way.
#[derive(Debug, Default)]
pub(super) struct Renames {
    under_way: BTreeMap<u64, Rename>,
    next: u64,
}

#[cfg(test)]
impl Renames {
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }
}

impl Coordinator {
    /// A device and everything below it has another path now.
    pub(super) fn moved(&mut self, old: &str, new: &str) {
        let below = format!("{old}/");
        let mut old_paths = self.memory().known_below(old);
        // Also what is being read for the first time, or is to be once more.
        old_paths.extend(self.retries.below(old).cloned());
        old_paths.extend(self.reading.keys().filter(|path| path.starts_with(&below)).cloned());
        old_paths.insert(old.to_owned());
        let mut said = Vec::new();
        let mut waiting = BTreeSet::from([new.to_owned()]);
        // What lies below goes first.
        for path in old_paths.iter().rev() {
            said.extend(self.leave(path));
            waiting.insert(format!("{new}{}", &path[old.len()..]));
        }
        let id = self.renames.next;
        self.renames.next += 1;
        let paths: Vec<_> = waiting.iter().cloned().collect();
        self.renames.under_way.insert(id, Rename { waiting, said });
        for path in paths {
            self.memory().restore(&path);
            self.retries.forget(&path);
            self.read(&path, Cause::Rename(id));
        }
    }

    /// Nothing at the old path counts any more.
    fn leave(&mut self, path: &str) -> Option<SourceEvent> {
        let revision = self.inner.revisions.next();
        self.retries.forget(path);
        self.rests.end(path);
        let before = self.reading.remove(path).and_then(|pending| pending.rename());
        let said = {
            let mut memory = self.memory();
            memory.remove(path, Instant::now());
            memory.withdraw(path, revision)
        };
        if let Some(rename) = before {
            self.rename_step(rename, path, Vec::new());
        }
        Some(self.gone(said?, revision))
    }

    /// One device of a rename has been read, or is no longer part of it. The last one speaks for all.
    pub(super) fn rename_step(&mut self, id: u64, path: &str, said: Vec<SourceEvent>) {
        let Some(rename) = self.renames.under_way.get_mut(&id) else {
            return;
        };
        rename.waiting.remove(path);
        rename.said.extend(said);
        if !rename.waiting.is_empty() {
            return;
        }
        if let Some(rename) = self.renames.under_way.remove(&id)
            && !rename.said.is_empty()
        {
            self.sink.send(SourceEvent::Batch(rename.said));
        }
    }
}
