//! What the preload library leaves behind in a process that goes through hundreds of daemons: an open
//! socket for each opening of a file in `/dev`, and the files of closed monitors.
//!
//! Only to be tidied up while nobody listens.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Tidies up after all daemons of the mock host in that directory.
pub(super) fn clear(root: &Path) {
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("event") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let abandoned = abandoned();
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let entry = entry.unwrap();
        // That of the directory itself is closed when it is read to its end.
        let target = fs::read_link(entry.path()).unwrap_or_default();
        if abandoned.contains(target.to_string_lossy().as_ref()) {
            let number: i32 = entry.file_name().to_string_lossy().parse().unwrap();
            nix::unistd::close(number).unwrap();
        }
    }
}

/// The stream sockets of this network namespace, which is the process's own, that are neither connected
/// nor listen: nothing of ours is made so.
fn abandoned() -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/self/net/unix").unwrap();
    let sockets = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let abandoned = sockets.filter(|socket| socket[3..6] == ["00000000", "0001", "01"]);
    abandoned.map(|socket| format!("socket:[{}]", socket[6])).collect()
}
