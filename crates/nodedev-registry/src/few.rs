//! Ordered sets that hardly ever have more than one member, and indexes made of them.
//!
//! A tree of one member takes the room of eleven.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// A set that is not empty.
#[derive(Debug)]
pub(crate) enum Few<T> {
    One(T),
    Many(BTreeSet<T>),
}

impl<T: Ord> Few<T> {
    /// The smallest.
    pub(crate) fn first(&self) -> Option<&T> {
        self.iter().next()
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let (one, many) = match self {
            Self::One(one) => (Some(one), None),
            Self::Many(many) => (None, Some(many)),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    fn insert(&mut self, value: T) {
        match self {
            Self::One(one) if *one == value => {}
            Self::Many(many) => _ = many.insert(value),
            Self::One(_) => {
                let Self::One(one) = std::mem::replace(self, Self::Many(BTreeSet::from([value])))
                else {
                    return;
                };
                self.insert(one);
            }
        }
    }

    /// Whether nothing is left.
    fn remove(&mut self, value: &T) -> bool {
        match self {
            Self::One(one) => one == value,
            Self::Many(many) => {
                many.remove(value);
                if many.len() == 1
                    && let Some(one) = many.pop_first()
                {
                    *self = Self::One(one);
                }
                false
            }
        }
    }
}

/// A map from keys to few values each.
pub(crate) trait FewOf<K, T> {
    /// The key has this value too.
    fn insert_into(&mut self, key: K, value: T);
    /// The key has this value no more, and is gone with its last one.
    fn remove_from(&mut self, key: &K, value: &T);
}

macro_rules! few_of {
    ($map:ident, $entry:path, $($bound:tt)+) => {
        impl<K: $($bound)+, T: Ord> FewOf<K, T> for $map<K, Few<T>> {
            fn insert_into(&mut self, key: K, value: T) {
                use $entry as Entry;
                match self.entry(key) {
                    Entry::Vacant(entry) => _ = entry.insert(Few::One(value)),
                    Entry::Occupied(mut entry) => entry.get_mut().insert(value),
                }
            }

            fn remove_from(&mut self, key: &K, value: &T) {
                if self.get_mut(key).is_some_and(|few| few.remove(value)) {
                    self.remove(key);
                }
            }
        }
    };
}

few_of!(BTreeMap, std::collections::btree_map::Entry, Ord);
few_of!(HashMap, std::collections::hash_map::Entry, Eq + Hash);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Model = BTreeMap<u8, BTreeSet<u8>>;

    /// Does the same to an index and to a model of it.
    fn play(steps: &[(bool, u8, u8)], index: &mut impl FewOf<u8, u8>) -> Model {
        let mut model = Model::new();
        for &(inserts, key, value) in steps {
            if inserts {
                index.insert_into(key, value);
                model.entry(key).or_default().insert(value);
            } else {
                index.remove_from(&key, &value);
                model.entry(key).or_default().remove(&value);
                model.retain(|_, values| !values.is_empty());
            }
        }
        model
    }

    fn held<'a>(index: impl IntoIterator<Item = (&'a u8, &'a Few<u8>)>) -> Model {
        let held = index.into_iter().map(|(&key, few)| {
            assert_eq!(few.first(), few.iter().min());
            assert_eq!(matches!(few, Few::One(_)), few.iter().count() == 1);
            (key, few.iter().copied().collect())
        });
        held.collect()
    }

    proptest! {
        #[test]
        fn an_index_of_few_is_one_of_sets(
            steps in prop::collection::vec((any::<bool>(), 0..3_u8, 0..4_u8), 0..60),
        ) {
            let (mut ordered, mut hashed) = (BTreeMap::new(), HashMap::new());
            prop_assert_eq!(play(&steps, &mut ordered), held(&ordered));
            prop_assert_eq!(play(&steps, &mut hashed), held(&hashed));
        }
    }
}
