//! The daemon of the matrix: the real udev and mdevctl sources and a scripted third one, each of which may
//! misbehave, in a real registry behind a real server. It obeys lines on its standard input.
//!
//! What differs from `nodedevd` are the sources that are wrapped and the deadlines, which are shorter.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nodedev_registry::{Registry, RegistryConfig};
use nodedev_server::{Access, AuthScheme, Listener, Server, ServerConfig};
use nodedev_source::{NodeDeviceSource, Presence, SourceInfo, StreamInfo};
use nodedev_source_mdevctl::{MdevctlConfig, MdevctlSource};
use nodedev_source_testkit::{ScriptedHost, ScriptedSource};
use nodedev_source_udev::{UdevConfig, UdevSource};
use nodedev_types::{DeviceId, FieldName, FieldSet, Fields, Value};
use tokio::net::UnixListener;

use super::faulty::{Faulty, Misbehaviour, Switch};
use crate::stress::priority::give_way;

/// The name of the third source.
pub(super) const THIRD: &str = "lab";
/// How long a source may take to be armed or read, instead of ten seconds to thirty.
pub(super) const DEADLINE: Duration = Duration::from_secs(1);
/// How long a client may leave its replies unread, instead of thirty seconds.
const UNREAD: Duration = Duration::from_secs(1);
/// Devices that the third source has.
const DEVICES: usize = 8;

/// Sockets of that daemon.
#[derive(Debug)]
pub(super) struct Sockets {
    /// libvirt's RPC.
    pub(super) rpc: PathBuf,
    /// Our varlink interface.
    pub(super) varlink: PathBuf,
    /// Metrics.
    pub(super) metrics: PathBuf,
}

impl Sockets {
    /// Those in this folder.
    pub(super) fn of(folder: &Path) -> Self {
        let [rpc, varlink, metrics] = ["rpc", "varlink", "metrics"].map(|name| folder.join(name));
        Self { rpc, varlink, metrics }
    }
}

/// Serves until the standard input ends: from the folder that the first argument names, with the source wrapped that the
/// second one names, if any.
///
/// # Errors
///
/// When it cannot be started.
pub fn run() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("no folder")?;
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let wrapped = std::env::args().nth(2);
    let served = runtime.block_on(serve(&folder, wrapped.as_deref()));
    runtime.shutdown_background();
    served
}

async fn serve(folder: &Path, wrapped: Option<&str>) -> Result<()> {
    let (third, host) = third();
    let udev = Arc::new(UdevSource::new(udev_config()?));
    let mdevctl = Arc::new(MdevctlSource::new(mdevctl_config(folder)));
    let mut builder =
        Registry::builder().config(registry_config()).control(Arc::clone(&mdevctl) as _);
    let mut switches = Vec::new();
    for source in [udev as Arc<dyn NodeDeviceSource>, mdevctl, third] {
        let name = source.info().name;
        if wrapped == Some(name.as_str()) {
            let (faulty, switch) = Faulty::new(source);
            switches.push((name, switch));
            builder = builder.source(faulty);
        } else {
            builder = builder.source(source);
        }
    }
    let registry = builder.start()?;
    registry.ready().await;
    let mut config = ServerConfig::default();
    config.limits.write = UNREAD;
    let server = Server::new(registry, config);
    let sockets = Sockets::of(folder);
    let rpc = UnixListener::bind(sockets.rpc)?;
    server.listen(Listener::unix(rpc, Access::ReadWrite, AuthScheme::None));
    server.listen(Listener::varlink(UnixListener::bind(sockets.varlink)?, AuthScheme::None));
    server.listen(Listener::metrics_unix(UnixListener::bind(sockets.metrics)?));
    tokio::task::spawn_blocking(move || obey_all(&switches, &host)).await?
}

fn registry_config() -> RegistryConfig {
    let mut config = RegistryConfig::default();
    config.own_threads = true;
    config.watch = DEADLINE;
    config.snapshot = DEADLINE;
    config.slow = DEADLINE / 2;
    config
}

fn udev_config() -> Result<UdevConfig> {
    let root = std::env::var_os("UMOCKDEV_DIR").context("not on a mock host")?;
    Ok(UdevConfig::default().with_root(root))
}

fn mdevctl_config(folder: &Path) -> MdevctlConfig {
    let mut config = MdevctlConfig::default();
    config.program = folder.join("mdevctl");
    config.root = folder.to_owned();
    config.deadline = DEADLINE - Duration::from_millis(100);
    config
}

/// A source with devices of its own.
fn third() -> (Arc<ScriptedSource>, ScriptedHost) {
    let fields = FieldSet::new().with_namespace(THIRD);
    let stream = StreamInfo::new(THIRD, Presence::Active, fields).with_namespace(THIRD);
    let info = SourceInfo::new(THIRD, "0").with_stream(stream);
    let (source, host) = ScriptedSource::with_info(info);
    (0..DEVICES).for_each(|at| set(&host, &format!("own{at}"), 0));
    (source, host)
}

fn number() -> FieldName {
    FieldName::extension(THIRD, "number")
}

fn set(host: &ScriptedHost, key: &str, value: u64) {
    let fields: Fields = [(number(), Value::from(value.to_string()))].into_iter().collect();
    host.set(&DeviceId::foreign(THIRD, key), fields);
}

/// Says when it is ready, and after each line that it has been done.
fn obey_all(switches: &[(String, Switch)], host: &ScriptedHost) -> Result<()> {
    let mut answers = std::io::stdout();
    let mut flood = Flood::default();
    writeln!(answers, "done")?;
    for line in std::io::stdin().lock().lines() {
        obey(&line?, switches, host, &mut flood)?;
        writeln!(answers, "done")?;
    }
    Ok(())
}

/// `fault SOURCE NAME`: the source misbehaves in this way, or with `none` no longer. `set KEY`, `remove KEY`:
/// a device of the third source. `flood on`, `flood off`: whether it says something new all the time.
fn obey(
    line: &str,
    switches: &[(String, Switch)],
    host: &ScriptedHost,
    flood: &mut Flood,
) -> Result<()> {
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["fault", source, name] => {
            let (_, switch) =
                switches.iter().find(|(name, _)| name == source).context("no such source")?;
            switch.send_replace(Misbehaviour::of(name));
        }
        ["set", key] => set(host, key, 0),
        ["remove", key] => host.remove(&DeviceId::foreign(THIRD, key)),
        ["flood", on] => flood.set(on == "on", host),
        _ => bail!("`{line}` is no order"),
    }
    Ok(())
}

/// A thread that has the third source say something new, as fast as it can.
#[derive(Default)]
struct Flood(Option<(Arc<AtomicBool>, JoinHandle<()>)>);

impl Flood {
    fn set(&mut self, on: bool, host: &ScriptedHost) {
        if let Some((stop, thread)) = self.0.take() {
            stop.store(true, Ordering::Relaxed);
            thread.join().unwrap();
            set(host, "own0", 0);
        }
        if on {
            let (stop, host) = (Arc::new(AtomicBool::new(false)), host.clone());
            let stopped = Arc::clone(&stop);
            let say = move || {
                give_way();
                let values = (1..).take_while(|_| !stopped.load(Ordering::Relaxed));
                values.for_each(|value| set(&host, "own0", value));
            };
            self.0 = Some((stop, std::thread::spawn(say)));
        }
    }
}
