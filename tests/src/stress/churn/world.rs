//! The devices that come and go: interfaces, each of a name that never was there before, definitions, and
//! definition files that are broken now and then.
//!
//! All of it in a laboratory, and all of it can be taken away again.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use nodedev_mutants::Random;
use nodedev_rpc::{DeviceFlagsArgs, DocumentArgs, SetAutostartArgs, procedures};

use crate::lab::Lab;
use crate::stress::mediated::{Parent, uuid};
use crate::wire::Client;

/// Most interfaces and definitions at a time.
const MOST_INTERFACES: usize = 80;
const MOST_DEFINITIONS: usize = 12;

/// What is there for a while.
pub(super) struct World<'a> {
    lab: &'a Lab,
    parent: Parent,
    /// A client that has definitions made and removed by the daemon.
    client: Client,
    interfaces: Vec<String>,
    definitions: Vec<String>,
    broken: Option<PathBuf>,
    made: u64,
    /// How many things were done so far.
    pub(super) changes: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(lab: &'a Lab, client: Client) -> Self {
        let (interfaces, definitions) = (Vec::new(), Vec::new());
        let parent = Parent::of(lab);
        Self { lab, parent, client, interfaces, definitions, broken: None, made: 0, changes: 0 }
    }

    /// Something happens.
    pub(super) fn change(&mut self, random: &mut Random) {
        match random.below(100) {
            0..40 => self.add_interfaces(1 + random.below(8)),
            40..62 => self.remove_interfaces(1 + random.below(12), random),
            62..86 => self.change_interface(random),
            86..91 => self.define(random),
            91..95 => self.undefine(random),
            95..98 => self.set_autostart(random),
            98 => self.break_a_definition(),
            _ => self.mend(),
        }
    }

    /// Takes everything away.
    pub(super) fn empty(&mut self, random: &mut Random) {
        self.mend();
        self.remove_interfaces(usize::MAX, random);
        while !self.definitions.is_empty() {
            self.undefine(random);
        }
    }

    /// A bad file makes mdevctl list nothing at all.
    pub(super) fn mend(&mut self) {
        if let Some(file) = self.broken.take() {
            fs::remove_file(file).unwrap();
            self.changes += 1;
        }
    }

    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn add_interfaces(&mut self, count: usize) {
        if self.interfaces.len() + count > MOST_INTERFACES {
            return;
        }
        let mut lines = Vec::new();
        for _ in 0..count {
            let number = self.next();
            let name = format!("nd{number}");
            // The other end of a pair goes with it and is not counted.
            lines.push(match is_pair(&name) {
                true => format!("link add {name} type veth peer name {name}p"),
                false => format!("link add {name} type ifb"),
            });
            self.interfaces.push(name);
        }
        self.ip(&lines);
    }

    fn remove_interfaces(&mut self, count: usize, random: &mut Random) {
        let count = count.min(self.interfaces.len());
        let lines = (0..count).map(|_| {
            let which = random.below(self.interfaces.len());
            format!("link del {}", self.interfaces.swap_remove(which))
        });
        let lines: Vec<_> = lines.collect();
        self.ip(&lines);
    }

    fn change_interface(&mut self, random: &mut Random) {
        if self.interfaces.is_empty() {
            return;
        }
        let which = random.below(self.interfaces.len());
        let name = self.interfaces[which].clone();
        let down = format!("link set {name} down");
        let line = match random.below(4) {
            0 => {
                self.interfaces[which] = format!("nr{}", self.next());
                format!("link set {name} name {}", self.interfaces[which])
            }
            1 => format!("link set {name} up"),
            // Of the others none can be given another one.
            _ if is_pair(&name) => {
                let [.., a, b, c] = self.next().to_be_bytes();
                format!("link set {name} address 02:00:00:{a:02x}:{b:02x}:{c:02x}")
            }
            _ => down.clone(),
        };
        // An interface that is up keeps its address and, with old kernels, its name.
        let lines = if line.ends_with("up") { vec![line] } else { vec![down, line] };
        self.ip(&lines);
    }

    fn ip(&mut self, lines: &[String]) {
        let mut ip = self.lab.command("ip");
        let mut ip = ip.args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = ip.stdin.take().unwrap();
        input
            .write_all(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())
            .unwrap();
        drop(input);
        assert!(ip.wait().unwrap().success(), "{lines:?}");
        self.changes += u64::try_from(lines.len()).unwrap();
    }

    /// By the daemon or behind its back.
    fn define(&mut self, random: &mut Random) {
        if self.definitions.len() >= MOST_DEFINITIONS || self.broken.is_some() {
            return;
        }
        let uuid = uuid(random);
        if random.below(2) == 0 {
            let args = DocumentArgs { xml: self.parent.document(&uuid), flags: 0 };
            self.client.call::<procedures::NodeDeviceDefineXml>(&args).unwrap();
        } else {
            self.mdevctl("define", &uuid, &["--type", "some-type"]);
        }
        self.definitions.push(uuid);
        self.changes += 1;
    }

    fn undefine(&mut self, random: &mut Random) {
        if self.definitions.is_empty() || self.broken.is_some() {
            return;
        }
        let uuid = self.definitions.swap_remove(random.below(self.definitions.len()));
        if random.below(2) == 0 {
            let name = self.listed(&uuid);
            let args = DeviceFlagsArgs { name, flags: 0 };
            self.client.call::<procedures::NodeDeviceUndefine>(&args).unwrap();
        } else {
            self.mdevctl("undefine", &uuid, &[]);
        }
        self.changes += 1;
    }

    fn set_autostart(&mut self, random: &mut Random) {
        if self.definitions.is_empty() || self.broken.is_some() {
            return;
        }
        let uuid = self.definitions[random.below(self.definitions.len())].clone();
        if random.below(2) == 0 {
            let autostart = i32::from(random.below(2) == 0);
            let args = SetAutostartArgs { name: self.listed(&uuid), autostart };
            self.client.call::<procedures::NodeDeviceSetAutostart>(&args).unwrap();
        } else {
            let start = ["--auto", "--manual"][random.below(2)];
            self.mdevctl("modify", &uuid, &[start]);
        }
        self.changes += 1;
    }

    /// The name of a device that may have been defined a moment ago, behind the daemon's back.
    fn listed(&mut self, uuid: &str) -> String {
        let name = self.parent.device(uuid);
        let client = &mut self.client;
        crate::wire::until(&format!("{name} is listed"), || {
            let look = nodedev_rpc::NodeDevice { name: name.clone() };
            client.call::<procedures::NodeDeviceLookupByName>(&look).is_ok()
        });
        name
    }

    fn mdevctl(&self, verb: &str, uuid: &str, more: &[&str]) {
        let words = [verb, "--uuid", uuid, "--parent", &self.parent.address];
        self.lab.run("mdevctl", &[&words[..], more].concat());
    }

    fn break_a_definition(&mut self) {
        if self.broken.is_some() {
            return;
        }
        let folder = self.lab.definitions().join(&self.parent.address);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("ffffffff-0000-4000-8000-000000000000");
        fs::write(&file, "{\"mdev_type\": \"so").unwrap();
        self.broken = Some(file);
        self.changes += 1;
    }
}

/// Which interfaces are one end of a pair.
fn is_pair(name: &str) -> bool {
    name.starts_with("nd") && name.ends_with(['0', '3', '6', '9'])
}
