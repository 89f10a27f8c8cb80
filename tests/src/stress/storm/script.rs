//! What happens in a storm, from its seed alone: interfaces that are made, removed, renamed and replaced by
//! others of their name, in bursts, with the daemons paused and resumed between them. Touches nothing.

use nodedev_mutants::Random;

/// Interfaces of a storm are in this group of the kernel.
pub(super) const GROUP: u32 = 77;
/// Those that go in one transaction.
const LEAVING: u32 = 78;
/// From this size on what a burst removes may go in one transaction.
const MANY: usize = 16;

/// One thing after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Lines for `ip -batch`.
    Burst(Vec<String>),
    Pause,
    Resume,
    /// Nothing changes any more until the lists have been judged.
    Quiet,
}

/// How often what was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) added: usize,
    pub(super) removed: usize,
    pub(super) renamed: usize,
    /// Removed and made again at once, with the same name and another address.
    pub(super) replaced: usize,
    pub(super) pauses: usize,
}

/// A storm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) tally: Tally,
}

#[derive(Debug, Clone)]
struct Interface {
    name: String,
    address: String,
}

/// What is there while the script is written.
struct Writer {
    random: Random,
    present: Vec<Interface>,
    /// What has gone, whose name and perhaps address may come back.
    gone: Vec<Interface>,
    names: usize,
    addresses: u32,
    paused: bool,
    script: Script,
}

impl Script {
    /// Makes so many interfaces and removes every one of them. There are so many quiet moments on the way,
    /// and one at the end.
    pub(super) fn of(seed: u64, interfaces: usize, quiets: usize) -> Self {
        // Neighbouring seeds have nothing in common, and none is 0.
        let random = Random::of(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let script = Self { steps: Vec::new(), tally: Tally::default() };
        let mut writer = Writer {
            random,
            present: Vec::new(),
            gone: Vec::new(),
            names: 0,
            addresses: 0,
            paused: false,
            script,
        };
        for _ in 0..16 {
            writer.random.next();
        }
        for quiet in 1..=quiets.max(1) {
            writer.storm_until(interfaces * quiet / quiets.max(1), (interfaces / 50).clamp(6, 200));
            writer.step(Step::Quiet);
        }
        writer.clear();
        writer.script
    }
}

impl Writer {
    fn storm_until(&mut self, added: usize, largest: usize) {
        while self.script.tally.added < added {
            self.pause_or_resume();
            let changes = 1 + self.random.below(2 * largest);
            self.burst(changes, added);
        }
    }

    fn step(&mut self, step: Step) {
        self.script.steps.push(step);
        // Whoever is judged is resumed for it.
        self.paused &= self.script.steps.last() != Some(&Step::Quiet);
    }

    fn pause_or_resume(&mut self) {
        if self.random.below(2) == 0 {
            return;
        }
        self.paused = !self.paused;
        self.script.tally.pauses += usize::from(self.paused);
        self.step(if self.paused { Step::Pause } else { Step::Resume });
    }

    fn burst(&mut self, changes: usize, limit: usize) {
        let together = changes >= MANY && self.random.below(4) > 0;
        let mut lines = Vec::new();
        let mut gone = Vec::new();
        for _ in 0..changes {
            let what = if self.present.is_empty() { 0 } else { self.random.below(20) };
            match what {
                0..10 if self.script.tally.added < limit => lines.push(self.add()),
                0..10 => {}
                10..16 => gone.push(self.remove(together, &mut lines)),
                16..18 => lines.push(self.rename()),
                _ => lines.extend(self.replace()),
            }
        }
        if together && !gone.is_empty() {
            lines.push(format!("link del group {LEAVING}"));
        }
        self.gone.append(&mut gone);
        if !lines.is_empty() {
            self.step(Step::Burst(lines));
        }
    }

    fn add(&mut self) -> String {
        let back = !self.gone.is_empty() && self.random.below(4) == 0;
        let mut interface = if back {
            let at = self.random.below(self.gone.len());
            self.gone.swap_remove(at)
        } else {
            self.names += 1;
            Interface { name: format!("nd{}", self.names), address: String::new() }
        };
        if !back || self.random.below(2) == 0 {
            interface.address = self.address();
        }
        self.script.tally.added += 1;
        let line = made(&interface);
        self.present.push(interface);
        line
    }

    fn remove(&mut self, together: bool, lines: &mut Vec<String>) -> Interface {
        let at = self.random.below(self.present.len());
        let interface = self.present.swap_remove(at);
        self.script.tally.removed += 1;
        lines.push(if together {
            format!("link set dev {} group {LEAVING}", interface.name)
        } else {
            format!("link del {}", interface.name)
        });
        interface
    }

    fn rename(&mut self) -> String {
        self.names += 1;
        self.script.tally.renamed += 1;
        let at = self.random.below(self.present.len());
        let new = format!("nr{}", self.names);
        let old = std::mem::replace(&mut self.present[at].name, new);
        format!("link set dev {old} name {}", self.present[at].name)
    }

    fn replace(&mut self) -> [String; 2] {
        self.script.tally.replaced += 1;
        let at = self.random.below(self.present.len());
        self.present[at].address = self.address();
        [format!("link del {}", self.present[at].name), made(&self.present[at])]
    }

    fn address(&mut self) -> String {
        self.addresses += 1;
        let [a, b, c, d] = self.addresses.to_be_bytes();
        format!("02:aa:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }

    /// All that is left goes at once, seen or not.
    fn clear(&mut self) {
        self.pause_or_resume();
        self.script.tally.removed += self.present.len();
        if !self.present.is_empty() {
            self.present.clear();
            self.step(Step::Burst(vec![format!("link del group {GROUP}")]));
        }
        self.step(Step::Quiet);
    }
}

/// Of a kind that libvirt lists: not a bridge, for example.
fn made(Interface { name, address }: &Interface) -> String {
    format!("link add {name} address {address} group {GROUP} type ifb")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_is_a_storm_and_another_seed_another() {
        assert_eq!(Script::of(7, 300, 2), Script::of(7, 300, 2));
        assert_ne!(Script::of(7, 300, 2), Script::of(8, 300, 2));
    }

    #[test]
    fn every_interface_is_made_and_removed_and_seeds_end_paused_or_not() {
        let mut endings = BTreeSet::new();
        for seed in 0..50 {
            let Script { steps, tally } = Script::of(seed, 100, 3);
            assert_eq!((tally.added, tally.removed), (100, 100));
            assert!(tally.renamed > 0 && tally.replaced > 0 && tally.pauses > 0, "{tally:?}");
            assert_eq!(steps.iter().filter(|step| **step == Step::Quiet).count(), 4);
            let pauses = steps.iter().filter(|step| matches!(step, Step::Pause | Step::Resume));
            let mut is_paused = false;
            for step in &steps {
                match step {
                    Step::Pause => assert!(!std::mem::replace(&mut is_paused, true)),
                    Step::Resume => assert!(std::mem::take(&mut is_paused)),
                    Step::Quiet => drop(endings.insert(std::mem::take(&mut is_paused))),
                    Step::Burst(lines) => assert!(!lines.is_empty()),
                }
            }
            assert!(pauses.count() > 0);
        }
        assert_eq!(endings.len(), 2, "it becomes quiet while paused, and while running");
    }
}
