//! Why there is no TLS, or a client does not get in.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::server::VerifierBuilderError;

use super::files::TlsFiles;

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or not for us.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file without what it is for.
    #[error("no {what} in {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A file with something broken in it.
    #[error("cannot use {}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate at the wrong time or in the wrong place.
    #[error("the certificate of `{dn}` in {} {problem}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The name in the certificate.
        dn: String,
        /// What is wrong.
        problem: String,
    },
    /// Two files that do not belong together.
    #[error("the key in {} is not of the certificate in {}", key.display(), cert.display())]
    KeyMismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A list of names that nobody's name would be compared with.
    #[error("names of clients are listed, but certificates of clients are not verified")]
    NamesUnchecked,
}

impl TlsError {
    pub(super) fn malformed(path: &Path, reason: &impl ToString) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.to_string() }
    }

    /// What TLS says of certificate and key together.
    pub(super) fn pair(files: &TlsFiles, error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                Self::KeyMismatch { cert: files.cert.clone(), key: files.key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => Self::malformed(&files.cert, error),
            other => Self::malformed(&files.key, other),
        }
    }

    pub(super) fn verifier(files: &TlsFiles, error: &VerifierBuilderError) -> Self {
        match (error, &files.crl) {
            (VerifierBuilderError::InvalidCrl(_), Some(crl)) => Self::malformed(crl, error),
            _ => Self::malformed(&files.ca, error),
        }
    }
}

/// Why a client was sent away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsRefusal {
    /// The handshake failed, such as over the client's certificate.
    #[error("the handshake failed: {0}")]
    Handshake(io::Error),
    /// The client is not through in time.
    #[error("the handshake took longer than {0:?}")]
    TooSlow(Duration),
    /// The name in the client's certificate cannot be read.
    #[error("the client's certificate cannot be read: {0}")]
    Certificate(String),
    /// The name in the client's certificate is not in the list.
    #[error("{0:?} is not among the allowed names")]
    Name(String),
    /// The connection broke after the handshake.
    #[error("the connection was lost: {0}")]
    Lost(io::Error),
}
