//! What the daemon can be told, and what a configuration file makes of it.
//!
//! The names, ranges and meanings are rows of one table. Opens the file and nothing else.

mod table;
mod wrong;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use nodedev_driver::DriverConfig;
use nodedev_server::{AuthScheme, ServerConfig};

pub(crate) use self::table::TABLE;
use self::wrong::Wrong;
use crate::syntax::{self, Assignment, Value};

/// Everything that can be set, with the defaults of a daemon without a configuration file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) driver: DriverConfig,
    pub(crate) server: ServerConfig,
    pub(crate) sockets: Sockets,
    pub(crate) network: Network,
    pub(crate) log: Log,
    pub(crate) host_uuid_source: HostUuidSource,
}

/// The unix sockets. What is not said depends on who runs the daemon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets {
    pub(crate) group: Option<String>,
    pub(crate) ro_perms: Option<u32>,
    pub(crate) rw_perms: Option<u32>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) auth_ro: Option<AuthScheme>,
    pub(crate) auth_rw: Option<AuthScheme>,
    pub(crate) varlink: Varlink,
}

/// Where the varlink socket is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Varlink {
    #[default]
    Usual,
    At(PathBuf),
    Nowhere,
}

/// The sockets that other hosts can reach. None by default.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) tcp: bool,
    pub(crate) tls: bool,
    pub(crate) address: Option<String>,
    pub(crate) tcp_port: u16,
    pub(crate) tls_port: u16,
    /// Whether somebody has said that TCP clients need not say who they are.
    pub(crate) tcp_without_auth: bool,
    pub(crate) ca_file: PathBuf,
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
    pub(crate) crl_file: Option<PathBuf>,
    pub(crate) allowed_names: Option<Vec<String>>,
    pub(crate) verify_clients: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            tcp: false,
            tls: false,
            address: None,
            tcp_port: 16509,
            tls_port: 16514,
            tcp_without_auth: false,
            ca_file: "/etc/pki/CA/cacert.pem".into(),
            cert_file: "/etc/pki/libvirt/servercert.pem".into(),
            key_file: "/etc/pki/libvirt/private/serverkey.pem".into(),
            crl_file: None,
            allowed_names: None,
            verify_clients: true,
        }
    }
}

/// What is logged, and where to, in libvirt's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// 1 debug, 2 information, 3 warnings, 4 errors.
    pub(crate) level: Option<u8>,
    /// Entries `N:name`.
    pub(crate) filters: Vec<String>,
    /// Entries `N:stderr`, `N:journald`, `N:file:PATH`.
    pub(crate) outputs: Vec<String>,
}

/// Where the host's UUID comes from when it is not configured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum HostUuidSource {
    #[default]
    Firmware,
    MachineId,
}

/// One setting: a row of the table.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// What it takes, after "expected".
    pub(crate) expects: &'static str,
    /// As it would be written in the file; `-` for none.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reference on the page"))]
    pub(crate) default: &'static str,
    /// Whether SIGHUP is enough for it to count.
    pub(crate) reload: bool,
    /// What it does, one line.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reference on the page"))]
    pub(crate) about: &'static str,
    set: fn(&mut Settings, &Value) -> Result<(), Wrong>,
}

/// What a file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// What is of no effect, with file and line.
    pub(crate) warnings: Vec<String>,
    said: BTreeMap<String, Value>,
}

impl Loaded {
    /// What the file says.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, one line for each.
    pub(crate) fn from_file(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        Self::from_text(path, &String::from_utf8_lossy(&bytes))
            .map_err(|problems| anyhow::anyhow!(problems.join("\n")))
    }

    fn from_text(path: &Path, text: &str) -> Result<Self, Vec<String>> {
        let (assignments, error) = syntax::parse(text);
        let mut loaded = Self::default();
        let mut problems = Vec::new();
        for assignment in &assignments {
            problems.extend(loaded.assign(path, assignment).err());
        }
        if let Some(error) = error {
            problems.push(format!("{}:{}: {}", path.display(), error.line, error.message));
        } else if problems.is_empty() {
            problems.extend(loaded.contradictions(path, &assignments));
        }
        if problems.is_empty() { Ok(loaded) } else { Err(problems) }
    }

    fn assign(&mut self, path: &Path, assignment: &Assignment) -> Result<(), String> {
        let Assignment { line, name, value } = assignment;
        let place = format!("{}:{line}", path.display());
        if self.said.insert(name.clone(), value.clone()).is_some() {
            self.warnings.push(format!("{place}: `{name}` was set before; this line counts"));
        }
        let Some(setting) = TABLE.iter().find(|setting| setting.name == name) else {
            self.warnings.push(format!("{place}: there is no setting `{name}`; it has no effect"));
            return Ok(());
        };
        match (setting.set)(&mut self.settings, value) {
            Ok(()) => Ok(()),
            Err(Wrong::Value) => {
                Err(format!("{place}: {name} = {value}: expected {}", setting.expects))
            }
            Err(Wrong::Because(reason)) => Err(format!("{place}: {name} = {value}: {reason}")),
            Err(Wrong::NoEffect(reason)) => {
                self.warnings.push(format!("{place}: `{name}` has no effect: {reason}"));
                Ok(())
            }
        }
    }

    /// What no single line is to blame for.
    fn contradictions(&self, path: &Path, assignments: &[Assignment]) -> Option<String> {
        let Network { tcp, tcp_without_auth, .. } = self.settings.network;
        if !tcp || tcp_without_auth {
            return None;
        }
        let line = assignments.iter().rfind(|said| said.name == "listen_tcp")?.line;
        Some(format!(
            "{}:{line}: listen_tcp = 1: TCP is neither encrypted nor authenticated here (there is \
             no SASL); say `auth_tcp = \"none\"` to open the daemon to everybody who can reach \
             the port, or use listen_tls",
            path.display()
        ))
    }

    /// The settings that differ from the other file's and need a restart to count.
    pub(crate) fn needing_restart(&self, other: &Self) -> Vec<&'static str> {
        let fixed = TABLE.iter().filter(|setting| !setting.reload).map(|setting| setting.name);
        fixed.filter(|name| self.said.get(*name) != other.said.get(*name)).collect()
    }
}

/// A whole number of milliseconds.
const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[cfg(test)]
mod tests;
