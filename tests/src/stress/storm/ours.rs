//! Our daemon in a storm: with a small receive buffer, asked over its varlink socket.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::lab::Lab;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of its log that are shown.
const LOG: usize = 20;

/// The daemon, and a client of it.
#[derive(Debug)]
pub(super) struct Ours {
    daemon: Daemon,
    client: BufReader<UnixStream>,
    socket: PathBuf,
}

/// What was lost by now, and what followed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Losses {
    /// Events that were taken.
    pub(super) received: u64,
    /// Errors of both sockets.
    pub(super) errors: u64,
    /// Resyncs for the sake of the socket of events.
    pub(super) of_events: u64,
    /// Resyncs for the sake of the socket of links.
    pub(super) of_links: u64,
    /// All resyncs.
    pub(super) resyncs: u64,
}

impl Losses {
    /// What has come since.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            received: self.received - before.received,
            errors: self.errors - before.errors,
            of_events: self.of_events - before.of_events,
            of_links: self.of_links - before.of_links,
            resyncs: self.resyncs - before.resyncs,
        }
    }
}

impl Ours {
    /// Starts it.
    pub(super) fn start(lab: &Lab, buffer: usize) -> Result<Self> {
        // The self-check would mend what the daemon has to notice by itself.
        let config = format!(
            "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nself_check_interval = 0\n\
             udev_receive_buffer = {buffer}\n"
        );
        let folder = lab.folder().join("nodedevd");
        let daemon = Daemon::with_config(&folder, &config, |program| lab.command(program));
        let socket = folder.join("io.nodedev.NodeDevice");
        let client = connect(&socket)?;
        Ok(Self { daemon, client, socket })
    }

    /// Stops it or lets it go on.
    pub(super) fn pause(&self, paused: bool) -> Result<()> {
        signal(self.daemon.process(), paused)
    }

    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.daemon.process()
    }

    /// The end of what it said.
    pub(super) fn log(&self) -> String {
        let log = self.daemon.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG)..].join("\n")
    }

    /// Names of the interfaces that it lists.
    pub(super) fn names(&mut self) -> Result<BTreeSet<String>> {
        Ok(self.list()?.1)
    }

    /// Follows its events until what they make of its list is this, or the time is over; what it is then.
    pub(super) fn follow_until(
        &mut self,
        host: &BTreeSet<String>,
        time: Duration,
    ) -> Result<BTreeSet<String>> {
        let deadline = Instant::now() + time;
        let mut watch = connect(&self.socket)?;
        send(&mut watch, &json!({"method": method("Watch"), "parameters": {}, "more": true}))?;
        receive(&mut watch)?;
        let (mut generation, mut names) = self.list()?;
        while names != *host {
            let left = deadline.saturating_duration_since(Instant::now());
            watch.get_ref().set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let Ok(reply) = receive(&mut watch) else { break };
            if reply["missed"] == true {
                (generation, names) = self.list()?;
            } else if reply["generation"].as_u64() > Some(generation) {
                reply["changes"].as_array().into_iter().flatten().for_each(|change| {
                    apply(change, &mut names);
                });
            }
        }
        Ok(names)
    }

    /// The generation of its list, and the names of the interfaces in it.
    fn list(&mut self) -> Result<(u64, BTreeSet<String>)> {
        let reply = self.call("List", &json!({"capabilities": ["net"]}))?;
        let generation = reply["generation"].as_u64().context("a list has a generation")?;
        let rows = reply["devices"].as_array().context("a list has devices")?;
        let names = rows.iter().filter_map(|row| row["name"].as_str()).map(str::to_owned);
        Ok((generation, names.collect()))
    }

    /// The document of a device.
    pub(super) fn document(&mut self, name: &str) -> Result<String> {
        let reply = self.call("Get", &json!({"name": name}))?;
        Ok(reply["xml"].as_str().context("an answer has a document")?.to_owned())
    }

    /// What it counts of what was lost.
    pub(super) fn losses(&mut self) -> Result<Losses> {
        let reply = self.call("Sources", &json!({}))?;
        let udev = reply["sources"].as_array().into_iter().flatten();
        let udev = udev.into_iter().find(|source| source["name"] == "udev");
        let udev = udev.context("udev is a source")?;
        let sum = |counts: &Value, is: &dyn Fn(&str) -> bool| -> u64 {
            let counts = counts.as_array().into_iter().flatten();
            let counts = counts.filter(|count| count["name"].as_str().is_some_and(is));
            counts.filter_map(|count| count["count"].as_u64()).sum()
        };
        let reasons = |start: &str| sum(&udev["reasons"], &|name| name.starts_with(start));
        Ok(Losses {
            received: sum(&udev["counts"], &|name| name == "received"),
            errors: sum(&udev["counts"], &|name| name == "receive_errors"),
            of_events: reasons("receiving an event failed"),
            of_links: reasons("receiving a change of a link failed"),
            resyncs: udev["resyncs"].as_u64().context("resyncs are counted")?,
        })
    }

    fn call(&mut self, name: &str, parameters: &Value) -> Result<Value> {
        send(&mut self.client, &json!({"method": method(name), "parameters": parameters}))?;
        receive(&mut self.client).with_context(|| format!("{name} is not answered"))
    }
}

fn method(name: &str) -> String {
    format!("io.nodedev.NodeDevice.{name}")
}

fn send(client: &mut BufReader<UnixStream>, call: &Value) -> Result<()> {
    let mut call = call.to_string();
    call.push('\0');
    Ok(client.get_mut().write_all(call.as_bytes())?)
}

fn receive(client: &mut BufReader<UnixStream>) -> Result<Value> {
    let mut reply = Vec::new();
    client.read_until(0, &mut reply)?;
    reply.pop();
    let mut reply: Value = serde_json::from_slice(&reply).context("nodedevd has ended")?;
    if let Some(error) = reply["error"].as_str() {
        bail!("{error} {}", reply["parameters"]);
    }
    Ok(reply["parameters"].take())
}

/// Does with the names what an event says.
fn apply(change: &Value, names: &mut BTreeSet<String>) {
    let name = change["name"].as_str().unwrap_or_default();
    match change["kind"].as_str() {
        Some("created") if name.starts_with("net_") => {
            names.insert(name.to_owned());
        }
        Some("deleted") => {
            names.remove(name);
        }
        _ => {}
    }
}

fn connect(socket: &Path) -> Result<BufReader<UnixStream>> {
    let stream = UnixStream::connect(socket).with_context(|| format!("{}", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

/// Stops a process or lets it go on.
pub(super) fn signal(process: u32, paused: bool) -> Result<()> {
    let signal = if paused { Signal::SIGSTOP } else { Signal::SIGCONT };
    kill(Pid::from_raw(process.try_into()?), signal).context("a daemon has ended")
}
