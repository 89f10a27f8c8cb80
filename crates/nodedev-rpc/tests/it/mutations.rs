//! A short run of what `fuzz/` does at length: the same entries, the same seeds, mutations that are
//! the same in every run.

use std::path::Path;

use nodedev_mutants::{Random, seeds, wear};
use nodedev_rpc::PROCEDURES;

use crate::entries::ENTRIES;

/// Mutants of each entry: some ten seconds in all. More are tried with `cargo fuzz`.
const MUTANTS: usize = 4_000_000;
/// Longer inputs are left to the fuzzer.
const LONGEST: usize = 4096;

/// Words that mean something: counts at and over their limits, numbers of procedures.
const WORDS: &[u32] = &[
    0,
    1,
    2,
    20,
    21,
    27,
    28,
    29,
    65_536,
    65_537,
    4_194_304,
    4_194_305,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];

fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(input.len());
        match random.below(7) {
            0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
            1 if !input.is_empty() => input[at] = random.byte(),
            2 => input.truncate(at),
            3 => put(input, at & !3, WORDS[random.below(WORDS.len())]),
            4 => {
                let length = u32::try_from(input.len()).unwrap_or(u32::MAX);
                put(input, 4 * random.below(8), length);
            }
            5 => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len());
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let number = PROCEDURES[random.below(PROCEDURES.len())].number;
                put(input, 12, number.cast_unsigned());
            }
        }
        input.truncate(LONGEST);
    }
}

fn put(input: &mut [u8], at: usize, word: u32) {
    if let Some(place) = input.get_mut(at..at + 4) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

#[test]
fn no_seed_and_no_mutant_of_one_breaks_a_law() {
    for (name, entry) in ENTRIES {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let mut inputs = seeds(&[corpus.join("captured"), corpus.join(name)]);
        assert!(!inputs.is_empty(), "{name} has no seeds");
        inputs.iter().for_each(|input| entry(input));
        let mut random = Random::new();
        for _ in 0..MUTANTS {
            let mut input = inputs[random.below(inputs.len())].clone();
            mutate(&mut input, &inputs, &mut random);
            entry(&input);
            wear(&mut inputs, input, &mut random);
        }
    }
}
