//! What a reader thread does with one device: what it is first, of libudev where the kernel's word is not
//! enough, then its files, then the verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nodedev_types::{Capability, DeviceId, Diagnostic, Fields};

use crate::announce::Announcer;
use crate::classify::classify;
use crate::config::UdevConfig;
use crate::files::{FileError, Files, HostFiles, is_absent, is_shortage};
use crate::kernel_device::{kernel_device, known_interface};
use crate::libudev::raw_device;
use crate::names::HostPciIds;
use crate::network::{ActiveFeatures, KernelNetwork, Network, NoAnswer};
use crate::pool::Lost;
use crate::raw_device::RawDevice;
use crate::reading::{Reading, Refusal};
use crate::translate::{
    DMI, computer, identity, mdev_bus_name, translate, translate_again, translate_known_interface,
};

/// What all readers share: settings and databases.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) config: UdevConfig,
    names: HostPciIds,
    network: KernelNetwork,
}

/// What one reading of a device brought.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All that there is to say.
    Observed { id: DeviceId, fields: Fields, diagnostics: Vec<Diagnostic> },
    /// The device is there and is no node device.
    NotADevice,
    /// There is no such device (any more).
    Vanished,
    /// What the kernel makes a moment later is not there yet.
    NotYet { id: DeviceId, diagnostic: Diagnostic },
    /// The kernel gives no answer for now: it is to be asked until it does.
    Held { id: DeviceId, diagnostic: Diagnostic },
    /// The device cannot be read. Its identity is unknown when the reader hung.
    Unreadable { id: Option<DeviceId>, diagnostic: Diagnostic, diagnostics: Vec<Diagnostic> },
    /// No reader can be had.
    NoReader(Lost),
}

impl Outcome {
    /// What the loss of the reader says of the device that it was reading.
    pub(crate) fn lost(syspath: &str, lost: Lost) -> Self {
        let diagnostic = Diagnostic::warning(syspath, lost.to_string());
        match lost {
            Lost::Exhausted(_) => Self::NoReader(lost),
            Lost::Failed => Self::unreadable(None, diagnostic),
            Lost::Stuck { path, deadline } => {
                let file = path.strip_prefix(syspath).map(|file| file.trim_start_matches('/'));
                let file = file.unwrap_or(&path);
                let message = format!("gave no answer within {deadline:?}");
                let diagnostic = Diagnostic::warning(syspath, message).with_attribute(file);
                Self::unreadable(None, diagnostic)
            }
        }
    }

    const fn unreadable(id: Option<DeviceId>, diagnostic: Diagnostic) -> Self {
        Self::Unreadable { id, diagnostic, diagnostics: Vec::new() }
    }
}

impl Host {
    pub(crate) fn new(config: UdevConfig) -> Self {
        let names = HostPciIds::new(config.root.clone());
        let network = KernelNetwork::of_root(&config.root);
        Self { config, names, network }
    }

    /// Reads one device of the kernel.
    pub(crate) fn read(&self, syspath: &str, announcer: &Announcer) -> Outcome {
        self.read_listed(syspath, &[], announcer)
    }

    /// The same; while the kernel gives no answer it is asked again up to the time that is asked for then, on this thread.
    pub(crate) fn read_until(
        &self,
        syspath: &str,
        listed: &[String],
        until: impl FnOnce() -> Instant,
        announcer: &Announcer,
    ) -> Outcome {
        let mut outcome = self.read_listed(syspath, listed, announcer);
        if !matches!(outcome, Outcome::Held { .. }) {
            return outcome;
        }
        let (until, mut tries) = (until(), 0);
        while matches!(outcome, Outcome::Held { .. })
            && tries < HELD_TRIES
            && Instant::now() < until
            && self.network.wait(until)
        {
            tries += 1;
            outcome = self.read_listed(syspath, listed, announcer);
        }
        outcome
    }

    /// The same of a device that was listed, with all that were listed with it.
    pub(crate) fn read_listed(
        &self,
        syspath: &str,
        listed: &[String],
        announcer: &Announcer,
    ) -> Outcome {
        let files = self.files(announcer).of(syspath).with_listed(listed);
        let raw = match kernel_device(syspath, &files) {
            Some(raw) => raw,
            None => match self.ask_libudev(syspath, &files, announcer) {
                Ok(raw) => raw,
                Err(outcome) => return *outcome,
            },
        };
        self.judge(&raw, &files, announcer, translate)
    }

    /// Reads one device of the kernel for the fields that are read again: for some kinds without other
    /// fields.
    pub(crate) fn read_again(&self, syspath: &str, announcer: &Announcer) -> Outcome {
        let files = self.files(announcer).of(syspath);
        if let Some(outcome) = self.read_interface_again(syspath, &files, announcer) {
            return outcome;
        }
        let Some(raw) = kernel_device(syspath, &files) else {
            return self.read(syspath, announcer);
        };
        self.judge(&raw, &files, announcer, translate_again)
    }

