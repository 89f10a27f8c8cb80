//! Which configuration file counts, and what it says together with the command line.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::args::Args;
use crate::places::Owner;
use crate::settings::{HostUuidSource, Loaded, Settings};

/// The configuration file of a daemon.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    path: Option<PathBuf>,
    /// Somebody has named it.
    required: bool,
}

impl ConfigFile {
    pub(crate) fn find(args: &Args, owner: &Owner) -> Self {
        match &args.config {
            Some(path) => Self { path: Some(path.clone()), required: true },
            None => Self { path: owner.config(), required: false },
        }
    }

    /// What to call it.
    pub(crate) fn name(&self) -> String {
        let counts = self.path.as_ref().filter(|path| self.required || path.exists());
        counts.map_or_else(|| "the defaults".to_owned(), |path| path.display().to_string())
    }

    /// What it says, or the defaults where there is none and none was named.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn load(&self, args: &Args) -> anyhow::Result<Loaded> {
        let mut loaded = match &self.path {
            Some(path) if self.required || path.exists() => Loaded::from_file(path)?,
            _ => Loaded::default(),
        };
        args.override_settings(&mut loaded.settings);
        find_host_uuid(&mut loaded.settings)?;
        Ok(loaded)
    }
}

/// Without a UUID and with the machine id as its source: this id, in the form of a UUID.
fn find_host_uuid(settings: &mut Settings) -> anyhow::Result<()> {
    const FILE: &str = "/etc/machine-id";
    let uuid = &mut settings.driver.udev.host_uuid;
    if uuid.is_some() || settings.host_uuid_source != HostUuidSource::MachineId {
        return Ok(());
    }
    let text = std::fs::read_to_string(FILE)
        .with_context(|| format!("host_uuid_source = \"machine-id\": cannot read {FILE}"))?;
    let formed = with_hyphens(text.trim());
    *uuid = Some(formed.with_context(|| {
        format!("host_uuid_source = \"machine-id\": {FILE} does not hold 32 hexadecimal digits")
    })?);
    Ok(())
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
