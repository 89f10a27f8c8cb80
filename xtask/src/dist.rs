//! `cargo xtask dist`: the Debian packages, and trying them.
//!
//! What is in them stands in `[package.metadata.deb]` of the two crates; cargo-deb makes them, from programs that
//! are built here. They lie in `target/dist`.

mod check;
#[path = "../../tests/src/debian_mirror.rs"]
mod debian_mirror;
mod fresh;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::command::Command;
use crate::programs::Profile;
use crate::{debian, programs, toolchain};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask dist                     target/dist/nodedevd_*.deb and nodedev_*.deb
  cargo xtask dist --check             and install, upgrade and purge them in a fresh Debian 12
  cargo xtask dist --check --debug     the same without waiting for a release build
  cargo xtask dist --boot              under systemd, in the virtual machine")]
pub(crate) struct Arguments {
    /// Pack unoptimised programs, which are built sooner: for trying the packages, not for using them
    #[arg(long)]
    debug: bool,
    /// Install them in a fresh Debian 12 (made once by debootstrap), upgrade and purge them
    #[arg(long)]
    check: bool,
    /// Boot a Debian 12 with them in the virtual machine: activation, restart, watchdog, the switch from and to
    /// virtnodedevd. Takes some minutes
    #[arg(long)]
    boot: bool,
    /// Install nothing on this host; say what is missing
    #[arg(long)]
    no_install: bool,
}

const CARGO_DEB: (&str, &str) = ("cargo-deb", "3.8.0");

const MAINTAINER: &str = "The nodedev developers <developers@nodedev.invalid>";

/// Each crate that has a package, the package, and the program in it.
const PACKAGES: &[(&str, &str, &str)] =
    &[("nodedev-driver", "nodedevd", "nodedevd"), ("nodedev-cli", "nodedev", "nodedev")];

/// Packages that were made.
#[derive(Debug)]
struct Made {
    /// Where everything of this task lies.
    folder: PathBuf,
    /// In the order of [`PACKAGES`].
    files: Vec<PathBuf>,
}

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let install = !arguments.no_install;
    if (arguments.check || arguments.boot) && !debian::is_root() {
        bail!(
            "a Debian to try the packages in can be made by root only; without --check and --boot they are just made"
        );
    }
    if arguments.check || arguments.boot {
        require(debian::TO_TRY_PACKAGES, install)?;
    }
    if arguments.boot {
        require(debian::TO_BOOT, install)?;
    }
    let made = make(root, arguments.debug, install, || build(root, arguments.debug))?;
    for file in &made.files {
        println!("{}", file.display());
    }
    if arguments.check {
        check::run(&made)?;
    }
    if arguments.boot {
        check::boot(&made)?;
    }
    Ok(())
}

/// A step of `cargo xtask test`.
pub(crate) fn check(root: &Path, install: bool) -> Result<()> {
    if !debian::is_root() {
        println!("skipped: this needs root");
        return Ok(());
    }
    require(debian::TO_TRY_PACKAGES, install)?;
    // The other steps have built them, with the features that the tests need.
    check::run(&make(root, true, install, || programs::build(root))?)
}

/// Without a word where they are there.
fn require(packages: &[&str], install: bool) -> Result<()> {
    if debian::all_installed(packages) { Ok(()) } else { debian::require(packages, install) }
}

/// Builds what is packed and nothing else, and tells where it is.
fn build(root: &Path, debug: bool) -> Result<PathBuf> {
    let began = Instant::now();
    let crates: Vec<_> = PACKAGES.iter().map(|(package, ..)| *package).collect();
    let (profile, how) = match debug {
        true => (Profile::Debug, "without optimising them (the first time takes about a minute)"),
        false => (Profile::Release, "optimised (the first time takes some five minutes)"),
    };
    eprintln!("dist: building nodedevd and nodedev, {how}");
    let programs = programs::build_shipped(root, &crates, profile)?;
    eprintln!("dist: built in {:.0} s", began.elapsed().as_secs_f64());
    Ok(programs)
}

/// Makes all packages anew, of the programs in the folder that `build` gives.
fn make(
    root: &Path,
    is_fast: bool,
    install: bool,
    build: impl FnOnce() -> Result<PathBuf>,
) -> Result<Made> {
    require(debian::TO_PACKAGE, install)?;
    let cargo_deb = toolchain::pinned(root, CARGO_DEB, None, install)?;
    let programs = build()?;
    let folder = programs::target_directory(root)?.join("dist");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let stage = stage(root, &folder, &programs)?;
    let mut files = Vec::new();
    for (package, name, _) in PACKAGES {
        eprintln!("dist: packing {name}");
        remove_old(&folder, name)?;
        let pack = ["--no-build", "--strip", "--locked", "--package", package];
        let command = Command::new(&cargo_deb).folder(root).args(pack);
        // Small is for those who download it.
        let command = command.args(is_fast.then_some("--fast")).args(["--output"]).args([&folder]);
        let command = command.env("CARGO_TARGET_DIR", &stage.to_string_lossy());
        command.run_on_stderr()?;
        files.push(find(&folder, name)?);
    }
    Ok(Made { folder, files })
}

