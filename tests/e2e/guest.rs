//! The machine that the tests run in: our daemon with its clients, and what was loaded for a test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nodedev_tests::command::{Ran, nodedev, run};
use nodedev_tests::daemon::{Daemon, uri_of};
use tempfile::TempDir;

use crate::client::{Client, Described, Devices};
use crate::kernel;
use crate::tools::Mdevctl;

/// What happens here happens within this time, also where the processor is translated and busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a test wants besides a kernel.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// Drivers to load before the daemon starts.
    pub(crate) drivers: &'a [&'a str],
    /// What the daemon runs instead of `mdevctl`.
    pub(crate) mdevctl: Option<&'a Mdevctl>,
    /// More lines for the daemon's configuration.
    pub(crate) config: &'a str,
}

/// The machine with a running daemon and a client of it.
#[derive(Debug)]
pub(crate) struct Guest {
    client: &'static Client,
    daemon: Option<Daemon>,
    program: Option<PathBuf>,
    config: String,
    folder: TempDir,
}

impl Guest {
    /// With one parent of mediated devices, `mtty`.
    pub(crate) fn start() -> Self {
        Self::with(&Wanted { drivers: &["mtty"], ..Wanted::default() })
    }

    pub(crate) fn with(wanted: &Wanted<'_>) -> Self {
        let inside = std::env::var_os("NODEDEV_GUEST").is_some();
        assert!(inside, "these tests change the kernel's devices: use `cargo xtask e2e`");
        // It takes its time to load libvirt, meanwhile other things happen.
        let client = Client::of_all();
        for driver in wanted.drivers {
            kernel::load(driver);
        }
        let mut guest = Self {
            client,
            daemon: None,
            program: wanted.mdevctl.map(Mdevctl::program),
            config: format!("auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n{}", wanted.config),
            // Where another root sees it too.
            folder: tempfile::tempdir_in("/run").unwrap(),
        };
        guest.start_daemon();
        guest
    }

    fn start_daemon(&mut self) {
        self.daemon = Some(self.daemon_in(&self.sockets()));
        self.client.open("ours", &self.uri());
    }

    fn daemon_in(&self, folder: &Path) -> Daemon {
        Daemon::with_config(folder, &self.config, |program| {
            let mut command = Command::new(program);
            if let Some(mdevctl) = &self.program {
                command.arg("--mdevctl").arg(mdevctl);
            }
            command
        })
    }

    /// The daemon is killed and started again. Who followed it follows no more.
    pub(crate) fn restart_daemon(&mut self) {
        self.daemon = None;
        self.start_daemon();
    }

    /// The daemon lists what another one lists that has just been started, to the byte.
    #[track_caller]
    pub(crate) fn expect_as_freshly_started(&self) {
        let folder = self.folder.path().join("fresh");
        let _daemon = self.daemon_in(&folder);
        self.client.open("fresh", &uri_of(&folder.join("virtnodedevd-sock")));
        let fresh = self.client.devices("fresh");
        self.client.close("fresh");
        expect_same(&self.devices(), &fresh);
    }

    /// Every device with its documents and flags.
    pub(crate) fn devices(&self) -> Devices {
        self.client.devices("ours")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.client.device(name).is_some()
    }

    /// All of one device, which has to be there.
    #[track_caller]
    pub(crate) fn device(&self, name: &str) -> Described {
        self.client.device(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Names of the mediated devices that run.
    pub(crate) fn active(&self) -> Vec<String> {
        self.client.mdevs("isActive")
    }

    /// Names of the mediated devices that have a definition.
    pub(crate) fn defined(&self) -> Vec<String> {
        self.client.mdevs("isPersistent")
    }

    /// The document of the device.
    #[track_caller]
    pub(crate) fn document(&self, name: &str) -> String {
        let document = self.client.call_on(name, "XMLDesc", serde_json::json!([0])).unwrap();
        document.as_str().unwrap().to_owned()
    }

    pub(crate) fn client(&self) -> &Client {
        self.client
    }

    pub(crate) fn virsh(&self, words: &[&str]) -> Ran {
        run(&mut self.virsh_command(words))
    }

    pub(crate) fn virsh_command(&self, words: &[&str]) -> Command {
        let mut virsh = Command::new("virsh");
        virsh.args(["-q", "-c", &self.uri()]).args(words);
        virsh
    }

    /// The command `nodedev`, which asks the daemon.
    pub(crate) fn nodedev(&self, words: &[&str]) -> Ran {
        let socket = self.sockets().join("io.nodedev.NodeDevice");
        run(Command::new(nodedev()).arg("--connect").arg(socket).args(words))
    }

    /// The client follows events from now on.
    pub(crate) fn follow(&self) {
        self.client.follow();
    }

    /// The next event of this device, by the client that follows.
    #[track_caller]
    pub(crate) fn next_of(&self, name: &str) -> String {
        self.client.next_of(name)
    }

    /// Waits until the view of the client that follows is what the daemon lists, to the byte.
    #[track_caller]
    pub(crate) fn until_followed(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (view, list) = (self.client.view(), self.devices());
            match view {
                Some(view) if view == list => return,
                Some(view) if Instant::now() > deadline => expect_same(&view, &list),
                None if Instant::now() > deadline => panic!("events without end"),
                _ => {}
            }
        }
    }

    /// Waits until the daemon's list is so. There is no event for all of it, so it is asked again.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            let is_late = Instant::now() > deadline;
            assert!(!is_late, "not so, that {what}: {:?}\n{}", self.devices().keys(), self.log());
        }
    }

    /// A folder of this test that another root sees too.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn sockets(&self) -> PathBuf {
        self.folder.path().join("sockets")
    }

    pub(crate) fn uri(&self) -> String {
        uri_of(&self.sockets().join("virtnodedevd-sock"))
    }

    fn log(&self) -> String {
        self.daemon.as_ref().map(Daemon::log).unwrap_or_default()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.client.forget();
        kernel::clean_up();
    }
}

/// Shows what differs, and no more.
#[track_caller]
pub(crate) fn expect_same(ours: &Devices, other: &Devices) {
    let names = ours.keys().chain(other.keys()).collect::<BTreeSet<_>>();
    let differ = names.into_iter().filter(|name| ours.get(*name) != other.get(*name));
    let shown: Vec<_> = differ
        .map(|name| format!("{name}:\n{:#?}\n{:#?}", ours.get(name), other.get(name)))
        .collect();
    assert!(shown.is_empty(), "the list and what it should be:\n{}", shown.join("\n"));
}
