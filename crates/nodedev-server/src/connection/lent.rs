//! A client's calls on a thread that is there for nobody else.
//!
//! Who reads document after document is served like this: the thread waits for the call, reads the device's
//! files and answers, and no other thread has to be woken for it. Such a thread may hang in a file. Whatever the
//! client has here therefore lies in a [`Desk`], which can be taken away from it meanwhile.
//!
//! Only looks at the list and at devices are served here; at anything else the desk goes back, and with it what
//! has come.

use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use nix::sys::socket::{MsgFlags, send};
use nodedev_rpc::{Frame, FrameDecoder, MessageType, Received};
use nodedev_source::allow_blocking;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::reply_bytes;
use crate::dispatch::{self, Answered, Later, Outcome, Reaction};
use crate::session::{Session, Shared};

/// How long the thread waits for the next call; the kernel makes some more of it.
pub(super) const IDLE: Duration = Duration::from_millis(1);
/// How long it serves at most, but for the call at which that time is over: then the connection gets its turn, for
/// pings and for whatever else is due.
const TERM: Duration = Duration::from_millis(100);
/// Bytes that are taken at once.
const AT_ONCE: usize = 4096;

/// What a connection has at a thread that serves it.
#[derive(Debug)]
pub(super) struct Desk {
    /// Waits in the kernel, for [`IDLE`].
    pub(super) socket: UnixStream,
    pub(super) decoder: FrameDecoder,
    pub(super) session: Session,
    /// How many calls have been answered here.
    pub(super) answered: u32,
    /// What has come and is not for this thread, and when.
    pub(super) left: Option<(Received, Instant)>,
    /// What the client did not take at once.
    pub(super) unwritten: Vec<u8>,
}

/// Where a desk lies while its thread is in a device's files.
#[derive(Debug, Default)]
pub(super) struct Slot {
    kept: Mutex<Option<Kept>>,
    wanted: AtomicBool,
}

#[derive(Debug)]
struct Kept {
    desk: Desk,
    /// The call that is being answered.
    call: Frame,
    since: Instant,
}

impl Kept {
    /// The desk with the call for whoever goes on with it.
    fn unanswered(self) -> Desk {
        let mut desk = self.desk;
        desk.left = Some((Received::Frame(self.call), self.since));
        desk
    }
}

impl Slot {
    /// The thread is to give the desk back soon.
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Takes the desk away from a thread that has been at one call for so long, or that is no more; with the call,
    /// which it has not answered.
    pub(super) fn take_back(&self, after: Duration) -> Option<Desk> {
        self.lock().take_if(|kept| kept.since.elapsed() >= after).map(Kept::unanswered)
    }

    /// What the thread has at its desk, if that is still there.
    fn take(&self) -> Option<Kept> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the client until it pauses or asks for something else. `None` when the desk has been taken away.
pub(super) fn serve(
    mut desk: Desk,
    shared: &Arc<Shared>,
    slot: &Slot,
    runtime: &Handle,
) -> Option<Desk> {
    let end = Instant::now() + TERM;
    while let Some(call) = desk.next_call() {
        let (header, since) = (call.header, Instant::now());
        let outcome = match dispatch::react(&mut desk.session, shared, &call) {
            Reaction::Answer(Answered::Now(outcome)) => outcome,
            Reaction::Answer(Answered::Later(answer)) => {
                *slot.lock() = Some(Kept { desk, call, since });
                let outcome = read(answer, runtime);
                let kept = slot.take()?;
                let Some(outcome) = outcome else {
                    // Once more where a panic has its consequence.
                    return Some(kept.unanswered());
                };
                desk = kept.desk;
                outcome
            }
            Reaction::Ignore | Reaction::Close => {
                desk.left = Some((Received::Frame(call), since));
                break;
            }
        };
        shared.counts.rpc(header.procedure, since.elapsed(), outcome.is_err());
        desk.write(reply_bytes(shared, &header, &outcome));
        desk.answered += 1;
        let is_due = slot.wanted.load(Ordering::Relaxed) || Instant::now() >= end;
        if is_due || !desk.unwritten.is_empty() {
            break;
        }
    }
    Some(desk)
}

/// The answer, `None` after a panic, which has been reported.
fn read(answer: Later, runtime: &Handle) -> Option<Outcome> {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let answer = allow_blocking(|| runtime.block_on(answer));
    answer.ok().map(|(outcome, _)| outcome)
}

impl Desk {
    /// The next call that is served here. `None`: the client pauses, has gone, sends by and by, or wants something
    /// else.
    fn next_call(&mut self) -> Option<Frame> {
        loop {
            match self.decoder.next() {
                Ok(Some(Received::Frame(frame))) if is_look(&frame) => return Some(frame),
                Ok(Some(other)) => {
                    self.left = Some((other, Instant::now()));
                    return None;
                }
                // The connection knows how long a frame may take, and when there is a place for a long one.
                Ok(None) if self.decoder.is_within_frame() => return None,
                Ok(None) => self.receive()?,
                // It is found again by whoever gets the desk.
                Err(_) => return None,
            }
        }
    }

