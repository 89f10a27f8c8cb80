//! Whether a client may come in, where the socket's mode alone does not say.
//!
//! Asks others and never decides by itself.

#[cfg(feature = "polkit")]
pub mod polkit;
