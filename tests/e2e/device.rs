//! One mediated device that a test is about, and where its state can be seen.

use std::fs;
use std::path::PathBuf;

use crate::guest::Guest;
use crate::kernel::{mdevctl, runs, type_of};

/// A mediated device that may or may not be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mdev {
    /// The name of its parent's node device.
    pub(crate) parent: &'static str,
    /// What mdevctl calls the parent.
    pub(crate) address: &'static str,
    pub(crate) mdev_type: &'static str,
    pub(crate) uuid: &'static str,
}

/// Below the parent that every test has.
pub(crate) const MTTY: Mdev = Mdev {
    parent: "mtty_mtty",
    address: "mtty",
    mdev_type: "mtty-1",
    uuid: "11111111-2222-4333-8444-555555555555",
};

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    Transient,
    Defined { autostart: bool, active: bool },
}

impl State {
    fn is_active(self) -> bool {
        matches!(self, Self::Transient | Self::Defined { active: true, .. })
    }
}

impl Mdev {
    pub(crate) fn name(&self) -> String {
        format!("mdev_{}_{}", self.uuid, self.address).replace(|c: char| !c.is_alphanumeric(), "_")
    }

    pub(crate) fn document(&self) -> String {
        self.document_with("")
    }

    /// With further elements in its capability.
    pub(crate) fn document_with(&self, inside: &str) -> String {
        let Self { parent, mdev_type, uuid, .. } = self;
        format!(
            "<device>\n  <name>{}</name>\n  <parent>{parent}</parent>\n  <capability type='mdev'>\n    \
             <type id='{mdev_type}'/>\n    <uuid>{uuid}</uuid>\n{inside}  </capability>\n</device>\n",
            self.name()
        )
    }

    /// The same in a file.
    pub(crate) fn file(&self, guest: &Guest) -> String {
        self.file_with(guest, "")
    }

    pub(crate) fn file_with(&self, guest: &Guest, inside: &str) -> String {
        let file: PathBuf = guest.folder().join("device.xml");
        fs::write(&file, self.document_with(inside)).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Looks for it in sysfs, in both of mdevctl's lists and in ours, at once: whoever changed it has
    /// been answered.
    #[track_caller]
    pub(crate) fn expect(&self, guest: &Guest, state: State) {
        assert_eq!(runs(self.uuid), state.is_active(), "in the kernel: {state:?}");
        if state.is_active() {
            assert_eq!(type_of(self.uuid), self.mdev_type);
        }
        self.expect_in_mdevctl(state);
        self.expect_in_our_list(guest, state);
    }

    #[track_caller]
    fn expect_in_mdevctl(&self, state: State) {
        let line = |list: &str| {
            let found = list.lines().find(|line| line.starts_with(self.uuid));
            found.map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
        };
        let active = line(&mdevctl(&["list"])).map(|words| words[1..3].to_vec());
        let expected = [self.address, self.mdev_type].map(str::to_owned).to_vec();
        assert_eq!(active, state.is_active().then_some(expected), "running: {state:?}");
        let defined = line(&mdevctl(&["list", "--defined"])).map(|words| words[1..4].to_vec());
        let expected = match state {
            State::Defined { autostart, .. } => {
                let start = if autostart { "auto" } else { "manual" };
                Some([self.address, self.mdev_type, start].map(str::to_owned).to_vec())
            }
            State::Absent | State::Transient => None,
        };
        assert_eq!(defined, expected, "defined: {state:?}");
    }

    #[track_caller]
    fn expect_in_our_list(&self, guest: &Guest, state: State) {
        let Some(device) = guest.client().device(&self.name()) else {
            assert_eq!(state, State::Absent, "in our list");
            return;
        };
        let found = match (device["persistent"] == true, device["active"] == true) {
            (false, true) => State::Transient,
            (true, active) => State::Defined { autostart: device["autostart"] == true, active },
            (false, false) => panic!("neither active nor persistent: {device:?}"),
        };
        assert_eq!(found, state);
        assert_eq!(device["parent"], self.parent);
        let document = device["document"].as_str().unwrap();
        assert!(document.contains(&format!("<type id='{}'/>", self.mdev_type)), "{document}");
        assert_eq!(document.contains("<path>"), state.is_active(), "{document}");
    }

    /// How many more of its type the parent can make, as the parent's document has it.
    pub(crate) fn instances_left(&self, guest: &Guest) -> u32 {
        let document = guest.document(self.parent);
        let of_type = document.split(&format!("<type id='{}'>", self.mdev_type)).nth(1).unwrap();
        let text = of_type.split("<availableInstances>").nth(1).unwrap();
        text.split('<').next().unwrap().parse().unwrap()
    }
}
