//! libvirt's RPC over TLS: the handshake, who may come in, and the byte that says so.
//!
//! Reads the certificates once, when loaded; whoever changes them loads again. TLS 1.2 and 1.3, and
//! no resumption: every client shows its certificate, and libvirt's clients take the tickets of
//! TLS 1.3 for the byte they wait for.

mod credentials;
mod dn;
mod error;
mod files;
mod pattern;

use std::sync::Arc;
use std::time::Duration;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, crypto};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream as RustlsStream;

use self::credentials::{Certificates, Credentials};
pub use self::error::{TlsError, TlsRefusal};
pub use self::files::TlsFiles;

/// What a client waits for after the handshake before it sends its first frame.
const WELCOME: u8 = 1;

/// An encrypted connection whose handshake is done.
pub type TlsStream = RustlsStream<TcpStream>;

/// A client that came in.
#[derive(Debug)]
pub struct TlsClient {
    /// The connection. The client has its byte; frames come next.
    pub stream: TlsStream,
    /// The name in the client's certificate, as [`TlsFiles::allowed_dn`] writes it. `None` where
    /// clients show no certificate.
    pub dn: Option<String>,
}

/// Lets clients in over TLS. Clones share everything.
#[derive(Debug, Clone)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    allowed_dn: Option<Arc<[String]>>,
}

impl TlsAcceptor {
    /// Reads certificates, key and revocation list.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, holds nothing of its kind or something broken; when the key is not
    /// the certificate's; when a certificate of ours or of an authority is not valid today. Names
    /// the file.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        if !files.verify && files.allowed_dn.is_some() {
            return Err(TlsError::NamesUnchecked);
        }
        let credentials = Credentials::read(files)?;
        let allowed_dn = files.allowed_dn.as_deref().map(Arc::from);
        Ok(Self { config: Arc::new(configure(files, credentials)?), allowed_dn })
    }

    /// Does the handshake, checks the client's certificate and lets it in, all within `limit`.
    ///
    /// # Errors
    ///
    /// When the client does not make it. It has not got its byte then, and the connection is closed.
    pub async fn accept(&self, tcp: TcpStream, limit: Duration) -> Result<TlsClient, TlsRefusal> {
        timeout(limit, self.let_in(tcp)).await.map_err(|_| TlsRefusal::TooSlow(limit))?
    }

    async fn let_in(&self, tcp: TcpStream) -> Result<TlsClient, TlsRefusal> {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config));
        let mut stream = acceptor.accept(tcp).await.map_err(TlsRefusal::Handshake)?;
        let dn = self.check_name(&stream)?;
        stream.write_all(&[WELCOME]).await.map_err(TlsRefusal::Lost)?;
        stream.flush().await.map_err(TlsRefusal::Lost)?;
        Ok(TlsClient { stream, dn })
    }

    fn check_name(&self, stream: &TlsStream) -> Result<Option<String>, TlsRefusal> {
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let dn = match certificate {
            Some(certificate) => Some(dn::subject(certificate).map_err(TlsRefusal::Certificate)?),
            None => None,
        };
        let Some(allowed) = &self.allowed_dn else {
            return Ok(dn);
        };
        let name = dn.as_deref().unwrap_or_default();
        if allowed.iter().any(|pattern| pattern::matches(pattern, name)) {
            return Ok(dn);
        }
        Err(TlsRefusal::Name(name.to_owned()))
    }
}

fn configure(files: &TlsFiles, credentials: Credentials) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let unusable = |error: rustls::Error| TlsError::pair(files, &error);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match credentials.clients {
        None => builder.with_no_client_auth(),
        Some(Certificates { authorities, revoked }) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots(files, authorities)?),
                provider,
            )
            .with_crls(revoked)
            // An authority without a list of its own has revoked nothing; a list out of date
            // may lack what matters.
            .allow_unknown_revocation_status()
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| TlsError::verifier(files, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        builder.with_single_cert(credentials.chain, credentials.key).map_err(unusable)?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn roots(
    files: &TlsFiles,
    authorities: Vec<rustls::pki_types::CertificateDer<'static>>,
) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| TlsError::malformed(&files.ca, &error))?;
    }
    Ok(roots)
}
