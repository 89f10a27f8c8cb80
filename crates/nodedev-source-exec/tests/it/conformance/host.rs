//! A host whose devices a program tells: the program is a relay, what it says is decided here.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, yield_now};
use std::time::{Duration, Instant};

use nodedev_source::NodeDeviceSource;
use nodedev_source_exec::{ExecConfig, ExecSource};
use nodedev_source_testkit::{
    Announcement, Applied, BadInput, Failure, Harness, HostChange, Skip, async_trait,
};
use nodedev_types::{Capability, DeviceId};
use tempfile::TempDir;

const LINE_LIMIT: usize = 4096;

/// `ANSWERS`: whether its program answers requests.
pub(super) struct Host<const ANSWERS: bool> {
    folder: TempDir,
    brain: Arc<Mutex<Brain>>,
}

#[derive(Default)]
struct Brain {
    answers: bool,
    /// What is said of each device: whole lines.
    devices: BTreeMap<String, Vec<u8>>,
    renamed: BTreeMap<usize, usize>,
    changes: usize,
    vanishing: Option<String>,
    failure: Option<Failure>,
    programs: Vec<(UnixStream, u32)>,
}

fn lock(brain: &Mutex<Brain>) -> MutexGuard<'_, Brain> {
    brain.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Brain {
    /// A line about a device; its fields end with these.
    fn line(&mut self, key: &str, fields: &str) -> Vec<u8> {
        self.changes += 1;
        let change = self.changes;
        format!(
            "{{\"message\":\"observation\",\"device\":\"kit:{key}\",\"fields\":{{\
             \"extensions\":{{\"kit\":{{\"change\":{change}}}}}{fields}}}}}\n"
        )
        .into_bytes()
    }

    fn key(&self, n: usize) -> String {
        format!("device{n}-{}", self.renamed.get(&n).unwrap_or(&0))
    }

    fn set(&mut self, key: String, line: Vec<u8>) {
        self.say(&line);
        self.devices.insert(key, line);
    }

    fn remove(&mut self, key: &str) {
        self.devices.remove(key);
        self.say(&gone(key));
    }

    fn corrupt(&mut self, key: &str, bad: BadInput) -> Option<Applied> {
        let huge = format!(",\"driver\":\"{}\"", "x".repeat(2 * LINE_LIMIT));
        let mut line = match bad {
            BadInput::Missing => self.line(key, ""),
            BadInput::Huge => self.line(key, &huge),
            BadInput::Unparsable => self.line(key, ",\"driver\":7"),
            _ => self.line(key, ",\"driver\":\"acme\""),
        };
        match bad {
            BadInput::Truncated => {
                line.truncate(line.len() / 2);
                line.push(b'\n');
            }
            BadInput::NotUtf8 => {
                let at = line.len() - 6;
                line[at] = 0xff;
            }
            BadInput::Directory => return None,
            _ => {}
        }
        self.set(key.to_owned(), line);
        Some(if bad == BadInput::Missing { Applied::Ordinary } else { Applied::Done })
    }

    /// Lets every program say it.
    fn say(&mut self, lines: &[u8]) {
        for (program, _) in &mut self.programs {
            // Its end is noticed by whoever reads from it.
            let _ = program.write_all(lines);
        }
    }

    fn list(&mut self, program: &mut UnixStream, answers: &str) {
        let mut lines = format!("{{\"message\":\"begin\"{answers}}}\n").into_bytes();
        self.devices.values().for_each(|line| lines.extend(line));
        let vanished = self.vanishing.take();
        lines.extend(vanished.iter().flat_map(|key| gone(key)));
        lines.extend(b"{\"message\":\"end\"}\n");
        let _ = program.write_all(&lines);
        if let Some(key) = vanished {
            self.remove(&key);
        }
    }

    fn greet(&mut self, mut program: UnixStream, process: u32) {
        let hello = format!(
            "{{\"message\":\"hello\",\"protocol\":1,\"name\":\"kit\",\"answers\":{}}}\n",
            self.answers
        );
        match self.failure {
            None => {
                let _ = program.write_all(hello.as_bytes());
                self.list(&mut program, "");
            }
            Some(Failure::Hangs) => {}
            Some(Failure::Garbage) => drop(program.write_all(b"\x00\xff\nno JSON\n")),
            Some(_) => drop(program.shutdown(Shutdown::Both)),
        }
        self.programs.push((program, process));
    }

    fn fail(&mut self, failure: Option<Failure>) {
        self.failure = failure;
        for (program, process) in self.programs.drain(..) {
            let _ = program.shutdown(Shutdown::Both);
            until_dead(process);
        }
    }
}

fn gone(key: &str) -> Vec<u8> {
    format!("{{\"message\":\"gone\",\"device\":\"kit:{key}\"}}\n").into_bytes()
}

/// There is no event for another program's state that leaves it to be reaped by its parent.
fn until_dead(process: u32) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let is_dead = || match fs::read_to_string(format!("/proc/{process}/stat")) {
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')),
        Err(_) => true,
    };
    while !is_dead() {
        assert!(Instant::now() < deadline, "process {process} does not end");
        yield_now();
    }
}

