//! What the source must remember: what it has said, and what has lately gone.
//!
//! Not what a device looked like; only that it was spoken of, so that its going can be told.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nodedev_types::{DeviceId, Revision};

/// How long after a removal an enumeration may still see the directory that the kernel is deleting.
pub(crate) const REMOVAL_TIME: Duration = Duration::from_secs(1);
/// How long after a removal it is first looked whether the directory is another's, whose coming was lost.
/// As a rule the old one is gone within a millisecond; at the end of the longer time it is looked again.
pub(crate) const FIRST_LOOK: Duration = Duration::from_millis(200);
/// How long a removal is remembered: its directory is gone long before.
const FORGET_AFTER: Duration = Duration::from_secs(10);
/// How many removals are remembered at once, and how many withdrawals during snapshots.
const DEPARTURES: usize = 1 << 16;

/// A device that was spoken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) id: DeviceId,
    pub(crate) revision: Revision,
}

/// Shared by the watch and the snapshots of one source.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// By path, which is shared with the identity where that is the path.
    said: BTreeMap<Arc<str>, Said>,
    /// Devices that are there and could not be read the last time, with the revision of that.
    failed: BTreeMap<String, Revision>,
    removed: BTreeMap<String, Instant>,
    /// The same in their order, and some that no longer hold.
    removals: VecDeque<(Instant, String)>,
    /// The host itself was said, which never goes.
    computer: bool,
    /// Snapshots under way, and what was withdrawn since the first of them began.
    snapshots: usize,
    withdrawn: BTreeMap<String, Revision>,
    /// Some were not remembered: what these snapshots say may be too much.
    has_forgotten: bool,
}

impl Memory {
    /// What was said of the device at this path.
    pub(crate) fn said(&self, path: &str) -> Option<&Said> {
        self.said.get(path)
    }

    /// Whether the host itself was said. Like a device that can no longer be read, it is still there.
    pub(crate) const fn has_said_computer(&self) -> bool {
        self.computer
    }

    /// Remembers that the host itself was said.
    pub(crate) fn say_computer(&mut self) {
        self.computer = true;
    }

    /// Whether it is known that there is such a device.
    pub(crate) fn knows(&self, path: &str) -> bool {
        self.said.contains_key(path) || self.failed.contains_key(path)
    }

    /// Remembers that it is there and could not be read.
    pub(crate) fn fail(&mut self, path: &str, revision: Revision) {
        self.failed.insert(path.to_owned(), revision);
    }

    /// Remembers that it was said, and gives what was said before if that was of another identity. What is older than the
    /// last word nobody believes.
    pub(crate) fn say(&mut self, path: &str, id: DeviceId, revision: Revision) -> Option<DeviceId> {
        if self.is_newer(path, revision) {
            return None;
        }
        self.failed.remove(path);
        let said = Said { id: id.clone(), revision };
        let before = self.said.insert(key(path, &id), said)?;
        Some(before.id).filter(|before| *before != id)
    }

    fn is_newer(&self, path: &str, revision: Revision) -> bool {
        self.said.get(path).is_some_and(|said| said.revision > revision)
    }

    /// Forgets what was said, and gives it: of a device that was never said and could not be read, under which name that
    /// was told. A snapshot that is older does not bring it back. Nothing, if the last word is newer.
    pub(crate) fn withdraw(&mut self, path: &str, revision: Revision) -> Option<DeviceId> {
        if self.is_newer(path, revision) {
            return None;
        }
        if self.snapshots > 0 {
            if self.withdrawn.len() < DEPARTURES || self.withdrawn.contains_key(path) {
                self.withdrawn.insert(path.to_owned(), revision);
            } else {
                self.has_forgotten = true;
            }
        }
        let failed = self.failed.remove(path).and_then(|_| DeviceId::sysfs(path).ok());
        self.said.remove(path).map(|said| said.id).or(failed)
    }

    /// Whether something newer than a snapshot has withdrawn the device.
    pub(crate) fn is_withdrawn(&self, path: &str, snapshot: Revision) -> bool {
        self.withdrawn.get(path).is_some_and(|&at| at > snapshot)
    }

    /// Whether a snapshot is being taken.
    pub(crate) const fn is_snapshot_under_way(&self) -> bool {
        self.snapshots > 0
    }

    /// From now on withdrawals are remembered.
    pub(crate) fn snapshot_begins(&mut self) {
        self.snapshots += 1;
    }

    /// With the last snapshot they are forgotten. `false` if more were withdrawn than could be remembered: then it is to
    /// be taken again.
    pub(crate) fn snapshot_ends(&mut self) -> bool {
        self.snapshots -= 1;
        if self.snapshots > 0 {
            return true;
        }
        self.withdrawn.clear();
        !std::mem::take(&mut self.has_forgotten)
    }

    /// The paths strictly below a path that are known to be devices.
    pub(crate) fn known_below(&self, path: &str) -> BTreeSet<String> {
        let said = below(&self.said, path).map(|path| path.to_string());
        said.chain(below(&self.failed, path).cloned()).collect()
    }

