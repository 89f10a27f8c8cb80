//! The keepalive program: pings and pongs, and when to send them. Holds no clock: whoever uses it
//! says what time it is.

use core::time::Duration;

use crate::frame::{Header, MessageType, PROGRAM_VERSION, Status};

/// Program number of keepalive, `keep` in ASCII.
pub const PROGRAM_KEEPALIVE: u32 = 0x6b65_6570;

/// A word of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keepalive {
    /// Are you there?
    Ping,
    /// Yes.
    Pong,
}

impl Keepalive {
    /// The whole frame: there is no payload.
    #[must_use]
    pub const fn header(self) -> Header {
        Header {
            program: PROGRAM_KEEPALIVE,
            version: PROGRAM_VERSION,
            procedure: match self {
                Self::Ping => 1,
                Self::Pong => 2,
            },
            kind: MessageType::Message,
            serial: 0,
            status: Status::Ok,
        }
    }

    /// The word that a frame of the program is. Unknown ones are none, and to be ignored.
    #[must_use]
    pub fn of(header: &Header) -> Option<Self> {
        let known = header.program == PROGRAM_KEEPALIVE
            && header.version == PROGRAM_VERSION
            && header.kind == MessageType::Message;
        match header.procedure {
            1 if known => Some(Self::Ping),
            2 if known => Some(Self::Pong),
            _ => None,
        }
    }
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// Nothing before that time.
    WaitUntil(Duration),
    /// Send a ping now.
    Ping,
    /// The other side is dead: close.
    Dead,
}

/// Decides when to ping, and when the other side counts as dead.
///
/// Times are durations since any fixed moment. After `interval` without a frame a ping is due, after
/// as many unanswered ones as `count` the end is due another `interval` later.
#[derive(Debug, Clone)]
pub struct Pinger {
    interval: Duration,
    count: u32,
    last: Duration,
    sent: u32,
}

impl Pinger {
    /// Begins to count now.
    #[must_use]
    pub const fn new(interval: Duration, count: u32, now: Duration) -> Self {
        Self { interval, count, last: now, sent: 0 }
    }

    /// Something has arrived, whatever it was.
    pub const fn received(&mut self, now: Duration) {
        self.last = now;
        self.sent = 0;
    }

    /// What is due now. A ping that is due counts as sent.
    pub fn tick(&mut self, now: Duration) -> Tick {
        let due = self.last.saturating_add(self.interval);
        if now < due {
            return Tick::WaitUntil(due);
        }
        self.last = now;
        if self.sent == self.count {
            return Tick::Dead;
        }
        self.sent += 1;
        Tick::Ping
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The seconds at which something happens, and what.
    fn course(pinger: &mut Pinger, heard_at: &[u32], until: u32) -> Vec<(u32, Tick)> {
        let mut course = Vec::new();
        for second in 0..=until {
            if heard_at.contains(&second) {
                pinger.received(SECOND * second);
            }
            match pinger.tick(SECOND * second) {
                Tick::WaitUntil(_) => {}
                tick => course.push((second, tick)),
            }
        }
        course
    }

    #[test]
    fn a_silent_client_is_pinged_five_times_and_then_dead() {
        let mut pinger = Pinger::new(5 * SECOND, 5, Duration::ZERO);
        let pings = [5, 10, 15, 20, 25].map(|second| (second, Tick::Ping));
        let expected = [&pings[..], &[(30, Tick::Dead)]].concat();
        assert_eq!(course(&mut pinger, &[], 30), expected);
    }

    #[test]
    fn anything_heard_begins_the_count_anew() {
        let mut pinger = Pinger::new(5 * SECOND, 1, Duration::ZERO);
        let expected = [(5, Tick::Ping), (13, Tick::Ping), (18, Tick::Dead)];
        assert_eq!(course(&mut pinger, &[3, 5, 8], 18)[..], [(13, Tick::Ping), (18, Tick::Dead)]);
        let mut pinger = Pinger::new(5 * SECOND, 1, Duration::ZERO);
        assert_eq!(course(&mut pinger, &[8], 18), expected);
    }

    #[test]
    fn pings_with_no_tolerance_are_never_sent() {
        let mut pinger = Pinger::new(5 * SECOND, 0, Duration::ZERO);
        assert_eq!(course(&mut pinger, &[], 5), [(5, Tick::Dead)]);
    }
}
