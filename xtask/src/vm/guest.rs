//! What runs inside the machine: the scripts, and the archive that brings them and the command in.
//!
//! Pure. What the scripts do stands in them.

use std::path::{Path, PathBuf};

use super::cpio::Archive;
use super::shell;

/// By the path in the archive; `root.sh` copies all below `vm` to `/run/vm`.
const SCRIPTS: &[(&str, &str)] = &[
    ("init", include_str!("guest/root.sh")),
    ("vm/session.sh", include_str!("guest/session.sh")),
    ("vm/bin/hmp", include_str!("guest/monitor.sh")),
    ("vm/bin/qmp", include_str!("guest/monitor.sh")),
    ("vm/bin/bind-driver", include_str!("guest/bind_driver.sh")),
    ("vm/bin/enter-root", include_str!("guest/enter_root.sh")),
];

/// What `root.sh` calls.
const APPLETS: &[&str] = &["cp", "insmod", "mkdir", "mount", "sh", "switch_root"];

/// What the guest is asked to do.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) command: Vec<String>,
    /// Where the command runs.
    pub(crate) folder: PathBuf,
    /// Folders of the host that the guest may write to.
    pub(crate) shares: Vec<PathBuf>,
    /// The root of a system that is booted, instead of the host's root.
    pub(crate) system: Option<PathBuf>,
}

/// The part that every run has: busybox, and the drivers without which no file of the host is seen.
/// The drivers are given in the order in which to load them.
pub(super) fn base(busybox: &[u8], drivers: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "drivers"] {
        archive.folder(folder);
    }
    // The kernel opens it for the first process, which mounts the rest of /dev itself.
    archive.character_device("dev/console", 5, 1);
    archive.file("bin/busybox", busybox);
    for applet in APPLETS {
        archive.link(&format!("bin/{applet}"), "busybox");
    }
    for (number, (name, driver)) in drivers.iter().enumerate() {
        archive.file(&format!("drivers/{number:02}-{name}"), driver);
    }
    archive.finish()
}

/// The part of one run: the scripts, the command and where it runs.
pub(super) fn session(order: &Order, modules: &Path) -> Vec<u8> {
    let mut archive = Archive::default();
    for folder in ["vm", "vm/bin"] {
        archive.folder(folder);
    }
    for (path, script) in SCRIPTS {
        archive.file(path, script.as_bytes());
    }
    archive.file("vm/settings", settings(order, modules).as_bytes());
    archive.file("vm/command", command(order).as_bytes());
    archive.finish()
}

fn settings(order: &Order, modules: &Path) -> String {
    let shares: Vec<_> = order.shares.iter().map(|share| share.to_string_lossy()).collect();
    // Twice quoted: the list is itself a word of the shell, which `session.sh` takes apart.
    let system = order.system.as_deref().map(Path::to_string_lossy).unwrap_or_default();
    format!(
        "modules={}\nshares={}\nsystem={}\n",
        shell::quoted(&modules.to_string_lossy()),
        shell::quoted(&shell::line(&shares)),
        shell::quoted(&system),
    )
}

fn command(order: &Order) -> String {
    let folder = shell::quoted(&order.folder.to_string_lossy());
    format!("cd {folder} || exit 126\nexec {}\n", shell::line(&order.command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    fn order(command: &[&str]) -> Order {
        Order {
            command: command.iter().map(ToString::to_string).collect(),
            folder: PathBuf::from("/a b"),
            shares: ["/x y", "/z"].map(PathBuf::from).to_vec(),
            system: None,
        }
    }

    #[test]
    fn the_command_keeps_its_words() {
        let text = command(&order(&["sh", "-c", "exit 7"]));
        assert_eq!(text, "cd '/a b' || exit 126\nexec sh -c 'exit 7'\n");
    }

    #[test]
    fn a_list_of_folders_survives_the_shell() {
        let settings = settings(&order(&["true"]), Path::new("/it's"));
        let script = format!(
            "{settings}\nlist() {{ printf '%s|' \"$modules\" \"$@\"; }}\neval \"list $shares\""
        );
        let printed = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(printed, "/it's|/x y|/z|");
    }

    #[test]
    fn the_scripts_are_sound() {
        for (path, script) in SCRIPTS {
            assert!(script.starts_with("#!/bin/sh\n"), "{path}");
            let checked = Command::new("sh").args(["-n", "-c", script]).run_quietly();
            checked.unwrap_or_else(|error| panic!("{path}: {error:#}"));
        }
    }
}
