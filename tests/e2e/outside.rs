//! On the host, when the machines have ended: what they left is looked at where their devices are not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nodedev_tests::replayed::{Replayed, documents_of};

/// What the zoo leaves, in the folder that it shares with the host.
pub(crate) const RECORDING: &str = "zoo.jsonl";
pub(crate) const DOCUMENTS: &str = "zoo-documents.json";

/// The folder that a machine and its host share.
pub(crate) fn share() -> Option<PathBuf> {
    std::env::var_os("NODEDEV_E2E_SHARE").map(PathBuf::from)
}

#[test]
fn the_zoo_is_played_to_the_byte() {
    let share = share().expect("`cargo xtask e2e` shares a folder");
    let text = fs::read_to_string(share.join(DOCUMENTS)).unwrap();
    let documents: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    assert!(documents.len() > 60, "{:?}", documents.keys());
    let virtual_machine = Path::new("/sys/bus/pci/devices/0000:02:00.0");
    assert!(!virtual_machine.exists(), "this is to be another machine");
    let file = share.join(RECORDING);
    assert_eq!(documents_of(&file), documents, "by the command");
    let folder = tempfile::tempdir().unwrap();
    let replayed = Replayed::start(&file, folder.path());
    assert_eq!(replayed.documents(), documents, "by libvirt's client");
}
