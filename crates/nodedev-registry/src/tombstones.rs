//! What a stream no longer speaks of, and since when, so that an older word cannot bring it back.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_types::{DeviceId, Revision};

/// How many departures are remembered for each stream while no snapshot is being taken; how many meanwhile, the
/// configuration says.
///
/// A word that is older than so many departures, and newer than the last complete listing, would
/// have to come from a read that every deadline of its source has passed over.
const KEPT: usize = 4096;

/// The departures of one stream.
#[derive(Debug, Default)]
pub(crate) struct Tombstones {
    /// The newest complete listing: what it did not name was not there.
    listed: Revision,
    /// Devices that it named without anything being learnt of them, with the listing that counts
    /// for them instead.
    exempt: BTreeMap<DeviceId, Revision>,
    /// Departures that are newer than that listing.
    gone: BTreeMap<DeviceId, Revision>,
    by_age: BTreeSet<(Revision, DeviceId)>,
    /// Departures up to this one may have been forgotten, although a snapshot that is being taken may be older: no
    /// older word is believed of a device that is not spoken of, until a listing stands for all of them.
    forgotten: Revision,
}

impl Tombstones {
    /// Since when a device that is not spoken of is known to be away.
    pub(crate) fn gone_since(&self, device: &DeviceId) -> Revision {
        let listed = self.exempt.get(device).unwrap_or(&self.listed);
        let known = self.gone.get(device).unwrap_or(listed).max(listed);
        *known.max(&self.forgotten)
    }

    pub(crate) fn bury(&mut self, device: &DeviceId, revision: Revision) {
        self.raise(device);
        self.gone.insert(device.clone(), revision);
        self.by_age.insert((revision, device.clone()));
    }

    pub(crate) fn raise(&mut self, device: &DeviceId) {
        if let Some(revision) = self.gone.remove(device) {
            self.by_age.remove(&(revision, device.clone()));
        }
    }

    /// A listing has been taken in, which stands for all departures before it.
    pub(crate) fn listed(&mut self, revision: Revision, unused: BTreeSet<DeviceId>) {
        if revision < self.listed {
            return;
        }
        let before = |device: DeviceId| {
            let since = self.gone_since(&device);
            (device, since)
        };
        self.exempt = unused.into_iter().map(before).collect();
        self.listed = revision;
        if self.forgotten <= revision {
            self.forgotten = Revision::default();
        }
        self.drop_oldest(|(oldest, _), _| *oldest <= revision);
    }

    /// No snapshot is being taken: the oldest departures are forgotten.
    pub(crate) fn settle(&mut self) {
        self.drop_oldest(|_, kept| kept.gone.len() > KEPT);
    }

    /// A snapshot is being taken: of more departures than `most` the oldest are forgotten, each for itself; what is as
    /// old is no longer believed. Tells whether there were more. The snapshot may then lack what is there.
    pub(crate) fn bound(&mut self, most: usize) -> bool {
        let forgets = self.gone.len() > most;
        while self.gone.len() > most
            && let Some((revision, device)) = self.by_age.pop_first()
        {
            self.gone.remove(&device);
            self.forgotten = self.forgotten.max(revision);
        }
        forgets
    }

    fn drop_oldest(&mut self, wanted: impl Fn(&(Revision, DeviceId), &Self) -> bool) {
        while let Some(oldest) = self.by_age.first() {
            if !wanted(oldest, self) {
                return;
            }
            let oldest = oldest.1.clone();
            self.raise(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: usize) -> DeviceId {
        DeviceId::foreign("test", &n.to_string())
    }

    #[test]
    fn a_departure_is_remembered_until_a_listing_stands_for_it() {
        let mut tombstones = Tombstones::default();
        tombstones.bury(&device(1), Revision(5));
        tombstones.bury(&device(2), Revision(9));
        assert_eq!(tombstones.gone_since(&device(1)), Revision(5));
        tombstones.listed(Revision(7), BTreeSet::from([device(3)]));
        assert_eq!(tombstones.gone_since(&device(1)), Revision(7));
        assert_eq!(tombstones.gone_since(&device(2)), Revision(9));
        assert_eq!(tombstones.gone_since(&device(3)), Revision(0), "it was there");
        assert_eq!(tombstones.gone.len(), 1);
    }

    #[test]
    fn an_unreadable_device_is_as_far_away_as_before() {
        let mut tombstones = Tombstones::default();
        tombstones.listed(Revision(3), BTreeSet::new());
        tombstones.listed(Revision(7), BTreeSet::from([device(1)]));
        assert_eq!(tombstones.gone_since(&device(1)), Revision(3));
        tombstones.listed(Revision(9), BTreeSet::from([device(1), device(2)]));
        assert_eq!(tombstones.gone_since(&device(1)), Revision(3));
        assert_eq!(tombstones.gone_since(&device(2)), Revision(7));
    }

    #[test]
    fn what_was_forgotten_while_a_snapshot_was_taken_does_not_come_back() {
        let mut tombstones = Tombstones::default();
        tombstones.listed(Revision(1), BTreeSet::new());
        for n in 2..8 {
            tombstones.bury(&device(n), Revision(10 * n as u64));
        }
        assert!(!tombstones.bound(6));
        assert!(tombstones.bound(2));
        assert_eq!((tombstones.gone.len(), tombstones.by_age.len()), (2, 2));
        // Also of one that was there all the time: a later snapshot tells of it.
        for (n, since) in [(2, 50), (5, 50), (6, 60), (7, 70), (99, 50)] {
            assert_eq!(tombstones.gone_since(&device(n)), Revision(since), "{n}");
        }
        tombstones.settle();
        tombstones.listed(Revision(49), BTreeSet::new());
        assert_eq!(tombstones.gone_since(&device(2)), Revision(50), "the snapshot is older");
        tombstones.listed(Revision(65), BTreeSet::new());
        assert_eq!(tombstones.gone_since(&device(2)), Revision(65));
        assert_eq!(tombstones.forgotten, Revision::default());
    }

    #[test]
    fn departures_do_not_pile_up() {
        let mut tombstones = Tombstones::default();
        for n in 0..KEPT + 10 {
            tombstones.bury(&device(n), Revision(1 + n as u64));
        }
        assert_eq!(tombstones.gone.len(), KEPT + 10, "a snapshot may be older");
        tombstones.settle();
        assert_eq!((tombstones.gone.len(), tombstones.by_age.len()), (KEPT, KEPT));
        assert_eq!(tombstones.gone_since(&device(9)), Revision(0));
        assert_eq!(tombstones.gone_since(&device(10)), Revision(11));
    }
}
