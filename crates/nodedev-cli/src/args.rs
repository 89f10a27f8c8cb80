//! The command line.

mod explore;
mod graph;
mod recording;

use std::path::PathBuf;
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use nodedev_types::Capability;
use tracing_subscriber::filter::LevelFilter;

pub(crate) use self::explore::Explore;
pub(crate) use self::graph::{Format, Graph};
pub(crate) use self::recording::{Record, Replay};
use crate::{command_line, complete};

/// What stands before the file of a recording.
const REPLAY: &str = "replay:";

const GLOBAL: &str = "Global options";

const EXIT: &str = "\
Examples:
  nodedev list --tree
  nodedev explain NAME
  nodedev list --help          options of a command, and examples

Exit status:
  0  done
  1  it failed
  2  the command line is wrong
  3  no device has that name
  4  a source failed: what was printed may lack or misstate something

A definition or attribute that cannot be used is a warning and leaves the status 0.";

/// The devices of this host: one list of what udev sees and what mdevctl has defined.
#[derive(Debug, Parser)]
#[command(name = "nodedev", version, max_term_width = 100, after_help = EXIT)]
pub(crate) struct Args {
    /// Who knows the devices: `auto` is a running nodedevd, or this process where there is none; `none`
    /// is this process; a path is the socket of a nodedevd; `replay:FILE` is a recording
    #[arg(long, global = true, help_heading = GLOBAL, env = "NODEDEV_CONNECT", default_value = "auto", value_name = "WHERE")]
    pub(crate) connect: Connect,
    /// Print no warnings
    #[arg(short, long, global = true, help_heading = GLOBAL, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log to standard error; twice for more
    #[arg(short, long, global = true, help_heading = GLOBAL, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colour: `auto` on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, help_heading = GLOBAL, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// The mdevctl program, a name in PATH or a path; asks no nodedevd
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "PROGRAM")]
    pub(crate) mdevctl: Option<PathBuf>,
    /// UUID of the host to show instead of the machine's own; asks no nodedevd
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "UUID", value_parser = host_uuid)]
    pub(crate) host_uuid: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where to get the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connect {
    /// From a daemon if there is one, else from this process.
    Auto,
    /// From the sources, run in this process.
    None,
    /// From the daemon at that socket.
    Socket(PathBuf),
    /// From that recording.
    Replay(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    // On a terminal, unless NO_COLOR is set. These are not described to the user: help would spread
    // every option over several lines then.
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Dump(Dump),
    Explain(Explain),
    Watch(Watch),
    Graph(Graph),
    Explore(Explore),
    Sources(Sources),
    Define(Define),
    Create(Create),
    /// Start a mediated device that is defined
    #[command(after_help = "\
Examples:
  nodedev start NAME
  nodedev list --inactive | xargs -n1 nodedev start")]
    Start(Name),
    /// Stop a mediated device, or remove a virtual port of a Fibre Channel host
    #[command(after_help = "\
Examples:
  nodedev stop NAME
  nodedev list --cap mdev | xargs -n1 nodedev stop")]
    Stop(Name),
    /// Remove the definition of a mediated device, which may be running
    #[command(after_help = "\
Examples:
  nodedev undefine NAME
  nodedev stop NAME && nodedev undefine NAME    end it, too")]
    Undefine(Name),
    Autostart(Autostart),
    Update(Update),
    Record(Record),
    Replay(Replay),
}

/// List devices, by default the active ones.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  nodedev list --tree
  nodedev list --cap net,storage
  nodedev list --inactive            definitions that are not running
  nodedev list --all --json")]
pub(crate) struct List {
    /// Show who is whose parent
    #[arg(long)]
    pub(crate) tree: bool,
    /// Only devices with one of these capabilities, separated by commas: system, pci, usb_device,
    /// usb, net, scsi_host, scsi_target, scsi, storage, scsi_generic, drm, mdev_types, mdev, …
    #[arg(long, value_name = "CAP", value_delimiter = ',', value_parser = capability)]
    pub(crate) cap: Vec<Capability>,
    /// Only devices that are not active
    #[arg(long, conflicts_with = "all")]
    pub(crate) inactive: bool,
    /// Active and inactive devices
    #[arg(long)]
    pub(crate) all: bool,
    /// Only devices that have a definition
    #[arg(long, conflicts_with = "transient")]
    pub(crate) persistent: bool,
    /// Only devices that have none
    #[arg(long)]
    pub(crate) transient: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "tree")]
    pub(crate) json: bool,
}