    /// The path of a device that was spoken of.
    pub(crate) fn path_of(&self, id: &DeviceId) -> Option<&str> {
        self.said.iter().find_map(|(path, said)| (said.id == *id).then_some(&**path))
    }

    /// The kernel has removed it.
    pub(crate) fn remove(&mut self, path: &str, now: Instant) {
        while self.removals.front().is_some_and(|(at, _)| self.is_forgotten(*at, now)) {
            let Some((at, path)) = self.removals.pop_front() else { break };
            if self.removed.get(&path) == Some(&at) {
                self.removed.remove(&path);
            }
        }
        self.removals.push_back((now, path.to_owned()));
        self.removed.insert(path.to_owned(), now);
    }

    fn is_forgotten(&self, at: Instant, now: Instant) -> bool {
        let is_old = now.saturating_duration_since(at) >= FORGET_AFTER;
        is_old || self.removals.len() >= DEPARTURES
    }

    /// The kernel has made it anew.
    pub(crate) fn restore(&mut self, path: &str) {
        self.removed.remove(path);
    }

    pub(crate) fn is_removed(&self, path: &str) -> bool {
        self.removed.contains_key(path)
    }

    /// When the kernel has removed it, if that is remembered.
    pub(crate) fn removed_at(&self, path: &str) -> Option<Instant> {
        self.removed.get(path).copied()
    }

    /// Whether an enumeration that began then may have seen a directory that was being deleted.
    pub(crate) fn hides(&self, path: &str, enumeration_began: Instant) -> bool {
        self.removed.get(path).is_some_and(|&at| enumeration_began < at + REMOVAL_TIME)
    }

    /// Takes over a listing that began at `revision`: what it does not name and was said before is
    /// withdrawn by it. `failed` are the devices that it could not read. Gives those that could not be read meanwhile,
    /// which it may have read before or after that.
    pub(crate) fn list(
        &mut self,
        revision: Revision,
        listed: impl IntoIterator<Item = (String, DeviceId)>,
        failed: impl IntoIterator<Item = String>,
    ) -> Vec<String> {
        self.failed.retain(|_, at| *at > revision);
        let unsure = self.failed.keys().cloned().collect();
        for path in failed {
            self.failed.entry(path).or_insert(revision);
        }
        let mut list: BTreeMap<Arc<str>, Said> =
            listed.into_iter().map(|(path, id)| (key(&path, &id), Said { id, revision })).collect();
        for (path, said) in std::mem::take(&mut self.said) {
            if said.revision > revision {
                list.insert(path, said);
            }
        }
        self.said = list;
        // What was seen after its removal is there again, also if its coming was lost.
        let (said, failed) = (&self.said, &self.failed);
        let is_there = |path: &str| said.contains_key(path) || failed.contains_key(path);
        self.removed.retain(|path, _| !is_there(path));
        unsure
    }
}

/// The paths strictly below a path.
fn below<'p, K: Ord + Borrow<str>, V>(
    paths: &'p BTreeMap<K, V>,
    path: &str,
) -> impl Iterator<Item = &'p K> + use<'p, K, V> {
    let prefix = format!("{path}/");
    paths
        .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
        .map(|(path, _)| path)
        .take_while(move |path| (*path).borrow().starts_with(&prefix))
}

