#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod random;
mod seeds;

pub use random::Random;
pub use seeds::{blocks, seeds};

/// Damages inputs. The words are what means something to the parser: keywords, counts at their limits.
#[derive(Debug, Clone, Copy)]
pub struct Mutator<'a> {
    /// What is put into inputs and over parts of them.
    pub words: &'a [&'a [u8]],
    /// Longer inputs are left to the fuzzer, in bytes.
    pub longest: usize,
}

impl Mutator<'_> {
    /// Holds the law against each seed, then against so many mutants of seeds and of mutants.
    ///
    /// # Panics
    ///
    /// When the law does, or without seeds.
    pub fn hold(&self, mut inputs: Vec<Vec<u8>>, mutants: usize, law: impl Fn(&[u8])) {
        assert!(!inputs.is_empty(), "no seeds");
        inputs.iter().for_each(|input| law(input));
        let mut random = Random::new();
        for _ in 0..mutants {
            let mut input = inputs[random.below(inputs.len())].clone();
            self.damage(&mut input, &inputs, &mut random);
            law(&input);
            wear(&mut inputs, input, &mut random);
        }
    }

    /// Damages an input in a few places; some of it may come from the others.
    pub fn damage(&self, input: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
        for _ in 0..=random.below(4) {
            let at = random.below(input.len() + 1);
            match random.below(7) {
                0 => flip(input, at, random),
                1 => replace(input, at, random),
                2 => input.truncate(at),
                3 => drop(input.drain(at..input.len().min(at + 1 + random.below(16)))),
                4 => overwrite(input, at, self.word(random)),
                5 => drop(input.splice(at..at, self.word(random).iter().copied())),
                _ => graft(input, at, others, random),
            }
            input.truncate(self.longest);
        }
    }

    fn word(&self, random: &mut Random) -> &[u8] {
        self.words.get(random.below(self.words.len())).copied().unwrap_or(b"\0")
    }
}

/// Now and then a mutant takes the place of what it could have come from.
pub fn wear(inputs: &mut [Vec<u8>], mutant: Vec<u8>, random: &mut Random) {
    let place = random.below(16 * inputs.len());
    if let Some(worn) = inputs.get_mut(place) {
        *worn = mutant;
    }
}

fn flip(input: &mut [u8], at: usize, random: &mut Random) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn replace(input: &mut [u8], at: usize, random: &mut Random) {
    if let Some(byte) = input.get_mut(at) {
        *byte = random.byte();
    }
}

fn overwrite(input: &mut [u8], at: usize, word: &[u8]) {
    for (byte, new) in input.iter_mut().skip(at).zip(word) {
        *byte = *new;
    }
}

/// Goes on with the end of another input.
fn graft(input: &mut Vec<u8>, at: usize, others: &[Vec<u8>], random: &mut Random) {
    let other = &others[random.below(others.len())];
    input.truncate(at);
    input.extend_from_slice(&other[random.below(other.len() + 1)..]);
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn every_run_tries_the_same_mutants_and_they_differ() {
        let mutator = Mutator { words: &[b"word"], longest: 64 };
        let run = || {
            let seen = RefCell::new(Vec::new());
            let seeds = [b"first".to_vec(), b"the second".to_vec()].to_vec();
            mutator.hold(seeds, 1000, |input| seen.borrow_mut().push(input.to_vec()));
            seen.into_inner()
        };
        let mut seen = run();
        assert_eq!(seen, run());
        assert_eq!(seen.len(), 1002);
        assert!(seen.iter().all(|input| input.len() <= 64));
        assert!(seen.iter().any(|input| input.windows(4).any(|part| part == b"word")));
        seen.sort();
        seen.dedup();
        assert!(seen.len() > 500, "{} mutants differ", seen.len());
    }

    #[test]
    #[should_panic(expected = "broken")]
    fn a_law_that_is_broken_is_told() {
        let mutator = Mutator { words: &[], longest: 64 };
        let law = |input: &[u8]| assert!(input.starts_with(b"go"), "broken");
        mutator.hold([b"good".to_vec()].to_vec(), 1000, law);
    }
}
