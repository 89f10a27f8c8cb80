//! A mock host: devices that appear, change, move and go.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::record::{Item, Record, parse};
use super::tree::Tree;
use super::uevent::broadcast;

/// Subsystems whose devices the kernel shows below `/sys/bus`; all others are classes.
const BUSES: [&str; 20] = [
    "acpi", "ap", "ccw", "ccwgroup", "css", "cpu", "hid", "i2c", "mdev", "mmc", "nd", "pci",
    "platform", "pnp", "scsi", "serio", "spi", "usb", "virtio", "vmbus",
];

/// A host in a directory, which processes started by [`wrap`](super::wrap) see as theirs.
///
/// Paths are those of the mock host: `/sys/devices/…`. Every change but [`add_silently`] and the
/// setters is announced by an event, as the kernel and udevd would.
///
/// [`add_silently`]: Self::add_silently
#[derive(Debug)]
pub struct MockHost {
    tree: Tree,
    devices: BTreeMap<String, Record>,
    sequence: u64,
}

impl MockHost {
    /// A host without devices in this directory.
    ///
    /// # Errors
    ///
    /// When the directory cannot be filled.
    pub fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { tree: Tree::new(root)?, devices: BTreeMap::new(), sequence: 0 })
    }

    /// The host that this process sees: it must run under the preload library.
    ///
    /// # Errors
    ///
    /// When there is none, or its directory cannot be filled.
    pub fn of_this_process() -> io::Result<Self> {
        let root = std::env::var_os("UMOCKDEV_DIR")
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "UMOCKDEV_DIR is not set"))?;
        Self::new(Path::new(&root))
    }

    /// The directory that stands for `/`.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.tree.root()
    }

    /// Where a path of the mock host really lies.
    #[must_use]
    pub fn real_path(&self, path: &str) -> PathBuf {
        self.tree.path(path)
    }

    /// The paths of all devices, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.devices.keys().map(String::as_str)
    }

    /// Makes every device of a text in umockdev's format, without events, and the links that the kernel
    /// makes of them: to parents of mediated devices, and to the members of IOMMU groups.
    ///
    /// # Errors
    ///
    /// When the text is malformed or a file cannot be made.
    pub fn load(&mut self, text: &str) -> io::Result<()> {
        let records =
            parse(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        records.into_iter().try_for_each(|r| self.add_silently(r))?;
        self.make_kernel_links()
    }

    /// Makes a device and announces it.
    ///
    /// # Errors
    ///
    /// When a file or the event cannot be made.
    pub fn add(&mut self, record: Record) -> io::Result<()> {
        let path = record.syspath.clone();
        self.add_silently(record)?;
        self.announce(&path, "add")
    }

    /// Makes a device that was there before anybody listened.
    ///
    /// # Errors
    ///
    /// When a file cannot be made.
    pub fn add_silently(&mut self, record: Record) -> io::Result<()> {
        let syspath = record.syspath.clone();
        self.tree.make_dir(&syspath)?;
        for item in &record.items {
            self.make(&syspath, item)?;
        }
        self.publish(&record)?;
        self.devices.insert(syspath, record);
        Ok(())
    }

    /// Removes a device and everything below it, announcing each, the lowest first. As with the
    /// kernel, the event comes before the directory goes.
    ///
    /// # Errors
    ///
    /// When a file or the event cannot be changed.
    pub fn remove(&mut self, syspath: &str) -> io::Result<()> {
        for path in self.with_below(syspath).into_iter().rev() {
            self.announce(&path, "remove")?;
            self.withdraw(&path)?;
        }
        Ok(())
    }

    /// Removes a device and everything below it without a word.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed.
    pub fn remove_silently(&mut self, syspath: &str) -> io::Result<()> {
        let paths = self.with_below(syspath);
        paths.iter().rev().try_for_each(|path| self.withdraw(path))
    }

    /// Gives a device another path, and everything below it with it; one `move` event for all.
    ///
    /// # Errors
    ///
    /// When a file or the event cannot be changed.
    pub fn rename(&mut self, old: &str, new: &str, properties: &[(&str, &str)]) -> io::Result<()> {
        let paths = self.with_below(old);
        let mut moved = Vec::new();
        for path in &paths {
            let Some(mut record) = self.devices.remove(path) else {
                continue;
            };
            self.unpublish(&record)?;
            record.syspath = format!("{new}{}", &path[old.len()..]);
            moved.push((path.clone(), record));
        }
        self.tree.rename(old, new)?;
        for (path, mut record) in moved {
            if path == old {
                for (name, value) in properties {
                    record.set_property(name, value);
                }
            }
            self.publish(&record)?;
            self.devices.insert(record.syspath.clone(), record);
        }
        let old_devpath = old.strip_prefix("/sys").unwrap_or(old);
        self.announce_with(new, "move", &[("DEVPATH_OLD", old_devpath)])
    }

    /// Sets a property, without an event.
    ///
    /// # Errors
    ///
    /// When the device is not there or a file cannot be changed.
    pub fn set_property(&mut self, syspath: &str, name: &str, value: &str) -> io::Result<()> {
        let mut record = self.record(syspath)?.clone();
        record.set_property(name, value);
        self.publish(&record)?;
        self.devices.insert(syspath.to_owned(), record);
        Ok(())
    }

    /// Sets the contents of a file, by its path on the host, without an event.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> io::Result<()> {
        self.tree.write(path, contents.as_ref())
    }

    /// Makes a link, by its path on the host, without an event. An absolute target is one of the
    /// host and is written relatively.
    ///
    /// # Errors
    ///
    /// When the link cannot be made.
    pub fn link(&self, path: &str, target: &str) -> io::Result<()> {
        if target.starts_with('/') {
            self.tree.link(path, target)
        } else {
            self.tree.link_raw(path, target)
        }
    }

    /// Makes a directory, by its path on the host.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn make_dir(&self, path: &str) -> io::Result<()> {
        self.tree.make_dir(path)
    }

    /// Removes a file, link or directory, by its path on the host, without an event.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn clear(&self, path: &str) -> io::Result<()> {
        self.tree.clear(path)
    }

    /// Sends an event about a device that is there, with its properties.
    ///
    /// # Errors
    ///
    /// When the device is not there or the event cannot be sent.
    pub fn announce(&mut self, syspath: &str, action: &str) -> io::Result<()> {
        self.announce_with(syspath, action, &[])
    }

    /// Sends an event with further properties.
    ///
    /// # Errors
    ///
    /// When the device is not there or the event cannot be sent.
    pub fn announce_with(
        &mut self,
        syspath: &str,
        action: &str,
        extra: &[(&str, &str)],
    ) -> io::Result<()> {
        let record = self.record(syspath)?.clone();
        self.announce_record(&record, action, extra)
    }

    /// Sends an event about a device that need not be there.
    ///
    /// # Errors
    ///
    /// When the event cannot be sent.
    pub fn announce_record(
        &mut self,
        record: &Record,
        action: &str,
        extra: &[(&str, &str)],
    ) -> io::Result<()> {
        self.sequence += 1;
        let sequence = self.sequence.to_string();
        let head = [
            ("ACTION", action),
            ("DEVPATH", record.devpath()),
            ("SUBSYSTEM", record.subsystem()),
            ("SEQNUM", &sequence),
        ];
        let own = record.properties.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let own = own.filter(|(name, _)| !matches!(*name, "SUBSYSTEM" | "DEVPATH"));
        let properties: Vec<_> = head
            .into_iter()
            .chain(own)
            .chain(extra.iter().copied())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        broadcast(self.tree.root(), &properties)
    }

    /// Takes udevd away: libudev then listens to nothing.
    ///
    /// # Errors
    ///
    /// When its file cannot be removed.
    pub fn stop_udevd(&self) -> io::Result<()> {
        self.tree.clear("/run/udev/control")
    }

    /// Brings udevd back.
    ///
    /// # Errors
    ///
    /// When its file cannot be made.
    pub fn start_udevd(&self) -> io::Result<()> {
        self.tree.write("/run/udev/control", b"")
    }

    fn record(&self, syspath: &str) -> io::Result<&Record> {
        self.devices
            .get(syspath)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no device {syspath}")))
    }

    /// A device and everything below it, from above.
    fn with_below(&self, syspath: &str) -> Vec<String> {
        let below = format!("{syspath}/");
        self.devices
            .keys()
            .filter(|path| *path == syspath || path.starts_with(&below))
            .cloned()
            .collect()
    }

    fn make(&self, syspath: &str, item: &Item) -> io::Result<()> {
        match item {
            Item::Attribute(name, contents) => {
                self.tree.write(&format!("{syspath}/{name}"), contents)
            }
            Item::Link(name, target) => {
                let link = format!("{syspath}/{name}");
                self.link(&link, target)?;
                if name == "driver" {
                    // libudev drops the DRIVER property when the link's target is missing.
                    let above = link.rsplit_once('/').map_or("", |(above, _)| above);
                    self.tree.make_dir(&absolute(above, target))?;
                }
                Ok(())
            }
            Item::Devlink(_) => Ok(()),
        }
    }

    /// What the kernel and udevd keep of a device outside its own attributes.
    fn publish(&self, record: &Record) -> io::Result<()> {
        let syspath = &record.syspath;
        self.tree.write(&format!("{syspath}/uevent"), record.uevent_file().as_bytes())?;
        for (link, target) in subsystem_links(record) {
            self.tree.make_dir(&target)?;
            self.tree.link(&link, &target)?;
        }
        let (name, entry) = record.database_entry();
        self.tree.write(&format!("/run/udev/data/{name}"), entry.as_bytes())
    }

    fn unpublish(&self, record: &Record) -> io::Result<()> {
        for (link, _) in subsystem_links(record) {
            self.tree.clear(&link)?;
        }
        let (name, _) = record.database_entry();
        self.tree.clear(&format!("/run/udev/data/{name}"))
    }

    fn withdraw(&mut self, syspath: &str) -> io::Result<()> {
        if let Some(record) = self.devices.remove(syspath) {
            self.unpublish(&record)?;
        }
        self.tree.clear(syspath)
    }
}

/// The links between a device and its subsystem: where they are, and where they lead.
fn subsystem_links(record: &Record) -> Vec<(String, String)> {
    let (subsystem, device) = (record.subsystem(), record.syspath.clone());
    if subsystem.is_empty() {
        return Vec::new();
    }
    let is_bus = BUSES.contains(&subsystem);
    let home = format!("/sys/{}/{subsystem}", if is_bus { "bus" } else { "class" });
    let folder = if is_bus { "/devices" } else { "" };
    let mut links = vec![
        (format!("{device}/subsystem"), home.clone()),
        (format!("{home}{folder}/{}", record.sysname()), device.clone()),
    ];
    if subsystem == "block" {
        links.push((format!("/sys/block/{}", record.sysname()), device));
    }
    links
}

/// A link's target as a path of the host.
fn absolute(above: &str, target: &str) -> String {
    if target.starts_with('/') { target.to_owned() } else { format!("{above}/{target}") }
}