fn key(path: &str, id: &DeviceId) -> Arc<str> {
    match id {
        DeviceId::Sysfs(own) if own.as_str() == path => own.shared(),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(path: &str) -> DeviceId {
        DeviceId::sysfs(path).unwrap()
    }

    #[test]
    fn below_means_by_component() {
        let mut memory = Memory::default();
        for path in ["/sys/a", "/sys/a/b", "/sys/a/b/c", "/sys/a-b", "/sys/a.b/c"] {
            memory.say(path, id(path), Revision(1));
        }
        memory.fail("/sys/a/d", Revision(1));
        let below = memory.known_below("/sys/a");
        assert!(below.iter().eq(["/sys/a/b", "/sys/a/b/c", "/sys/a/d"]), "{below:?}");
    }

    #[test]
    fn a_listing_withdraws_what_is_older_than_itself_only() {
        let mut memory = Memory::default();
        memory.say("/sys/old", id("/sys/old"), Revision(1));
        memory.say("/sys/new", id("/sys/new"), Revision(9));
        memory.list(Revision(5), [("/sys/x".to_owned(), id("/sys/x"))], ["/sys/bad".to_owned()]);
        assert_eq!(memory.said("/sys/old"), None);
        assert!(memory.said("/sys/new").is_some());
        assert_eq!(memory.said("/sys/x").unwrap().revision, Revision(5));
        assert!(memory.knows("/sys/x") && memory.knows("/sys/bad") && !memory.knows("/sys/old"));
        let told = DeviceId::sysfs("/sys/bad").unwrap();
        assert_eq!(
            memory.withdraw("/sys/bad", Revision(6)),
            Some(told),
            "with what was told of it"
        );
        assert!(!memory.knows("/sys/bad"));
    }

    #[test]
    fn a_listing_forgets_no_failure_that_is_newer_and_names_it() {
        let mut memory = Memory::default();
        memory.fail("/sys/before", Revision(1));
        memory.fail("/sys/meanwhile", Revision(9));
        let unsure = memory.list(Revision(5), [], ["/sys/bad".to_owned()]);
        assert_eq!(unsure, ["/sys/meanwhile"]);
        let known = ["/sys/before", "/sys/meanwhile", "/sys/bad"].map(|path| memory.knows(path));
        assert_eq!(known, [false, true, true]);
    }

    #[test]
    fn what_is_listed_after_its_removal_has_come_back() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        ["/sys/a", "/sys/bad", "/sys/gone"].iter().for_each(|path| memory.remove(path, now));
        memory.list(Revision(5), [("/sys/a".to_owned(), id("/sys/a"))], ["/sys/bad".to_owned()]);
        assert!(!memory.is_removed("/sys/a") && !memory.is_removed("/sys/bad"));
        assert!(memory.is_removed("/sys/gone"));
    }

    #[test]
    fn an_older_reading_changes_nothing() {
        let mut memory = Memory::default();
        memory.say("/sys/a", id("/sys/a"), Revision(9));
        assert_eq!(memory.withdraw("/sys/a", Revision(5)), None);
        assert_eq!(memory.say("/sys/a", DeviceId::mdev("u", "p"), Revision(5)), None);
        assert_eq!(memory.said("/sys/a").unwrap().revision, Revision(9));
        assert_eq!(memory.withdraw("/sys/a", Revision(10)), Some(id("/sys/a")));
    }

    #[test]
    fn what_was_removed_is_hidden_from_enumerations_of_the_next_second() {
        let mut memory = Memory::default();
        let now = Instant::now();
        memory.remove("/sys/a", now);
        assert!(memory.hides("/sys/a", now));
        assert!(!memory.hides("/sys/a", now + REMOVAL_TIME));
        memory.restore("/sys/a");
        assert!(!memory.hides("/sys/a", now) && !memory.is_removed("/sys/a"));
        memory.remove("/sys/a", now);
        memory.remove("/sys/b", now + FORGET_AFTER);
        assert!(!memory.is_removed("/sys/a") && memory.is_removed("/sys/b"));
    }

    #[test]
    fn what_is_withdrawn_during_a_snapshot_is_not_brought_back_by_it() {
        let mut memory = Memory::default();
        memory.withdraw("/sys/a", Revision(1));
        assert!(!memory.is_withdrawn("/sys/a", Revision(0)));
        memory.snapshot_begins();
        memory.withdraw("/sys/a", Revision(3));
        assert!(memory.is_withdrawn("/sys/a", Revision(2)));
        assert!(!memory.is_withdrawn("/sys/a", Revision(4)));
        assert!(memory.snapshot_ends());
        assert!(!memory.is_withdrawn("/sys/a", Revision(2)));
    }

    #[test]
    fn no_more_departures_are_remembered_than_there_is_room_for_and_that_is_told() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        memory.snapshot_begins();
        for n in 0..=DEPARTURES {
            let path = format!("/sys/{n}");
            memory.remove(&path, now);
            memory.withdraw(&path, Revision(9));
        }
        assert_eq!((memory.removed.len(), memory.removals.len()), (DEPARTURES, DEPARTURES));
        assert!(!memory.is_removed("/sys/0") && memory.is_removed("/sys/1"), "the oldest");
        assert_eq!(memory.withdrawn.len(), DEPARTURES);
        memory.snapshot_begins();
        assert!(memory.snapshot_ends(), "the other goes on");
        assert!(!memory.snapshot_ends());
        memory.snapshot_begins();
        assert!(memory.snapshot_ends(), "it is told once");
    }

    #[test]
    fn what_comes_and_goes_takes_no_room_for_ever() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for _ in 0..100 {
            memory.remove("/sys/a", now);
            memory.restore("/sys/a");
        }
        memory.remove("/sys/a", now + FORGET_AFTER);
        assert_eq!(memory.removals.len(), 1);
        assert!(memory.is_removed("/sys/a"));
    }

    #[test]
    fn a_changed_identity_gives_back_the_old_one() {
        let mut memory = Memory::default();
        assert_eq!(memory.say("/sys/a", id("/sys/a"), Revision(1)), None);
        let mdev = DeviceId::mdev("u", "p");
        assert_eq!(memory.say("/sys/a", mdev.clone(), Revision(2)), Some(id("/sys/a")));
        assert_eq!(memory.path_of(&mdev), Some("/sys/a"));
        assert_eq!(memory.withdraw("/sys/a", Revision(3)), Some(mdev));
    }
}
