//! Ordered sets that hardly ever have more than one member, and indexes made of them.
//!
//! A tree of one member takes the room of eleven.

use std::collections::{BTreeMap, BTreeSet};

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

pub(crate) fn insert_into<K: Ord, T: Ord>(index: &mut BTreeMap<K, Few<T>>, key: K, value: T) {
    use std::collections::btree_map::Entry;
    match index.entry(key) {
        Entry::Vacant(entry) => _ = entry.insert(Few::One(value)),
        Entry::Occupied(mut entry) => entry.get_mut().insert(value),
    }
}

pub(crate) fn remove_from<K: Ord, T: Ord>(index: &mut BTreeMap<K, Few<T>>, key: &K, value: &T) {
    if index.get_mut(key).is_some_and(|few| few.remove(value)) {
        index.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_index_of_few_is_one_of_sets(
            steps in prop::collection::vec((any::<bool>(), 0..3_u8, 0..4_u8), 0..60),
        ) {
            let mut index = BTreeMap::new();
            let mut model = BTreeMap::<u8, BTreeSet<u8>>::new();
            for (inserts, key, value) in steps {
                if inserts {
                    insert_into(&mut index, key, value);
                    model.entry(key).or_default().insert(value);
                } else {
                    remove_from(&mut index, &key, &value);
                    model.entry(key).or_default().remove(&value);
                    model.retain(|_, values| !values.is_empty());
                }
                let held = index.iter().map(|(key, few)| (*key, few.iter().copied().collect()));
                prop_assert_eq!(held.collect::<BTreeMap<_, BTreeSet<_>>>(), model.clone());
                for (key, few) in &index {
                    prop_assert_eq!(few.first(), model[key].first());
                    prop_assert_eq!(matches!(few, Few::One(_)), model[key].len() == 1);
                }
            }
        }
    }
}
