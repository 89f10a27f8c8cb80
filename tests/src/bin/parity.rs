//! The program behind `cargo xtask parity`; the work is in the library.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to who runs it")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use nodedev_tests::debian_root;
use nodedev_tests::parity::hosts::Host;
use nodedev_tests::parity::{Options, report, requests, run};
use nodedev_tests::require;
use nodedev_tests::verdicts;

const EXAMPLES: &str = "\
Examples:
  cargo xtask parity                            the hosts of fixtures/hosts, libvirt of Debian 13
  cargo xtask parity --peer host box.umockdev   a recorded host, with the libvirt installed here
  cargo xtask parity --this-host --diffs 50     this machine's own devices
  cargo xtask parity --vm                       real devices of every kind, in a virtual machine
  cargo xtask parity DIR --json                 every *.umockdev in DIR, or the mock tree DIR
  cargo xtask parity --documents                documents that clients send, good ones and bad

A host is recorded with `umockdev-record --all >box.umockdev`. The differences that are meant, each
with its reason, stand in tests/src/parity/intended.rs; reports name those that were met.

Environment: NODEDEV_DEBIAN_ROOT is the directory of the Debian 13 root, which is made if it is not
there; by default target/parity/debian-13.

Exit status:
  0  nothing differs but what is meant
  1  something differs
  2  a host could not be compared, or the command line is wrong";

/// Compares what our daemon prints with what libvirt's own prints, byte for byte. Needs root.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask parity", max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    /// Recorded hosts, directories of them, or a directory that umockdev shows as a host
    #[arg(value_name = "HOST.umockdev|DIR")]
    hosts: Vec<PathBuf>,
    /// Whose libvirt: that of a Debian 13 root made for this, or the one installed here
    #[arg(long, value_enum, default_value_t = Peer::Root)]
    peer: Peer,
    /// This machine: with its udevd if one answers, else with one in private namespaces
    #[arg(long)]
    this_host: bool,
    /// In a virtual machine with devices of every kind (`cargo xtask vm`)
    #[arg(long)]
    vm: bool,
    /// Make the Debian 13 root if it is not there, print where it is, and end
    #[arg(long)]
    make_root: bool,
    /// Compare what is said of documents that clients send: by both daemons, and by our own check
    /// beside xmllint with libvirt's schema
    #[arg(long, conflicts_with_all = ["hosts", "this_host", "json"])]
    documents: bool,
    /// How many differences of each kind to show for each host
    #[arg(long, value_name = "N", default_value_t = 10)]
    diffs: usize,
    /// Print the report as JSON, with everything in it
    #[arg(long)]
    json: bool,
    /// How many hosts to compare at once
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// The program to compare; the `nodedevd` built beside this one unless given
    #[arg(long, value_name = "PROGRAM")]
    daemon: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Root,
    Host,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match parity(&arguments) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parity(arguments: &Arguments) -> Result<u8> {
    if arguments.vm {
        bail!("`--vm` is for `cargo xtask parity`, which starts the machine");
    }
    if require::root().is_err() {
        bail!("this needs root, for namespaces, mounts and libvirt's daemon; run it as root");
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root(arguments, &workspace)?;
    if arguments.make_root {
        root.iter().for_each(|root| println!("{}", root.display()));
        return Ok(0);
    }
    if arguments.documents {
        let ours = daemon(arguments)?;
        return documents(root.as_deref(), &ours, arguments.diffs);
    }
    let hosts = hosts(arguments, &workspace)?;
    let has_mocks = hosts.iter().any(|host| *host != Host::This);
    if has_mocks {
        require::mock_hosts().map_err(anyhow::Error::msg)?;
    }
    require::programs(&["unshare", "nsenter", "setpriv", "timeout", "gcc"])
        .map_err(anyhow::Error::msg)?;
    let options =
        Options { hosts, root, daemon: daemon(arguments)?, jobs: arguments.jobs.clamp(1, 8) };
    let reports = run(&options, &|line| eprintln!("{line}"));
    if arguments.json {
        println!("{:#}", report::json(&reports));
    } else {
        print!("{}", report::text(&reports, arguments.diffs));
    }
    Ok(report::status(&reports))
}

/// Compares what is said of documents, and shows so much of what differs.
fn documents(root: Option<&Path>, daemon: &Path, most: usize) -> Result<u8> {
    let Some(root) = root else {
        bail!("`--documents` compares with libvirt 11.3, which the Debian 13 root has");
    };
    let verdicts::Outcome { taken, refused, disputed } = verdicts::compare(root)?;
    let others = disputed.len();
    println!(
        "verdicts: {taken} documents taken, {refused} refused, {others} judged otherwise by us"
    );
    for (document, words) in disputed.iter().take(most) {
        println!("\n{document}\n  {}", words.trim_end());
    }
    let requests::Outcome { same, intended, differing } = requests::compare(root, daemon)?;
    let others = differing.len();
    println!(
        "requests: {same} answered alike, {intended} otherwise on purpose, {others} otherwise"
    );
    differing.iter().take(most).for_each(|text| println!("\n{text}"));
    Ok(u8::from(!(disputed.is_empty() && differing.is_empty())))
}

/// The system that libvirt is taken from, unless it is the machine's own.
fn root(arguments: &Arguments, workspace: &Path) -> Result<Option<PathBuf>> {
    if arguments.peer == Peer::Host {
        return Ok(None);
    }
    let place = std::env::var_os("NODEDEV_DEBIAN_ROOT").map(PathBuf::from);
    let place = place.unwrap_or_else(|| workspace.join("target/parity/debian-13"));
    debian_root::ensure(&place, &|line| eprintln!("{line}")).map(Some)
}

fn hosts(arguments: &Arguments, workspace: &Path) -> Result<Vec<Host>> {
    let mut hosts = Vec::new();
    for path in &arguments.hosts {
        hosts.extend(Host::of_path(path)?);
    }
    if arguments.this_host {
        hosts.push(Host::This);
    }
    if hosts.is_empty() {
        hosts = Host::of_path(&workspace.join("fixtures/hosts"))?;
    }
    Ok(hosts)
}

fn daemon(arguments: &Arguments) -> Result<PathBuf> {
    let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("nodedevd"));
    let program = match &arguments.daemon {
        Some(program) => program.clone(),
        None => beside()?,
    };
    program.canonicalize().with_context(|| format!("our daemon: {}", program.display()))
}
