//! A device before anything was done to it, and where its attributes really lie.

use nodedev_source_testkit::mock_host::{Item, MockHost, Record};
use nodedev_types::fields::device;
use nodedev_types::{Capability, DeviceId, Fields};

use super::rules::{Row, What};

/// A device of the source, as it was said.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) id: DeviceId,
    /// Where it lies; nothing lies there of the host itself.
    pub(crate) path: String,
    pub(crate) fields: Fields,
    pub(crate) properties: Vec<(String, String)>,
    /// How many links to virtual functions there are.
    pub(crate) functions: usize,
}

impl Subject {
    pub(crate) fn new(id: &DeviceId, fields: &Fields, records: &[Record]) -> Self {
        let path = fields.get(device::PATH).unwrap_or("/sys/devices/virtual/dmi/id").to_owned();
        let record = records.iter().find(|record| record.syspath == path);
        let properties = record.map(|record| record.properties.clone()).unwrap_or_default();
        let items = record.map(|record| record.items.as_slice()).unwrap_or_default();
        let is_function =
            |item: &&Item| matches!(item, Item::Link(name, _) if name.starts_with("virtfn"));
        let functions = items.iter().filter(is_function).count();
        Self { id: id.clone(), path, fields: fields.clone(), properties, functions }
    }

    pub(crate) fn kind(&self) -> Capability {
        self.fields.get(device::CAPABILITY).expect("every device says what it is")
    }

    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        let found = self.properties.iter().find(|(at, _)| at == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the row speaks of what lies at a path.
    pub(crate) fn is_at(&self, row: &Row, host: &MockHost, path: &str) -> bool {
        row.kind == self.kind() && row.what != What::Property && {
            let pattern = self.pattern(row);
            let Some((above, name)) = pattern.rsplit_once('/') else { return false };
            let real = real(host, above);
            fits(&real.map_or_else(|| pattern.clone(), |above| format!("{above}/{name}")), path)
        }
    }

    fn pattern(&self, row: &Row) -> String {
        let mut parts = self.path.rsplit('/');
        let (own, parent) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let name = row.name.replace("{name}", own).replace("{parent}", parent);
        if let Some(name) = name.strip_prefix("../../") {
            let above = self.path.rsplitn(3, '/').nth(2).unwrap_or_default();
            return format!("{above}/{name}");
        }
        if name.starts_with('/') { name } else { format!("{}/{name}", self.path) }
    }

    /// Where the attribute of the row would be, if it has one certain place that is there.
    pub(crate) fn place(&self, row: &Row, host: &MockHost) -> Option<String> {
        let pattern = self.pattern(row);
        let (above, name) = pattern.rsplit_once('/').filter(|_| !pattern.contains('*'))?;
        Some(format!("{}/{name}", real(host, above)?))
    }
}

/// A directory of the host, all links followed.
fn real(host: &MockHost, path: &str) -> Option<String> {
    let real = host.real_path(path).canonicalize().ok()?;
    let below = real.strip_prefix(host.root()).ok()?;
    Some(format!("/{}", below.to_str()?))
}

/// Whether a path is as a pattern says, in which `*` stands for a part of one name.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(name)) => match wanted.split_once('*') {
                Some((before, behind)) if name.starts_with(before) && name.ends_with(behind) => {}
                None if wanted == name => {}
                _ => return false,
            },
            _ => return false,
        }
    }
}