    /// Reads an interface again, which its directory shows it to be, without asking what it is. `None` where it is
    /// none, has gone, or anything about it is odd.
    fn read_interface_again(
        &self,
        syspath: &str,
        files: &dyn Files,
        announcer: &Announcer,
    ) -> Option<Outcome> {
        let raw = known_interface(syspath)?;
        let id = DeviceId::sysfs(syspath).ok()?;
        let network = self.network(announcer);
        let mut reading = Reading::new(&raw, files, &self.names).with_network(&network);
        translate_known_interface(&mut reading).ok()?;
        let Reading { fields, diagnostics, .. } = reading;
        Some(Outcome::Observed { id, fields, diagnostics })
    }

    /// Whether its properties make it a device of a kind that is listed. No attribute is read.
    pub(crate) fn may_be_a_node_device(&self, syspath: &str, announcer: &Announcer) -> bool {
        let files = self.files(announcer);
        let raw = kernel_device(syspath, &files);
        let raw = raw.or_else(|| self.ask_libudev(syspath, &files, announcer).ok());
        raw.is_some_and(|raw| kind_of(&raw, &files).is_some())
    }

    /// What libudev says, or what comes of it that it says nothing. A device that it does not find although
    /// its `uevent` file is there may have gone and come meanwhile, so it is asked once more. (On a mock host
    /// it is: umockdev's `openat` fails about once in 100,000 calls when several threads make them.)
    fn ask_libudev(
        &self,
        syspath: &str,
        files: &HostFiles<'_>,
        announcer: &Announcer,
    ) -> Result<RawDevice, Box<Outcome>> {
        let uevent = format!("{syspath}/uevent");
        let unreadable = |message: String| {
            let diagnostic = Diagnostic::warning(syspath, message).with_attribute("uevent");
            Box::new(Outcome::unreadable(DeviceId::sysfs(syspath).ok(), diagnostic))
        };
        // libudev would hang there as well.
        if announcer.leaves_alone(&uevent, syspath) {
            let lost = Lost::Stuck { path: uevent, deadline: self.config.attribute_deadline };
            return Err(Outcome::lost(syspath, lost).into());
        }
        match files.is_file(&uevent) {
            Ok(true) => {}
            // libudev would wait at a pipe, or see a device without properties.
            Ok(false) => return Err(unreadable("is not a file".to_owned())),
            Err(error) if is_absent(&error) => return Err(Outcome::Vanished.into()),
            Err(error) => return Err(unreadable(error.to_string())),
        }
        let ask = || {
            let _entered = announcer.announce(&uevent, self.config.attribute_deadline);
            raw_device(syspath)
        };
        let said = match ask() {
            Ok(None) if files.exists(&uevent) => ask(),
            said => said,
        };
        match said {
            Ok(raw) => raw.ok_or_else(|| Outcome::Vanished.into()),
            Err(error) => {
                let diagnostic = Diagnostic::warning(syspath, format!("libudev: {error}"));
                Err(match DeviceId::sysfs(syspath) {
                    // It asked for more than there was.
                    Ok(id) if is_shortage(&error) => Outcome::Held { id, diagnostic }.into(),
                    id => Outcome::unreadable(id.ok(), diagnostic.with_attribute("uevent")).into(),
                })
            }
        }
    }

    /// What is told of it. Whatever was found half removed is not there.
    fn judge(
        &self,
        raw: &RawDevice,
        files: &HostFiles<'_>,
        announcer: &Announcer,
        translate: Translate,
    ) -> Outcome {
        let network = self.network(announcer);
        let mut reading = Reading::new(raw, files, &self.names).with_network(&network);
        let outcome = translated(&mut reading, translate);
        if reading.is_there || files.exists(&raw.file("uevent")) {
            outcome
        } else {
            Outcome::Vanished
        }
    }

    /// Reads the host itself.
    pub(crate) fn read_computer(&self, announcer: &Announcer) -> Outcome {
        let files = self.files(announcer);
        let raw = RawDevice { syspath: DMI.to_owned(), ..RawDevice::default() };
        let mut reading = Reading::new(&raw, &files, &self.names);
        match computer(&mut reading, self.config.host_uuid.as_deref()) {
            Ok(()) => Outcome::Observed {
                id: DeviceId::Computer,
                fields: reading.fields,
                diagnostics: reading.diagnostics,
            },
            Err(
                Refusal::Unreadable(diagnostic)
                | Refusal::NotYet(diagnostic)
                | Refusal::Held(diagnostic),
            ) => Outcome::unreadable(Some(DeviceId::Computer), diagnostic),
            Err(Refusal::NotADevice | Refusal::Vanished) => Outcome::NotADevice,
        }
    }

