//! What can happen on the simulated host, small enough to be drawn from a seed or shrunk by a test.

use nodedev_source::{Action, MdevConfig};
use nodedev_types::{DeviceId, MdevAttribute};

use crate::host::Host;
use crate::kernel::{Kernel, SLOTS, TYPES, Uevent, mdev_id, net_id, slot_id};

/// Names of interfaces; some become one name in the list.
const INTERFACES: [&str; 5] = ["a.1", "a_1", "a-1", "eth0", "eth1"];
const MACS: [&str; 3] = ["", "02:00:00:00:00:01", "02:00:00:00:00:02"];
/// How many uuids are in use.
const UUIDS: u8 = 2;

/// Numbers are taken modulo what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    PlugPort,
    UnplugPort,
    Plug(u8),
    Unplug(u8),
    Bind(u8),
    Unbind(u8),
    AddNet {
        name: u8,
        mac: u8,
        behind_port: bool,
    },
    RemoveNet(u8),
    Rename {
        which: u8,
        name: u8,
    },
    SetMac {
        which: u8,
        mac: u8,
    },
    /// By mdevctl, behind the daemon's back.
    Tool(Act),
}

/// What is done to a mediated device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Act {
    pub(crate) verb: Verb,
    pub(crate) slot: u8,
    pub(crate) uuid: u8,
    /// Which configuration.
    pub(crate) config: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Define,
    Create,
    Start,
    Stop,
    Undefine,
    Autostart,
    NoAutostart,
    Redefine,
    ModifyLive,
    ModifyBoth,
}

pub(crate) const VERBS: [Verb; 10] = [
    Verb::Define,
    Verb::Create,
    Verb::Start,
    Verb::Stop,
    Verb::Undefine,
    Verb::Autostart,
    Verb::NoAutostart,
    Verb::Redefine,
    Verb::ModifyLive,
    Verb::ModifyBoth,
];

fn slot(slot: u8) -> usize {
    usize::from(slot) % SLOTS.len()
}

fn uuid(uuid: u8) -> String {
    format!("aaaaaaaa-0000-4000-8000-{:012x}", uuid % UUIDS)
}

fn config(number: u8) -> MdevConfig {
    let attribute =
        |n: u8| MdevAttribute { name: format!("a{n}"), value: (number / 4).to_string() };
    MdevConfig {
        mdev_type: TYPES[usize::from(number) % TYPES.len()].to_owned(),
        attributes: (0..number % 3).map(attribute).collect(),
        autostart: number % 4 > 1,
    }
}

impl Act {
    /// Whether uevents or files tell of it. What does not, is seen where the daemon itself does it.
    pub(crate) fn is_told(self) -> bool {
        !matches!(self.verb, Verb::ModifyLive | Verb::ModifyBoth)
    }

    /// The same, done to this device.
    pub(crate) fn on(self, device: &DeviceId) -> Self {
        let mut slots = 0..u8::try_from(SLOTS.len()).unwrap();
        let DeviceId::Mdev { uuid: found, parent } = device else { return self };
        let slot = slots.find(|n| *SLOTS[usize::from(*n)].address == **parent);
        let known = (0..UUIDS).find(|n| uuid(*n) == found.as_str());
        match (slot, known) {
            (Some(slot), Some(uuid)) => Self { slot, uuid, ..self },
            _ => self,
        }
    }

    pub(crate) fn action(self) -> Action {
        let Self { verb, .. } = self;
        let device = mdev_id(slot(self.slot), &uuid(self.uuid));
        let parent = SLOTS[slot(self.slot)].address.to_owned();
        let (uuid, config) = (Some(uuid(self.uuid)), config(self.config));
        match verb {
            Verb::Define => Action::Define { parent, uuid, config },
            Verb::Create => Action::Create { parent, uuid, config },
            Verb::Start => Action::Start(device),
            Verb::Stop => Action::Stop(device),
            Verb::Undefine => Action::Undefine(device),
            Verb::Autostart => Action::SetAutostart { device, autostart: true },
            Verb::NoAutostart => Action::SetAutostart { device, autostart: false },
            Verb::Redefine => Action::Modify { device, config, live: false, defined: true },
            Verb::ModifyLive => Action::Modify { device, config, live: true, defined: false },
            Verb::ModifyBoth => Action::Modify { device, config, live: true, defined: true },
        }
    }
}

impl Host {
    pub(crate) fn bring(&self, deed: &Deed) {
        self.note(format_args!("deed: {deed:?}"));
        let name = |n: u8| INTERFACES[usize::from(n) % INTERFACES.len()];
        let mac = |n: u8| MACS[usize::from(n) % MACS.len()];
        match *deed {
            Deed::PlugPort => self.change(|kernel| kernel.plug_port()),
            Deed::UnplugPort => self.change(|kernel| kernel.unplug_port()),
            Deed::Plug(n) => self.change(|kernel| kernel.plug(slot(n))),
            Deed::Unplug(n) => self.change(|kernel| kernel.unplug(&slot_id(slot(n)))),
            Deed::Bind(n) => self.change(|kernel| kernel.bind(slot(n))),
            Deed::Unbind(n) => self.change(|kernel| kernel.unbind(slot(n))),
            Deed::AddNet { name: n, mac: m, behind_port } => {
                self.change(|kernel| kernel.add_net(&net_id(name(n), behind_port), mac(m)));
            }
            Deed::RemoveNet(which) => self.with_net(which, |kernel, id| kernel.unplug(id)),
            Deed::Rename { which, name: n } => {
                self.with_net(which, |kernel, id| kernel.rename(id, name(n)));
            }
            Deed::SetMac { which, mac: m } => {
                self.with_net(which, |kernel, id| kernel.set_mac(id, mac(m)));
            }
            // What cannot be done is not done.
            Deed::Tool(act) => drop(self.run_tool(&act.action())),
        }
    }

    fn with_net(&self, which: u8, change: impl FnOnce(&mut Kernel, &DeviceId) -> Vec<Uevent>) {
        self.change(|kernel| {
            let nets = kernel.nets();
            match nets.len() {
                0 => Vec::new(),
                count => change(kernel, &nets[usize::from(which) % count]),
            }
        });
    }
}
