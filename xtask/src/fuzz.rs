//! `cargo xtask fuzz`: every parser of foreign bytes under libFuzzer, for a few seconds or for long.
//!
//! Builds the targets with plain cargo and the flags that cargo-fuzz would give, so that a machine
//! without cargo-fuzz (whose own build takes minutes) can run them. What it finds stays below `target`.

use std::fs::{self, File};
use std::io::Read as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::command::Command;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask fuzz                        ten seconds of each target
  cargo xtask fuzz vpd --seconds 600      ten minutes of one
  cargo xtask fuzz --list")]
pub(crate) struct Arguments {
    /// The targets to run; all of them when none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Name the targets and run none
    #[arg(long)]
    list: bool,
}

/// A package of fuzz targets, which is no member of the workspace.
#[derive(Debug)]
struct Package {
    folder: &'static str,
    targets: &'static [&'static str],
    /// Seeds of all targets, besides those in the corpus of each.
    seeds: Option<&'static str>,
}

const PACKAGES: &[Package] = &[
    Package {
        folder: "crates/nodedev-rpc/fuzz",
        targets: &["frame", "arguments", "replies", "error"],
        seeds: Some("crates/nodedev-rpc/fuzz/corpus/captured"),
    },
    Package {
        folder: "tests/fuzz",
        targets: &[
            "document",
            "vpd",
            "config",
            "device",
            "number",
            "pci_ids",
            "netlink",
            "listing",
            "definition",
            "exec",
        ],
        seeds: None,
    },
];

/// What libFuzzer needs of the compiler: counters at every edge, comparisons told, memory watched.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
     -Ccodegen-units=1 -Zsanitizer=address";
/// The targets are built here, apart from everything that is built without these flags.
const BUILT: &str = "target/fuzz-build";
/// Lines of a failed target's output that are shown.
const SHOWN: usize = 40;

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    if arguments.list {
        all().for_each(|(_, target)| println!("{target}"));
        return Ok(());
    }
    if let Some(name) = arguments.targets.iter().find(|name| all().all(|(_, t)| t != *name)) {
        bail!("there is no fuzz target `{name}`; --list names them");
    }
    let chosen: Vec<_> = all()
        .filter(|(_, target)| {
            arguments.targets.is_empty() || arguments.targets.iter().any(|name| name == target)
        })
        .collect();
    fuzz(root, &chosen, arguments.seconds)
}

/// A step of `cargo xtask test`: five seconds of each.
pub(crate) fn check(root: &Path) -> Result<()> {
    fuzz(root, &all().collect::<Vec<_>>(), 5)
}

fn all() -> impl Iterator<Item = (&'static Package, &'static str)> {
    PACKAGES.iter().flat_map(|package| package.targets.iter().map(move |target| (package, *target)))
}

/// As many at a time as there are processors.
fn fuzz(root: &Path, targets: &[(&'static Package, &'static str)], seconds: u32) -> Result<()> {
    let programs = build(root, targets)?;
    let beside = available_parallelism().map_or(1, NonZero::get);
    for some in targets.chunks(beside) {
        let running: Vec<_> = some
            .iter()
            .map(|(package, target)| Running::start(root, &programs, package, target, seconds))
            .collect::<Result<_>>()?;
        let ended: Vec<_> = running.into_iter().map(Running::end).collect();
        ended.into_iter().collect::<Result<()>>()?;
    }
    Ok(())
}

/// Builds them and tells in which folder they are.
fn build(root: &Path, targets: &[(&'static Package, &'static str)]) -> Result<PathBuf> {
    let host = host_triple(root)?;
    for package in PACKAGES {
        let of_it: Vec<_> = targets.iter().filter(|(of, _)| of.folder == package.folder).collect();
        if of_it.is_empty() {
            continue;
        }
        let manifest = format!("{}/Cargo.toml", package.folder);
        Command::cargo(root)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", FLAGS)
            .args(["build", "--locked", "--quiet", "--manifest-path", &manifest])
            .args(["--target", &host, "--target-dir", BUILT, "--config", "profile.dev.opt-level=1"])
            .args(of_it.iter().map(|(_, target)| format!("--bin={target}")))
            .run()?;
    }
    Ok(root.join(BUILT).join(host).join("debug"))
}

/// The target has to be named, so that build scripts and macros are built without the flags.
fn host_triple(root: &Path) -> Result<String> {
    let told = Command::cargo(root).args(["--version", "--verbose"]).output()?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("cargo does not tell its host")
}

/// One target that runs.
struct Running {
    target: &'static str,
    child: Child,
    log: PathBuf,
    since: Instant,
}

impl Running {
    fn start(
        root: &Path,
        programs: &Path,
        package: &Package,
        target: &'static str,
        seconds: u32,
    ) -> Result<Self> {
        let found = root.join("target/fuzz").join(target);
        fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
        let log = found.with_extension("log");
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        let child = Command::new(programs.join(target))
            .folder(root)
            .args([found.as_path(), &root.join(package.folder).join("corpus").join(target)])
            .args(package.seeds.map(|seeds| root.join(seeds)))
            .args([format!("-artifact_prefix={}/", found.display())])
            .args([format!("-max_total_time={seconds}")])
            .args(["-max_len=8192", "-malloc_limit_mb=64", "-timeout=10"])
            .record(&file)?
            .spawn()?;
        Ok(Self { target, child, log, since: Instant::now() })
    }

    fn end(mut self) -> Result<()> {
        let status = self.child.wait().with_context(|| self.target.to_owned())?;
        let said = self.said()?;
        if !status.success() {
            let lines: Vec<_> = said.lines().collect();
            let last = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
            bail!(
                "fuzz target `{}`: {status}\n{last}\n(all of it: {})",
                self.target,
                self.log.display()
            );
        }
        let count = said.lines().rev().find_map(|line| line.strip_prefix("Done "));
        let count = count.and_then(|line| line.split(' ').next()).unwrap_or("?");
        println!("{:10} {count} runs in {} s", self.target, self.since.elapsed().as_secs());
        Ok(())
    }

    /// What it printed: inputs that it tells may be any bytes.
    fn said(&self) -> Result<String> {
        let mut bytes = Vec::new();
        let log = File::open(&self.log).with_context(|| self.log.display().to_string())?;
        log.take(16 << 20).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_packages_is_run() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for package in PACKAGES {
            let targets = fs::read_dir(root.join(package.folder).join("fuzz_targets")).unwrap();
            let mut there: Vec<_> = targets
                .map(|entry| {
                    entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()
                })
                .collect();
            let mut run = package.targets.to_vec();
            there.sort();
            run.sort();
            assert_eq!(run, there, "{}", package.folder);
        }
    }
}
