//! Which configuration file counts, and what it says together with the command line.

use std::path::PathBuf;

use nodedev_source_exec::in_foreign_hands;

use crate::args::Args;
use crate::places::Owner;
use crate::settings::{HostUuidSource, Loaded};

/// The configuration file of a daemon.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    path: Option<PathBuf>,
    /// Somebody has named it.
    required: bool,
    owner: Owner,
}

impl ConfigFile {
    pub(crate) fn find(args: &Args, owner: &Owner) -> Self {
        match &args.config {
            Some(path) => Self { path: Some(path.clone()), required: true, owner: owner.clone() },
            None => Self { path: owner.config(), required: false, owner: owner.clone() },
        }
    }

    /// What to call it.
    pub(crate) fn name(&self) -> String {
        let counts = self.path.as_ref().filter(|path| self.required || path.exists());
        counts.map_or_else(|| "the defaults".to_owned(), |path| path.display().to_string())
    }

    /// What it says, or the defaults where there is none and none was named; and all that is wrong
    /// with that, as far as the system need not be asked.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn load(&self, args: &Args) -> anyhow::Result<Loaded> {
        let mut loaded = match &self.path {
            Some(path) if self.required || path.exists() => Loaded::from_file(path)?,
            _ => Loaded::default(),
        };
        if let Some(path) = self.path.as_ref().filter(|_| self.owner.is_root()) {
            // Whoever names a file on the command line has chosen it; the usual one must be root's.
            let told = if self.required { &mut loaded.warnings } else { &mut loaded.problems };
            told.extend(in_foreign_hands(path));
        }
        args.override_settings(&mut loaded.settings);
        find_host_uuid(&mut loaded);
        if let Some(folder) = self.owner.sources(&loaded.settings.sources_dir) {
            loaded.add_programs(&folder, self.owner.is_root());
        }
        Ok(loaded)
    }
}

/// Without a UUID and with the machine id as its source: this id, in the form of a UUID.
fn find_host_uuid(loaded: &mut Loaded) {
    const FILE: &str = "/etc/machine-id";
    let source = loaded.settings.host_uuid_source;
    let udev = &mut loaded.settings.driver.udev;
    if udev.host_uuid.is_some() || source != HostUuidSource::MachineId {
        return;
    }
    let reason = match std::fs::read_to_string(FILE) {
        Ok(text) => {
            udev.host_uuid = with_hyphens(text.trim());
            format!("{FILE} does not hold 32 hexadecimal digits")
        }
        Err(error) => format!("cannot read {FILE}: {error}"),
    };
    if udev.host_uuid.is_none() {
        loaded.problems.push(loaded.complaint("host_uuid_source", &reason));
    }
}

fn with_hyphens(id: &str) -> Option<String> {
    let digits = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let part = |range: std::ops::Range<usize>| id.get(range).unwrap_or_default();
    let parts = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)];
    digits.then(|| parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_id_gets_the_form_of_a_uuid() {
        let uuid = with_hyphens("0123456789abcdef0123456789abcdef");
        assert_eq!(uuid.as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
        assert_eq!(with_hyphens("0123"), None);
        assert_eq!(with_hyphens("uninitialized"), None);
    }
}
