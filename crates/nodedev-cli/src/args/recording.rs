//! The command line of `record` and `replay`.

use std::path::PathBuf;
use std::time::Duration;

use nodedev_recording::Speed;

/// Write down all that the sources say, for a report of a fault or for another day.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Runs the sources in this process, asks no nodedevd (`nodedevd --record FILE` records one), and ends
when every source has been read and every device's document has been read again. A recording names
serial numbers, addresses and uuids, unless it is scrubbed; docs/recordings.md (installed:
/usr/share/doc/nodedev) tells what it holds.

Examples:
  nodedev record --scrub bug.jsonl         to attach to a report
  nodedev record --for 30s bug.jsonl       while the fault is being shown
  nodedev record --follow - | xz >day.xz   until interrupted")]
pub(crate) struct Record {
    /// Where to write, a new file; - for standard output
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Go on for so long: a number with `ms`, `s`, `min` or `h`
    #[arg(long = "for", value_name = "TIME", value_parser = duration, conflicts_with = "follow")]
    pub(crate) time: Option<Duration>,
    /// Go on until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
    /// Replace serial numbers, addresses, uuids and labels, each by the same one everywhere
    #[arg(long)]
    pub(crate) scrub: bool,
    /// Replace FILE if it is there already
    #[arg(long)]
    pub(crate) force: bool,
    /// End when there are so many MiB
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) max_size: u64,
}

/// Play a recording through merge, registry and server, as on the host that it comes from.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing of this host is read. Every other command does the same with --connect replay:FILE.

Examples:
  nodedev replay bug.jsonl
  nodedev replay --watch --speed 10 bug.jsonl
  nodedev replay --serve bug.jsonl         then virsh, or nodedev --connect, as it says
  nodedev --connect replay:bug.jsonl dump --all-devices")]
pub(crate) struct Replay {
    /// The recording; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// List the devices that there are in the end; the default
    #[arg(long, conflicts_with_all = ["watch", "serve"])]
    pub(crate) list: bool,
    /// Print one line for each event, as it happened
    #[arg(long, conflicts_with = "serve")]
    pub(crate) watch: bool,
    /// Serve libvirt's clients and varlink, until interrupted
    #[arg(long)]
    pub(crate) serve: bool,
    /// How many times as fast as it was recorded, or `max`: 1 for --watch, max otherwise
    #[arg(long, value_name = "N")]
    pub(crate) speed: Option<Speed>,
    /// The folder for the sockets, a new one by default
    #[arg(long, value_name = "DIR", requires = "serve")]
    pub(crate) socket_dir: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match &text[digits..] {
        "ms" => 0.001,
        "s" => 1.0,
        "min" | "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("expected a number and its unit: 500ms, 10s, 5min, 1h".to_owned()),
    };
    let number: f64 =
        text[..digits].parse().map_err(|_| format!("`{}` is no number", &text[..digits]))?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5min"), Ok(Duration::from_secs(90)));
        for bad in ["", "10", "s", "-1s", "1d", "1.2.3s", "10 s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
