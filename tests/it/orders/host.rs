//! The mock host on which facts happen, each as the kernel, udevd and an operator would have it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nodedev_driver::DriverConfig;
use nodedev_source_testkit::mock_host::{MockHost, Record};

use super::facts::Fact;

const UUID: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// Of a definition whose parent never appears.
const OTHER_UUID: &str = "aaaaaaaa-0000-4000-8000-000000000002";
/// Whatever happens, its address tells how often something has happened.
const CLOCK: &str = "/sys/devices/virtual/net/clock";
const GROUP: &str = "/sys/kernel/iommu_groups/12";
const TYPES: [&str; 2] = ["small", "large"];

/// A kind of parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent {
    path: &'static str,
    subsystem: &'static str,
    /// The event by which its types are announced.
    announced_by: &'static str,
}

/// A PCI function whose driver registers it with the mediated-device core.
pub(super) const PCI: Parent =
    Parent { path: "/sys/devices/pci0000:00/0000:00:02.0", subsystem: "pci", announced_by: "bind" };

/// A device that nothing but its link in `/sys/class/mdev_bus` makes a parent.
pub(super) const BUS: Parent =
    Parent { path: "/sys/devices/virtual/mdpy/mdpy", subsystem: "mdpy", announced_by: "change" };

/// A mock host with a folder of definitions.
#[derive(Debug)]
pub(super) struct Host {
    mock: MockHost,
    parent: Parent,
    folder: PathBuf,
    starts: u8,
    happened: u32,
}

/// The value of the attribute `weight` that a definition has, by how often it has been written.
pub(super) fn attribute_when_defined(times: u8) -> u8 {
    10 + times
}

/// The value that the running device has, by how often it has been started.
pub(super) fn attribute_when_running(times: u8) -> u8 {
    20 + times
}

impl Host {
    /// The host that this process sees.
    pub(super) fn new(parent: Parent) -> Self {
        let mut mock = MockHost::of_this_process().unwrap();
        let folder = mock.real_path("/mdevctl");
        fs::create_dir_all(folder.join("etc/mdevctl.d")).unwrap();
        // A link to a file that is never written: a program that was just written may be busy.
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/orders/mdevctl.sh");
        symlink(script, folder.join("mdevctl")).unwrap();
        mock.make_dir(GROUP).unwrap();
        mock.add_silently(clock(0)).unwrap();
        Self { mock, parent, folder, starts: 0, happened: 0 }
    }

    /// The daemon's settings on this host.
    pub(super) fn config(&self) -> DriverConfig {
        let mut config = DriverConfig::default();
        // Here are no names of PCI devices: to read them takes longer than all the rest.
        config.udev = config.udev.with_root(self.mock.root());
        // A busy machine is no slow device.
        config.udev.attribute_deadline = Duration::from_secs(10);
        config.mdevctl.program = self.folder.join("mdevctl");
        config.mdevctl.root.clone_from(&self.folder);
        // Nothing follows by itself on this host.
        config.mdevctl.quiet = Duration::from_millis(1);
        config
    }

    /// The name of the device that is defined and started.
    pub(super) fn device(&self) -> String {
        let name = format!("mdev_{UUID}_{}", self.address());
        name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    }

    /// Takes away whatever has happened. No daemon is there any more.
    pub(super) fn reset(&mut self) {
        self.starts = 0;
        self.mock.remove_silently(self.parent.path).unwrap();
        self.mock.clear(&self.link()).unwrap();
        for entry in fs::read_dir(self.definitions()).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        super::leftovers::clear(self.mock.root());
    }

    /// Makes it happen, and the clock tick.
    pub(super) fn happens(&mut self, fact: Fact) {
        match fact {
            Fact::Define => self.define(1, "manual"),
            Fact::Redefine => self.define(2, "auto"),
            Fact::Undefine => fs::remove_file(self.definition(self.address(), UUID)).unwrap(),
            Fact::Appear => self.mock.add(self.unbound()).unwrap(),
            Fact::Bind => self.bind(),
            Fact::AppearBound => self.appear_bound(),
            Fact::Start | Fact::Restart => {
                self.start();
                self.announce("add");
            }
            Fact::StartUnheard => self.start(),
            Fact::HearStart => self.announce("add"),
            Fact::Stop => {
                // As the kernel does: the event comes before the directory goes.
                self.announce("remove");
                self.stop();
            }
            Fact::StopUnheard => self.stop(),
            Fact::HearStop => self.announce("remove"),
            Fact::Vanish => {
                self.mock.remove(self.parent.path).unwrap();
                self.mock.clear(&self.link()).unwrap();
            }
        }
        self.tick();
    }

