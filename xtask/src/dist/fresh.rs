//! A Debian 12 as debootstrap leaves it, made once and kept. It is only looked at: whoever writes does it in a layer
//! of their own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::command::Command;

const SUITE: &str = "bookworm";
/// Where packages come from when the machine's own sources name no mirror.
const MIRROR: &str = "http://deb.debian.org/debian";
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

/// The first mirror of Debian in the machine's own sources.
fn mirror() -> String {
    let folder = Path::new("/etc/apt");
    let listed = fs::read_dir(folder.join("sources.list.d")).into_iter().flatten();
    let mut files: Vec<_> = listed.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.push(folder.join("sources.list"));
    files.sort();
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.into_iter().find_map(|text| mirror_in(&text)).unwrap_or_else(|| MIRROR.to_owned())
}

fn mirror_in(sources: &str) -> Option<String> {
    let words = sources
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "))
        .flat_map(str::split_whitespace);
    let mut mirrors = words.filter(|word| word.trim_end_matches('/').ends_with("/debian"));
    mirrors.find(|word| word.contains("://")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_machine() {
        assert_eq!(mirror_in("Types: deb\nURIs: http://m/debian/\n").unwrap(), "http://m/debian/");
        assert_eq!(mirror_in("URIs: http://m/debian-security\n# deb http://m/debian\n"), None);
    }
}
