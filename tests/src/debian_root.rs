//! A Debian 13 of our own in a directory, with the libvirt that ours is compared with.
//!
//! It is made by debootstrap once and kept. Nothing is mounted in it but in the private namespaces
//! of those who use it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command::run;
use crate::debian_mirror::mirror;
use crate::peer::installed_driver;

/// What is installed into it, besides what every Debian has.
const PACKAGES: &[&str] = &[
    "udev",
    "libvirt-clients",
    "libvirt-daemon",
    "libvirt-daemon-common",
    "libvirt-daemon-driver-nodedev",
    "mdevctl",
    "umockdev",
    "libxml2-utils",
];
/// Programs without which a root is none of ours.
const PROGRAMS: &[&str] = &["usr/sbin/libvirtd", "usr/bin/virsh", "usr/bin/xmllint"];
const SUITE: &str = "trixie";
/// Says in the root whether it is whole: `making`, or the packages.
const MARK: &str = ".nodedev-root";
/// Seconds for each of the two steps.
const DEADLINE: &str = "1200";
/// How often a line of what is going on is shown.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// The root in this directory, made if it is not there or not whole.
///
/// # Errors
///
/// When it cannot be made, or the directory holds something else.
pub fn ensure(folder: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf> {
    let parent = folder.parent().context("a root has a folder above it")?;
    fs::create_dir_all(parent).with_context(|| format!("{}", parent.display()))?;
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    match state(folder) {
        State::Whole => {}
        State::Foreign => bail!(
            "{} is neither empty nor a Debian with libvirt in it; it is left alone",
            folder.display()
        ),
        State::Absent => make(folder, progress)?,
        State::Half => {
            progress("the Debian root is not whole; it is made again");
            remove(folder)?;
            make(folder, progress)?;
        }
    }
    Ok(folder.canonicalize()?)
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Absent,
    Half,
    Whole,
    Foreign,
}

fn state(folder: &Path) -> State {
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    let is_usable = || {
        PROGRAMS.iter().all(|program| folder.join(program).exists())
            && installed_driver(folder).is_some()
    };
    match fs::read_to_string(folder.join(MARK)) {
        Ok(mark) if mark == PACKAGES.join(" ") && is_usable() => State::Whole,
        Ok(_) => State::Half,
        Err(_) if !folder.exists() || is_empty() => State::Absent,
        // Made by somebody else, who may know why.
        Err(_) if is_usable() => State::Whole,
        Err(_) => State::Foreign,
    }
}

fn make(folder: &Path, progress: &dyn Fn(&str)) -> Result<()> {
    let began = Instant::now();
    fs::create_dir_all(folder)?;
    fs::write(folder.join(MARK), "making")?;
    let mirror = mirror();
    progress(&format!(
        "making a Debian 13 root in {} from {mirror} (a minute or two)",
        folder.display()
    ));
    let mut debootstrap = Command::new("timeout");
    debootstrap.args([DEADLINE, "debootstrap", "--variant=minbase", SUITE]);
    follow(debootstrap.arg(folder).arg(mirror), progress)?;
    let mut install = Command::new("timeout");
    install.args([DEADLINE, "unshare", "--mount", "--propagation", "private", "sh", "-c", INSTALL]);
    follow(install.arg("install").arg(folder).args(PACKAGES), progress)?;
    fs::write(folder.join(MARK), PACKAGES.join(" "))?;
    if state(folder) != State::Whole {
        bail!("{} lacks libvirt's daemon or its driver", folder.display());
    }
    progress(&format!("made the root in {:.0} s", began.elapsed().as_secs_f64()));
    Ok(())
}

/// Run as `sh -c SCRIPT install ROOT PACKAGES…` in a mount namespace of its own.
const INSTALL: &str = r#"
set -e
root=$1; shift
mount -t proc proc "$root/proc"
mkdir -p "$root/run/udev" "$root/run/libvirt"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
# Nothing is started in there.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"; chmod +x "$root/usr/sbin/policy-rc.d"
chroot "$root" apt-get update -q
chroot "$root" apt-get install -y -q --no-install-recommends "$@"
chroot "$root" apt-get clean
"#;

/// Runs the command, shows a line of its output now and then, and all of its end if it fails.
fn follow(command: &mut Command, progress: &dyn Fn(&str)) -> Result<()> {
    let name = command.get_args().nth(1).unwrap_or_default().to_string_lossy().into_owned();
    let (reader, writer) = pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start `{name}`"))?;
    // The command holds the ends that are written to.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (mut last, mut tail) = (Instant::now(), Vec::new());
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if last.elapsed() > SHOW_EVERY {
            progress(&format!("  {line}"));
            last = Instant::now();
        }
        tail.push(line);
        if tail.len() > 20 {
            tail.remove(0);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{name}` failed with {status}:\n{}", tail.join("\n"));
    }
    Ok(())
}

/// Removes a root of ours, but nothing that is mounted in it.
fn remove(folder: &Path) -> Result<()> {
    let folder = folder.canonicalize()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let below = format!("{}/", folder.display());
    let mounted = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    if let Some(place) = mounted.into_iter().find(|place| place.starts_with(&below)) {
        bail!("cannot remove {}: {place} is mounted in it", folder.display());
    }
    let removed = run(Command::new("rm").args(["-rf", "--one-file-system"]).arg(&folder));
    if removed.status != Some(0) {
        bail!("cannot remove {}: {}", folder.display(), removed.stderr.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_made_root_is_recognised_and_a_foreign_one_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        assert_eq!(state(&root), State::Absent);
        fs::create_dir(&root).unwrap();
        assert_eq!(state(&root), State::Absent);
        fs::write(root.join(MARK), "making").unwrap();
        assert_eq!(state(&root), State::Half);
        for program in PROGRAMS {
            fs::create_dir_all(root.join(program).parent().unwrap()).unwrap();
            fs::write(root.join(program), "").unwrap();
        }
        let drivers = root.join("usr/lib/libvirt/connection-driver");
        fs::create_dir_all(&drivers).unwrap();
        fs::write(drivers.join("libvirt_driver_nodedev.so"), "").unwrap();
        assert_eq!(state(&root), State::Half, "whole only when it says so");
        fs::write(root.join(MARK), PACKAGES.join(" ")).unwrap();
        assert_eq!(state(&root), State::Whole);
        fs::remove_file(root.join(MARK)).unwrap();
        assert_eq!(state(&root), State::Whole);
        fs::remove_dir_all(&drivers).unwrap();
        assert_eq!(state(&root), State::Foreign);
        assert!(ensure(&root, &|_| ()).unwrap_err().to_string().contains("left alone"));
        assert!(root.join("usr/bin/virsh").exists());
    }
}
