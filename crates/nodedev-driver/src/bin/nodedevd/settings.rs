//! What the daemon can be told, and what a configuration file makes of it.
//!
//! The names, ranges and meanings are rows of one table. Opens the file and nothing else.

mod log_words;
mod nearest;
mod programs;
mod refused;
mod table;
mod wrong;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use nodedev_driver::DriverConfig;
use nodedev_server::{AuthScheme, MetricsAddress, ServerConfig};
use nodedev_source_exec::ExecConfig;

pub(crate) use self::log_words::{LogFilter, LogOutput, LogPlace};
use self::nearest::nearest;
pub(crate) use self::refused::Refused;
pub(crate) use self::table::TABLE;
use self::wrong::Wrong;
use crate::syntax::{self, Assignment, Value};

/// Everything that can be set, with the defaults of a daemon without a configuration file.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) driver: DriverConfig,
    pub(crate) server: ServerConfig,
    pub(crate) sockets: Sockets,
    pub(crate) network: Network,
    pub(crate) log: Log,
    pub(crate) host_uuid_source: HostUuidSource,
    pub(crate) sources_dir: SourcesDir,
    /// The programs that are run as sources, out of this folder.
    pub(crate) programs: Vec<ExecConfig>,
}

impl Default for Settings {
    fn default() -> Self {
        let mut driver = DriverConfig::default();
        driver.registry.self_check = Some(SELF_CHECK);
        Self {
            driver,
            server: ServerConfig::default(),
            sockets: Sockets::default(),
            network: Network::default(),
            log: Log::default(),
            host_uuid_source: HostUuidSource::default(),
            sources_dir: SourcesDir::default(),
            programs: Vec::new(),
        }
    }
}

/// How often the list is compared with the host.
const SELF_CHECK: Duration = Duration::from_secs(600);

/// The unix sockets, and that for metrics. What is not said depends on who runs the daemon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets {
    pub(crate) group: Option<String>,
    pub(crate) ro_perms: Option<u32>,
    pub(crate) rw_perms: Option<u32>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) auth_ro: Option<AuthScheme>,
    pub(crate) auth_rw: Option<AuthScheme>,
    pub(crate) varlink: Varlink,
    pub(crate) metrics: Option<MetricsAddress>,
}

/// Where the varlink socket is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Varlink {
    #[default]
    Usual,
    At(PathBuf),
    Nowhere,
}

/// Where the files lie that name programs to be run as sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum SourcesDir {
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
    pub(crate) filters: Vec<LogFilter>,
    pub(crate) outputs: Vec<LogOutput>,
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
    /// What is wrong, with file and line. The daemon does not start with it.
    pub(crate) problems: Vec<String>,
    path: PathBuf,
    said: BTreeMap<String, Said>,
    /// Settings whose value was not taken, so that they still have their default.
    not_taken: BTreeSet<&'static str>,
}

/// A value, and the line that it stands in.
#[derive(Debug, Clone)]
struct Said {
    line: usize,
    value: Value,
}

