//! Thousands of real interfaces that come and go while the daemon cannot keep up: it is paused and resumed,
//! and the kernel keeps almost nothing for it. Once it is quiet the list has to be what sysfs has.

mod beside;
mod host;
mod ours;
mod play;
mod report;
mod script;
mod small_buffer;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::beside::Beside;
use self::ours::Ours;
use self::play::Stage;
use self::script::Script;
use super::{Report, Say};
use crate::debian_root;
use crate::lab::Lab;

const EXAMPLES: &str = "\
Examples:
  cargo xtask stress storm                          10,000 interfaces, libvirt 11.3 beside it
  cargo xtask stress storm --no-peer --seed 7       another storm, ours alone
  cargo xtask stress storm --no-peer --seeds 200 --interfaces 8 --quiets 1 --within 30000    as in CI

The daemon's self-check is off, so that nothing mends the list but what the daemon notices by itself. A run
in which no event was lost does not count as held. libvirt's daemon is shown and not judged: it comes from
the Debian 13 root in $NODEDEV_DEBIAN_ROOT, or target/parity/debian-13, which is made if it is not there.
While it starts, net.core.rmem_max of this machine is small.";

/// What is run.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// What the run follows from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// So many storms, of this seed and those that follow
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seeds: u64,
    /// Interfaces that are made and removed in each storm
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    pub interfaces: usize,
    /// Quiet moments in each storm in which the lists are judged, besides that at its end
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    pub quiets: usize,
    /// Receive buffer that both daemons ask for; the kernel doubles it
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    pub buffer: usize,
    /// How soon our list has to be right
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000)]
    pub within: u64,
    /// Without libvirt's daemon
    #[arg(long)]
    pub no_peer: bool,
}

impl Options {
    /// The command that repeats a storm of this run.
    fn again(&self, seed: u64) -> String {
        let Self { interfaces, quiets, buffer, within, .. } = self;
        format!(
            "cargo xtask stress storm --no-peer --seed {seed} --interfaces {interfaces} \
             --quiets {quiets} --buffer {buffer} --within {within}"
        )
    }
}

/// Runs it.
///
/// # Errors
///
/// When it could not be run.
pub fn run(options: &Options, say: Say<'_>) -> Result<Report> {
    let root = if options.no_peer { None } else { Some(debian_root(say)?) };
    let lab = Lab::start();
    let ours = Ours::start(&lab, options.buffer)?;
    let mut stage = Stage { ours, peer: None, lab };
    let socket = stage.socket().context("the daemon's socket cannot be seen")?;
    let (mut text, mut held, mut outcomes) = (String::new(), true, Vec::new());
    for seed in (options.seed..).zip(0..options.seeds).map(|(seed, _)| seed) {
        let script = Script::of(seed, options.interfaces, options.quiets);
        let start = |root: &PathBuf| Beside::start(&stage.lab, root, options.buffer);
        stage.peer = root.as_ref().map(start).transpose()?;
        say(&format!("storm {seed}: {} steps", script.steps.len()));
        let outcome = stage.play(&script, say).with_context(|| {
            let (again, log) = (options.again(seed), stage.ours.log());
            format!("seed {seed}; again: {again}\nnodedevd's log ends with:\n{log}\n")
        })?;
        let (is_held, said) = report::of_storm(options, seed, &script, &outcome);
        held &= is_held;
        // Of hundreds only those that failed are shown.
        if !is_held || options.seeds <= 10 {
            text += &(said + "\n");
        }
        let is_lost = outcome.verdicts.iter().any(|verdict| verdict.equal.is_none());
        outcomes.push(outcome);
        // What does not come right is waited for long, and the next storm would begin with it.
        if is_lost {
            break;
        }
    }
    text += &report::of_all(&outcomes);
    text += &format!("nodedevd: a receive buffer of {} bytes.\n", socket.buffer);
    if report::with_losses(&outcomes) * 2 < outcomes.len() {
        text += "FAILED: in most storms no loss was noticed; nothing was tried, or it was overlooked.\n";
        held = false;
    }
    Ok(Report { text, held })
}

fn debian_root(say: Say<'_>) -> Result<PathBuf> {
    let place = std::env::var_os("NODEDEV_DEBIAN_ROOT").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let place = place.unwrap_or_else(|| workspace.join("target/parity/debian-13"));
    debian_root::ensure(&place, &|line| say(line))
}
