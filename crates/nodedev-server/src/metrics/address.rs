//! Where metrics may be shown: on a unix socket, or at an address that only this host can reach.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// A socket for scrapers: `unix:/path`, `127.0.0.1:port` or `[::1]:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAddress {
    /// A unix socket with that file, an absolute path.
    Unix(PathBuf),
    /// A port of the loopback interface.
    Loopback(SocketAddr),
}

/// Why metrics are not shown there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsAddressError {
    /// It is neither an absolute path behind `unix:` nor an address with a port.
    #[error("expected \"unix:/PATH\", \"127.0.0.1:PORT\" or \"[::1]:PORT\"")]
    Malformed,
    /// Other hosts can reach it.
    #[error(
        "metrics are shown to everybody who can connect, neither encrypted nor authenticated: \
         only a loopback address is taken, \"127.0.0.1:PORT\" or \"[::1]:PORT\", or a unix socket, \
         \"unix:/PATH\""
    )]
    Reachable,
}

impl FromStr for MetricsAddress {
    type Err = MetricsAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:").map(PathBuf::from) {
            let known = path.is_absolute().then_some(Self::Unix(path));
            return known.ok_or(MetricsAddressError::Malformed);
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if !address.ip().is_loopback() => Err(MetricsAddressError::Reachable),
            Ok(address) if address.port() > 0 => Ok(Self::Loopback(address)),
            _ => Err(MetricsAddressError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_can_be_listened_to() {
        let path = MetricsAddress::Unix("/run/m.sock".into());
        assert_eq!("unix:/run/m.sock".parse(), Ok(path));
        for text in ["127.0.0.1:9177", "127.9.9.9:1", "[::1]:9177"] {
            let address = text.parse().expect("an address");
            assert_eq!(text.parse(), Ok(MetricsAddress::Loopback(address)));
        }
        let refused = |text: &str| text.parse::<MetricsAddress>().expect_err("it is refused");
        for text in ["0.0.0.0:9177", "[::]:9177", "192.0.2.1:9177", "[::ffff:192.0.2.1]:9177"] {
            assert_eq!(refused(text), MetricsAddressError::Reachable, "{text}");
        }
        for text in ["localhost:9177", "127.0.0.1", "127.0.0.1:0", ":9177", "unix:m.sock", "/m", ""]
        {
            assert_eq!(refused(text), MetricsAddressError::Malformed, "{text}");
        }
    }
}