/// A target directory in which cargo-deb finds the programs as if it had built them.
fn stage(root: &Path, folder: &Path, programs: &Path) -> Result<PathBuf> {
    let stage = folder.join("stage");
    let release = stage.join("release");
    fs::create_dir_all(&release).with_context(|| release.display().to_string())?;
    for (_, _, program) in PACKAGES {
        let link = release.join(program);
        let _ = fs::remove_file(&link);
        symlink(programs.join(program), &link).with_context(|| link.display().to_string())?;
    }
    completions(&release)?;
    for (_, name, _) in PACKAGES {
        let log = release.join(format!("changelog.{name}"));
        fs::write(&log, changelog(root, name)?).with_context(|| log.display().to_string())?;
        Command::new("gzip").args(["-9nf"]).args([&log]).run_quietly()?;
    }
    Ok(stage)
}

/// What Debian wants to know of the packaging, which is made anew for every version.
fn changelog(root: &Path, name: &str) -> Result<String> {
    let version = programs::version(root, "nodedev-driver")?;
    let git = Command::new("git").args(["-C"]).args([root]);
    let date = git.args(["log", "-1", "--format=%aD"]).output()?;
    Ok(format!(
        "{name} ({version}-1) unstable; urgency=medium\n\n  * What changed in nodedev stands in changelog.gz.\n\n \
         -- {MAINTAINER}  {}\n",
        date.trim()
    ))
}

/// What `nodedev` gives each shell that asks.
fn completions(release: &Path) -> Result<()> {
    let folder = release.join("completions");
    fs::create_dir_all(&folder)?;
    let path = std::env::var("PATH").unwrap_or_default();
    for shell in ["bash", "zsh", "fish"] {
        let file = folder.join(format!("nodedev.{shell}"));
        let script = File::create(&file).with_context(|| file.display().to_string())?;
        // The scripts name the program as it is called.
        let ask = Command::new("nodedev").env("PATH", &format!("{}:{path}", release.display()));
        ask.env("COMPLETE", shell).print_to(script).run_quietly()?;
    }
    Ok(())
}

fn remove_old(folder: &Path, name: &str) -> Result<()> {
    while let Ok(old) = find(folder, name) {
        fs::remove_file(&old).with_context(|| old.display().to_string())?;
    }
    Ok(())
}

fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let start = format!("{name}_");
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if file.starts_with(&start) && file.ends_with(".deb") {
            return Ok(path);
        }
    }
    bail!("there is no {start}*.deb in {}", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// cargo-deb finds by themselves those that are called as the package.
    const FOUND: &[&str] = &["nodedevd.service", "nodedevd.socket"];

    #[test]
    fn every_unit_and_every_page_of_the_manual_is_packed() {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/nodedev-driver");
        let manifest = fs::read_to_string(driver.join("Cargo.toml")).unwrap();
        for unit in fs::read_dir(driver.join("systemd")).unwrap() {
            let name = unit.unwrap().file_name().into_string().unwrap();
            let is_packed =
                FOUND.contains(&&*name) || manifest.contains(&format!("\"systemd/{name}\""));
            assert!(is_packed, "{name}");
        }
        for page in fs::read_dir(driver.join("man")).unwrap() {
            let page = page.unwrap().path();
            let section = page.extension().unwrap_or_default().to_string_lossy().into_owned();
            assert!(manifest.contains(&format!("\"man/*.{section}\"")), "{}", page.display());
        }
    }

    /// Of those installed pages that name others; `dist --check` looks at all.
    #[test]
    fn every_page_that_the_manual_names_is_packed() {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/nodedev-driver");
        let read = |file: &str| fs::read_to_string(driver.join(file)).unwrap();
        let manifest = read("Cargo.toml");
        let files = ["man/nodedevd.8", "man/nodedevd.conf.5", "package/nodedevd.conf"];
        let text = files.map(read).concat().replace("\\-", "-");
        let pages: Vec<_> = text.split("doc/nodedevd/").skip(1).collect();
        assert!(pages.len() >= 3, "{text}");
        for page in pages.iter().map(|rest| rest.split(".md").next().unwrap()) {
            let asset = format!("[\"../../docs/{page}.md\", \"usr/share/doc/nodedevd/\"");
            assert!(manifest.contains(&asset), "{page}");
        }
        assert_eq!(text.matches(".md").count(), pages.len(), "by another path");
    }

    #[test]
    fn packages_of_other_names_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["nodedev_1_amd64.deb", "nodedevd_1_amd64.deb", "nodedev_1_amd64.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_old(folder.path(), "nodedev").unwrap();
        let left = find(folder.path(), "nodedevd").unwrap();
        assert!(left.ends_with("nodedevd_1_amd64.deb"));
        assert!(find(folder.path(), "nodedev").is_err());
    }
}
