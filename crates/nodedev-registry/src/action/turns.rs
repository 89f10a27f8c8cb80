//! One action on a device at a time, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nodedev_types::DeviceId;
use tokio::sync::OwnedMutexGuard;

type Place = tokio::sync::Mutex<()>;

/// Held while something is done to a device.
#[derive(Debug)]
pub(super) struct Turn(#[expect(dead_code, reason = "held to be dropped")] OwnedMutexGuard<()>);

/// The devices to which something is being done.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<BTreeMap<DeviceId, Weak<Place>>>);

impl Turns {
    /// Waits until nothing else is done to the device. The future may be dropped.
    pub(super) async fn take(&self, device: &DeviceId) -> Turn {
        Turn(self.place(device).lock_owned().await)
    }

    fn place(&self, device: &DeviceId) -> Arc<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(device).and_then(Weak::upgrade) {
            return place;
        }
        // Nobody holds or awaits the others any more.
        places.retain(|_, place| place.strong_count() > 0);
        let place = Arc::new(Place::default());
        places.insert(device.clone(), Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_turn_waits_for_the_first_and_another_device_does_not() {
        let turns = Turns::default();
        let (a, b) = (DeviceId::mdev("a", "p"), DeviceId::mdev("b", "p"));
        let first = turns.take(&a).await;
        let mut second = Box::pin(turns.take(&a));
        let waits = tokio::select! {
            biased;
            _ = &mut second => false,
            _ = turns.take(&b) => true,
        };
        assert!(waits);
        drop(first);
        drop(second.await);
        let _held = turns.take(&b).await;
        assert_eq!(turns.0.lock().unwrap().len(), 1, "the places of the past are forgotten");
        let _held_too = turns.take(&a).await;
        assert_eq!(turns.0.lock().unwrap().len(), 2, "and no other");
    }
}
