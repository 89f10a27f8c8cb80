//! The cases: what is measured, on which host, of which size. A table.

use anyhow::Result;

use super::Bench;
use super::cases::{burst, crowd, events, list, memory, start, unrelated};
use super::host::Kind;
use super::row::Row;

/// Measures a case, and gives its figures.
type Measure = fn(&mut Bench<'_>, &Case) -> Result<Vec<Row>>;

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is called: `GROUP/HOST-SIZE`.
    pub name: String,
    /// What it shows, for people.
    pub about: &'static str,
    /// The host.
    pub kind: Kind,
    /// How many devices the host has.
    pub size: usize,
    pub(super) measure: Measure,
}

/// A line of the table: group, what it shows, host, sizes, reduced sizes, how.
type Line = (&'static str, &'static str, Kind, &'static [usize], &'static [usize], Measure);

const TABLE: &[Line] = &[
    (
        "start",
        "From exec to the complete list, PCI devices",
        Kind::Pci,
        &[10, 100, 1000, 10_000, 50_000],
        &[10, 100],
        start::measure,
    ),
    (
        "memory",
        "Anonymous memory before and after a burst",
        Kind::Pci,
        &[10_000],
        &[100],
        memory::measure,
    ),
    (
        "start",
        "From exec to the complete list, mediated devices",
        Kind::Mdev,
        &[40, 300, 1000, 5000],
        &[40],
        start::measure,
    ),
    (
        "unrelated",
        "Interfaces removed that no mediated device has to do with",
        Kind::Mdev,
        &[1000],
        &[40],
        unrelated::measure,
    ),
    (
        "start",
        "From exec to the complete list, real network interfaces",
        Kind::Net,
        &[100, 1000, 5000],
        &[20],
        start::measure,
    ),
    ("list", "Lists over one connection", Kind::Net, &[5000], &[20], list::measure),
    (
        "documents",
        "Every document, by one client of python-libvirt",
        Kind::Net,
        &[5000],
        &[20],
        list::documents,
    ),
    ("clients", "Clients that list at once", Kind::Net, &[5000], &[20], crowd::clients),
    (
        "latency",
        "From udevd's broadcast to the client's event",
        Kind::Net,
        &[100],
        &[20],
        events::measure,
    ),
    (
        "burst",
        "Many interfaces that come, and go, at once",
        Kind::Net,
        &[100],
        &[20],
        burst::measure,
    ),
    (
        "subscribers",
        "Clients that are told of the same device",
        Kind::Net,
        &[100],
        &[20],
        crowd::subscribers,
    ),
];

/// All cases in the order in which they are measured; with small sizes alone if it is to be quick.
#[must_use]
pub fn all(quick: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for (group, about, kind, sizes, reduced, measure) in TABLE {
        for &size in if quick { *reduced } else { *sizes } {
            let name = format!("{group}/{}-{size}", kind.name());
            cases.push(Case { name, about, kind: *kind, size, measure: *measure });
        }
    }
    cases
}

/// Whether a name is meant: `*` stands for anything.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).any(|at| left.is_char_boundary(at) && matches(rest, &left[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_globs() {
        for (pattern, is_meant) in [
            ("start/pci-10", true),
            ("start/pci-1", false),
            ("start/*", true),
            ("*", true),
            ("*-10", true),
            ("s*pci*0", true),
            ("*net*", false),
        ] {
            assert_eq!(matches(pattern, "start/pci-10"), is_meant, "{pattern}");
        }
    }

    #[test]
    fn names_are_given_once() {
        for quick in [false, true] {
            let mut names: Vec<_> = all(quick).into_iter().map(|case| case.name).collect();
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
