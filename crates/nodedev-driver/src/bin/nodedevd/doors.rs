//! Opens the sockets that clients come in through, or takes those that systemd has opened, and
//! decides what a client has to show at each. Accepts nobody.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context as _, bail};
use nodedev_server::socket::{self, SocketFile, SocketOptions};
use nodedev_server::tls::{TlsAcceptor, TlsFiles};
use nodedev_server::{Access, AuthScheme, Listener, MetricsAddress};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use crate::activation::{Passed, Purpose};
use crate::places::{self, Owner, Places};
use crate::settings::{Network, Sockets};

/// The daemon's user, and the group of the other sockets where there is one.
const METRICS_MODE: u32 = 0o660;

const BUS: &str = "/run/dbus/system_bus_socket";

/// Everything that clients come in through.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    pub(crate) listeners: Vec<Listener>,
    /// Go when this is dropped.
    files: Vec<SocketFile>,
    /// The certificates that TLS clients meet, where there is a socket for them.
    certificates: Option<watch::Sender<TlsAcceptor>>,
}

/// What a client has to show at the libvirt sockets, and who may open their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Admission {
    rw: AuthScheme,
    ro: AuthScheme,
    rw_mode: u32,
    ro_mode: u32,
}

impl Doors {
    /// Takes the passed sockets where there are some, else opens those of the settings.
    ///
    /// # Errors
    ///
    /// When one of them cannot be opened; then none stays.
    pub(crate) async fn open(
        owner: &Owner,
        folder: Option<&Path>,
        sockets: &Sockets,
        network: &Network,
        passed: Vec<Passed>,
    ) -> anyhow::Result<Self> {
        let mut doors = Self::default();
        let bus = has_system_bus();
        if passed.is_empty() {
            let places = owner.places(folder, sockets)?;
            let open = places::is_abstract(&places.rw);
            if open && !owner.is_root() && sockets.auth_rw.is_none() {
                bail!("everybody may open an abstract socket: say who gets in with `auth_unix_rw`");
            }
            let admission = Admission::new(owner, sockets, bus, open);
            doors.bind(owner, &places, sockets, admission)?;
            doors.bind_network(network).await?;
        } else {
            let admission = Admission::new(owner, sockets, bus, true);
            doors.adopt(network, passed, admission)?;
        }
        doors.bind_metrics(owner, sockets).await?;
        Ok(doors)
    }

    fn bind(
        &mut self,
        owner: &Owner,
        places: &Places,
        sockets: &Sockets,
        admission: Admission,
    ) -> anyhow::Result<()> {
        let folder_mode = owner.folder_mode();
        let options = |mode| SocketOptions { mode, group: sockets.group.clone(), folder_mode };
        let listener = self.socket(&places.rw, &options(admission.rw_mode))?;
        self.listeners.push(Listener::unix(listener, Access::ReadWrite, admission.rw));
        if let Some(ro) = &places.ro {
            let listener = self.socket(ro, &options(admission.ro_mode))?;
            self.listeners.push(Listener::unix(listener, Access::ReadOnly, admission.ro));
        }
        if let Some(varlink) = &places.varlink {
            // It shows what the read-only socket shows, so the same clients may see it.
            let mode = if owner.is_root() { admission.ro_mode } else { 0o600 };
            let listener = self.socket(varlink, &options(mode))?;
            self.listeners.push(Listener::varlink(listener, admission.ro));
        }
        Ok(())
    }

    /// systemd has no unit for it: the socket is ours also where others were passed.
    async fn bind_metrics(&mut self, owner: &Owner, sockets: &Sockets) -> anyhow::Result<()> {
        match &sockets.metrics {
            None => {}
            Some(MetricsAddress::Unix(path)) => {
                let options = SocketOptions {
                    mode: METRICS_MODE,
                    group: sockets.group.clone(),
                    folder_mode: owner.folder_mode(),
                };
                let listener = self.socket(path, &options)?;
                self.listeners.push(Listener::metrics_unix(listener));
            }
            Some(MetricsAddress::Loopback(address)) => {
                let bound = TcpListener::bind(address).await;
                let socket = bound.with_context(|| format!("cannot listen on {address}"))?;
                tracing::info!(%address, "listening");
                self.listeners.push(Listener::metrics_tcp(socket));
            }
        }
        Ok(())
    }

