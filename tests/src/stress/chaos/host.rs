//! The host of the matrix: mock devices, a program that stands for mdevctl, and what goes wrong in them.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use nodedev_mutants::Random;
use nodedev_source_testkit::mock_host::{MockHost, Record};
use tempfile::TempDir;

use crate::stress::priority::give_way;

/// Interfaces of the host that are there all the time.
const INTERFACES: u8 = 12;
/// Definitions that are there all the time.
const DEFINITIONS: u8 = 4;
const PARENT: &str = "0000:00:02.0";
/// The number of what comes and goes.
const PROBE: u8 = 99;

/// Files of an interface that fill with rubbish.
const RUBBISH: [&str; 2] = ["operstate", "addr_len"];

/// The program that stands for mdevctl: its folder holds what it does.
const MDEVCTL: &str = "../crates/nodedev-source-mdevctl/tests/it/fake-mdevctl.sh";

/// A mock host with definitions.
#[derive(Debug)]
pub(super) struct Host {
    mock: Arc<Mutex<MockHost>>,
    root: PathBuf,
    folder: TempDir,
}

impl Host {
    /// A new one, with devices of every kind besides its interfaces.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut mock = MockHost::new(&folder.path().join("host")).unwrap();
        let every_kind = manifest.join("../fixtures/hosts/every-kind.umockdev");
        mock.load(&fs::read_to_string(every_kind).unwrap()).unwrap();
        (0..INTERFACES).for_each(|number| mock.add_silently(interface(number)).unwrap());
        // A link to a file that is never written: a program that was just written may be busy.
        symlink(manifest.join(MDEVCTL), folder.path().join("mdevctl")).unwrap();
        let root = mock.root().to_owned();
        let host = Self { mock: Arc::new(Mutex::new(mock)), root, folder };
        (0..DEFINITIONS).for_each(|number| host.write_definition(number));
        host.list_definitions(false);
        host
    }

    /// The directory that stands for `/`.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the program that stands for mdevctl is, and its definitions.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An interface comes or goes.
    pub(super) fn set_interface(&self, there: bool) {
        let mut mock = self.mock.lock().unwrap();
        if there {
            mock.add(interface(PROBE)).unwrap();
        } else {
            mock.remove(&path(PROBE)).unwrap();
        }
    }

    /// A definition comes or goes, as by mdevctl.
    pub(super) fn set_definition(&self, there: bool) {
        self.list_definitions(there);
        if there {
            self.write_definition(PROBE);
        } else {
            fs::remove_file(self.definition(PROBE)).unwrap();
        }
    }

    /// Writes a definition as it is, which has mdevctl asked.
    pub(super) fn touch_definition(&self) {
        self.write_definition(0);
    }

    fn definition(&self, number: u8) -> PathBuf {
        self.folder().join("etc/mdevctl.d").join(PARENT).join(uuid(number))
    }

    fn write_definition(&self, number: u8) {
        let file = self.definition(number);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        self.replace(&file, &definition());
    }

    fn list_definitions(&self, with_probe: bool) {
        let numbers = (0..DEFINITIONS).chain(with_probe.then_some(PROBE));
        let all: Vec<_> =
            numbers.map(|number| format!(r#"{{"{}":{}}}"#, uuid(number), definition())).collect();
        let text = format!(r#"[{{"{PARENT}":[{}]}}]"#, all.join(","));
        self.replace(&self.folder().join("defined"), &text);
    }

    /// Lines of shell that mdevctl goes through before it answers.
    pub(super) fn mdevctl_behaves(&self, shell: &str) {
        self.replace(&self.folder().join("behaviour"), shell);
    }

    /// Writes a file so that nobody sees it half written.
    fn replace(&self, file: &Path, contents: &str) {
        let new = tempfile::NamedTempFile::new_in(self.folder()).unwrap();
        fs::write(&new, contents).unwrap();
        new.persist(file).unwrap();
    }

    /// Reading a file of so many interfaces blocks, until the value is dropped.
    pub(super) fn block_files(&self, count: u8) -> Blocked {
        let mut mock = self.mock.lock().unwrap();
        let blocked = (0..count.min(INTERFACES)).map(|number| {
            let file = mock.real_path(&format!("{}/operstate", path(number)));
            fs::remove_file(&file).unwrap();
            mkfifo(&file, Mode::S_IRWXU).unwrap();
            (number, file)
        });
        let blocked: Vec<_> = blocked.collect();
        (0..count).for_each(|number| mock.announce(&path(number), "change").unwrap());
        drop(mock);
        Blocked { mock: Arc::clone(&self.mock), files: blocked }
    }

    /// The first interface's files hold rubbish and udevd sends some, until the value is dropped.
    pub(super) fn rubbish(&self) -> Rubbish {
        let mut mock = self.mock.lock().unwrap();
        let mut random = Random::of(0x6e6f_6465);
        for file in RUBBISH {
            let bytes: Vec<_> = (0..4096).map(|_| random.byte()).collect();
            mock.write(&format!("{}/{file}", path(0)), bytes).unwrap();
        }
        mock.announce(&path(0), "change").unwrap();
        for length in [0, 1, 8, 39, 40, 41, 500, 8000] {
            let packet: Vec<_> = (0..length).map(|_| random.byte()).collect();
            send_to_monitors(&self.root, &packet);
            send_to_monitors(&self.root, &[b"libudev\0", &packet[..]].concat());
        }
        Rubbish(Arc::clone(&self.mock))
    }

    /// udevd sends events without end, until the value is dropped.
    pub(super) fn flood_of_events(&self) -> Flood {
        let mock = Arc::clone(&self.mock);
        Flood::start(move |round| {
            let number = u8::try_from(round % usize::from(INTERFACES)).unwrap();
            mock.lock().unwrap().announce(&path(number), "change").unwrap();
        })
    }

    /// Somebody writes definitions without end, until the value is dropped.
    pub(super) fn flood_of_definitions(&self) -> Flood {
        let file = self.definition(0);
        let aside = self.folder().join("new-definition");
        Flood::start(move |_| {
            fs::write(&aside, definition()).unwrap();
            fs::rename(&aside, &file).unwrap();
        })
    }
}

/// Files that block.
#[derive(Debug)]
pub(super) struct Blocked {
    mock: Arc<Mutex<MockHost>>,
    files: Vec<(u8, PathBuf)>,
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let mut mock = self.mock.lock().unwrap();
        for (number, file) in &self.files {
            // Whoever hangs there sees the end and goes.
            let writer: File = OpenOptions::new().read(true).write(true).open(file).unwrap();
            fs::remove_file(file).unwrap();
            drop(writer);
            mock.add_silently(interface(*number)).unwrap();
            mock.announce(&path(*number), "change").unwrap();
        }
    }
}

/// Files of rubbish.
#[derive(Debug)]
pub(super) struct Rubbish(Arc<Mutex<MockHost>>);

impl Drop for Rubbish {
    fn drop(&mut self) {
        let mut mock = self.0.lock().unwrap();
        mock.add_silently(interface(0)).unwrap();
        mock.announce(&path(0), "change").unwrap();
    }
}

/// Something that is done again and again.
#[derive(Debug)]
pub(super) struct Flood {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    fn start(mut act: impl FnMut(usize) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let rounds = move || {
            give_way();
            (0..).take_while(|_| !stopped.load(Ordering::Relaxed)).for_each(&mut act);
        };
        Self { stop, thread: Some(thread::spawn(rounds)) }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Sends bytes of any kind to whoever listens to udevd.
fn send_to_monitors(root: &Path, packet: &[u8]) {
    let socket = UnixDatagram::unbound().unwrap();
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("event") {
            // A process that has ended leaves its socket behind.
            let _ = socket.send_to(packet, entry.path());
        }
    }
}

fn path(number: u8) -> String {
    format!("/sys/devices/virtual/net/chaos{number}")
}

fn address(number: u8) -> String {
    format!("52:54:00:00:00:{number:02x}\n")
}

fn interface(number: u8) -> Record {
    Record::new(&path(number), "net")
        .property("INTERFACE", &format!("chaos{number}"))
        .property("IFINDEX", &(100 + u32::from(number)).to_string())
        .attribute("address", &address(number))
        .attribute("addr_len", "6\n")
        .attribute("operstate", "down\n")
}

fn uuid(number: u8) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

fn definition() -> String {
    r#"{"mdev_type":"chaos","start":"manual","attrs":[]}"#.to_owned()
}

/// The name of an interface's device.
pub(super) fn interface_name(number: u8) -> String {
    named("net", &format!("chaos{number}_{}", address(number).trim()))
}

/// The name of the interface that comes and goes.
pub(super) fn probe_interface() -> String {
    interface_name(PROBE)
}

/// The name of a definition's device.
pub(super) fn definition_name(number: u8) -> String {
    named("mdev", &format!("{}_{PARENT}", uuid(number)))
}

/// The name of the definition that comes and goes.
pub(super) fn probe_definition() -> String {
    definition_name(PROBE)
}

fn named(kind: &str, rest: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("{kind}_{}", rest.chars().map(plain).collect::<String>())
}