/// Speaks to one program until it ends.
fn converse(brain: &Mutex<Brain>, program: UnixStream) {
    let Ok(mut answers) = program.try_clone() else { return };
    let mut lines = BufReader::new(program).lines();
    let Some(Ok(process)) = lines.next() else { return };
    let process = process.parse().expect("a process id");
    lock(brain).greet(answers.try_clone().expect("a descriptor"), process);
    for request in lines.map_while(Result::ok) {
        let id = request.strip_prefix("{\"message\":\"look\",\"id\":").expect("a request");
        let answer = format!(",\"answers\":{}", id.trim_end_matches('}'));
        lock(brain).list(&mut answers, &answer);
    }
    lock(brain).programs.retain(|(_, other)| *other != process);
}

impl<const ANSWERS: bool> Host<ANSWERS> {
    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    /// Puts a file of the tests where the program is.
    fn install(&self, file: &str) {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
        let new = self.folder.path().join("new");
        symlink(tests.join(file), &new).expect("a link");
        fs::rename(new, self.program()).expect("a program");
    }

    fn break_program(&self, failure: Failure) {
        match failure {
            Failure::Absent => fs::remove_file(self.program()).expect("removed"),
            Failure::Denied => self.install("main.rs"),
            _ => {}
        }
        lock(&self.brain).fail(Some(failure));
    }
}

#[async_trait]
impl<const ANSWERS: bool> Harness for Host<ANSWERS> {
    async fn make() -> Result<Self, Skip> {
        let folder = TempDir::new().map_err(|error| Skip::new(error.to_string()))?;
        let brain = Brain { answers: ANSWERS, ..Brain::default() };
        let host = Self { folder, brain: Arc::new(Mutex::new(brain)) };
        host.install("relay.py");
        let listener = UnixListener::bind(host.socket()).expect("a socket");
        let brain = Arc::clone(&host.brain);
        thread::spawn(move || {
            for program in listener.incoming().map_while(Result::ok) {
                let brain = Arc::clone(&brain);
                thread::spawn(move || converse(&brain, program));
            }
        });
        Ok(host)
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        let mut config = ExecConfig::new("kit", self.program()).expect("a name");
        config.arguments = vec![self.socket().to_str().expect("a path").to_owned()];
        config.line_limit = LINE_LIMIT;
        config.hello_deadline = Duration::from_secs(4);
        if ANSWERS {
            config.interests = vec![Capability::Pci];
        }
        Arc::new(ExecSource::new(config))
    }

    fn device(&self, n: usize) -> DeviceId {
        DeviceId::foreign("kit", &lock(&self.brain).key(n))
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::foreign("kit", &format!("child{n}"))
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn tracing_targets(&self) -> Vec<String> {
        vec!["nodedev_source_exec".to_owned()]
    }

    async fn apply(&self, change: HostChange) -> Applied {
        let mut brain = lock(&self.brain);
        match change {
            HostChange::Add(n) | HostChange::Change(n) | HostChange::Mend(n) => {
                let key = brain.key(n);
                let line = brain.line(&key, ",\"driver\":\"acme\"");
                brain.set(key, line);
            }
            HostChange::Remove(n) => {
                let key = brain.key(n);
                brain.remove(&key);
            }
            HostChange::Rename(n) => {
                let old = brain.key(n);
                *brain.renamed.entry(n).or_default() += 1;
                brain.remove(&old);
                let key = brain.key(n);
                let line = brain.line(&key, ",\"driver\":\"acme\"");
                brain.set(key, line);
            }
            HostChange::Announce(n, Announcement::Remove) => {
                let key = brain.key(n);
                brain.say(&gone(&key));
            }
            HostChange::Announce(n, _) => {
                let line = brain.devices.get(&brain.key(n)).cloned();
                brain.say(&line.unwrap_or_default());
            }
            HostChange::Clear => {
                for key in brain.devices.keys().cloned().collect::<Vec<_>>() {
                    brain.remove(&key);
                }
            }
            HostChange::Corrupt(n, bad) => {
                let key = brain.key(n);
                let applied = brain.corrupt(&key, bad);
                return applied.unwrap_or(Applied::Inapplicable("a line is no directory"));
            }
            HostChange::VanishDuringRead(n) => {
                let key = brain.key(n);
                match ANSWERS {
                    true => brain.vanishing = Some(key),
                    false => brain.remove(&key),
                }
            }
            HostChange::AddFamily(..) => {
                return Applied::Inapplicable("no device is above one of a program");
            }
            HostChange::Break(failure) => {
                drop(brain);
                self.break_program(failure);
            }
            HostChange::Repair => {
                drop(brain);
                self.install("relay.py");
                lock(&self.brain).fail(None);
            }
            _ => return Applied::Unsupported("unknown change"),
        }
        Applied::Done
    }
}

impl<const ANSWERS: bool> Drop for Host<ANSWERS> {
    fn drop(&mut self) {
        lock(&self.brain).programs.clear();
    }
}