    fn socket(&mut self, path: &Path, options: &SocketOptions) -> anyhow::Result<UnixListener> {
        let bound = socket::bind(path, options)?;
        tracing::info!(path = %path.display(), "listening");
        self.files.push(bound.file);
        Ok(bound.listener)
    }

    async fn bind_network(&mut self, network: &Network) -> anyhow::Result<()> {
        if network.tls {
            let socket = bind_tcp(network.address.as_deref(), network.tls_port).await?;
            self.push_tls(socket, network)?;
        }
        if network.tcp {
            let socket = bind_tcp(network.address.as_deref(), network.tcp_port).await?;
            self.listeners.push(Listener::tcp(socket));
        }
        Ok(())
    }

    fn push_tls(&mut self, socket: TcpListener, network: &Network) -> anyhow::Result<()> {
        let certificates = match &self.certificates {
            Some(certificates) => certificates,
            None => self.certificates.insert(watch::channel(load_certificates(network)?).0),
        };
        self.listeners.push(Listener::tls(socket, certificates.subscribe()));
        Ok(())
    }

    /// The certificates as they are now, where there is a socket for them.
    ///
    /// # Errors
    ///
    /// When they cannot be used.
    pub(crate) fn load_certificates(
        &self,
        network: &Network,
    ) -> anyhow::Result<Option<TlsAcceptor>> {
        self.certificates.as_ref().map(|_| load_certificates(network)).transpose()
    }

    /// Shows these to TLS clients that come from now on.
    pub(crate) fn show(&self, loaded: TlsAcceptor) {
        if let Some(certificates) = &self.certificates {
            certificates.send_replace(loaded);
        }
    }

    fn adopt(
        &mut self,
        network: &Network,
        passed: Vec<Passed>,
        admission: Admission,
    ) -> anyhow::Result<()> {
        let has = |wanted| {
            passed.iter().any(|p| matches!(p, Passed::Tcp(purpose, _) if *purpose == wanted))
        };
        if network.tcp && !has(Purpose::Tcp) || network.tls && !has(Purpose::Tls) {
            tracing::warn!(
                "listen_tcp and listen_tls have no effect: systemd made the sockets; \
                 enable a socket unit for them"
            );
        }
        for socket in passed {
            match socket {
                Passed::Unix(purpose, socket) => {
                    self.adopt_unix(purpose, socket.into(), admission)?;
                }
                Passed::Tcp(Purpose::Tcp, _) if !network.tcp_without_auth => {
                    bail!("a TCP socket was passed, which needs `auth_tcp = \"none\"`")
                }
                Passed::Tcp(Purpose::Tcp, socket) => {
                    self.listeners.push(Listener::tcp(into_tokio(socket)?));
                }
                Passed::Tcp(_, socket) => self.push_tls(into_tokio(socket)?, network)?,
            }
        }
        Ok(())
    }

    fn adopt_unix(
        &mut self,
        purpose: Purpose,
        socket: OwnedFd,
        admission: Admission,
    ) -> anyhow::Result<()> {
        let Admission { rw, ro, .. } = admission;
        let adopted = || socket::adopt(socket).context("a socket that was passed");
        let listener = match purpose {
            Purpose::ReadOnly => Listener::unix(adopted()?, Access::ReadOnly, ro),
            Purpose::Varlink => Listener::varlink(adopted()?, ro),
            Purpose::Admin => {
                tracing::info!("nobody answers at the admin socket that was passed");
                return Ok(());
            }
            _ => Listener::unix(adopted()?, Access::ReadWrite, rw),
        };
        self.listeners.push(listener);
        Ok(())
    }
}

impl Admission {
    /// Says it with a warning where it is not what root's daemon usually asks for.
    /// `open` says that our own permissions keep nobody out: systemd made the sockets, or they are
    /// abstract.
    fn new(owner: &Owner, sockets: &Sockets, bus: bool, open: bool) -> Self {
        // Without polkit the file's permissions are all there is. Those that somebody else has
        // set, in a unit or in the configuration, may be made for a daemon that asks polkit.
        let protected = !open && sockets.rw_perms.is_none();
        let usual = match owner {
            Owner::User { .. } => AuthScheme::None,
            Owner::Root if bus || !protected => AuthScheme::Polkit,
            Owner::Root => AuthScheme::None,
        };
        let rw = sockets.auth_rw.unwrap_or(usual);
        let ro = sockets.auth_ro.unwrap_or(usual);
        if owner.is_root() && !bus {
            match (rw, sockets.auth_rw) {
                (AuthScheme::Polkit, _) => tracing::warn!(
                    "there is no system bus at {BUS}, so polkit cannot be asked: only root gets in"
                ),
                (_, None) => tracing::warn!(
                    "there is no system bus at {BUS}, so polkit cannot be asked: the read-write \
                     socket is for root alone, the read-only socket for everybody"
                ),
                _ => {}
            }
        }
        let usual_mode = if rw == AuthScheme::Polkit { 0o777 } else { 0o700 };
        let rw_mode = sockets.rw_perms.unwrap_or(usual_mode);
        Self { rw, ro, rw_mode, ro_mode: sockets.ro_perms.unwrap_or(0o777) }
    }
}