    /// Takes what there is. `None` if there is nothing, or the end: that will be met again.
    fn receive(&mut self) -> Option<()> {
        let mut room = [0; AT_ONCE];
        let count = loop {
            match self.socket.read(&mut room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.ok()?,
            }
        };
        let bytes = room.get(..count).filter(|bytes| !bytes.is_empty())?;
        self.decoder.push(bytes);
        Some(())
    }

    /// Writes what the client takes at once.
    fn write(&mut self, mut bytes: Vec<u8>) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        // An error will be met again by whoever writes the rest.
        let written = send(self.socket.as_raw_fd(), &bytes, flags).unwrap_or(0);
        if written < bytes.len() {
            self.unwritten = bytes.split_off(written);
        }
    }
}

/// Whether it only asks what there is.
fn is_look(frame: &Frame) -> bool {
    frame.header.kind == MessageType::Call && dispatch::is_look(&frame.header)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::config::AuthScheme;
    use crate::counts::Counts;
    use crate::listener::Access;
    use crate::session::Origin;

    fn desk() -> (UnixStream, Desk) {
        let (client, socket) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(IDLE)).unwrap();
        let origin = Origin { access: Access::ReadWrite, auth: AuthScheme::None, peer: None };
        let session = Session::new(origin, 1, Counts::new(&[]).pending.part());
        let decoder = FrameDecoder::new(1 << 20);
        let desk =
            Desk { socket, decoder, session, answered: 0, left: None, unwritten: Vec::new() };
        (client, desk)
    }

    #[test]
    fn a_frame_that_comes_by_and_by_is_not_waited_for() {
        for length in [1_u32 << 16, 8 << 20] {
            let (mut client, mut desk) = desk();
            let mut bytes = length.to_be_bytes().to_vec();
            bytes.resize(2 * AT_ONCE, 0);
            client.write_all(&bytes).unwrap();
            assert!(desk.next_call().is_none());
            assert!(desk.decoder.is_within_frame());
            assert_eq!(desk.socket.read(&mut [0; 2 * AT_ONCE]).unwrap(), AT_ONCE);
        }
    }

    #[test]
    fn what_is_no_look_is_left_to_the_connection() {
        let (mut client, mut desk) = desk();
        let look = Frame::bytes_of(&nodedev_rpc::Header::call(113, 7), &()).unwrap();
        let other = Frame::bytes_of(&nodedev_rpc::Header::call(374, 8), &()).unwrap();
        client.write_all(&[&look[..], &other[..], &look[..]].concat()).unwrap();
        assert_eq!(desk.next_call().unwrap().header.serial, 7);
        assert!(desk.next_call().is_none());
        let Some((Received::Frame(left), _)) = desk.left else { panic!("nothing is left") };
        assert_eq!(left.header.serial, 8);
        assert!(desk.decoder.is_within_frame(), "the next one is not lost");
    }
}
