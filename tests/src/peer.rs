//! libvirt's own node-device daemon, run privately, and what virsh says of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::run;

/// A running daemon; it ends when dropped.
#[derive(Debug)]
pub struct Peer {
    daemon: Child,
    uri: String,
}

impl Peer {
    /// Starts the daemon with its files in `folder`. `enter` makes a command that runs where the
    /// daemon shall see its host.
    pub fn start(folder: &Path, enter: impl Fn(&str) -> Command) -> Self {
        Self::with_config(folder, "", enter)
    }

    /// The same with further settings.
    pub fn with_config(folder: &Path, further: &str, enter: impl Fn(&str) -> Command) -> Self {
        fs::create_dir_all(folder).unwrap();
        let drivers = nodedev_driver_only(folder);
        let config = folder.join("libvirtd.conf");
        let text = format!(
            "unix_sock_dir = \"{}\"\nauth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n\
             log_outputs = \"3:file:{}\"\n{further}",
            folder.display(),
            folder.join("log").display(),
        );
        fs::write(&config, text).unwrap();
        let daemon = enter("env")
            .arg(format!("LIBVIRT_DRIVER_DIR={}", drivers.display()))
            .args(["libvirtd", "--timeout", "0", "--config"])
            .arg(&config)
            .arg("--pid-file")
            .arg(folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let socket = folder.join("libvirt-sock");
        let mut peer =
            Self { daemon, uri: format!("nodedev:///system?socket={}", socket.display()) };
        peer.wait_for(&socket, folder);
        peer
    }

    /// There is no event for another program's socket, so this tries until it is answered: the file
    /// is there a moment before anybody listens.
    fn wait_for(&mut self, socket: &Path, folder: &Path) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while UnixStream::connect(socket).is_err() {
            let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
            if let Some(status) = self.daemon.try_wait().unwrap() {
                panic!("libvirtd ended with {status}: {}", log());
            }
            assert!(Instant::now() < deadline, "libvirtd made no socket: {}", log());
            std::thread::yield_now();
        }
    }

    /// Version of the library, for example `9.0.0`.
    pub fn version() -> String {
        run(Command::new("virsh").arg("--version")).ok().trim().to_owned()
    }

    /// Names of all devices, active and not.
    pub fn names(&self) -> Vec<String> {
        let listed = self.virsh("nodedev-list --all");
        let mut names: Vec<_> =
            listed.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The documents of these devices, each by its name.
    pub fn documents(&self, names: &[String]) -> BTreeMap<String, String> {
        let commands: Vec<_> = names.iter().map(|name| format!("nodedev-dumpxml {name}")).collect();
        split(&self.virsh(&commands.join("; ")))
    }

    fn virsh(&self, commands: &str) -> String {
        run(Command::new("virsh").args(["-q", "-c", &self.uri, commands])).ok()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A driver folder with the node-device driver alone, so that nothing else is started.
fn nodedev_driver_only(folder: &Path) -> PathBuf {
    let drivers = folder.join("drivers");
    fs::create_dir_all(&drivers).unwrap();
    let link = drivers.join(DRIVER);
    let _ = fs::remove_file(&link);
    let installed = installed_driver(Path::new("/"));
    symlink(installed.expect("libvirt's node-device driver is installed"), link).unwrap();
    drivers
}

const DRIVER: &str = "libvirt_driver_nodedev.so";

/// Where libvirt's node-device driver is installed in the system at `root`, as seen from inside.
pub fn installed_driver(root: &Path) -> Option<PathBuf> {
    let place = Path::new("libvirt/connection-driver").join(DRIVER);
    let below = fs::read_dir(root.join("usr/lib")).into_iter().flatten().filter_map(Result::ok);
    let folders = below.map(|entry| PathBuf::from("usr/lib").join(entry.file_name()));
    let mut folders = folders.chain([PathBuf::from("usr/lib"), PathBuf::from("usr/lib64")]);
    let found = folders.find(|folder| root.join(folder).join(&place).exists())?;
    Some(Path::new("/").join(found).join(place))
}

/// Documents printed one after the other, by name.
pub fn split(printed: &str) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    let mut document = String::new();
    for line in printed.lines().filter(|line| !line.is_empty()) {
        document.push_str(line);
        document.push('\n');
        // Not `</device>` with blanks before it, which ends the number of a USB device.
        if line == "</device>" {
            let document = std::mem::take(&mut document);
            let name =
                document.split("<name>").nth(1).and_then(|rest| rest.split("</name>").next());
            documents.insert(name.expect("a document has a name").to_owned(), document);
        }
    }
    assert_eq!(document, "", "the last document has no end");
    documents
}
