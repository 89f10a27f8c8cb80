//! Settings of a server: who may come in, how much each may ask for, how long anything may take.
//! Only values; the files and flags that they come from are the driver's.

use std::time::Duration;

/// For whom the daemon works, which decides the one URI path that it answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The whole host: `nodedev:///system`.
    #[default]
    System,
    /// One user: `nodedev:///session`.
    Session,
}

/// How a client proves who it is before it may call anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AuthScheme {
    /// Not at all: whoever can connect may call. The mode of the socket file decides.
    #[default]
    None,
    /// By asking polkit about the process at the other end of a unix socket. Root needs no asking.
    Polkit,
}

/// How much clients may use. Each bound is named in the documentation of what happens at it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Clients served at once (`max_clients`). Further ones wait in the kernel's queue.
    pub clients: usize,
    /// Clients served at once that have not authenticated (`max_anonymous_clients`). Further ones wait.
    pub anonymous_clients: usize,
    /// Calls of one client that run at once (`max_client_requests`). Further ones wait.
    pub client_requests: usize,
    /// Events that wait for one client to read. With one more it is disconnected.
    pub client_events: usize,
    /// How long a client may leave its replies or events unread before it is disconnected.
    pub write: Duration,
    /// How long one frame may take to arrive once it has begun.
    pub frame: Duration,
    /// How long a client may take to authenticate, prompts of polkit not counted.
    pub authentication: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 5000,
            anonymous_clients: 20,
            client_requests: 5,
            client_events: 65_536,
            write: Duration::from_secs(30),
            frame: Duration::from_secs(30),
            authentication: Duration::from_secs(30),
        }
    }
}

/// Settings of a server. The defaults are libvirt's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// For whom it works.
    pub mode: Mode,
    /// Bounds.
    pub limits: Limits,
    /// After how much silence a client is pinged (`keepalive_interval`). `None` for never.
    pub keepalive_interval: Option<Duration>,
    /// How many pings may stay unanswered (`keepalive_count`).
    pub keepalive_count: u32,
    /// Where polkit's bus is; `None` for the system bus.
    pub polkit_bus: Option<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            limits: Limits::default(),
            keepalive_interval: Some(Duration::from_secs(5)),
            keepalive_count: 5,
            polkit_bus: None,
        }
    }
}
