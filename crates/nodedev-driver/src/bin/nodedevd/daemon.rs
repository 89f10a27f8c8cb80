//! The life of the daemon: start, signals, reload, end. Serves nothing itself.

use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nodedev_driver::registry::Registry;
use nodedev_server::{Server, ServerConfig};
use nodedev_source::NodeDeviceSource;
use nodedev_source_exec::ExecSource;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::activation::Passed;
use crate::args::Args;
use crate::check::check_system;
use crate::config_file::ConfigFile;
use crate::doors::Doors;
use crate::log::LogControl;
use crate::pid_file::PidFile;
use crate::places::Owner;
use crate::settings::{Loaded, Settings};
use crate::{command, notify, recording, say};

/// How long calls that run may go on after the end was asked for, and then how long each part may
/// take to end. Together less than a second.
const GRACE: Duration = Duration::from_millis(300);
const PARTS: Duration = Duration::from_millis(200);

/// What systemd shows until the end. It says no number of devices, which would be wrong with the next one.
const SERVING: &str = "Serving";

/// Serves until a signal, or until there have been no clients for long enough.
///
/// # Errors
///
/// When it cannot start, or when its registry has ended by a fault: systemd starts another one then.
pub(crate) fn serve(args: &Args, passed: Vec<Passed>) -> anyhow::Result<()> {
    if args.background.is_some() {
        command::leave_session()?;
    }
    let owner = Owner::of_this_process();
    let file = ConfigFile::find(args, &owner);
    let mut loaded = file.load(args)?;
    check_system(&mut loaded, &passed);
    let mut loaded = loaded.sound()?;
    loaded.settings.driver.registry.own_threads = true;
    let log = LogControl::start(args, &loaded.settings.log)?;
    warn_of(&loaded);
    raise_descriptor_limit();
    let pid_file = args.pid_file.as_deref().map(PidFile::write).transpose()?;

    let serving = runtime().context("cannot start the threads")?;
    let daemon = Daemon { args, owner, file, loaded, log };
    let ended = serving.block_on(daemon.run(passed));
    // What hangs in a file of a device ends with the process.
    serving.shutdown_background();
    drop(pid_file);
    ended
}

fn runtime() -> std::io::Result<Runtime> {
    // One thread may be busy with a large document while another answers.
    let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    Builder::new_multi_thread().worker_threads(threads).thread_name("serving").enable_all().build()
}

/// Every client takes a descriptor, and the usual limit is meant for programs that use `select`.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

fn warn_of(loaded: &Loaded) {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
}

struct Daemon<'a> {
    args: &'a Args,
    owner: Owner,
    file: ConfigFile,
    loaded: Loaded,
    log: LogControl,
}

impl Daemon<'_> {
    async fn run(mut self, passed: Vec<Passed>) -> anyhow::Result<()> {
        // Before anything is there that a signal would leave behind.
        let mut signals = Signals::new().context("cannot wait for signals")?;
        let Settings { driver, sockets, network, programs, .. } = &self.loaded.settings;
        let folder = self.args.socket_dir.as_deref();
        let mut doors = Doors::open(&self.owner, folder, sockets, network, passed).await?;
        let programs: Vec<_> =
            programs.iter().cloned().map(ExecSource::new).map(Arc::new).collect();
        let further = programs.iter().cloned().map(|source| source as Arc<dyn NodeDeviceSource>);
        let record = self.args.record.as_deref();
        let (registry, recording) = recording::start(driver.clone(), further, record)?;
        let server = Server::new(registry.clone(), self.server_config());
        for listener in doors.listeners.drain(..) {
            server.listen(listener);
        }
        self.tell_ready()?;
        let told = tokio::spawn(tell_devices(registry.clone()));
        let watchdog = tokio::spawn(notify::feed_watchdog(registry.clone()));

        let mut idle = pin!(idle(server.clients(), self.args.idle_limit()));
        let ended = loop {
            tokio::select! {
                _ = signals.terminate.recv() => {
                    tracing::info!("ending: SIGTERM");
                    break Ok(());
                }
                _ = signals.interrupt.recv() => {
                    tracing::info!("ending: SIGINT");
                    break Ok(());
                }
                () = &mut idle => {
                    tracing::info!("ending: no clients for {} s", self.args.timeout);
                    break Ok(());
                }
                error = fault(&registry) => {
                    tracing::error!("ending: {error:#}");
                    break Err(error);
                }
                _ = signals.hangup.recv() => self.reload(&server, &doors),
            }
        };
        notify::stopping();
        told.abort();
        // New clients are to meet the next daemon, not one that ends.
        drop(doors);
        finish_actions(&registry, &mut signals).await;
        watchdog.abort();
        end(&server, &registry).await;
        end_programs(&programs).await;
        if let Some(recording) = recording {
            recording.finish().await;
        }
        ended
    }

    fn server_config(&self) -> ServerConfig {
        let mut config = self.loaded.settings.server.clone();
        config.mode = self.owner.mode();
        config
    }

    /// Clients can connect; those that ask before the first list is complete are made to wait.
    fn tell_ready(&self) -> anyhow::Result<()> {
        notify::ready("Listening; reading the devices");
        if self.args.background.is_some() {
            if self.log.only_stderr {
                say("the log ends here: say log_outputs to keep it");
            }
            command::tell_ready()?;
        }
        tracing::info!(configuration = self.file.name(), "clients can connect");
        Ok(())
    }

    /// Takes over what has changed in the configuration file. One that is wrong changes nothing.
    fn reload(&mut self, server: &Server, doors: &Doors) {
        notify::reloading();
        let status = match self.try_reload(server, doors) {
            Ok(()) => {
                tracing::info!(configuration = self.file.name(), "read again");
                SERVING
            }
            Err(error) => {
                tracing::error!("the settings stay as they were: {error:#}");
                "Serving; the configuration is wrong, the settings stay as they were"
            }
        };
        notify::ready(status);
    }

    fn try_reload(&mut self, server: &Server, doors: &Doors) -> anyhow::Result<()> {
        let loaded = self.file.load(self.args)?;
        // Also of one that is refused: what is warned of may be why.
        warn_of(&loaded);
        let loaded = loaded.sound()?;
        let certificates = doors.load_certificates(&loaded.settings.network)?;
        let filter = LogControl::load(self.args, &loaded.settings.log)?;
        // All is loaded, and only the log can fail to take it over: it is the first.
        self.log.take_over(filter)?;
        if let Some(certificates) = certificates {
            doors.show(certificates);
        }
        for name in self.loaded.needing_restart(&loaded) {
            tracing::warn!("`{name}` has changed, which counts after a restart");
        }
        self.loaded = loaded;
        server.reload(self.server_config());
        Ok(())
    }
}

