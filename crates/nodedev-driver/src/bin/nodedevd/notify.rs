//! What systemd is told of the daemon's state. Without systemd nobody is told anything.

use std::time::Duration;

use nodedev_driver::registry::{Registry, RegistryError};
use nodedev_types::DeviceName;
use sd_notify::NotifyState;
use tokio::time::{interval, timeout};

/// Clients can connect.
pub(crate) fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The settings are being read again; [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell systemd of the reload"),
    }
}

pub(crate) fn stopping() {
    send(&[NotifyState::Stopping, NotifyState::Status("Ending")]);
}

pub(crate) fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell systemd");
    }
}

/// Feeds systemd's watchdog, where it is set, for as long as the registry answers.
pub(crate) async fn feed_watchdog(registry: Registry) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    // At most half of the limit is waited, and at most half of the rest is asked.
    let mut ticks = interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        if timeout(limit / 4, answers(&registry)).await == Ok(true) {
            send(&[NotifyState::Watchdog]);
        } else {
            tracing::warn!("the registry does not answer, so the watchdog is not fed");
        }
    }
}

/// Asks for what there is not: no source is asked then, which may take longer than the watchdog waits.
async fn answers(registry: &Registry) -> bool {
    !matches!(registry.refresh(&DeviceName::new("")).await, Err(RegistryError::Closed))
}
