//! The interface as text, as a client that introspects gets it.

/// Name of the interface, and of the socket's file.
pub const INTERFACE: &str = "io.nodedev.NodeDevice";

/// Name of the interface that every varlink service has.
pub const SERVICE_INTERFACE: &str = "org.varlink.service";

/// The interface in varlink's own language, with comments.
pub const DESCRIPTION: &str = include_str!("io.nodedev.NodeDevice.varlink");

/// The interface that every varlink service has, in varlink's own language.
pub const SERVICE_DESCRIPTION: &str = include_str!("org.varlink.service.varlink");
