//! Everything that a connection waits for with a limit: pings, a frame's end, the client's reading,
//! its authentication.

use std::time::Duration;

use nodedev_rpc::{Pinger, Tick};
use tokio::time::Instant;

use crate::config::{Limits, ServerConfig};

/// How long the last replies may take to be written.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);

/// Bytes that a client has to read within `Limits::write`, unless there are fewer.
const READ_AT_LEAST: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Timers {
    begun: Instant,
    limits: Limits,
    pinger: Option<Pinger>,
    ping_at: Option<Instant>,
    reading: Option<Instant>,
    writing: Option<Instant>,
    /// Bytes written since then.
    written: usize,
    unknown: Option<Instant>,
}

impl Timers {
    pub(super) fn new(config: &ServerConfig) -> Self {
        let begun = Instant::now();
        Self {
            begun,
            limits: config.limits.clone(),
            pinger: None,
            ping_at: None,
            reading: None,
            writing: None,
            written: 0,
            unknown: Some(begun),
        }
    }

    /// The client has authenticated.
    pub(super) const fn known(&mut self) {
        self.unknown = None;
    }

    /// The client answers pings from now on.
    pub(super) fn start_pings(&mut self, config: &ServerConfig) {
        if let (None, Some(interval)) = (&self.pinger, config.keepalive_interval) {
            let now = self.begun.elapsed();
            self.pinger = Some(Pinger::new(interval, config.keepalive_count, now));
            self.ping_at = Some(self.begun + now + interval);
        }
    }

    /// A frame has arrived.
    pub(super) fn received(&mut self) {
        self.reading = None;
        if let Some(pinger) = &mut self.pinger {
            pinger.received(self.begun.elapsed());
        }
    }

    /// So many bytes have been written. Only enough of them count as reading: who takes one byte now
    /// and then could keep the rest for ever.
    pub(super) const fn written(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written >= READ_AT_LEAST {
            self.writing = None;
            self.written = 0;
        }
    }

    /// Whether anything is read at all, and whether a frame has begun to arrive. A client that is
    /// not listened to is not to blame for its silence.
    pub(super) fn watch_reading(&mut self, listens: bool, within_frame: bool) {
        if !listens {
            self.received();
        }
        let arrives = listens && within_frame;
        self.reading = arrives.then(|| self.reading.unwrap_or_else(Instant::now));
    }

    /// Whether the client has something to read.
    pub(super) fn watch_writing(&mut self, nothing: bool) {
        if nothing {
            self.written = 0;
        }
        self.writing = (!nothing).then(|| self.writing.unwrap_or_else(Instant::now));
    }

    /// What has taken too long. While polkit is asked, the client is not to blame.
    pub(super) fn late(&mut self, idle: bool) -> Option<&'static str> {
        let Limits { frame, write, authentication, .. } = self.limits;
        if !idle && self.unknown.is_some() {
            self.unknown = Some(Instant::now());
        }
        let over =
            |since: Option<Instant>, limit| since.is_some_and(|since| since.elapsed() >= limit);
        if over(self.reading, frame) {
            return Some("a frame");
        }
        if over(self.writing, write) {
            return Some("the reading of replies and events");
        }
        over(self.unknown, authentication).then_some("the authentication")
    }

    /// What is due of the pings.
    pub(super) fn tick(&mut self) -> Option<Tick> {
        let tick = self.pinger.as_mut()?.tick(self.begun.elapsed());
        self.ping_at = match tick {
            Tick::WaitUntil(due) => Some(self.begun + due),
            _ => Some(Instant::now()),
        };
        Some(tick)
    }

    /// Waits until something may be late.
    pub(super) async fn due(&self) {
        let Limits { frame, write, authentication, .. } = self.limits;
        let limits = [
            self.reading.map(|since| since + frame),
            self.writing.map(|since| since + write),
            self.unknown.map(|since| since + authentication),
            self.ping_at,
        ];
        match limits.into_iter().flatten().min() {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn timers() -> Timers {
        let mut config = ServerConfig::default();
        config.limits.write = 30 * SECOND;
        let mut timers = Timers::new(&config);
        timers.known();
        timers
    }

    /// When a client that reads so much each second is found too slow, in seconds.
    async fn given_up_after(bytes: usize) -> Option<u64> {
        let mut timers = timers();
        for second in 1..300 {
            timers.watch_writing(false);
            tokio::time::advance(SECOND).await;
            if timers.late(true).is_some() {
                return Some(second);
            }
            timers.written(bytes);
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn reading_a_little_now_and_then_is_not_reading() {
        assert_eq!(given_up_after(0).await, Some(30));
        assert_eq!(given_up_after(1).await, Some(30));
        assert_eq!(given_up_after(2000).await, Some(30));
        assert_eq!(given_up_after(3000).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_nothing_to_read_is_never_late() {
        let mut timers = timers();
        for _ in 0..100 {
            timers.watch_writing(true);
            tokio::time::advance(SECOND).await;
            assert_eq!(timers.late(true), None);
        }
    }
}
