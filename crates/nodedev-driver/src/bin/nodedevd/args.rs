//! The command line. Also that of libvirt's daemon, whose name a link to this program may have.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser};
use nodedev_types::MdevUuid;

use crate::places;
use crate::settings::{Settings, Varlink};

const EXAMPLES: &str = "\
Examples:
  nodedevd                             serve this host (as root) or this user
  nodedevd --socket-dir ./sockets -v   try it out, without touching the usual sockets
  nodedevd --check-config              say what is wrong with the configuration
  nodedevd -d -p /run/nodedevd.pid     in the background, without systemd
  virsh -c nodedev:///system nodedev-list --tree

Signals:
  SIGHUP           reads the configuration again
  SIGTERM, SIGINT  end the daemon

Environment:
  NODEDEVD_LOG     what --log is

Exit status:
  0  it served and has ended
  1  it failed
  2  the command line is wrong";

/// Serves the list of a host's node devices to libvirt's clients, and over varlink.
#[derive(Debug, Clone, Parser)]
#[command(name = "nodedevd", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Put all sockets into this folder; with `@NAME` into the abstract name space
    #[arg(long, value_name = "DIR")]
    pub(crate) socket_dir: Option<PathBuf>,
    /// The configuration file; it has to exist
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say what is wrong with the configuration, and end
    #[arg(long)]
    pub(crate) check_config: bool,
    /// Write the process id there, and start only if no other daemon has
    #[arg(short = 'p', long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// End after so many seconds without clients; 0 for never
    #[arg(short = 't', long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) timeout: u64,
    /// The mdevctl program, a name in PATH or a path
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) mdevctl: Option<PathBuf>,
    /// UUID of the host to show instead of the machine's own
    #[arg(long, value_name = "UUID", value_parser = host_uuid)]
    pub(crate) host_uuid: Option<String>,
    /// Where to serve varlink: a path, or `none`
    #[arg(long, value_name = "PATH")]
    pub(crate) varlink_socket: Option<PathBuf>,
    /// Write down all that the sources say, until there are 256 MiB: `nodedev replay` plays it. One that is
    /// there becomes FILE.1
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// What to log, for example `info` or `nodedev_server=debug,warn`
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Log more; twice for everything
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "log")]
    pub(crate) verbose: u8,
    /// Run in the background; return when clients can connect
    #[arg(short, long)]
    pub(crate) daemon: bool,
    /// What the process in the background is started with: where its paths begin
    #[arg(long, hide = true, value_name = "DIR")]
    pub(crate) background: Option<PathBuf>,
}

impl Args {
    /// Those of this process, or its end with help, version or a complaint.
    pub(crate) fn of_this_process() -> Self {
        let words: Vec<_> = std::env::args_os().collect();
        Self::try_from_words(&words).unwrap_or_else(|error| error.exit())
    }

    fn try_from_words(words: &[OsString]) -> Result<Self, clap::Error> {
        let called = words.first().and_then(|word| Path::new(word).file_name());
        let mut command = Self::command();
        if called.is_some_and(|name| name == "virtnodedevd") {
            command = command.name("virtnodedevd");
        }
        let mut args = Self::from_arg_matches(&command.try_get_matches_from(words)?)?;
        args.resolve_paths();
        Ok(args)
    }

    /// The process in the background runs in `/`, and its paths are those of who started it.
    fn resolve_paths(&mut self) {
        let Some(base) = self.background.clone() else {
            return;
        };
        let mut paths: Vec<_> =
            [&mut self.socket_dir, &mut self.config, &mut self.pid_file, &mut self.record].into();
        if self.varlink_socket.as_deref() != Some(Path::new("none")) {
            paths.push(&mut self.varlink_socket);
        }
        if self.mdevctl.as_ref().is_some_and(|program| program.components().count() > 1) {
            paths.push(&mut self.mdevctl);
        }
        let is_file = |path: &&mut PathBuf| !places::is_abstract(path);
        for path in paths.into_iter().flatten().filter(is_file) {
            *path = base.join(&path);
        }
    }

    /// After how long without clients to end.
    pub(crate) fn idle_limit(&self) -> Option<Duration> {
        (self.timeout > 0).then(|| Duration::from_secs(self.timeout))
    }

    /// What the command line says counts more than what a file says.
    pub(crate) fn override_settings(&self, settings: &mut Settings) {
        if let Some(program) = &self.mdevctl {
            settings.driver.mdevctl.program.clone_from(program);
        }
        if let Some(uuid) = &self.host_uuid {
            settings.driver.udev.host_uuid = Some(uuid.clone());
        }
        if let Some(place) = &self.varlink_socket {
            let none = place.as_os_str() == "none";
            settings.sockets.varlink =
                if none { Varlink::Nowhere } else { Varlink::At(place.clone()) };
        }
    }
}

fn host_uuid(text: &str) -> Result<String, String> {
    let uuid = MdevUuid::new(text);
    match uuid.is_valid() {
        true => Ok(uuid.as_str().to_owned()),
        false => Err("expected 8-4-4-4-12 hexadecimal digits".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Result<Args, clap::Error> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        Args::try_from_words(&words)
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_libvirts_clients_and_units_pass_is_understood() {
        let timeout = |words: &[&str]| args(words).unwrap().idle_limit();
        assert_eq!(timeout(&["virtnodedevd", "--timeout=120"]), Some(Duration::from_secs(120)));
        assert_eq!(timeout(&["virtnodedevd", "--timeout", "120"]), Some(Duration::from_secs(120)));
        assert_eq!(timeout(&["virtnodedevd", "-t", "0"]), None);
        let all = ["virtnodedevd", "-d", "-v", "-f", "/a", "-p", "/b"];
        let all = args(&all).unwrap();
        assert!(all.daemon && all.verbose == 1 && all.config.is_some() && all.pid_file.is_some());
        let version = args(&["/usr/sbin/virtnodedevd", "-V"]).unwrap_err().to_string();
        assert!(version.starts_with("virtnodedevd "), "{version}");
        assert!(args(&["nodedevd", "--timeout", "soon"]).is_err());
    }

    #[test]
    fn in_the_background_paths_begin_where_it_was_started() {
        let words = ["nodedevd", "--background", "/here", "--socket-dir", "s", "-p", "/run/x"];
        let moved = args(&words).unwrap();
        assert_eq!(moved.socket_dir.as_deref(), Some(Path::new("/here/s")));
        assert_eq!(moved.pid_file.as_deref(), Some(Path::new("/run/x")));
        let words = ["nodedevd", "--background", "/here", "--varlink-socket", "none"];
        let mut settings = Settings::default();
        args(&words).unwrap().override_settings(&mut settings);
        assert_eq!(settings.sockets.varlink, Varlink::Nowhere);
    }
}
