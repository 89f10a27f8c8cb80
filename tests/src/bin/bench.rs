//! The program behind `cargo xtask bench`; the work is in the library.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to who runs it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use nodedev_tests::bench::{Bench, Options, report};
use nodedev_tests::command::nodedevd;
use nodedev_tests::{debian_root, require};

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench                             everything, about a quarter of an hour
  cargo xtask bench --quick                     everything on small hosts, a minute or two
  cargo xtask bench --case 'start/*' --no-peer  our daemon alone, how it starts
  cargo xtask bench --write                     everything, and the page docs/performance.md

Environment: NODEDEV_DEBIAN_ROOT is the directory of the Debian 13 root, which is made if it is not
there; by default target/parity/debian-13.

Exit status:
  0  everything was measured, whatever the figures are
  1  a case could not be measured
  2  nothing could be, or the command line is wrong";

/// Measures our daemon beside libvirt's own: times, memory, events. Needs root.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    /// Only these cases; `*` stands for anything, and it can be given again
    #[arg(long = "case", value_name = "GLOB")]
    cases: Vec<String>,
    /// Small hosts and few repetitions
    #[arg(long)]
    quick: bool,
    /// Our daemon alone
    #[arg(long)]
    no_peer: bool,
    /// Whose libvirt: that of a Debian 13 root made for this, or the one installed here
    #[arg(long, value_enum, default_value_t = Peer::Root)]
    peer: Peer,
    /// Write every measurement into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the page into this file, and the plots beside it
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the page docs/performance.md and its plots
    #[arg(long)]
    write: bool,
    /// Name the cases and end
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Root,
    Host,
}

fn main() -> ExitCode {
    match bench(&Arguments::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn bench(arguments: &Arguments) -> Result<u8> {
    let Arguments { cases, quick, no_peer, .. } = arguments;
    let options = Options { cases: cases.clone(), quick: *quick, no_peer: *no_peer };
    if arguments.list {
        for case in options.chosen()? {
            println!("{:22} {}", case.name, case.about);
        }
        return Ok(0);
    }
    if require::root().is_err() {
        bail!("this needs root, for namespaces, mounts and libvirt's daemon; run it as root");
    }
    require::mock_hosts().map_err(anyhow::Error::msg)?;
    require::programs(&["unshare", "nsenter", "setpriv", "strace", "udevadm", "ip", "gcc"])
        .map_err(anyhow::Error::msg)?;
    options.chosen()?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root(arguments, &workspace)?;
    let say = |line: &str| eprintln!("{line}");
    let report = Bench::new(&options, root, nodedevd(), &say).run()?;
    print!("{}", report::text(&report));
    if let Some(file) = &arguments.json {
        write(file, &format!("{:#}\n", report::json(&report)))?;
    }
    let page = arguments.write.then(|| workspace.join("docs/performance.md"));
    for file in arguments.markdown.iter().chain(&page) {
        write(file, &report::markdown(&report))?;
        for plot in report::plots(&report.rows) {
            write(&file.with_file_name(plot.file), &plot.svg)?;
        }
    }
    Ok(u8::from(!report.failures.is_empty()))
}

/// The system that both daemons run in, unless it is the machine's own.
fn root(arguments: &Arguments, workspace: &Path) -> Result<Option<PathBuf>> {
    if arguments.peer == Peer::Host || arguments.no_peer {
        return Ok(None);
    }
    let place = std::env::var_os("NODEDEV_DEBIAN_ROOT").map(PathBuf::from);
    let place = place.unwrap_or_else(|| workspace.join("target/parity/debian-13"));
    debian_root::ensure(&place, &|line| eprintln!("{line}")).map(Some)
}

fn write(file: &Path, contents: &str) -> Result<()> {
    fs::write(file, contents).with_context(|| format!("cannot write {}", file.display()))
}
