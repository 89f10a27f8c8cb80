//! The features of interfaces that are on, kept once for all interfaces that have the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nodedev_types::Texts;

/// So many different sets are remembered: hosts have one for each driver and the like.
const MOST_SETS: usize = 64;

/// Features that are on: their number and their name in the kernel.
#[derive(Debug, Default)]
pub(crate) struct ActiveFeatures {
    pub(crate) named: Vec<(u32, Arc<str>)>,
    /// What they are shown as, with each of what else the device may have.
    shown: [OnceLock<Texts>; 4],
}

impl ActiveFeatures {
    pub(crate) fn new(named: Vec<(u32, Arc<str>)>) -> Self {
        Self { named, shown: Default::default() }
    }

    /// What they are shown as where the device has these two too, worked out for the first who asks.
    pub(crate) fn shown(&self, others: [bool; 2], show: impl FnOnce() -> Texts) -> Texts {
        let [first, second] = others.map(usize::from);
        self.shown[2 * first + second].get_or_init(show).clone()
    }
}

/// Sets that were seen, by the numbers of their features.
#[derive(Debug, Default)]
pub(super) struct Sets(Mutex<HashMap<Vec<u32>, Arc<ActiveFeatures>>>);

impl Sets {
    /// The set of these features, of which `name` tells the names.
    pub(super) fn of(
        &self,
        numbers: Vec<u32>,
        name: impl Fn(u32) -> Arc<str>,
    ) -> Arc<ActiveFeatures> {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = sets.get(&numbers) {
            return Arc::clone(set);
        }
        if sets.len() >= MOST_SETS {
            sets.clear();
        }
        let named = numbers.iter().map(|&number| (number, name(number))).collect();
        let set = Arc::new(ActiveFeatures::new(named));
        sets.insert(numbers, Arc::clone(&set));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_one_for_all_and_no_host_has_too_many() {
        let sets = Sets::default();
        let of = |numbers: &[u32]| sets.of(numbers.to_vec(), |number| number.to_string().into());
        let set = of(&[1, 4]);
        assert!(Arc::ptr_eq(&set, &of(&[1, 4])));
        assert_eq!(set.named, [(1, "1".into()), (4, "4".into())]);
        assert_ne!(of(&[1]).named, set.named);
        (0..1000).for_each(|number| drop(of(&[number])));
        assert!(sets.0.lock().unwrap().len() <= MOST_SETS);
        assert_eq!(of(&[1, 4]).named, set.named);
    }

    #[test]
    fn what_is_shown_is_worked_out_once_for_each_device_s_own() {
        let set = ActiveFeatures::default();
        for others in [[false, false], [false, true], [true, false], [true, true]] {
            let texts: Texts = vec![format!("{others:?}")].into();
            assert_eq!(set.shown(others, || texts.clone()), texts);
            assert_eq!(set.shown(others, || unreachable!()), texts);
        }
    }
}
