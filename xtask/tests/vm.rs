//! `cargo xtask vm` from the outside: one boot, and what comes back from it.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::Output;

use nodedev_source_testkit::require;

fn installed(program: &str) -> Result<(), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path.split(':').any(|folder| Path::new(folder).join(program).exists());
    if found { Ok(()) } else { Err(format!("`{program}` is not installed")) }
}

/// Kernel and drivers, which may have to be fetched.
fn prepared() -> Result<(), String> {
    installed("qemu-system-x86_64")?;
    let output = vm(&["--build-only"], Path::new("/"));
    if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
}

#[expect(clippy::disallowed_methods, reason = "the tasks are a program, and are tested as one")]
fn vm(arguments: &[&str], folder: &Path) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["vm", "--no-install", "--timeout=300"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the tasks are built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_command_runs_on_another_kernel_and_leaves_only_what_is_shared() {
    require!(installed("mdevctl"));
    require!(prepared());
    let folder = tempfile::tempdir().unwrap();
    let shared = folder.path().join("it's shared");
    std::fs::create_dir(&shared).unwrap();
    let script = "
        echo to be lost >lost; echo to be kept >\"it's shared/kept\"
        pwd; uname -r; echo complaint >/dev/stderr
        modprobe mtty && cat /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/device_api
        hmp info name
        no-such-command; echo $?
        exit 7";
    let output = vm(&["--share", "it's shared", "--", "sh", "-c", script], folder.path());
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(7), "{printed}{said}");

    let lines: Vec<_> = printed.lines().collect();
    let host = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(lines[0], folder.path().to_str().unwrap());
    assert_ne!(lines[1], host.trim());
    assert_eq!(lines[2..], ["vfio-pci", "nodedev", "127"], "{said}");
    assert!(said.contains("\ncomplaint\n"), "{said}");

    assert_eq!(std::fs::read_to_string(shared.join("kept")).unwrap(), "to be kept\n");
    assert!(!folder.path().join("lost").exists());
}

#[test]
fn a_machine_that_cannot_be_is_told_from_a_command_that_failed() {
    require!(prepared());
    let folder = tempfile::tempdir().unwrap();
    let output = vm(&["--tcg", "--qemu=-no-such-option", "--", "true"], folder.path());
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("no-such-option"), "{}", text(&output.stderr));
}
