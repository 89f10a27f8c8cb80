//! A Debian 12 as debootstrap leaves it, made once and kept. It is only looked at: whoever writes does it in a layer
//! of their own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::debian_mirror::mirror;
use crate::command::Command;

const SUITE: &str = "bookworm";
const LIMIT: Duration = Duration::from_secs(900);

/// The root in this folder, with package lists.
///
/// # Errors
///
/// When it cannot be made.
pub(super) fn provide(folder: &Path) -> Result<PathBuf> {
    let root = folder.join("debian-12");
    let lock = File::create(folder.join("debian-12.lock"))?;
    lock.lock()?;
    // Beside it, so that there is nothing of ours in it.
    let whole = folder.join("debian-12.whole");
    if whole.exists() && root.exists() {
        return Ok(root);
    }
    let mirror = mirror();
    eprintln!(
        "dist: making a Debian 12 in {} from {mirror} (once; about a minute)",
        root.display()
    );
    let began = Instant::now();
    let _ = fs::remove_file(&whole);
    let _ = fs::remove_dir_all(&root);
    let log = folder.join("debian-12.log");
    let make = Command::within(LIMIT, "debootstrap").args(["--variant=minbase", SUITE]);
    let make = make.args([&root]).args([&mirror]).record(&File::create(&log)?)?;
    make.run_quietly().with_context(|| format!("see {}", log.display()))?;
    fs::write(&whole, "")?;
    eprintln!("dist: made in {:.0} s", began.elapsed().as_secs_f64());
    Ok(root)
}