async fn tell_devices(registry: Registry) {
    registry.ready().await;
    let count = registry.snapshot().devices().count();
    tracing::info!(devices = count, "the first list is complete");
    notify::status(SERVING);
}

/// Returns when the registry has ended while nobody asked it to: there is nothing left to serve, and no client would
/// hear of anything again.
async fn fault(registry: &Registry) -> anyhow::Error {
    registry.ended().await;
    anyhow!("the registry has ended by a fault of its own, please report it with the log")
}

/// Returns when there have been no clients for so long.
async fn idle(mut clients: watch::Receiver<usize>, limit: Option<Duration>) {
    let Some(limit) = limit else {
        return pending().await;
    };
    loop {
        let none = clients.wait_for(|count| *count == 0).await.is_ok();
        // An error tells that the server has ended, which somebody else sees to.
        if !none {
            return pending().await;
        }
        if timeout(limit, clients.changed()).await.is_err() {
            return;
        }
    }
}

/// What is being done to devices is done to its end, which has a deadline of its own. Whoever cannot
/// wait for it sends a second signal.
async fn finish_actions(registry: &Registry, signals: &mut Signals) {
    let mut finished = pin!(registry.finish_actions());
    tokio::select! {
        biased;
        () = &mut finished => return,
        () = ready(()) => {}
    }
    tracing::info!("waiting for what is being done to devices; a second signal waits no longer");
    tokio::select! {
        () = finished => {}
        _ = signals.terminate.recv() => tracing::warn!("not waiting for it: SIGTERM"),
        _ = signals.interrupt.recv() => tracing::warn!("not waiting for it: SIGINT"),
    }
}

async fn end(server: &Server, registry: &Registry) {
    let parts = GRACE + PARTS;
    if timeout(parts, server.shutdown(GRACE)).await.is_err() {
        tracing::warn!("some clients could not be disconnected in time");
    }
    if timeout(PARTS, registry.shutdown()).await.is_err() {
        tracing::info!("a source did not end in time; it ends with the process");
    }
}

/// Each program has been told to end, and is killed when it does not; that takes its own deadlines.
async fn end_programs(programs: &[Arc<ExecSource>]) {
    for program in programs {
        let name = program.config().name();
        if timeout(program.config().end_deadline + GRACE, program.ended()).await.is_err() {
            tracing::warn!(source = name, "its program could not be ended in time");
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_comes_after_so_long_without_clients() {
        let (sender, clients) = watch::channel(0);
        let limit = Duration::from_secs(10);
        let began = Instant::now();
        let task = tokio::spawn(idle(clients, Some(limit)));
        sleep(Duration::from_secs(6)).await;
        sender.send_replace(1);
        sleep(Duration::from_secs(60)).await;
        sender.send_replace(0);
        sleep(Duration::from_secs(6)).await;
        // In and out again, before anybody looks.
        sender.send_replace(1);
        sender.send_replace(0);
        task.await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(82));
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_ends_is_an_error_and_one_that_runs_is_not() {
        let registry = Registry::builder().start().unwrap();
        registry.ready().await;
        let hour = Duration::from_secs(3600);
        assert!(timeout(hour, fault(&registry)).await.is_err());
        registry.shutdown().await;
        let error = timeout(hour, fault(&registry)).await.unwrap();
        assert!(error.to_string().contains("the registry has ended by a fault"), "{error:#}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_there_is_no_such_end() {
        let (_sender, clients) = watch::channel(0);
        let task = timeout(Duration::from_secs(1_000_000), idle(clients, None));
        assert!(task.await.is_err());
    }
}