    /// Something that both sources have to tell of, and that has to do with nothing else.
    pub(super) fn other_things_happen(&mut self) {
        self.write_definition("0000:99:00.0", OTHER_UUID, TYPES[0], "auto", "");
        self.tick();
    }

    fn tick(&mut self) {
        self.happened += 1;
        let address = clock_address(self.happened);
        self.mock.write(&format!("{CLOCK}/address"), address).unwrap();
        self.mock.announce(CLOCK, "change").unwrap();
    }

    fn define(&self, times: u8, start: &str) {
        let attributes =
            format!(r#"{{"weight": "{}"}}, {{"b": "<&>"}}"#, attribute_when_defined(times));
        let mdev_type = TYPES[usize::from(times) - 1];
        self.write_definition(self.address(), UUID, mdev_type, start, &attributes);
    }

    /// As mdevctl writes it, in one step.
    fn write_definition(
        &self,
        parent: &str,
        uuid: &str,
        mdev_type: &str,
        start: &str,
        attributes: &str,
    ) {
        let file = self.definition(parent, uuid);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let new = self.folder.join("new");
        let text = format!(
            "{{\n  \"mdev_type\": \"{mdev_type}\",\n  \"start\": \"{start}\",\n  \
             \"attrs\": [{attributes}]\n}}"
        );
        fs::write(&new, text).unwrap();
        fs::rename(new, file).unwrap();
    }

    fn unbound(&self) -> Record {
        let record = Record::new(self.parent.path, self.parent.subsystem);
        if self.parent.subsystem != "pci" {
            return record;
        }
        record
            .property("PCI_CLASS", "30000")
            .bytes("config", &[0; 64])
            .attribute("vendor", "0x8086\n")
            .attribute("device", "0x1234\n")
            .attribute("numa_node", "0\n")
    }

    fn bind(&mut self) {
        let Parent { path, announced_by, .. } = self.parent;
        self.offer_types();
        self.mock.announce(path, announced_by).unwrap();
    }

    fn appear_bound(&mut self) {
        let record = self.unbound();
        self.mock.add_silently(record).unwrap();
        self.offer_types();
        self.mock.announce(self.parent.path, "add").unwrap();
    }

    fn offer_types(&mut self) {
        let Parent { path, subsystem, .. } = self.parent;
        for mdev_type in TYPES {
            let folder = format!("{path}/mdev_supported_types/{mdev_type}");
            self.mock.write(&format!("{folder}/device_api"), "vfio-pci\n").unwrap();
            self.mock.write(&format!("{folder}/available_instances"), "2\n").unwrap();
        }
        if subsystem == "pci" {
            self.mock.make_dir("/sys/bus/pci/drivers/i915").unwrap();
            self.mock.link(&format!("{path}/driver"), "/sys/bus/pci/drivers/i915").unwrap();
            self.mock.set_property(path, "DRIVER", "i915").unwrap();
        }
        self.mock.link(&self.link(), path).unwrap();
    }

    fn start(&mut self) {
        self.starts += 1;
        let weight = attribute_when_running(self.starts);
        let running = self.running().attribute("weight", &format!("{weight}\n"));
        self.mock.add_silently(running).unwrap();
    }

    fn stop(&mut self) {
        self.mock.remove_silently(&self.running().syspath).unwrap();
    }

    fn announce(&mut self, action: &str) {
        let record = self.running();
        self.mock.announce_record(&record, action, &[]).unwrap();
    }

    fn running(&self) -> Record {
        Record::new(&format!("{}/{UUID}", self.parent.path), "mdev")
            .link("mdev_type", &format!("../mdev_supported_types/{}", TYPES[0]))
            .link("iommu_group", GROUP)
    }

    fn address(&self) -> &'static str {
        self.parent.path.rsplit('/').next().unwrap()
    }

    fn link(&self) -> String {
        format!("/sys/class/mdev_bus/{}", self.address())
    }

    fn definitions(&self) -> PathBuf {
        self.folder.join("etc/mdevctl.d")
    }

    fn definition(&self, parent: &str, uuid: &str) -> PathBuf {
        self.definitions().join(parent).join(uuid)
    }
}

fn clock(time: u32) -> Record {
    Record::new(CLOCK, "net")
        .property("INTERFACE", "clock")
        .property("IFINDEX", "7")
        .attribute("address", &clock_address(time))
        .attribute("addr_len", "6\n")
        .attribute("operstate", "down\n")
}

fn clock_address(time: u32) -> String {
    let [_, a, b, c] = time.to_be_bytes();
    format!("02:00:00:{a:02x}:{b:02x}:{c:02x}\n")
}
