//! The states of a mediated device and the events between them: one table, and what goes through it.

mod table;

use std::time::Duration;

use nodedev_registry::{Registry, Subscription};
use nodedev_source_testkit::ScriptedHost;
use nodedev_types::Capability;
use nodedev_types::fields::{device, mdev as field, net};

use crate::host::{
    MDEV, PCI, active, defined, definition, idle, link, live, mdev, mdev_path, mdevctl, pci,
    running, start, sysfs, told, udev,
};
use table::{Row, TABLE};

/// Another device with the parent's address, elsewhere.
const NAMESAKE: &str = "/sys/devices/css0/0.0.0052";

/// What one of the sources has to say.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// udevd: the parent comes.
    Parent,
    /// udevd: the parent goes.
    ParentGone,
    /// udevd: another device with its address comes.
    Namesake,
    /// udevd: the device runs.
    Device,
    /// udevd: the same again.
    DeviceAgain,
    /// udevd: its group has another number.
    DeviceInGroup(u64),
    /// udevd: it no longer runs.
    DeviceGone,
    /// udevd: an interface is there whose link is in this state; there is none.
    Plain(Option<&'static str>),
    /// mdevctl, whose directory has changed: there is this definition.
    Defined { mdev_type: &'static str, autostart: bool },
    /// mdevctl, whose directory has changed: there is none.
    NotDefined,
    /// mdevctl, when it is asked next: it runs with this attribute.
    Live(&'static str),
    /// The same, with an autostart of its own.
    LiveWithAutostart(bool),
    /// mdevctl, when it is asked next: it does not run.
    NotLive,
    /// mdevctl is asked.
    ListedAgain,
}

/// Both sources' ends.
struct World {
    kernel: ScriptedHost,
    tool: ScriptedHost,
}

impl World {
    async fn say(&self, word: Word) {
        let (kernel, device) = (&self.kernel, mdev());
        match word {
            Word::Parent => kernel.set(&sysfs(PCI), pci(PCI, Some(1))),
            Word::ParentGone => kernel.remove(&sysfs(PCI)),
            Word::Namesake => {
                let mut fields = pci(NAMESAKE, Some(1));
                fields.set(device::CAPABILITY, Capability::Css);
                kernel.set(&sysfs(NAMESAKE), fields);
            }
            Word::Device => kernel.set(&device, running(&mdev_path())),
            Word::DeviceAgain => kernel.repeat(&device),
            Word::DeviceInGroup(number) => {
                let mut fields = running(&mdev_path());
                fields.set(field::IOMMU_GROUP, number);
                kernel.set(&device, fields);
            }
            Word::DeviceGone => kernel.remove(&device),
            Word::Plain(mark) => self.say_of_link(mark),
            Word::Defined { mdev_type, autostart } => {
                let mut fields = definition();
                fields.set(field::DEFINED_TYPE, mdev_type);
                fields.set(device::AUTOSTART, autostart);
                self.quietly(|tool| tool.set_on(&defined(), &device, fields));
                self.tool.resync("its directory has changed");
            }
            Word::NotDefined => {
                self.quietly(|tool| tool.remove_on(&defined(), &device));
                self.tool.resync("its directory has changed");
            }
            Word::Live(value) => self.quietly(|tool| tool.set_on(&active(), &device, live(value))),
            Word::LiveWithAutostart(autostart) => {
                let mut fields = live("1");
                fields.set(device::AUTOSTART, autostart);
                self.quietly(|tool| tool.set_on(&active(), &device, fields));
            }
            Word::NotLive => self.quietly(|tool| tool.remove_on(&active(), &device)),
            Word::ListedAgain => self.tool.resync("asked again"),
        }
        idle().await;
    }

    fn say_of_link(&self, mark: Option<&str>) {
        let (id, mut fields) = link("eth0");
        match mark {
            Some(mark) => {
                fields.set(net::LINK_STATE, mark);
                self.kernel.set(&id, fields);
            }
            None => self.kernel.remove(&id),
        }
    }

    /// What mdevctl answers from now on; it is no tool that speaks unasked.
    fn quietly(&self, change: impl FnOnce(&ScriptedHost)) {
        self.tool.lose_events(true);
        change(&self.tool);
        self.tool.lose_events(false);
    }
}

fn state(registry: &Registry) -> String {
    let snapshot = registry.snapshot();
    let Some(device) = snapshot.device(MDEV) else { return String::new() };
    let flags = [
        (device.active, "active"),
        (device.persistent, "persistent"),
        (device.autostart, "autostart"),
    ];
    let set = flags.iter().filter(|(is, _)| *is).map(|(_, flag)| *flag);
    set.collect::<Vec<_>>().join(" ")
}

/// Everything that is told until nothing more is.
async fn all_told(events: &mut Subscription) -> Vec<String> {
    let long = Duration::from_secs(30);
    let mut all = Vec::new();
    while let Ok(Ok(batch)) = tokio::time::timeout(long, events.next()).await {
        all.extend(told(&batch));
    }
    let roles = [
        (MDEV, "device"),
        ("css_0_0_0052", "namesake"),
        ("pci_0000_00_02_0", "parent"),
        ("net_eth0_", "link"),
    ];
    let role = |event: &String| {
        let (kind, name) = event.split_once(' ').expect("a kind and a name");
        let role = roles.iter().find(|(start, _)| name.starts_with(start));
        format!("{kind} {}", role.map_or(name, |(_, role)| role))
    };
    all.iter().map(role).collect()
}

async fn go_through(row: &Row) {
    let Row { number, what, before, happens, after, told } = row;
    let ((kernel_source, kernel), (tool_source, tool)) = (udev(), mdevctl());
    let registry = start(&[kernel_source, tool_source]).await;
    let world = World { kernel, tool };
    for word in *before {
        world.say(*word).await;
    }
    let (_, mut events) = registry.subscribe();
    for word in *happens {
        world.say(*word).await;
    }
    assert_eq!(all_told(&mut events).await, *told, "row {number}: {what}");
    assert_eq!(state(&registry), *after, "row {number}: {what}");
    registry.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn every_transition_ends_in_its_state_and_tells_its_events() {
    for row in TABLE {
        go_through(row).await;
    }
    for number in 1..=18 {
        let number = number.to_string();
        assert!(TABLE.iter().any(|row| row.number == number), "no row {number}");
    }
}