/// Print the documents of devices, as libvirt prints them, or as JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nodedev dump computer
  nodedev dump pci_0000_00_1f_2 net_eth0_02_fc_00_00_00_01
  nodedev dump --all-devices --json | jq '.devices[] | select(.net) | .net.address'
  nodedev dump --inactive NAME       the definition of a running mediated device")]
pub(crate) struct Dump {
    /// Names of devices
    #[arg(value_name = "NAME", required_unless_present = "all_devices")]
    pub(crate) names: Vec<String>,
    /// All devices
    #[arg(long, conflicts_with = "names")]
    pub(crate) all_devices: bool,
    /// What is defined instead of what is running; JSON has both
    #[arg(long)]
    pub(crate) inactive: bool,
    /// Print JSON instead of XML: {"version": 1, "devices": […]}, also for one device. Within a
    /// version members are only added; docs/json.md and docs/dump.schema.json describe it (installed:
    /// /usr/share/doc/nodedev)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Say for every field of a device: its value, whose word it is, when it was last said, what lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nodedev explain pci_0000_00_1f_2
  nodedev explain --json computer")]
pub(crate) struct Explain {
    /// Name of a device
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print one line for each event, until interrupted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nodedev watch
  nodedev watch --json | jq .name")]
pub(crate) struct Watch {
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show each source: version, state, devices, diagnostics, last change.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nodedev sources
  nodedev sources --json")]
pub(crate) struct Sources {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Make the definition of a mediated device, or change the one of the same uuid below the same parent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints the name of the device. A definition that is changed keeps its autostart; changing one needs
mdevctl 1.3 or newer.

Examples:
  nodedev define mdev.xml
  nodedev define --validate mdev.xml       refuses typos, too, which are passed over otherwise
  nodedev define - <<END
  <device>
    <parent>mtty_mtty</parent>
    <capability type='mdev'><type id='mtty-1'/></capability>
  </device>
  END")]
pub(crate) struct Define {
    #[command(flatten)]
    pub(crate) described: Described,
}

/// Start a mediated device that gets no definition, or make a virtual port of a Fibre Channel host.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints the name of the device.

Examples:
  nodedev create mdev.xml
  nodedev create --validate mdev.xml       refuses typos, too, which are passed over otherwise
  nodedev dump NAME | nodedev create -     the same device again, once it has been stopped")]
pub(crate) struct Create {
    #[command(flatten)]
    pub(crate) described: Described,
}

/// What a device is made of.
#[derive(Debug, clap::Args)]
pub(crate) struct Described {
    /// File with libvirt's document of the device; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Refuse a document that has not the form that libvirt's schema asks for, of which a name is part,
    /// though any name will do
    #[arg(long)]
    pub(crate) validate: bool,
}

/// Which device.
#[derive(Debug, clap::Args)]
pub(crate) struct Name {
    /// Name of the device
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// Have a mediated device that is defined start together with its parent, or no longer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nodedev autostart NAME
  nodedev autostart NAME --disable")]
pub(crate) struct Autostart {
    /// Name of the device
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// No longer
    #[arg(long)]
    pub(crate) disable: bool,
}

/// Change a mediated device to what a document says.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --live and --config the running device changes, or the definition of one that does not run.
The document has to have the form that libvirt's schema asks for. Needs mdevctl 1.3 or newer.

Examples:
  nodedev update NAME new.xml --config
  nodedev dump --inactive NAME | sed s/old/new/ | nodedev update NAME - --live --config")]
pub(crate) struct Update {
    /// Name of the device
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// File with libvirt's document of what it shall be; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Change the running device
    #[arg(long)]
    pub(crate) live: bool,
    /// Change the definition
    #[arg(long)]
    pub(crate) config: bool,
}

impl Args {
    /// The command line. Ends the process where it makes no sense.
    pub(crate) fn parse_checked() -> Self {
        complete::answer_a_shell(command_line::command);
        let words = command_line::without_help_of_help(std::env::args_os());
        let matches = command_line::command().get_matches_from(words);
        let args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        match args.contradiction() {
            Some(text) => Self::command().error(ErrorKind::ArgumentConflict, text).exit(),
            None => args,
        }
    }

