//! The table of settings: for each its name, what it takes, what it does. Parsing, `--check-config`
//! and the reference in `docs/operating.md` all read it.

use nodedev_server::{AuthScheme, MetricsAddressError};
use nodedev_types::MdevUuid;

use super::wrong::{Wrong, because, in_part};
use super::{HostUuidSource, LogFilter, LogOutput, LogPlace, Setting, SourcesDir, Varlink, millis};
use crate::log;
use crate::syntax::Value;

const MODE: &str = "permissions in octal in quotes, such as \"0770\"";
const COUNT: &str = "a number from 1 to 1000000";
const BYTES: &str = "bytes, from 4096 to 1073741824";
const MILLIS: &str = "milliseconds, from 1 to 3600000";
const FLAG: &str = "0 or 1";
const PORT: &str = "a port, from 1 to 65535";
const PATH: &str = "an absolute path in quotes";
const AUTH: &str = "\"none\" or \"polkit\"";
const ANYTHING: &str = "anything";

/// Every setting, in the order of the reference.
pub(crate) const TABLE: &[Setting] = &[
    Setting {
        name: "unix_sock_group",
        expects: "the name or number of a group in quotes",
        default: "-",
        reload: false,
        about: "Group of the libvirt sockets' files.",
        set: |settings, value| {
            settings.sockets.group = Some(value.text()?.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "unix_sock_ro_perms",
        expects: MODE,
        default: "\"0777\"",
        reload: false,
        about: "Permissions of the read-only socket.",
        set: |settings, value| {
            settings.sockets.ro_perms = Some(value.permissions()?);
            Ok(())
        },
    },
    Setting {
        name: "unix_sock_rw_perms",
        expects: MODE,
        default: "\"0777\" with polkit, else \"0700\"",
        reload: false,
        about: "Permissions of the read-write socket.",
        set: |settings, value| {
            settings.sockets.rw_perms = Some(value.permissions()?);
            Ok(())
        },
    },
    Setting {
        name: "unix_sock_admin_perms",
        expects: ANYTHING,
        default: "-",
        reload: true,
        about: "No effect: there is no admin socket.",
        set: |_, _| Err(Wrong::NoEffect("there is no admin socket")),
    },
    Setting {
        name: "unix_sock_dir",
        expects: PATH,
        default: "\"/run/libvirt\"; for a user, `libvirt` in `$XDG_RUNTIME_DIR`",
        reload: false,
        about: "Folder of the libvirt sockets.",
        set: |settings, value| {
            settings.sockets.folder = Some(value.path()?);
            Ok(())
        },
    },
    Setting {
        name: "auth_unix_ro",
        expects: AUTH,
        default: "\"polkit\" for root on a host with a system bus, else \"none\"",
        reload: false,
        about: "How clients of the read-only socket show that they may use it.",
        set: |settings, value| {
            settings.sockets.auth_ro = Some(auth(value)?);
            Ok(())
        },
    },
    Setting {
        name: "auth_unix_rw",
        expects: AUTH,
        default: "\"polkit\" for root on a host with a system bus, else \"none\"",
        reload: false,
        about: "How clients of the read-write socket show that they may use it.",
        set: |settings, value| {
            settings.sockets.auth_rw = Some(auth(value)?);
            Ok(())
        },
    },
    Setting {
        name: "access_drivers",
        expects: "an empty list, or [\"none\"]",
        default: "[\"none\"]",
        reload: true,
        about: "There is no access control for single devices: another value is refused.",
        set: |_, value| match value.texts()?.iter().find(|driver| *driver != "none") {
            None => Ok(()),
            Some(driver) => because(format!(
                "access control for single objects (`{driver}`) is not there, and without it \
                 clients could do more than this line says; use \"none\""
            )),
        },
    },
    Setting {
        name: "max_clients",
        expects: COUNT,
        default: "5000",
        reload: true,
        about: "Clients served at once; further ones wait.",
        set: |settings, value| {
            settings.server.limits.clients = value.number(1, 1_000_000)?;
            Ok(())
        },
    },
    Setting {
        name: "max_queued_clients",
        expects: ANYTHING,
        default: "-",
        reload: true,
        about: "No effect: clients wait in the kernel's queue, as long as `net.core.somaxconn`.",
        set: |_, _| Err(Wrong::NoEffect("clients wait in the kernel's queue")),
    },
    Setting {
        name: "max_anonymous_clients",
        expects: COUNT,
        default: "20",
        reload: true,
        about: "Clients served at once that have not authenticated yet, half of them of one user at most; further ones wait.",
        set: |settings, value| {
            settings.server.limits.anonymous_clients = value.number(1, 1_000_000)?;
            Ok(())
        },
    },
    Setting {
        name: "max_client_requests",
        expects: COUNT,
        default: "5",
        reload: true,
        about: "Calls of one client that run at once; further ones wait.",
        set: |settings, value| {
            settings.server.limits.client_requests = value.number(1, 1_000_000)?;
            Ok(())
        },
    },
    Setting {
        name: "keepalive_interval",
        expects: "seconds; 0 or less for never",
        default: "5",
        reload: true,
        about: "A client that is silent for so long is pinged.",
        set: |settings, value| {
            let seconds: i64 = value.number(i64::MIN, 86_400)?;
            let interval = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
            settings.server.keepalive_interval = interval.map(|seconds| millis(seconds * 1000));
            Ok(())
        },
    },
    Setting {
        name: "keepalive_count",
        expects: "a number from 0 to 1000000",
        default: "5",
        reload: true,
        about: "So many pings may stay unanswered before the client is disconnected.",
        set: |settings, value| {
            settings.server.keepalive_count = value.number(0, 1_000_000)?;
            Ok(())
        },
    },
    Setting {
        name: "log_level",
        expects: "1 (debug), 2 (information), 3 (warnings) or 4 (errors)",
        default: "2",
        reload: true,
        about: "What is logged, unless `--log`, `-v` or `NODEDEVD_LOG` says it.",
        set: |settings, value| {
            settings.log.level = Some(value.number(1, 4)?);
            Ok(())
        },
    },
    Setting {
        name: "log_filters",
        expects: "entries like `1:nodedev 3:rpc` in quotes",
        default: "\"\"",
        reload: true,
        about: "Levels of parts: `nodedev` for all, `rpc`, `udev`, `mdevctl`, `exec`. Others have no effect.",
        set: |settings, value| {
            settings.log.filters = value.entries(LogFilter::parse)?;
            let foreign = settings.log.filters.iter().find(|entry| !log::has_part(&entry.part));
            foreign.map_or(Ok(()), |entry| {
                in_part(format!("there is no part `{}` here; `--log` can say more", entry.part))
            })
        },
    },
    Setting {
        name: "log_outputs",
        expects: "entries like `2:stderr`, `1:journald` or `1:file:/path` in quotes",
        default: "\"\", which is the journal or standard error",
        reload: false,
        about: "Where the log goes. `syslog` entries go to the journal.",
        set: |settings, value| {
            settings.log.outputs = value.entries(LogOutput::parse)?;
            let syslog = |output: &LogOutput| output.place == LogPlace::Syslog;
            match settings.log.outputs.iter().any(syslog) {
                true => in_part("the journal stands in for syslog"),
                false => Ok(()),
            }
        },
    },
    Setting {
        name: "host_uuid",
        expects: "8-4-4-4-12 hexadecimal digits in quotes",
        default: "-",
        reload: false,
        about: "UUID of the host, shown instead of the machine's own.",
        set: |settings, value| {
            let uuid = MdevUuid::new(value.text()?);
            if !uuid.is_valid() {
                return Err(Wrong::Value);
            }
            settings.driver.udev.host_uuid = Some(uuid.as_str().to_owned());
            Ok(())
        },
    },
    Setting {
        name: "host_uuid_source",
        expects: "\"smbios\" or \"machine-id\"",
        default: "\"smbios\"",
        reload: false,
        about: "Where the host's UUID is taken from: the firmware, or `/etc/machine-id`.",
        set: |settings, value| {
            settings.host_uuid_source = match value.text()? {
                "smbios" => HostUuidSource::Firmware,
                "machine-id" => HostUuidSource::MachineId,
                _ => return Err(Wrong::Value),
            };
            Ok(())
        },
    },
    Setting {
        name: "listen_tls",
        expects: FLAG,
        default: "0",
        reload: false,
        about: "Listens for TLS clients.",
        set: |settings, value| {
            settings.network.tls = value.flag()?;
            Ok(())
        },
    },
    Setting {
        name: "listen_tcp",
        expects: FLAG,
        default: "0",
        reload: false,
        about: "Listens for TCP clients, which needs `auth_tcp = \"none\"`.",
        set: |settings, value| {
            settings.network.tcp = value.flag()?;
            Ok(())
        },
    },
    Setting {
        name: "tls_port",
        expects: PORT,
        default: "\"16514\"",
        reload: false,
        about: "Port for TLS clients.",
        set: |settings, value| {
            settings.network.tls_port = value.port()?;
            Ok(())
        },
    },
    Setting {
        name: "tcp_port",
        expects: PORT,
        default: "\"16509\"",
        reload: false,
        about: "Port for TCP clients.",
        set: |settings, value| {
            settings.network.tcp_port = value.port()?;
            Ok(())
        },
    },
    Setting {
        name: "listen_addr",
        expects: "an address or host name in quotes",
        default: "-",
        reload: false,
        about: "Address to listen on for TCP and TLS clients; all addresses without it.",
        set: |settings, value| {
            settings.network.address = Some(value.host()?.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "auth_tls",
        expects: "\"none\"",
        default: "\"none\"",
        reload: false,
        about: "TLS clients show a certificate and need nothing more.",
        set: |_, value| match value.text()? {
            "none" => Ok(()),
            "sasl" => because("SASL is not there; TLS clients are known by their certificates"),
            _ => Err(Wrong::Value),
        },
    },
    Setting {
        name: "auth_tcp",
        expects: "\"none\" or \"sasl\"",
        default: "\"sasl\"",
        reload: false,
        about: "\"none\" lets in everybody who can reach the port. SASL is not there.",
        set: |settings, value| {
            settings.network.tcp_without_auth = match value.text()? {
                "none" => true,
                "sasl" => false,
                _ => return Err(Wrong::Value),
            };
            Ok(())
        },
    },
    Setting {
        name: "ca_file",
        expects: PATH,
        default: "\"/etc/pki/CA/cacert.pem\"",
        reload: true,
        about: "Certificates of the authorities that clients' certificates come from.",
        set: |settings, value| {
            settings.network.ca_file = value.path()?;
            Ok(())
        },
    },
    Setting {
        name: "cert_file",
        expects: PATH,
        default: "\"/etc/pki/libvirt/servercert.pem\"",
        reload: true,
        about: "The daemon's certificate.",
        set: |settings, value| {
            settings.network.cert_file = value.path()?;
            Ok(())
        },
    },
    Setting {
        name: "key_file",
        expects: PATH,
        default: "\"/etc/pki/libvirt/private/serverkey.pem\"",
        reload: true,
        about: "The key of the daemon's certificate.",
        set: |settings, value| {
            settings.network.key_file = value.path()?;
            Ok(())
        },
    },
    Setting {
        name: "crl_file",
        expects: PATH,
        default: "\"/etc/pki/CA/cacrl.pem\", where it exists",
        reload: true,
        about: "Certificates that have been revoked.",
        set: |settings, value| {
            settings.network.crl_file = Some(value.path()?);
            Ok(())
        },
    },
    Setting {
        name: "tls_allowed_dn_list",
        expects: "a list of patterns in quotes, such as [\"CN=a\"]",
        default: "-",
        reload: true,
        about: "Names of clients that may come in; without it, all with a good certificate.",
        set: |settings, value| {
            settings.network.allowed_names = Some(value.list()?);
            Ok(())
        },
    },
    Setting {
        name: "tls_no_verify_certificate",
        expects: FLAG,
        default: "0",
        reload: true,
        about: "1 lets in TLS clients without a good certificate.",
        set: |settings, value| {
            settings.network.verify_clients = !value.flag()?;
            Ok(())
        },
    },
    Setting {
        name: "mdevctl",
        expects: "the name of a program, or a path, in quotes",
        default: "\"mdevctl\"",
        reload: false,
        about: "The mdevctl program.",
        set: |settings, value| {
            settings.driver.mdevctl.program = value.text()?.into();
            Ok(())
        },
    },
    Setting {
        name: "varlink_socket",
        expects: "an absolute path or \"none\"",
        default: "\"/run/nodedev/io.nodedev.NodeDevice\"; for a user, below `$XDG_RUNTIME_DIR`",
        reload: false,
        about: "Where the varlink interface is served; \"none\" for nowhere.",
        set: |settings, value| {
            let none = value.text()? == "none";
            settings.sockets.varlink =
                if none { Varlink::Nowhere } else { Varlink::At(value.path()?) };
            Ok(())
        },
    },
    Setting {
        name: "sources_dir",
        expects: "an absolute path or \"none\"",
        default: "\"/etc/nodedev/sources.d\"; for a user, `nodedev/sources.d` beside the configuration",
        reload: false,
        about: "Folder with a file `NAME.conf` for each program that is run as a source, see \
                `docs/exec-source.md`; \"none\" for nowhere.",
        set: |settings, value| {
            settings.sources_dir = match value {
                Value::Text(text) if text == "none" => SourcesDir::Nowhere,
                value => SourcesDir::At(value.path()?),
            };
            Ok(())
        },
    },
    Setting {
        name: "metrics_listen",
        expects: "\"unix:/PATH\", \"127.0.0.1:PORT\", \"[::1]:PORT\" or \"none\"",
        default: "\"none\"",
        reload: false,
        about: "Where metrics are shown, see `docs/metrics.md`. No address of other hosts is taken.",
        set: |settings, value| {
            settings.sockets.metrics = match value.text()? {
                "none" => None,
                address => Some(address.parse().map_err(|error| match error {
                    MetricsAddressError::Malformed => Wrong::Value,
                    other => Wrong::Because(other.to_string()),
                })?),
            };
            Ok(())
        },
    },
    Setting {
        name: "udev_receive_buffer",
        expects: BYTES,
        default: "134217728",
        reload: false,
        about: "How much the kernel may keep of udev's events until they are taken, and as much again of \
                changes of links. What is beyond is lost, noticed, and the host read again.",
        set: |settings, value| {
            settings.driver.udev.receive_buffer = value.number(4096, 1_073_741_824)?;
            Ok(())
        },
    },
    Setting {
        name: "self_check_interval",
        expects: "seconds, from 1 to 86400; 0 for never",
        default: "600",
        reload: false,
        about: "How often the list is compared with the host; what differs is a fault, told and healed.",
        set: |settings, value| {
            let seconds: u64 = value.number(0, 86_400)?;
            settings.driver.registry.self_check = (seconds > 0).then(|| millis(seconds * 1000));
            Ok(())
        },
    },
    Setting {
        name: "attribute_deadline",
        expects: MILLIS,
        default: "500",
        reload: false,
        about: "How long one attribute may take to be read.",
        set: |settings, value| deadline(value, &mut settings.driver.udev.attribute_deadline),
    },
    Setting {
        name: "refresh_deadline",
        expects: MILLIS,
        default: "1000",
        reload: false,
        about: "How long the reading of one device for one caller may take.",
        set: |settings, value| deadline(value, &mut settings.driver.registry.refresh),
    },
    Setting {
        name: "mdevctl_deadline",
        expects: MILLIS,
        default: "10000",
        reload: false,
        about: "How long one listing of mdevctl may take.",
        set: |settings, value| deadline(value, &mut settings.driver.mdevctl.deadline),
    },
    Setting {
        name: "action_deadline",
        expects: MILLIS,
        default: "30000",
        reload: false,
        about: "How long one action may take until the list shows what it did. mdevctl, with its callout \
                scripts, gets five sixths of it.",
        set: |settings, value| {
            deadline(value, &mut settings.driver.registry.action)?;
            // The rest is for the list to show it, and for a client to hear why the tool was ended.
            settings.driver.mdevctl.action_deadline = settings.driver.registry.action * 5 / 6;
            Ok(())
        },
    },
    Setting {
        name: "first_pass_deadline",
        expects: MILLIS,
        default: "30000",
        reload: false,
        about: "How long clients wait at most for the first complete list.",
        set: |settings, value| deadline(value, &mut settings.driver.registry.first_pass),
    },
];

fn auth(value: &Value) -> Result<AuthScheme, Wrong> {
    match value.text()? {
        "none" => Ok(AuthScheme::None),
        "polkit" => Ok(AuthScheme::Polkit),
        "sasl" => because("SASL is not there; use \"polkit\" or \"none\""),
        _ => Err(Wrong::Value),
    }
}

fn deadline(value: &Value, deadline: &mut std::time::Duration) -> Result<(), Wrong> {
    *deadline = millis(value.number(1, 3_600_000)?);
    Ok(())
}
