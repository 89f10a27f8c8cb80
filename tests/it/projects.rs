//! Projects outside of the workspace, each built on one of the crates: see `tests/projects`.
//!
//! They are built into the workspace's target folder, with its profile, so that what is equal is shared.

use std::path::{Path, PathBuf};
use std::process::Command;

use nodedev_tests::command::{Ran, run};
use nodedev_tests::daemon::Daemon;

/// Builds the project and runs it with these arguments.
#[track_caller]
fn run_project(name: &str, args: &[&str]) -> Ran {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--locked", "--offline", "--"])
        .args(args)
        .current_dir(workspace.join("tests/projects").join(name))
        .env("CARGO_TARGET_DIR", target(workspace))
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    run(&mut cargo)
}

fn target(workspace: &Path) -> PathBuf {
    let said = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    said.filter(|folder| folder.is_absolute()).unwrap_or_else(|| workspace.join("target"))
}

#[test]
fn a_project_puts_words_together_with_the_merge_alone() {
    let said = run_project("merge-alone", &[]).ok();
    let expected = "\
/sys/devices/pci0000:00/0000:00:01.0: Network card, left, driver e1000: as planned
/sys/devices/pci0000:00/0000:00:02.0: Network card, right, driver -: missing
/sys/devices/pci0000:00/0000:00:03.0: Stray disk, driver nvme: not planned
";
    assert_eq!(said, expected);
}

#[test]
fn a_project_reads_this_hosts_devices_with_the_udev_source_alone() {
    let said = run_project("udev-alone", &[]).ok();
    assert!(said.lines().any(|line| line.trim() == "1 system"), "{said}");
}

#[test]
fn a_project_asks_a_daemon_with_the_protocol_alone() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), |program: &Path| Command::new(program));
    for socket in [daemon.socket(), daemon.read_only_socket()] {
        if socket.exists() {
            let said = run_project("rpc-client", &[socket.to_str().unwrap()]).ok();
            assert!(said.lines().any(|line| line == "computer"), "{said}");
        }
    }
    drop(daemon);
    let said = run_project("rpc-client", &["/no/such/socket"]);
    assert!(said.status == Some(1) && said.stderr.contains("/no/such/socket"), "{said:?}");
}
