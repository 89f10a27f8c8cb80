//! The daemon of the matrix as a process: its orders, what it shows of itself, and what it leaves behind.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use nodedev_source_testkit::mock_host::wrap;
use serde_json::Value;
use tempfile::TempDir;

use super::host::Host;
use super::serve::Sockets;
use crate::command::faulty_nodedevd;
use crate::mock::blocking_shim;
use crate::wire::PATIENCE;

/// A running daemon; it ends when dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    sockets: Sockets,
    folder: TempDir,
}

impl Daemon {
    /// Starts one on this host, in which that source may misbehave, and waits until it serves the first list.
    pub(super) fn start(host: &Host, wrapped: Option<&str>) -> Self {
        let folder = tempfile::tempdir_in(host.folder()).unwrap();
        // Its sockets lie beside the program that stands for mdevctl.
        for name in ["rpc", "varlink", "metrics"] {
            let _ = fs::remove_file(host.folder().join(name));
        }
        // Before the library of the mock host, which holds all threads while one of them is in a file.
        let shim = blocking_shim(host.folder());
        let script = format!("LD_PRELOAD={}:$LD_PRELOAD exec \"$@\"", shim.display());
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(faulty_nodedevd()).arg(host.folder()).args(wrapped);
        let mut child = wrap(&command, host.root())
            // No service has it, and a panic with it takes milliseconds.
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let sockets = Sockets::of(host.folder());
        let daemon = Self { child, orders: Mutex::new((orders, answers)), sockets, folder };
        daemon.await_answer(&mut daemon.orders.lock().unwrap().1);
        daemon
    }

    /// Has it do something, of what [`serve`](super::serve) knows.
    pub(super) fn order(&self, order: &str) {
        let (orders, answers) = &mut *self.orders.lock().unwrap();
        writeln!(orders, "{order}").unwrap();
        self.await_answer(answers);
    }

    fn await_answer(&self, answers: &mut BufReader<ChildStdout>) {
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n", "the daemon has ended: {}", self.log());
    }

    /// Where clients come in.
    pub(super) fn socket(&self) -> &Path {
        &self.sockets.rpc
    }

    /// What it said.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }

    /// What `nodedev sources` shows, of each source.
    pub(super) fn sources(&self) -> Vec<Value> {
        let mut stream = connect(&self.sockets.varlink);
        stream
            .write_all(b"{\"method\":\"io.nodedev.NodeDevice.Sources\",\"parameters\":{}}\0")
            .unwrap();
        let mut answer = Vec::new();
        BufReader::new(stream).read_until(0, &mut answer).unwrap();
        answer.pop();
        let mut answer: Value = serde_json::from_slice(&answer).unwrap();
        match answer["parameters"]["sources"].take() {
            Value::Array(sources) => sources,
            other => panic!("no sources: {other}"),
        }
    }

    /// What `nodedev sources` shows of one.
    pub(super) fn source(&self, name: &str) -> Value {
        let mut sources = self.sources().into_iter();
        sources.find(|source| source["name"] == name).unwrap()
    }

    /// The sum of the samples that begin like this.
    pub(super) fn metric(&self, begin: &str) -> f64 {
        let mut stream = connect(&self.sockets.metrics);
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let samples = text.lines().filter(|line| line.starts_with(begin));
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The most memory that it has used so far, in KiB.
    pub(super) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Its children, zombies among them.
    pub(super) fn children(&self) -> Vec<String> {
        let own = self.child.id().to_string();
        let stats = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let file = entry.ok()?.path().join("stat");
            fs::read_to_string(file).ok()
        });
        stats.filter(|stat| parent(stat) == Some(own.as_str())).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Who the parent is, by a process's `stat`.
fn parent(stat: &str) -> Option<&str> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)
}