    /// Where a running mediated device lies.
    pub(crate) fn mdev_path(&self, uuid: &str, announcer: &Announcer) -> Option<String> {
        self.files(announcer).canonical(&format!("/sys/bus/mdev/devices/{uuid}"))
    }

    /// Where an interface lies, if it still has that name and that index. If nobody knows the index, where that name lies:
    /// to read an interface once too often costs less than once too few.
    pub(crate) fn interface_path(
        &self,
        name: &str,
        index: u32,
        announcer: &Announcer,
    ) -> Option<String> {
        let files = self.files(announcer);
        let path = files.canonical(&format!("/sys/class/net/{name}"))?;
        match files.contents(&format!("{path}/ifindex")) {
            Ok(found) => {
                let found = String::from_utf8(found).ok()?;
                (found.trim_end().parse() == Ok(index)).then_some(path)
            }
            Err(FileError::NoAnswer(_)) => Some(path),
            Err(_) => None,
        }
    }

    const fn network<'a>(&'a self, announcer: &'a Announcer) -> AnnouncedNetwork<'a> {
        AnnouncedNetwork { network: &self.network, announcer }
    }

    fn files<'a>(&'a self, announcer: &'a Announcer) -> HostFiles<'a> {
        HostFiles::new(&self.config.root, announcer, self.config.attribute_deadline)
    }
}

/// How often it is asked again without a pause: where it has too little of something it says so at once.
const HELD_TRIES: usize = 16;
/// How long the kernel may keep a reader waiting that asks for what is in no file: others on the host may hold the
/// lock of all links for seconds.
const NETLINK_DEADLINE: Duration = Duration::from_secs(5);

/// The kernel's network, each question announced like a file.
struct AnnouncedNetwork<'a> {
    network: &'a KernelNetwork,
    announcer: &'a Announcer,
}

impl Network for AnnouncedNetwork<'_> {
    fn active_features(&self, interface: &str) -> Result<Option<Arc<ActiveFeatures>>, NoAnswer> {
        let _entered = self.announcer.announce("netlink ethtool", NETLINK_DEADLINE);
        self.network.active_features(interface)
    }

    fn is_switchdev(&self, pci_address: &str) -> Result<bool, NoAnswer> {
        let _entered = self.announcer.announce("netlink devlink", NETLINK_DEADLINE);
        self.network.is_switchdev(pci_address)
    }
}

