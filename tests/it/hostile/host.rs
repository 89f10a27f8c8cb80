//! The server as a process of its own, over devices that a test makes up: so that its memory can be
//! measured, and its panics be seen.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nodedev_registry::Registry;
use nodedev_server::{Access, AuthScheme, Listener, Server, ServerConfig};
use nodedev_source::Presence;
use nodedev_source_testkit::{Behaviour, ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, net};
use nodedev_types::{Capability, DeviceId, FieldSet, Fields};
use tempfile::TempDir;
use tokio::net::UnixListener;

/// Where the served process finds its folder, and how many devices it has.
const FOLDER: &str = "NODEDEV_HOSTILE_FOLDER";
const DEVICES: &str = "NODEDEV_HOSTILE_DEVICES";
/// How long a client may leave something unread, or a frame unfinished, here.
const SHORT: std::time::Duration = std::time::Duration::from_secs(2);

/// A server in a process of its own; it ends when dropped.
#[derive(Debug)]
pub(super) struct Host {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    folder: TempDir,
}

impl Host {
    /// Starts one with interfaces `eth0`, `eth1` and so on, as devices `net_eth0_`.
    pub(super) fn start(devices: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hostile::host::serve", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(DEVICES, devices.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut host = Self { child, orders, answers, folder };
        host.await_answer();
        host
    }

    /// The read-write socket.
    pub(super) fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// The read-only socket.
    pub(super) fn read_only_socket(&self) -> PathBuf {
        read_only_socket(self.folder.path())
    }

    /// Has the served process do something; see [`obey`].
    pub(super) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        self.await_answer();
    }

    fn await_answer(&mut self) {
        let mut line = String::new();
        while !line.ends_with("hostile: done\n") {
            line.clear();
            let count = self.answers.read_line(&mut line).unwrap();
            assert!(count > 0, "the server has ended: {}", self.log());
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The most memory that it has used so far, in KiB.
    pub(super) fn peak_memory(&self) -> u64 {
        peak_memory(self.child.id())
    }

    /// Fails when it has ended, or when anything in it has panicked.
    #[track_caller]
    pub(super) fn assert_well(&mut self) {
        let status = self.child.try_wait().unwrap();
        let log = self.log();
        assert!(status.is_none(), "{status:?}: {log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `VmHWM` of a process in KiB.
pub(super) fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("sock")
}

fn read_only_socket(folder: &Path) -> PathBuf {
    folder.join("sock-ro")
}

#[test]
#[ignore = "serves the tests beside it, which start it"]
fn serve() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        eprintln!("skipped: this is a server for other tests");
        return;
    };
    let devices = std::env::var(DEVICES).unwrap().parse().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(serve_devices(Path::new(&folder), devices));
}

async fn serve_devices(folder: &Path, devices: usize) {
    let known = FieldSet::new()
        .with(device::CAPABILITY)
        .with(device::PATH)
        .with(net::INTERFACE)
        .with(net::ADDRESS)
        .with(net::LINK_STATE);
    let (source, host) = ScriptedSource::new("udev", Presence::Active, known);
    for number in 0..devices {
        set(&host, &format!("eth{number}"), None);
    }
    let registry = Registry::builder().source(source).start().unwrap();
    registry.ready().await;
    let mut config = ServerConfig::default();
    config.limits.write = SHORT;
    config.limits.frame = SHORT;
    let server = Server::new(registry, config);
    for (path, access) in
        [(socket(folder), Access::ReadWrite), (read_only_socket(folder), Access::ReadOnly)]
    {
        let socket = UnixListener::bind(path).unwrap();
        server.listen(Listener::unix(socket, access, AuthScheme::None));
    }
    tokio::task::spawn_blocking(move || obey_all(&host)).await.unwrap();
}

/// Until the test that started this closes its end.
#[expect(clippy::print_stdout, reason = "the test that started this reads it")]
fn obey_all(host: &ScriptedHost) {
    println!("\nhostile: done");
    for order in std::io::stdin().lines() {
        obey(host, &order.unwrap());
        println!("hostile: done");
    }
}

/// `add NAME`: an interface appears. `path NAME LENGTH`: its path gets that long. `churn COUNT ROUNDS`:
/// as many interfaces come and go. `hang`, `answer`: whether reading a device again takes until its deadline.
fn obey(host: &ScriptedHost, order: &str) {
    let words: Vec<_> = order.split(' ').collect();
    match words[..] {
        ["add", name] => set(host, name, None),
        ["path", name, length] => set(host, name, Some(length.parse().unwrap())),
        ["churn", count, rounds] => {
            let count: usize = count.parse().unwrap();
            for _ in 0..rounds.parse::<usize>().unwrap() {
                (0..count).for_each(|number| set(host, &format!("churn{number}"), None));
                (0..count).for_each(|number| host.remove(&id(&format!("churn{number}"))));
            }
        }
        ["hang"] => host.on_refresh(Behaviour::Hang),
        ["answer"] => host.on_refresh(Behaviour::Normal),
        _ => panic!("{order}"),
    }
}

fn id(interface: &str) -> DeviceId {
    DeviceId::sysfs(&format!("/sys/devices/virtual/net/{interface}")).unwrap()
}

fn set(host: &ScriptedHost, interface: &str, path_length: Option<usize>) {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(net::INTERFACE, interface);
    fields.set(net::ADDRESS, "");
    if let Some(length) = path_length {
        fields.set(device::PATH, "p".repeat(length));
    }
    host.set(&id(interface), fields);
}
