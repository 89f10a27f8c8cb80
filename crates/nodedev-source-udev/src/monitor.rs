//! The receiver: one thread that owns libudev's monitor and the socket that tells of links, and does
//! nothing but drain both.
//!
//! It never reads a device and never waits for those who do: with their queue full it notes that
//! events were lost. While events come without end it takes them in batches, see [`Moderation`].

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nodedev_types::{Diagnostic, SysfsPath};
use tokio::sync::oneshot;
use udev::{Device, MonitorBuilder, MonitorSocket};

use crate::classify::IGNORED_SUBSYSTEMS;
use crate::drain::{Drain, Received};
use crate::error::UdevError;
use crate::moderation::Moderation;
use crate::network::Links;
use crate::queue::EventQueue;
use crate::receive_buffer::enlarge;
use crate::udevd::{self, CONTROL, News, UdevdWatch};

/// Events that one look takes at most. Looks that have no end are a millisecond apart (see [`Moderation`]): 6,000 events
/// in a second, of which each has a device read, and what more there is waits in the socket's buffer.
const TURN: usize = 6;

/// What is taken from an event; everything else is read afresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawEvent {
    pub(crate) action: String,
    pub(crate) path: String,
    /// The path before a move.
    pub(crate) old_path: Option<String>,
}

/// Ends the receiver's waiting.
#[derive(Debug)]
pub(crate) struct StopSignal(EventFd);

impl StopSignal {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self(EventFd::from_flags(flags)?))
    }

    /// Ends it. May be called many times.
    pub(crate) fn stop(&self) {
        // Only a full counter fails, and a full counter is readable.
        let _ = self.0.write(1);
    }

    /// Waits for it no longer than that.
    fn comes_within(&self, wait: Duration) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        ppoll(&mut fds, Some(TimeSpec::from_duration(wait)), None).is_ok_and(|ready| ready > 0)
    }
}

/// How the receiver listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Bytes.
    pub(crate) receive_buffer: usize,
    /// How often it is looked whether udevd still listens.
    pub(crate) udevd_check: Duration,
}

