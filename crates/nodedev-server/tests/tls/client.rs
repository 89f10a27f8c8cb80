//! A client, and what it sees of the server.

use std::sync::Arc;
use std::time::Duration;

use nodedev_server::tls::{TlsAcceptor, TlsClient, TlsRefusal};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::world::{Identity, World};

pub(crate) const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn config(
    world: &World,
    version: &'static SupportedProtocolVersion,
    identity: Option<&Identity>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(world.authority.certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain(), identity.key()).unwrap(),
        None => builder.with_no_client_auth(),
    })
}

/// What came of a visit.
pub(crate) struct Visit {
    pub(crate) end: Result<TlsClient, TlsRefusal>,
    /// The application data that the client got in one read, empty when it was sent away.
    pub(crate) got: Vec<u8>,
    pub(crate) handshake: Option<HandshakeKind>,
}

impl Visit {
    pub(crate) fn is_welcome(&self) -> bool {
        assert_eq!(self.end.is_ok(), self.got == [1], "{:?} {:?}", self.end, self.got);
        assert!(self.end.is_ok() || self.got.is_empty(), "{:?}", self.got);
        self.end.is_ok()
    }

    pub(crate) fn refusal(self) -> TlsRefusal {
        assert!(!self.is_welcome());
        self.end.unwrap_err()
    }
}

pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

pub(crate) async fn visit(acceptor: &TlsAcceptor, config: Arc<ClientConfig>) -> Visit {
    let (client, server) = pair().await;
    let (end, (got, handshake)) = tokio::join!(acceptor.accept(server, LIMIT), async {
        let name = ServerName::try_from("localhost").unwrap();
        let Ok(mut stream) = TlsConnector::from(config).connect(name, client).await else {
            return (Vec::new(), None);
        };
        let mut got = vec![0; 16];
        let length = stream.read(&mut got).await.unwrap_or(0);
        got.truncate(length);
        (got, stream.get_ref().1.handshake_kind())
    });
    Visit { end, got, handshake }
}