/// What reads a device of a kind.
type Translate = fn(Capability, &mut Reading<'_>) -> Result<(), Refusal>;

fn translated(reading: &mut Reading<'_>, translate: Translate) -> Outcome {
    let Some(capability) = kind_of(reading.device, reading.files) else {
        return Outcome::NotADevice;
    };
    let Ok(id) = identity(capability, reading) else {
        return Outcome::NotADevice;
    };
    let verdict = translate(capability, reading);
    let mut fields = std::mem::take(&mut reading.fields);
    fields.shrink_to_fit();
    let diagnostics = std::mem::take(&mut reading.diagnostics);
    match verdict {
        Ok(()) => Outcome::Observed { id, fields, diagnostics },
        Err(Refusal::NotADevice) => Outcome::NotADevice,
        Err(Refusal::Vanished) => Outcome::Vanished,
        Err(Refusal::NotYet(diagnostic)) => Outcome::NotYet { id, diagnostic },
        Err(Refusal::Held(diagnostic)) => Outcome::Held { id, diagnostic },
        Err(Refusal::Unreadable(diagnostic)) => {
            Outcome::Unreadable { id: Some(id), diagnostic, diagnostics }
        }
    }
}

/// By its properties, else as a registered parent of mediated devices.
fn kind_of(raw: &RawDevice, files: &dyn Files) -> Option<Capability> {
    classify(raw).or_else(|| mdev_bus_name(raw, files).map(|_| Capability::MdevTypes))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::thread;

    use super::*;
    use crate::announce::StuckFiles;

    const PATH: &str = "sys/devices/pci0000:00/0000:00:1f.2";
    const LO: &str = "/sys/devices/virtual/net/lo";

    /// The root of a host with one function, virtual or not.
    fn function(is_virtual: bool) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let device = root.path().join(PATH);
        fs::create_dir_all(&device).unwrap();
        fs::create_dir_all(root.path().join("sys/bus/pci/devices")).unwrap();
        std::os::unix::fs::symlink(
            &device,
            root.path().join("sys/bus/pci/devices").join(device.file_name().unwrap()),
        )
        .unwrap();
        let uevent = "PCI_CLASS=20000\nPCI_SLOT_NAME=0000:00:1f.2\n";
        let files = [
            ("uevent", uevent.as_bytes()),
            ("config", &[0; 64]),
            ("vendor", b"0x8086\n"),
            ("device", b"0x1572\n"),
            ("numa_node", b"0\n"),
        ];
        for (name, bytes) in files {
            fs::write(device.join(name), bytes).unwrap();
        }
        if is_virtual {
            std::os::unix::fs::symlink(".", device.join("physfn")).unwrap();
        }
        root
    }

    /// What is judged of the function after these files have gone, while it was being read.
    fn judged(root: &Path, gone: &[&str]) -> Outcome {
        let announcer = Announcer::default();
        let config = UdevConfig { root: root.to_owned(), ..UdevConfig::default() };
        let host = Host::new(config);
        let files = host.files(&announcer);
        let raw = kernel_device(&format!("/{PATH}"), &files).unwrap();
        gone.iter().for_each(|name| fs::remove_file(root.join(PATH).join(name)).unwrap());
        host.judge(&raw, &files, &announcer, translate)
    }

    /// A reader of this host, with the files that hold others.
    fn reader() -> (Arc<StuckFiles>, Announcer, Host) {
        let stuck = Arc::new(StuckFiles::default());
        let announcer = Announcer::new(Arc::clone(&stuck));
        (stuck, announcer, Host::new(UdevConfig::default()))
    }

    #[test]
    fn a_kernel_that_is_held_up_is_asked_again_until_the_time_is_over() {
        let (announcer, host) = (Announcer::default(), Host::new(UdevConfig::default()));
        let slow = host.network.hold_links();
        assert!(matches!(host.read(LO, &announcer), Outcome::Held { .. }));
        let soon = || Instant::now() + Duration::from_millis(10);
        assert!(matches!(host.read_until(LO, &[], soon, &announcer), Outcome::Held { .. }));
        thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let late = || Instant::now() + Duration::from_secs(60);
                host.read_until(LO, &[], late, &Announcer::default())
            });
            drop(slow);
            assert!(matches!(reading.join().unwrap(), Outcome::Observed { .. }));
        });
    }

    #[test]
    fn a_uevent_file_that_holds_a_reader_is_left_alone_by_all_others() {
        let (stuck, announcer, host) = reader();
        assert!(matches!(host.read(LO, &announcer), Outcome::Observed { .. }));
        let uevent = format!("{LO}/uevent");
        stuck.insert(&uevent);
        stuck.insert(&uevent);
        let mut told = Vec::new();
        for _ in 0..2 {
            let outcome = host.read(LO, &announcer);
            let Outcome::Unreadable { diagnostic, .. } = outcome else { panic!("{outcome:?}") };
            assert!(diagnostic.to_string().contains("gave no answer"), "{diagnostic}");
            told.extend(stuck.remove(&uevent));
        }
        assert_eq!(told, [LO], "it is to be read again");
        assert!(matches!(host.read(LO, &announcer), Outcome::Observed { .. }));
    }

    #[test]
    fn an_attribute_that_holds_a_reader_has_the_device_read_again_when_that_one_is_back() {
        let (stuck, announcer, host) = reader();
        // Its link is read by its name, for a document where it lies: no reader more for that.
        let file = format!("{LO}/operstate");
        let reads: [&dyn Fn() -> Outcome; 3] = [
            &|| host.read(LO, &announcer),
            &|| host.read_listed(LO, &[LO.to_owned()], &announcer),
            &|| host.read_again(LO, &announcer),
        ];
        for read in reads {
            stuck.insert(&file);
            let outcome = read();
            assert!(stuck.remove(&file).iter().eq([LO]), "{outcome:?}");
        }
    }

    #[test]
    fn an_interface_whose_index_gives_no_answer_is_found_by_its_name() {
        let (stuck, announcer, host) = reader();
        let path = |name, index| host.interface_path(name, index, &announcer);
        assert_eq!((path("lo", 1).as_deref(), path("lo", 2)), (Some(LO), None));
        assert_eq!(path("no-such", 1), None);
        stuck.insert(&format!("{LO}/ifindex"));
        assert_eq!(path("lo", 1).as_deref(), Some(LO));
    }

    #[test]
    fn a_function_that_goes_while_it_is_read_has_vanished() {
        for is_virtual in [true, false] {
            let judged = |gone: &[&str]| judged(function(is_virtual).path(), gone);
            assert!(matches!(judged(&[]), Outcome::Observed { .. }), "{is_virtual}");
            for gone in [&["uevent", "numa_node"][..], &["uevent", "vendor", "numa_node"]] {
                assert!(matches!(judged(gone), Outcome::Vanished), "{is_virtual} {gone:?}");
            }
        }
        // Of a physical one, what virtual ones there may be goes together with this.
        assert!(matches!(judged(function(false).path(), &["uevent"]), Outcome::Vanished));
        // Without a node the kernel does not tell one.
        assert!(matches!(judged(function(true).path(), &["numa_node"]), Outcome::Observed { .. }));
    }
}