impl Loaded {
    /// What the file says, and all that is wrong with that.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(crate) fn from_file(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        Ok(Self::from_text(path, &String::from_utf8_lossy(&bytes)))
    }

    fn from_text(path: &Path, text: &str) -> Self {
        let (assignments, error) = syntax::parse(text);
        let mut loaded = Self { path: path.to_owned(), ..Self::default() };
        for assignment in assignments {
            loaded.assign(assignment);
        }
        match error {
            Some(error) => {
                loaded.problems.push(format!("{}: {}", loaded.place(error.line), error.message));
            }
            None => loaded.problems.extend(loaded.contradictions()),
        }
        loaded
    }

    /// Takes the programs that are named in this folder, which need not be there. With `owned` what
    /// another user could change is refused.
    pub(crate) fn add_programs(&mut self, folder: &Path, owned: bool) {
        let found = programs::read(folder, owned);
        self.settings.programs = found.programs;
        self.warnings.extend(found.warnings);
        self.problems.extend(found.problems);
    }

    /// Itself, unless something is wrong.
    ///
    /// # Errors
    ///
    /// All that is wrong, with the warnings.
    pub(crate) fn sound(self) -> Result<Self, Refused> {
        if self.problems.is_empty() {
            return Ok(self);
        }
        Err(Refused { problems: self.problems, warnings: self.warnings })
    }

    /// Whether the values of these settings have been taken, or are the defaults of settings
    /// nobody has said anything of.
    pub(crate) fn knows(&self, names: &[&str]) -> bool {
        !names.iter().any(|name| self.not_taken.contains(name))
    }

    /// Whether the file says something of the setting.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.said.contains_key(name)
    }

    /// What is wrong with a setting: with file, line and value where it stands in the file.
    pub(crate) fn complaint(&self, name: &str, reason: &str) -> String {
        match self.said.get(name) {
            Some(Said { line, value }) => {
                format!("{}: {name} = {value}: {reason}", self.place(*line))
            }
            None => format!("{name}: {reason}"),
        }
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    fn assign(&mut self, Assignment { line, name, value }: Assignment) {
        let place = self.place(line);
        if self.said.insert(name.clone(), Said { line, value: value.clone() }).is_some() {
            self.warnings.push(format!("{place}: `{name}` was set before; this line counts"));
        }
        let Some(setting) = TABLE.iter().find(|setting| setting.name == name) else {
            let names = TABLE.iter().map(|setting| setting.name);
            return self.warnings.push(format!("{place}: {}", unknown(&name, names)));
        };
        self.not_taken.remove(setting.name);
        let wrong = match (setting.set)(&mut self.settings, &value) {
            Ok(()) => return,
            Err(Wrong::NoEffect(reason)) => {
                return self.warnings.push(format!("{place}: `{name}` has no effect: {reason}"));
            }
            Err(Wrong::InPart(reason)) => {
                return self.warnings.push(self.complaint(&name, &reason));
            }
            Err(Wrong::Value) => format!("expected {}", setting.expects),
            Err(Wrong::Because(reason)) => reason,
        };
        self.not_taken.insert(setting.name);
        self.problems.push(self.complaint(&name, &wrong));
    }

    /// What no single line is to blame for.
    fn contradictions(&self) -> Vec<String> {
        [self.open_tcp(), self.one_port_twice()].into_iter().flatten().collect()
    }

    fn open_tcp(&self) -> Option<String> {
        let Network { tcp, tcp_without_auth, .. } = self.settings.network;
        let open = tcp && !tcp_without_auth && self.knows(&["listen_tcp", "auth_tcp"]);
        open.then(|| {
            self.complaint(
                "listen_tcp",
                "TCP is neither encrypted nor authenticated here (there is no SASL); say \
                 `auth_tcp = \"none\"` to open the daemon to everybody who can reach the port, or \
                 use listen_tls",
            )
        })
    }

    fn one_port_twice(&self) -> Option<String> {
        let Network { tcp, tls, tcp_port, tls_port, .. } = self.settings.network;
        let known = self.knows(&["listen_tcp", "listen_tls", "tcp_port", "tls_port"]);
        if !(tcp && tls && tcp_port == tls_port && known) {
            return None;
        }
        let line = |name| self.said.get(name).map(|said: &Said| said.line);
        let (name, other) = if line("tls_port") >= line("tcp_port") {
            ("tls_port", "tcp_port")
        } else {
            ("tcp_port", "tls_port")
        };
        let reason = format!("`{other}` is the same, and the daemon listens for TCP and TLS");
        Some(self.complaint(name, &reason))
    }

    /// The settings that differ from the other file's and need a restart to count.
    pub(crate) fn needing_restart(&self, other: &Self) -> Vec<&'static str> {
        let fixed = TABLE.iter().filter(|setting| !setting.reload).map(|setting| setting.name);
        let mut changed: Vec<_> =
            fixed.filter(|name| self.value(name) != other.value(name)).collect();
        if self.settings.programs != other.settings.programs && !changed.contains(&"sources_dir") {
            changed.push("sources_dir");
        }
        changed
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.said.get(name).map(|said| &said.value)
    }
}

fn unknown(name: &str, names: impl Iterator<Item = &'static str>) -> String {
    let mut text = format!("there is no setting `{name}`; it has no effect");
    if let Some(meant) = nearest(name, names) {
        text += &format!(" (do you mean `{meant}`?)");
    }
    text
}

/// A whole number of milliseconds.
const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[cfg(test)]
mod tests;