enum Ending {
    Stopped,
    Renew(&'static str),
    /// The same, of a socket that is no good: the next one may be none either.
    Broken(&'static str),
}

/// How long a broken socket is not replaced.
const BROKEN_PAUSE: Duration = Duration::from_millis(100);

/// Runs the receiver until it is stopped. `armed` learns when events are being received.
pub(crate) fn run(
    settings: Settings,
    queue: &EventQueue,
    stop: &Arc<StopSignal>,
    armed: oneshot::Sender<Result<(), UdevError>>,
) {
    let Settings { receive_buffer, udevd_check } = settings;
    let mut armed = Some(armed);
    let mut renewal = None;
    let mut links = listen_to_links(receive_buffer, queue);
    let mut udevd = watch_udevd(queue, udevd_check);
    loop {
        let (socket, mut drain) = match listen(receive_buffer) {
            Ok(listening) => listening,
            Err(error) => {
                let error = UdevError::Monitor(error);
                match armed.take() {
                    Some(armed) => drop(armed.send(Err(error))),
                    None => queue.fail(error.to_string()),
                }
                return;
            }
        };
        if let Some(armed) = armed.take()
            && armed.send(Ok(())).is_err()
        {
            return;
        }
        // What happened before the new monitor listened shows in the snapshot that follows.
        if let Some(reason) = renewal.take() {
            queue.lost(reason);
        }
        match receive(&socket, &mut drain, &mut links, queue, stop, &mut udevd) {
            Ending::Stopped => return,
            Ending::Broken(_) if stop.comes_within(BROKEN_PAUSE) => return,
            Ending::Renew(reason) | Ending::Broken(reason) => {
                drop(socket);
                renewal = Some(reason);
            }
        }
    }
}

fn listen(receive_buffer: usize) -> io::Result<(MonitorSocket, Drain)> {
    let socket = MonitorBuilder::new()?.listen()?;
    let buffer = enlarge(&socket, receive_buffer);
    Ok((socket, Drain::new(TURN, buffer)))
}

/// Where the system refuses it, links are followed no further than uevents tell.
fn listen_to_links(receive_buffer: usize, queue: &EventQueue) -> Option<Links> {
    match Links::listen(receive_buffer) {
        Ok(links) => Some(links),
        Err(error) => {
            queue.is_unheard(links_unheard(&error.to_string()));
            None
        }
    }
}

/// Watches for udevd's coming and going, and reports if it is not there.
fn watch_udevd(queue: &EventQueue, every: Duration) -> UdevdWatch {
    let watch = UdevdWatch::start(every);
    if let Some(late) = watch.lateness() {
        queue.is_unheard(late);
    }
    if let Some(absence) = udevd::absence() {
        queue.diagnostic(absence);
    }
    watch
}

/// Whether the monitor is to be made anew.
fn udevd_has_started(udevd: &mut UdevdWatch, queue: &EventQueue) -> bool {
    match udevd.news() {
        Some(News::Started) => return true,
        Some(News::Stopped(diagnostic)) => queue.diagnostic(diagnostic),
        Some(News::Watched) => {
            queue.is_heard(CONTROL);
            queue.lost("udevd can be watched again");
        }
        None => {}
    }
    false
}

/// How long nothing is to be done unless something becomes readable.
fn patience(udevd: &UdevdWatch) -> PollTimeout {
    // A part of a millisecond would be cut off, and nothing be due yet.
    let pause = udevd.pause().map(|pause| pause + Duration::from_millis(1));
    pause.and_then(|pause| PollTimeout::try_from(pause).ok()).unwrap_or(PollTimeout::NONE)
}

fn receive(
    socket: &MonitorSocket,
    drain: &mut Drain,
    links: &mut Option<Links>,
    queue: &EventQueue,
    stop: &StopSignal,
    udevd: &mut UdevdWatch,
) -> Ending {
    let mut moderation = Moderation::new(Instant::now());
    loop {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![readable(socket.as_fd()), readable(stop.0.as_fd())];
        fds.extend(udevd.fd().map(readable));
        fds.extend(links.as_ref().map(|links| readable(links.as_fd())));
        let owes = drain.owes() || links.as_ref().is_some_and(Links::owes);
        let patience = if owes { PollTimeout::ZERO } else { patience(udevd) };
        match poll(&mut fds, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Ending::Broken("the monitor's socket failed"),
        }
        if fds[1].any().unwrap_or(true) {
            return Ending::Stopped;
        }
        if udevd_has_started(udevd, queue) {
            return Ending::Renew("udevd has been started");
        }
        hear_links(links, queue);
        if let Err(error) = drain.look(|| receive_one(socket, queue)) {
            queue.counts().receive_errors.count();
            queue.lost(&format!("receiving an event failed: {error}"));
        }
        if queue.is_closed() {
            return Ending::Stopped;
        }
        if drain.is_broken() {
            return Ending::Broken("the monitor's socket keeps failing");
        }
        // What comes meanwhile waits in the socket's buffer.
        if let Some(rest) = moderation.looked(Instant::now())
            && stop.comes_within(rest)
        {
            return Ending::Stopped;
        }
    }
}

/// Takes messages about links, if any wait.
fn hear_links(links: &mut Option<Links>, queue: &EventQueue) {
    let Some(Err(error)) = links.as_mut().map(|links| links.drain(queue)) else {
        return;
    };
    queue.counts().receive_errors.count();
    queue.lost(&format!("receiving a change of a link failed: {error}"));
    if links.as_ref().is_some_and(Links::is_broken) {
        *links = None;
        queue.is_unheard(links_unheard(&error.to_string()));
    }
}

fn links_unheard(why: &str) -> Diagnostic {
    let message = format!("changes of links are noticed only with other changes: {why}");
    Diagnostic::warning("rtnetlink", message)
}

fn receive_one(socket: &MonitorSocket, queue: &EventQueue) -> Received {
    // The iterator ends for every reason alike; errno alone tells them apart.
    Errno::clear();
    if let Some(event) = socket.iter().next() {
        if let Some(event) = raw_event(&event, queue) {
            queue.event(event);
        }
        return Received::Message;
    }
    match Errno::last_raw() {
        0 => nothing_or_ignored(socket),
        raw => match Errno::from_raw(raw) {
            Errno::EAGAIN => nothing_or_ignored(socket),
            Errno::EINTR => Received::Again,
            error => Received::Failed(error),
        },
    }
}

/// libudev says the same when nothing waits and of a message that it has taken and does not show, a stranger's say.
fn nothing_or_ignored(socket: &MonitorSocket) -> Received {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    let is_more = poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
        && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN));
    if is_more { Received::Message } else { Received::Nothing }
}

fn raw_event(device: &Device, queue: &EventQueue) -> Option<RawEvent> {
    let subsystem = device.subsystem().unwrap_or_default();
    if IGNORED_SUBSYSTEMS.iter().any(|ignored| subsystem == *ignored) {
        return None;
    }
    queue.counts().received.count();
    let text = |name: &str| device.property_value(name).and_then(|value| value.to_str());
    let path = device.syspath().to_str().filter(|path| SysfsPath::new(path).is_ok());
    let Some(path) = path else {
        let shown = device.syspath().to_string_lossy();
        queue.diagnostic(Diagnostic::warning(shown, "event for a path that is not canonical"));
        return None;
    };
    Some(RawEvent {
        action: text("ACTION").unwrap_or_default().to_owned(),
        path: path.to_owned(),
        old_path: text("DEVPATH_OLD").map(|old| format!("/sys{old}")),
    })
}
