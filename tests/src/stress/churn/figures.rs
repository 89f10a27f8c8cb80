//! What a process holds, read from `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What it holds at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Pages that are no file's, in KiB: heap and stacks.
    pub(super) anonymous: u64,
    /// All pages in memory, its program's own included, in KiB.
    pub(super) resident: u64,
    /// Open descriptors, without those of [`questions`](Self::questions).
    pub(super) descriptors: usize,
    /// Sockets of generic netlink. A thread that reads opens one when it first asks, and keeps it.
    pub(super) questions: usize,
    pub(super) threads: usize,
    /// Processes that it has started and that have not been waited for; dead ones among them.
    pub(super) children: usize,
    pub(super) zombies: usize,
    /// Processor time that it has used so far, in hundredths of a second.
    pub(super) used: u64,
}

impl Figures {
    pub(super) fn of(process: u32) -> Self {
        let place = PathBuf::from(format!("/proc/{process}"));
        let status = fs::read_to_string(place.join("status")).unwrap();
        let rollup = fs::read_to_string(place.join("smaps_rollup")).unwrap();
        let children = children(&place);
        let (descriptors, questions) = descriptors(&place);
        Self {
            anonymous: number(&rollup, "Anonymous:"),
            resident: number(&status, "VmRSS:"),
            descriptors,
            questions,
            threads: usize::try_from(number(&status, "Threads:")).unwrap(),
            children: children.len(),
            zombies: children.iter().filter(|child| is_zombie(child)).count(),
            used: used(&place),
        }
    }

    /// What must be the same whenever the world is the same and everybody is at rest.
    pub(super) fn at_rest(self) -> [usize; 3] {
        [self.descriptors, self.threads, self.children]
    }
}

/// How many there are, and how many sockets of generic netlink besides.
fn descriptors(process: &Path) -> (usize, usize) {
    // The protocol's number is in the second field, the inode in the last.
    let sockets = fs::read_to_string(process.join("net/netlink")).unwrap();
    let generic: BTreeSet<String> = sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(1) == Some(&"16"))
        .filter_map(|fields| Some(format!("socket:[{}]", fields.last()?)))
        .collect();
    let open = fs::read_dir(process.join("fd")).unwrap().flatten();
    // One that has just been closed is neither.
    let open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    let is_generic = |target: PathBuf| generic.contains(target.to_string_lossy().as_ref());
    let (questions, others): (Vec<_>, Vec<_>) = open.map(is_generic).partition(|is| *is);
    (others.len(), questions.len())
}

fn number(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|word| word.parse().ok()).unwrap()
}

/// Any thread may have started one.
fn children(process: &Path) -> Vec<String> {
    let threads = fs::read_dir(process.join("task")).unwrap().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")));
    let lists: Vec<_> = lists.map(Result::unwrap_or_default).collect();
    lists.iter().flat_map(|list| list.split_whitespace().map(str::to_owned)).collect()
}

fn is_zombie(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    after_name(&stat).starts_with('Z')
}

fn used(process: &Path) -> u64 {
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    let fields: Vec<_> = after_name(&stat).split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// The fields from the state on; the name before it may hold anything.
fn after_name(stat: &str) -> &str {
    stat.rsplit_once(") ").map_or("", |(_, rest)| rest)
}
