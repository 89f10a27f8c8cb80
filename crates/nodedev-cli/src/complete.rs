//! What a shell completes on the command line: names of devices, as a running nodedevd knows them, and
//! capabilities. Starts no source, changes nothing, prints nothing but candidates, and is soon done.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::Command;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, ValueCompleter};
use nodedev_types::Capability;
use nodedev_varlink::{Client, Filter, Row};
use tokio::time::timeout;

use crate::args::Connect;
use crate::connect;

/// The user waits for a key to have its effect.
const DEADLINE: Duration = Duration::from_secs(1);

/// Where a shell asks (`COMPLETE=bash nodedev`): answers it, and ends the process.
pub(crate) fn answer_a_shell(command: fn() -> Command) {
    CompleteEnv::with_factory(move || with_completers(command())).complete();
}

/// Arguments called `NAME` are devices, `CAP` capabilities, in whatever sub-command they stand.
fn with_completers(command: Command) -> Command {
    command.mut_subcommands(|subcommand| {
        let which = Which::of(subcommand.get_name());
        subcommand.mut_args(|arg| match arg.get_value_names().unwrap_or_default() {
            [name] if name == "NAME" => arg.add(ArgValueCompleter::new(which)),
            [name] if name == "CAP" => arg.add(ArgValueCompleter::new(capabilities)),
            _ => arg,
        })
    })
}

fn capabilities(begun: &OsStr) -> Vec<CompletionCandidate> {
    candidates(begun, Capability::ALL.iter().map(|capability| capability.as_str()))
}

fn candidates<'a>(begun: &OsStr, names: impl Iterator<Item = &'a str>) -> Vec<CompletionCandidate> {
    let begun = begun.to_string_lossy();
    names.filter(|name| name.starts_with(&*begun)).map(CompletionCandidate::new).collect()
}

/// The devices that make sense for a sub-command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    /// Definitions that are not running.
    Startable,
    /// What runs and can be ended: mediated devices, virtual ports.
    Stoppable,
    Defined,
    Mediated,
}

impl Which {
    fn of(subcommand: &str) -> Self {
        match subcommand {
            "start" => Self::Startable,
            "stop" => Self::Stoppable,
            "undefine" | "autostart" => Self::Defined,
            "update" => Self::Mediated,
            _ => Self::All,
        }
    }

    fn has(self, row: &Row) -> bool {
        let is = |capability| row.capabilities.contains(&capability);
        match self {
            Self::All => true,
            Self::Startable => is(Capability::Mdev) && !row.active,
            Self::Stoppable => row.active && (is(Capability::Mdev) || is(Capability::FcHost)),
            // Not only mediated devices are persistent.
            Self::Defined => is(Capability::Mdev) && row.persistent,
            Self::Mediated => is(Capability::Mdev),
        }
    }
}

impl ValueCompleter for Which {
    fn complete(&self, begun: &OsStr) -> Vec<CompletionCandidate> {
        let rows = devices(&asked(std::env::args_os()));
        let rows = rows.iter().filter(|row| self.has(row));
        candidates(begun, rows.map(|row| row.name.as_str()))
    }
}

/// Who to ask, by what stands on the command line so far, or in the environment.
fn asked(words: impl Iterator<Item = OsString>) -> Connect {
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let apart = words.windows(2).filter(|pair| pair[0] == "--connect").map(|pair| pair[1].as_str());
    let joined = words.iter().filter_map(|word| word.strip_prefix("--connect="));
    let environment = std::env::var("NODEDEV_CONNECT").ok();
    let text = apart.chain(joined).last().or(environment.as_deref()).unwrap_or_default();
    text.parse().unwrap_or(Connect::None)
}

/// All devices of the first daemon that answers in time; none where there is no daemon.
fn devices(connect: &Connect) -> Vec<Row> {
    let sockets = match connect {
        // A recording may be long: it is not played for a completion.
        Connect::None | Connect::Replay(_) => vec![],
        Connect::Auto => connect::usual_sockets(),
        Connect::Socket(socket) => vec![socket.clone()],
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return vec![] };
    // A timer needs a runtime to be made in.
    let rows = runtime.block_on(async { timeout(DEADLINE, first_list(&sockets)).await });
    rows.ok().flatten().unwrap_or_default()
}

async fn first_list(sockets: &[PathBuf]) -> Option<Vec<Row>> {
    for socket in sockets {
        let Ok(mut client) = Client::connect(socket).await else { continue };
        if let Ok(list) = client.list(&Filter::default()).await {
            return Some(list.devices);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_with(words: &[&str]) -> Connect {
        asked(words.iter().map(OsString::from))
    }

    #[test]
    fn the_daemon_of_the_command_line_is_asked() {
        let socket = |path: &str| Connect::Socket(path.into());
        assert_eq!(asked_with(&["nodedev", "--connect", "/a", "dump", ""]), socket("/a"));
        assert_eq!(asked_with(&["nodedev", "dump", "--connect=/b", ""]), socket("/b"));
        assert_eq!(asked_with(&["nodedev", "--connect", "none", "dump"]), Connect::None);
        assert_eq!(asked_with(&["nodedev", "--connect", "nonsense", "dump"]), Connect::None);
    }

    #[test]
    fn candidates_begin_as_the_word_does() {
        let names: Vec<_> = capabilities(OsStr::new("mdev")).into_iter().collect();
        let names: Vec<_> = names.iter().map(|name| name.get_value().to_owned()).collect();
        assert_eq!(names, ["mdev_types", "mdev"]);
    }
}