    /// A daemon has its own sources, which nobody else configures.
    fn contradiction(&self) -> Option<String> {
        let who = match &self.connect {
            Connect::Socket(socket) => format!("nodedevd at {}", socket.display()),
            Connect::Replay(file) => format!("the recording {}", file.display()),
            _ => return None,
        };
        let option = match &self.command {
            Command::Record(_) => "record",
            // It asks nobody.
            Command::Replay(_) => return None,
            _ => self.source_option()?,
        };
        Some(format!("{option} is for the sources in this process, not for {who}"))
    }

    fn source_option(&self) -> Option<&'static str> {
        let mdevctl = self.mdevctl.is_some().then_some("--mdevctl");
        mdevctl.or_else(|| self.host_uuid.is_some().then_some("--host-uuid"))
    }

    /// Where to get the list, by all that was said.
    pub(crate) fn where_to_connect(&self) -> Connect {
        match self.source_option() {
            Some(_) => Connect::None,
            None => self.connect.clone(),
        }
    }

    /// Sends the log to standard error, as much of it as was asked for.
    pub(crate) fn start_logging(&self, color: bool) {
        let level = match self.verbose {
            0 => LevelFilter::OFF,
            1 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(color)
            .with_writer(std::io::stderr)
            .init();
    }
}

impl FromStr for Connect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" | "" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            text if text.starts_with(REPLAY) => Ok(Self::Replay(text[REPLAY.len()..].into())),
            path if path.contains('/') => Ok(Self::Socket(path.into())),
            _ => Err("expected auto, none, the path of a socket, or replay:FILE".to_owned()),
        }
    }
}

fn capability(text: &str) -> Result<Capability, String> {
    text.parse().map_err(|error: nodedev_types::UnknownCapability| error.to_string())
}

fn host_uuid(text: &str) -> Result<String, String> {
    let uuid = nodedev_types::MdevUuid::new(text);
    match uuid.is_valid() {
        true => Ok(uuid.as_str().to_owned()),
        false => Err("expected 8-4-4-4-12 hexadecimal digits".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_split_at_commas_and_checked() {
        let args = Args::try_parse_from(["nodedev", "list", "--cap", "net,mdev_types"]).unwrap();
        let Command::List(list) = args.command else { panic!("not a list") };
        assert_eq!(list.cap, [Capability::Net, Capability::MdevTypes]);
        let error = Args::try_parse_from(["nodedev", "list", "--cap", "nets"]).unwrap_err();
        assert!(error.to_string().contains("mdev_types"), "{error}");
    }

    #[test]
    fn options_of_sources_are_not_for_a_daemon() {
        let parse = |args: &[&str]| Args::try_parse_from([&["nodedev"], args, &["list"]].concat());
        let args = parse(&["--connect", "/run/x", "--mdevctl", "m"]).unwrap();
        assert!(args.contradiction().unwrap().contains("--mdevctl"), "{args:?}");
        let args = parse(&["--connect", "auto", "--mdevctl", "m"]).unwrap();
        assert_eq!((args.contradiction(), args.where_to_connect()), (None, Connect::None));
        let args = parse(&["--connect", "./x"]).unwrap();
        let socket = Connect::Socket("./x".into());
        assert_eq!((args.contradiction(), args.where_to_connect()), (None, socket));
        assert!(parse(&["--connect", "nones"]).is_err());
    }
}
