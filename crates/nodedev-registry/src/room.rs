//! Maps that give back the room of what is no longer in them.

use std::collections::HashMap;
use std::hash::Hash;

/// Below that, room is not worth a thought.
const SMALL: usize = 64;
/// So much more room than there are entries is too much.
const MOST: usize = 4;

/// Gives back what a burst has left behind. Costs nothing as long as the map is not mostly empty, and then no more
/// than the removals that made it so.
pub(crate) fn give_back<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > SMALL && map.capacity() / MOST > map.len() {
        map.shrink_to(map.len() * MOST / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_goes_with_what_was_in_it_and_not_while_it_is_used() {
        let mut map: HashMap<u32, ()> = (0..10_000).map(|n| (n, ())).collect();
        let mut shrunk = 0;
        for n in 100..10_000 {
            map.remove(&n);
            let before = map.capacity();
            give_back(&mut map);
            shrunk += u32::from(map.capacity() < before);
            assert!(map.capacity() <= SMALL.max(map.len() * MOST + MOST), "{}", map.capacity());
            assert!(map.len() < 4000 || shrunk == 0, "{} are left", map.len());
        }
        assert!(map.capacity() < 1000 && shrunk < 10, "{} after {shrunk} times", map.capacity());
        assert!((0..100).all(|n| map.contains_key(&n)) && map.len() == 100);
    }
}
