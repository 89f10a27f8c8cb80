//! How much the kernel keeps for a socket until it is received.

use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, setsockopt, sockopt};

/// Asks for so many bytes, without the privilege to pass the system's limit for as many as it allows. Tells what the
/// socket has then, as the kernel counts: twice as much as was asked for (socket(7), `SO_RCVBUF`).
pub(crate) fn enlarge(socket: &impl AsFd, bytes: usize) -> usize {
    if setsockopt(socket, sockopt::RcvBufForce, &bytes).is_err()
        && let Err(error) = setsockopt(socket, sockopt::RcvBuf, &bytes)
    {
        tracing::debug!(source = "udev", %error, "the receive buffer keeps its size");
    }
    getsockopt(socket, sockopt::RcvBuf).unwrap_or(bytes)
}