fn load_certificates(network: &Network) -> anyhow::Result<TlsAcceptor> {
    TlsAcceptor::load(&tls_files(network)).context("TLS")
}

/// Which files TLS needs, and whom it lets in.
pub(crate) fn tls_files(network: &Network) -> TlsFiles {
    let usual = TlsFiles::under(Path::new("/"));
    TlsFiles {
        ca: network.ca_file.clone(),
        cert: network.cert_file.clone(),
        key: network.key_file.clone(),
        crl: network.crl_file.clone().or(usual.crl),
        allowed_dn: network.allowed_names.clone(),
        verify: network.verify_clients,
    }
}

fn has_system_bus() -> bool {
    std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS").is_some() || Path::new(BUS).exists()
}

/// Listens on that address, or on all of them, of both families where there are both.
async fn bind_tcp(address: Option<&str>, port: u16) -> anyhow::Result<TcpListener> {
    let addresses = address.map_or_else(|| vec!["::", "0.0.0.0"], |address| vec![address]);
    let mut result = Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
    for address in &addresses {
        result = TcpListener::bind((*address, port)).await;
        match &result {
            Ok(_) => tracing::info!(address, port, "listening"),
            // Taken for one family: the other must not stand in.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => continue,
        }
        break;
    }
    result.with_context(|| {
        format!("cannot listen on {} port {port}", address.unwrap_or("any address"))
    })
}

fn into_tokio(socket: std::net::TcpListener) -> anyhow::Result<TcpListener> {
    socket
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(socket))
        .context("a TCP socket")
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Owner = Owner::User { runtime: None, config: None, cache: None, home: None };

    fn admission(owner: &Owner, sockets: &Sockets, bus: bool, open: bool) -> Admission {
        Admission::new(owner, sockets, bus, open)
    }

    #[test]
    fn root_asks_polkit_and_a_users_files_are_their_own() {
        let usual = Sockets::default();
        let root = admission(&Owner::Root, &usual, true, false);
        assert_eq!((root.rw, root.ro), (AuthScheme::Polkit, AuthScheme::Polkit));
        assert_eq!((root.rw_mode, root.ro_mode), (0o777, 0o777));
        let user = admission(&USER, &usual, true, false);
        assert_eq!((user.rw, user.rw_mode), (AuthScheme::None, 0o700));
    }

    #[test]
    fn without_a_bus_nobody_is_let_in_by_accident() {
        let usual = Sockets::default();
        let bare = admission(&Owner::Root, &usual, false, false);
        assert_eq!((bare.rw, bare.rw_mode), (AuthScheme::None, 0o700));
        assert_eq!((bare.ro, bare.ro_mode), (AuthScheme::None, 0o777));
        let passed = admission(&Owner::Root, &usual, false, true);
        assert_eq!((passed.rw, passed.ro), (AuthScheme::Polkit, AuthScheme::Polkit));
        let wide = Sockets { rw_perms: Some(0o777), ..Sockets::default() };
        assert_eq!(admission(&Owner::Root, &wide, false, false).rw, AuthScheme::Polkit);
    }

    #[test]
    fn what_is_configured_counts() {
        let none = Sockets { auth_rw: Some(AuthScheme::None), ..Sockets::default() };
        let closed = admission(&Owner::Root, &none, true, false);
        assert_eq!((closed.rw, closed.rw_mode), (AuthScheme::None, 0o700));
        assert_eq!(closed.ro, AuthScheme::Polkit);
        let open = Sockets { rw_perms: Some(0o770), ..none };
        assert_eq!(admission(&Owner::Root, &open, true, true).rw_mode, 0o770);
        assert_eq!(admission(&Owner::Root, &open, true, true).rw, AuthScheme::None);
    }
}
