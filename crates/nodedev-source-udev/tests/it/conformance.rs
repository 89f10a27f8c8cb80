//! The contract's clauses, on a mock host for each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nodedev_source::{NodeDeviceSource, async_trait};
use nodedev_source_testkit::mock_host::{MockHost, Record, alone};
use nodedev_source_testkit::{
    Announcement, Applied, BadInput, Harness, HostChange, Order, Skip, run,
};
use nodedev_source_udev::{UdevConfig, UdevSource};
use nodedev_types::DeviceId;

/// Network interfaces `n0`, `n1`, … on the mock host of this process.
struct UdevHarness(Mutex<State>);

struct State {
    host: MockHost,
    /// How often each interface was renamed, which its name shows.
    renamed: [u32; 32],
    changes: u32,
}

impl State {
    fn name(&self, n: usize) -> String {
        match self.renamed[n] {
            0 => format!("n{n}"),
            times => format!("n{n}r{times}"),
        }
    }

    fn path(&self, n: usize) -> String {
        format!("/sys/devices/virtual/net/{}", self.name(n))
    }

    fn interface(&self, n: usize) -> Record {
        interface(&self.path(n), n)
    }

    fn child(&self, n: usize) -> Record {
        interface(&format!("{}/child", self.path(n)), n + 100)
    }

    fn corrupt(&mut self, n: usize, bad: BadInput) -> Applied {
        let path = self.path(n);
        let (state, length) = (format!("{path}/operstate"), format!("{path}/addr_len"));
        match bad {
            BadInput::Missing => self.host.clear(&state).unwrap(),
            BadInput::Huge => {
                self.host.write(&format!("{path}/address"), vec![b'0'; 1 << 20]).unwrap()
            }
            BadInput::Truncated => self.host.write(&state, "u").unwrap(),
            BadInput::NotUtf8 => {
                self.host.write(&format!("{path}/address"), b"\xff\xfe\n").unwrap()
            }
            BadInput::Unparsable => self.host.write(&length, "six\n").unwrap(),
            BadInput::Directory => {
                self.host.clear(&state).unwrap();
                self.host.make_dir(&state).unwrap();
            }
            _ => return Applied::Unsupported("a new way of being bad"),
        }
        self.host.announce(&path, "change").unwrap();
        Applied::Done
    }

    fn mend(&mut self, n: usize) {
        let path = self.path(n);
        let record = self.interface(n);
        for item in record.items {
            if let nodedev_source_testkit::mock_host::Item::Attribute(name, contents) = item {
                self.host.write(&format!("{path}/{name}"), contents).unwrap();
            }
        }
        self.host.announce(&path, "change").unwrap();
    }

    fn clear(&mut self) {
        let paths: Vec<_> = self.host.paths().map(str::to_owned).collect();
        for path in paths.into_iter().rev() {
            self.host.remove(&path).unwrap();
        }
        self.renamed = [0; 32];
    }

    fn apply(&mut self, change: HostChange) -> Applied {
        match change {
            HostChange::Add(n) => {
                let record = self.interface(n);
                self.host.add(record).unwrap();
            }
            HostChange::Change(n) => {
                self.changes += 1;
                let address =
                    format!("02:00:00:00:{:02x}:{:02x}\n", self.changes / 256, self.changes % 256);
                let path = self.path(n);
                self.host.write(&format!("{path}/address"), address).unwrap();
                self.host.announce(&path, "change").unwrap();
            }
            HostChange::Remove(n) => self.host.remove(&self.path(n)).unwrap(),
            HostChange::Rename(n) => {
                let old = self.path(n);
                self.renamed[n] += 1;
                let (new, name) = (self.path(n), self.name(n));
                self.host.rename(&old, &new, &[("INTERFACE", &name)]).unwrap();
            }
            HostChange::Announce(n, announcement) => {
                let action = match announcement {
                    Announcement::Add => "add",
                    Announcement::Change => "change",
                    Announcement::Remove => "remove",
                };
                let record = self.interface(n);
                self.host.announce_record(&record, action, &[]).unwrap();
            }
            HostChange::AddFamily(n, order) => {
                let (parent, child) = (self.interface(n), self.child(n));
                self.host.add_silently(parent.clone()).unwrap();
                self.host.add_silently(child.clone()).unwrap();
                let mut family = [parent, child];
                if order == Order::ChildFirst {
                    family.reverse();
                }
                for record in &family {
                    self.host.announce(&record.syspath, "add").unwrap();
                }
            }
            HostChange::Clear => self.clear(),
            HostChange::Corrupt(n, bad) => return self.corrupt(n, bad),
            HostChange::Mend(n) => self.mend(n),
            HostChange::VanishDuringRead(n) => {
                self.host.announce(&self.path(n), "change").unwrap();
                self.host.remove(&self.path(n)).unwrap();
            }
            HostChange::Break(_) | HostChange::Repair => {
                return Applied::Inapplicable(
                    "libudev reads files and has no way to fail as a whole",
                );
            }
            _ => return Applied::Unsupported("a new kind of change"),
        }
        Applied::Done
    }
}

fn interface(path: &str, n: usize) -> Record {
    Record::new(path, "net")
        .property("INTERFACE", path.rsplit('/').next().unwrap())
        .property("IFINDEX", &n.to_string())
        .attribute("address", "02:00:00:ff:00:00\n")
        .attribute("addr_len", "6\n")
        .attribute("operstate", "down\n")
}

impl UdevHarness {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Harness for UdevHarness {
    async fn make() -> Result<Self, Skip> {
        let host = MockHost::of_this_process().map_err(|error| Skip::new(error.to_string()))?;
        Ok(Self(Mutex::new(State { host, renamed: [0; 32], changes: 0 })))
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        Arc::new(UdevSource::new(UdevConfig::default()))
    }

    fn device(&self, n: usize) -> DeviceId {
        DeviceId::sysfs(&self.state().path(n)).unwrap()
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::sysfs(&self.state().child(n).syspath).unwrap()
    }

    async fn apply(&self, change: HostChange) -> Applied {
        self.state().apply(change)
    }

    fn permanent(&self) -> Vec<DeviceId> {
        vec![DeviceId::Computer]
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn tracing_targets(&self) -> Vec<String> {
        vec!["nodedev_source_udev".to_owned()]
    }
}

macro_rules! clauses {
    ($($number:literal $name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                alone(module_path!(), stringify!($name), || {
                    run::<UdevHarness>($number, module_path!());
                });
            }
        )+
    };
}

clauses! {
    1 clause_01_identity, 2 clause_02_ownership, 3 clause_03_snapshot, 4 clause_04_no_gap,
    5 clause_05_convergence, 6 clause_06_order, 7 clause_07_overrun, 8 clause_08_parents,
    9 clause_09_bad_input, 10 clause_10_vanishing, 11 clause_11_failure, 12 clause_12_shutdown,
    13 clause_13_diagnostics,
}
