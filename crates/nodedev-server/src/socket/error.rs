//! Why there is no socket to listen on.

use std::io;
use std::path::{Path, PathBuf};

/// Why a socket could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The path does not fit into a socket's address.
    #[error("the path of the socket {} has {bytes} bytes, and at most 107 fit", path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// How long it is.
        bytes: usize,
    },
    /// Somebody listens there.
    #[error("another daemon listens on {}", path.display())]
    InUse {
        /// The path, or the abstract name with its `@`.
        path: PathBuf,
    },
    /// What lies there is no socket, and stays.
    #[error("{} is in the way and not a socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The socket's group does not exist.
    #[error("the socket {} is for the group `{group}`, which does not exist", path.display())]
    Group {
        /// The socket.
        path: PathBuf,
        /// Its group, as configured.
        group: String,
    },
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The socket, its folder or its lock file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl BindError {
    pub(super) fn io(path: &Path, action: &'static str, error: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), action, source: error.into() }
    }
}

/// Why a descriptor that was handed over is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// A socket of another family.
    #[error("not a unix socket")]
    NotUnix,
    /// A datagram or packet socket.
    #[error("not a stream socket")]
    NotStream,
    /// A socket that is connected, or only bound.
    #[error("the socket does not listen")]
    NotListening,
    /// Not a socket, or the system refused.
    #[error("not a usable socket")]
    Io(#[from] io::Error),
}
