//! What is shown follows from what was said last, whoever spoke first and however often.

use std::collections::VecDeque;

use nodedev_merge::{Claim, view};
use nodedev_types::{Observation, Revision, SourceId};
use proptest::prelude::*;

use crate::store::{Message, Store};
use crate::world::{POLICY, SOURCES, history, streams};
use crate::{config, oracle};

/// The same messages in another order that keeps each source's own.
fn interleave(messages: &[Message], picks: &[u8]) -> Vec<Message> {
    let of = |source: &&str| messages.iter().filter(|m| m.source.as_str() == *source).collect();
    let mut queues: Vec<VecDeque<&Message>> = SOURCES.iter().map(of).collect();
    let mut order = Vec::new();
    let mut picks = picks.iter().cycle();
    while order.len() < messages.len() {
        queues.retain(|queue| !queue.is_empty());
        let pick = picks.next().map_or(0, |pick| usize::from(*pick)) % queues.len();
        order.extend(queues[pick].pop_front().cloned());
    }
    order
}

fn picks() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..32)
}

fn shuffled<T: Clone + std::fmt::Debug>(items: Vec<T>) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    Just(items.clone()).prop_shuffle().prop_map(move |other| (items.clone(), other))
}

proptest! {
    #![proptest_config(config(2000))]

    /// Law 1.
    #[test]
    fn every_interleaving_ends_in_the_same_list(messages in history(), picks in picks()) {
        let other = interleave(&messages, &picks);
        prop_assert_eq!(Store::of(&messages).list(), Store::of(&other).list());
    }

    /// Law 1 for observations alone: the revision tells what is latest, the order does not matter.
    #[test]
    fn the_newest_revision_counts((messages, other) in history().prop_flat_map(shuffled)) {
        let said = |messages: &[Message]| -> Vec<Observation> {
            messages.iter().filter_map(Message::observation).collect()
        };
        let present: Vec<Message> = messages.into_iter().filter(|m| m.fields.is_some()).collect();
        prop_assert_eq!(view(&POLICY, &said(&other)), Store::of(&present).list());
    }

    /// Law 2.
    #[test]
    fn saying_it_again_changes_nothing(messages in history()) {
        let store = Store::of(&messages);
        let mut again = store.clone();
        let said = store.said();
        for observation in &said {
            let fields = Some(observation.fields.clone());
            let source = observation.source.as_str();
            again.hear(&Message::new(source, &observation.device, 1000, fields));
        }
        prop_assert_eq!(again.list(), store.list());
        let twice: Vec<_> = said.iter().chain(&said).collect();
        prop_assert_eq!(view(&POLICY, twice), store.list());
    }

    /// Law 3.
    #[test]
    fn a_source_that_leaves_leaves_nothing_behind(
        messages in history(),
        source in prop::sample::select(&SOURCES[..]),
    ) {
        let source = SourceId::new(source);
        let mut store = Store::of(&messages);
        store.withdraw(&source);
        let without = Store::of(messages.iter().filter(|message| message.source != source));
        prop_assert_eq!(store.list(), without.list());
    }

    /// Law 3 for a policy that never knew the stream.
    #[test]
    fn a_third_party_that_leaves_leaves_nothing_behind(messages in history()) {
        let third_parties = ["acme", "shadow"];
        let few = streams().into_iter().filter(|s| !third_parties.contains(&s.id.as_str()));
        let policy = nodedev_merge::Policy::new(few).unwrap();
        let mut store = Store::of(&messages);
        let with_strangers = view(&policy, &store.said());
        third_parties.iter().for_each(|gone| store.withdraw(&SourceId::new(gone)));
        prop_assert_eq!(with_strangers, store.list());
    }

    /// Law 4.
    #[test]
    fn a_listing_makes_good_for_lost_messages(
        messages in history(),
        source in prop::sample::select(&SOURCES[..]),
        lost in prop::collection::vec(any::<bool>(), 32),
        slow in any::<bool>(),
    ) {
        let source = SourceId::new(source);
        let complete = Store::of(&messages);
        // A slow listing was read half way, and what was said later has arrived before it.
        let read_at = Revision(if slow { messages.len() as u64 / 2 } else { 1000 });
        let then = Store::of(messages.iter().filter(|m| m.revision <= read_at));
        let mut listing = then.said();
        listing.retain(|observation| observation.source == source);
        let arrives = |message: &&Message| {
            message.source != source
                || message.revision > read_at
                || !lost[message.revision.0 as usize % lost.len()]
        };
        let mut store = Store::of(messages.iter().filter(arrives));
        store.hear_listing(&source, read_at, &listing);
        prop_assert_eq!(store.list(), complete.list());
    }

    /// Law 6: order, repetition and grouping of the claims.
    #[test]
    fn claims_are_a_set(
        (said, other) in history().prop_map(|m| Store::of(&m).said()).prop_flat_map(shuffled),
        again in prop::collection::vec(any::<bool>(), 32),
        cut in any::<prop::sample::Index>(),
    ) {
        for observation in &said {
            let id = &observation.device;
            let of = |said: &[Observation]| said.iter().filter(|o| o.device == *id).cloned().collect();
            let (claims, mut joined): (Vec<_>, Vec<_>) = (of(&said), of(&other));
            let twice: Vec<_> = joined.iter().zip(&again).filter(|(_, again)| **again).collect();
            let twice: Vec<Observation> = twice.into_iter().map(|(o, _)| o.clone()).collect();
            joined.extend(twice);
            // Two shards, joined the other way round.
            let cut = cut.index(joined.len());
            joined.rotate_left(cut);
            prop_assert_eq!(POLICY.merge(id, &as_claims(&claims)), POLICY.merge(id, &as_claims(&joined)));
        }
    }

    /// Law 6 even where a source contradicts itself, which no source may.
    #[test]
    fn contradictions_are_decided_by_content(
        (messages, other) in history().prop_flat_map(shuffled),
    ) {
        let said = |messages: &[Message]| -> Vec<Observation> {
            let at_once = |o| Observation { revision: Revision(1), ..o };
            messages.iter().filter_map(Message::observation).map(at_once).collect()
        };
        let (said, other) = (said(&messages), said(&other));
        prop_assert_eq!(view(&POLICY, &said), view(&POLICY, &other));
        if let Some(first) = said.first() {
            let claims = |said: &[Observation]| {
                let said: Vec<_> = said.iter().filter(|o| o.device == first.device).cloned().collect();
                POLICY.merge(&first.device, &as_claims(&said))
            };
            prop_assert_eq!(claims(&said), claims(&other));
        }
    }

    /// Law 8.
    #[test]
    fn a_table_scan_agrees(messages in history()) {
        let said = Store::of(&messages).said();
        prop_assert_eq!(view(&POLICY, &said), oracle::list(&said));
    }
}

fn as_claims(said: &[Observation]) -> Vec<Claim<'_>> {
    said.iter().map(|Observation { source, fields, .. }| Claim { source, fields }).collect()
}
