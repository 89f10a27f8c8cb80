//! The sockets that systemd hands over. Looks at the environment and takes descriptors; opens none.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use anyhow::{Context as _, bail, ensure};
use listenfd::ListenFd;

/// More than anybody has units for.
const MOST: usize = 64;

/// What a socket is for, by the name of its unit, with libvirt's word and with ours in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    ReadWrite,
    ReadOnly,
    /// libvirt's units have one; nobody answers there.
    Admin,
    Varlink,
    Tcp,
    Tls,
}

/// A socket that somebody has made for us.
#[derive(Debug)]
pub(crate) enum Passed {
    Unix(Purpose, UnixListener),
    Tcp(Purpose, TcpListener),
}

/// Takes what was handed over to this process. To be called before there are threads, since it
/// takes the variables out of the environment.
///
/// # Errors
///
/// When a socket has a name that means nothing here, or is not of the kind that its name says.
pub(crate) fn take() -> anyhow::Result<Vec<Passed>> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    if variable("LISTEN_PID") != std::process::id().to_string() {
        return Ok(Vec::new());
    }
    let count = variable("LISTEN_FDS");
    let count = count.parse().ok().filter(|count| *count <= MOST);
    let count = count.context("LISTEN_FDS is not a number of sockets")?;
    let purposes = purposes(&variable("LISTEN_FDNAMES"), count)?;
    let mut descriptors = ListenFd::from_env();
    let mut all = Vec::new();
    for (index, (name, purpose)) in purposes.into_iter().enumerate() {
        let passed = match purpose {
            Purpose::Tcp | Purpose::Tls => {
                descriptors.take_tcp_listener(index).map(|s| s.map(|s| Passed::Tcp(purpose, s)))
            }
            _ => descriptors.take_unix_listener(index).map(|s| s.map(|s| Passed::Unix(purpose, s))),
        };
        all.extend(passed.with_context(|| format!("the socket that was passed as `{name}`"))?);
    }
    Ok(all)
}

fn purposes(names: &str, count: usize) -> anyhow::Result<Vec<(String, Purpose)>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    ensure!(!names.is_empty(), "sockets were passed without LISTEN_FDNAMES, so nobody knows which");
    let names: Vec<_> = names.split(':').collect();
    let said = names.len();
    ensure!(said == count, "{count} sockets were passed with {said} names in LISTEN_FDNAMES");
    names.into_iter().map(|name| Ok((name.to_owned(), purpose(name)?))).collect()
}

fn purpose(name: &str) -> anyhow::Result<Purpose> {
    let kind = name.strip_suffix(".socket").and_then(|name| {
        name.strip_prefix("virtnodedevd").or_else(|| name.strip_prefix("nodedevd"))
    });
    Ok(match kind {
        Some("") => Purpose::ReadWrite,
        Some("-ro") => Purpose::ReadOnly,
        Some("-admin") => Purpose::Admin,
        Some("-varlink") => Purpose::Varlink,
        Some("-tcp") => Purpose::Tcp,
        Some("-tls") => Purpose::Tls,
        _ => bail!(
            "a socket was passed as `{name}`; known are `virtnodedevd.socket` and \
             `nodedevd.socket`, also with -ro, -admin, -varlink, -tcp or -tls before the point"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_known_by_the_names_of_their_units() {
        let names = "virtnodedevd.socket:nodedevd-ro.socket:virtnodedevd-admin.socket:\
                     nodedevd-varlink.socket:nodedevd-tcp.socket:virtnodedevd-tls.socket";
        let purposes = purposes(names, 6).unwrap();
        let purposes: Vec<_> = purposes.into_iter().map(|(_, purpose)| purpose).collect();
        let expected = [
            Purpose::ReadWrite,
            Purpose::ReadOnly,
            Purpose::Admin,
            Purpose::Varlink,
            Purpose::Tcp,
            Purpose::Tls,
        ];
        assert_eq!(purposes, expected);
    }

    #[test]
    fn a_socket_without_a_known_name_is_refused() {
        for (names, count, word) in [
            ("libvirtd.socket", 1, "`libvirtd.socket`"),
            ("nodedevd", 1, "`nodedevd`"),
            ("nodedevd-x.socket", 1, "`nodedevd-x.socket`"),
            ("", 1, "without LISTEN_FDNAMES"),
            ("nodedevd.socket", 2, "2 sockets were passed with 1 names"),
        ] {
            let refused = purposes(names, count).unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
        assert_eq!(purposes("", 0).unwrap(), []);
    }
}
