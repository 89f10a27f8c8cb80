//! A recording that is served: `nodedev replay --serve`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::command::{nodedev, run};
use crate::daemon::uri_of;
use crate::peer::split;

/// A recording that is being served; it ends when dropped.
#[derive(Debug)]
pub struct Replayed {
    child: Child,
    folder: PathBuf,
}

impl Replayed {
    /// Serves it with its sockets in this folder, and waits until all of it has been played.
    pub fn start(recording: &Path, folder: &Path) -> Self {
        let mut child = Command::new(nodedev())
            .args(["replay", "--serve", "--socket-dir"])
            .args([folder, recording])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let played = said.any(|line| line.unwrap().contains("all has been played"));
        assert!(played, "{} is not served", recording.display());
        Self { child, folder: folder.to_owned() }
    }

    /// Every device, active or not, with the document that libvirt's client prints.
    pub fn documents(&self) -> BTreeMap<String, String> {
        virsh_documents(&uri_of(&self.folder.join("virtnodedevd-sock")))
    }

    /// What `nodedev` says, asking whoever serves it.
    pub fn nodedev(&self, words: &[&str]) -> Command {
        let mut command = Command::new(nodedev());
        command.arg("--connect").arg(self.folder.join("io.nodedev.NodeDevice")).args(words);
        command
    }
}

impl Drop for Replayed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every device that a daemon has, with the document that libvirt's client prints.
pub fn virsh_documents(uri: &str) -> BTreeMap<String, String> {
    let virsh = |words: &str| run(Command::new("virsh").args(["-q", "-c", uri, words])).ok();
    let listed = virsh("nodedev-list --all");
    let names = listed.lines().map(str::trim).filter(|name| !name.is_empty());
    let wanted: Vec<_> = names.map(|name| format!("nodedev-dumpxml {name}")).collect();
    split(&virsh(&wanted.join("; ")))
}

/// The documents of all devices that a recording ends with, by the command `nodedev`.
pub fn documents_of(recording: &Path) -> BTreeMap<String, String> {
    split(&run(&mut replaying(recording, &["dump", "--all-devices"])).ok())
}

/// `nodedev` over a recording.
pub fn replaying(recording: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(nodedev());
    command.arg(format!("--connect=replay:{}", recording.display())).args(words);
    command
}
