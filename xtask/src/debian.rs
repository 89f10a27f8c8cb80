//! The system packages that the tasks need: which are missing, and how they are installed.
//!
//! Knows Debian's names. On a system without dpkg it says what is needed and installs nothing.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::Command;

/// What building and running `nodedev` needs.
pub(crate) const TO_RUN: &[&str] = &["libudev-dev", "pkg-config", "udev", "pci.ids"];

/// What the tests need besides.
pub(crate) const TO_TEST: &[&str] = &[
    "umockdev",
    "mdevctl",
    "libvirt-clients",
    "libvirt-daemon",
    "python3-libvirt",
    "libxml2-utils",
    // Makes the system that libvirt 11.3 is taken from.
    "debootstrap",
    "iproute2",
    "util-linux",
    // What `nodedev dump --json` prints, against its schema and as docs/json.md uses it.
    "python3-jsonschema",
    "jq",
    // What `nodedev graph` draws, and a terminal for `nodedev explore`.
    "graphviz",
    "tmux",
    // One binding of libvirt each, for the programs of tests/clients.
    "gcc",
    "libc6-dev",
    "libvirt-dev",
    "libsys-virt-perl",
    "golang-go",
    "golang-github-digitalocean-go-libvirt-dev",
    "ruby-libvirt",
    "php-cli",
    "php8.2-libvirt-php",
    "ocaml-nox",
    "ocaml-findlib",
    "libvirt-ocaml-dev",
    "python3-gi",
    "gir1.2-libvirt-glib-1.0",
    // The ways to reach a daemon, and who may.
    "netcat-openbsd",
    "openssl",
    "dbus",
    "polkitd",
    "python3-dbusmock",
];

/// What `cargo xtask vm` needs: to make its kernel and drivers, to boot them, and inside the guest,
/// whose files are the host's.
pub(crate) const TO_BOOT: &[&str] = &[
    "qemu-system-x86",
    "busybox-static",
    "kmod",
    "make",
    "gcc-12",
    "libelf1",
    "xz-utils",
    "util-linux",
    "udev",
    "mdevctl",
];

/// What `cargo xtask e2e` needs besides, in the guest and to make the other distribution's root.
pub(crate) const TO_END_TO_END: &[&str] =
    &["libvirt-clients", "python3-libvirt", "debootstrap", "iproute2"];

/// What `cargo xtask docs` needs to draw a picture anew.
pub(crate) const TO_DRAW: &[&str] = &["graphviz"];

/// What `cargo xtask dist` needs to find what a program depends on, and to make it small.
pub(crate) const TO_PACKAGE: &[&str] = &["dpkg-dev", "binutils"];

/// What it needs besides to make a fresh Debian.
pub(crate) const TO_TRY_PACKAGES: &[&str] = &["debootstrap", "util-linux"];

/// Sees to it that these packages are installed.
///
/// # Errors
///
/// When some are missing and must not or cannot be installed; names them and the command.
pub(crate) fn require(packages: &[&str], install: bool) -> Result<()> {
    if !Command::new("dpkg-query").args(["--version"]).succeeds() {
        eprintln!(
            "note: no dpkg here, so it is not known whether these are installed (Debian's names): {}",
            packages.join(" ")
        );
        return Ok(());
    }
    let missing = missing(packages, is_installed);
    if missing.is_empty() {
        eprintln!("system packages: all there ({})", packages.join(" "));
        return Ok(());
    }
    eprintln!("system packages: missing {}", missing.join(" "));
    let by_hand = format!("apt-get install {}", missing.join(" "));
    if !install {
        bail!("packages are missing; install them as root: {by_hand}");
    }
    let Some(prefix) = root_prefix() else {
        bail!(
            "packages are missing, and this is neither root nor is there sudo; run as root: {by_hand}"
        );
    };
    install_all(prefix, &missing).with_context(|| format!("by hand: {by_hand}"))
}

/// Whether nothing has to be installed.
pub(crate) fn all_installed(packages: &[&str]) -> bool {
    missing(packages, is_installed).is_empty()
}

/// Asks the mirrors what there is now.
///
/// # Errors
///
/// When this is not root and there is no sudo, or a mirror cannot be reached.
pub(crate) fn update_lists() -> Result<()> {
    let Some(prefix) = root_prefix() else {
        bail!("package lists are old; renew them as root: apt-get update");
    };
    update(prefix)
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// What has to stand before a command so that it runs as root, if that can be had.
fn root_prefix() -> Option<&'static [&'static str]> {
    if is_root() {
        return Some(&[]);
    }
    Command::new("sudo").args(["--version"]).succeeds().then_some(&["sudo"])
}

fn missing<'a>(packages: &[&'a str], is_installed: impl Fn(&str) -> bool) -> Vec<&'a str> {
    packages.iter().copied().filter(|package| !is_installed(package)).collect()
}

fn is_installed(package: &str) -> bool {
    // The query succeeds for a removed package whose configuration is still there.
    Command::new("sh")
        .args([
            "-c",
            r#"[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$0")" = installed ]"#,
            package,
        ])
        .succeeds()
}

fn install_all(prefix: &[&str], packages: &[&str]) -> Result<()> {
    if !has_package_lists(Path::new("/var/lib/apt/lists")) {
        update(prefix)?;
        return install(prefix, packages);
    }
    // Lists that are there may be too old to name what the mirror still has.
    install(prefix, packages).or_else(|_| {
        update(prefix)?;
        install(prefix, packages)
    })
}

fn has_package_lists(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    })
}

fn update(prefix: &[&str]) -> Result<()> {
    as_root(prefix, &["apt-get", "update", "--quiet"]).run_on_stderr()
}

fn install(prefix: &[&str], packages: &[&str]) -> Result<()> {
    let apt_get = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        // Another run of apt, such as the unattended upgrade of a fresh machine, is waited for.
        "--option=DPkg::Lock::Timeout=300",
    ];
    as_root(prefix, &apt_get).args(packages).run_on_stderr()
}

fn as_root(prefix: &[&str], command: &[&str]) -> Command {
    let mut words = prefix.iter().chain(command);
    let program = words.next().expect("the command has a program");
    Command::new(program).args(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_installed_is_missing() {
        let missing = missing(&["a", "b", "c"], |package| package == "b");
        assert_eq!(missing, ["a", "c"]);
    }

    #[test]
    fn lists_are_there_when_a_package_list_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_package_lists(folder.path()));
        std::fs::write(folder.path().join("lock"), "").unwrap();
        assert!(!has_package_lists(folder.path()));
        let list = "mirror_debian_dists_bookworm_main_binary-amd64_Packages.lz4";
        std::fs::write(folder.path().join(list), "").unwrap();
        assert!(has_package_lists(folder.path()));
        assert!(!has_package_lists(&folder.path().join("absent")));
    }
}
