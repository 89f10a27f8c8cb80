//! Counts what this process holds: threads, descriptors, children. Reads /proc and nothing else.

use std::fs;
use std::process;

/// How much of each there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footprint {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    pub(crate) children: usize,
}

impl Footprint {
    pub(crate) fn take() -> Self {
        Self {
            threads: threads(),
            descriptors: entries("/proc/self/fd").len(),
            children: children(),
        }
    }

    /// Whether nothing of this is more than in `other`.
    pub(crate) const fn fits(&self, other: &Self) -> bool {
        self.threads <= other.threads
            && self.descriptors <= other.descriptors
            && self.children <= other.children
    }
}

/// Threads other than the runtime's: its pool for blocking calls keeps them for a while.
fn threads() -> usize {
    entries("/proc/self/task")
        .iter()
        .filter_map(|id| fs::read_to_string(format!("/proc/self/task/{id}/comm")).ok())
        .filter(|name| !name.starts_with("tokio-"))
        .count()
}

/// Children of this process, dead ones that nobody has waited for included.
fn children() -> usize {
    entries("/proc")
        .iter()
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok())
        .filter(|stat| parent(stat) == Some(process::id()))
        .count()
}

/// The fourth field; the second is in parentheses and may hold anything.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

fn entries(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_command_name() {
        assert_eq!(parent("12 (a) b) S 7 12 12 0"), Some(7));
        assert_eq!(parent("12 (a"), None);
    }

    #[test]
    fn a_process_has_a_thread_and_descriptors() {
        let footprint = Footprint::take();
        assert!(footprint.threads >= 1 && footprint.descriptors >= 3, "{footprint:?}");
    }
}
