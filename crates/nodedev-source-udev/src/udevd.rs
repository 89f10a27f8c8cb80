//! Whether udevd is there, and noticing that it comes or goes.
//!
//! libudev listens to udevd only if udevd's control socket exists when the monitor is made, and says
//! nothing if it does not. Looks at `/run/udev`, as libudev does. Of udevd nothing is asked but whether it accepts a
//! connection: a file may outlive it. Where systemd keeps that socket it stays while one udevd follows another, and what
//! the first had queued is lost: then systemd's note of which run of the service this is tells of the other.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nodedev_types::{Diagnostic, Severity};

/// udevd's control socket.
pub(crate) const CONTROL: &str = "/run/udev/control";
const CONTROL_NAME: &str = "control";
const FOLDER_NAME: &str = "udev";
/// A link that systemd makes anew with each start of the service.
const INVOCATION: &str = "invocation:systemd-udevd.service";

/// How often a new socket is tried: udevd makes it a moment before it listens. The pauses double.
const TRIES: u32 = 8;
const LAST_PAUSE: Duration = Duration::from_millis(3200);

/// The tries that are left. What else wakes the receiver meanwhile uses none of them up.
#[derive(Debug)]
struct Tries {
    left: u32,
    due: Instant,
}

impl Tries {
    fn new(left: u32, now: Instant) -> Self {
        let mut tries = Self { left, due: now };
        tries.pause(now);
        tries
    }

    /// One has failed. Whether there are more.
    fn fail(&mut self, now: Instant) -> bool {
        self.left = self.left.saturating_sub(1);
        self.pause(now);
        self.left > 0
    }

    fn pause(&mut self, now: Instant) {
        if let Some(doublings) = self.left.checked_sub(1) {
            self.due = now + LAST_PAUSE / 2_u32.pow(doublings);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.left > 0 && self.due <= now
    }

    fn wait(&self, now: Instant) -> Option<Duration> {
        (self.left > 0).then(|| self.due.saturating_duration_since(now))
    }
}

/// Whether udevd is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Udevd {
    Runs,
    /// It has not been started on this host.
    Absent,
    /// Its socket is there and nobody listens at it.
    Dead,
}

impl Udevd {
    fn at(control: &Path) -> Self {
        match fs::metadata(control) {
            Err(_) => Self::Absent,
            Ok(file) if file.file_type().is_socket() => Self::behind(control),
            // On a mock host an ordinary file stands for it.
            Ok(_) => Self::Runs,
        }
    }

    /// Who may not connect cannot tell either, and believes what is there.
    fn behind(control: &Path) -> Self {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let tried = UnixAddr::new(control).and_then(|address| {
            let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
            connect(socket.as_raw_fd(), &address)
        });
        match tried {
            Err(Errno::ECONNREFUSED) => Self::Dead,
            Err(Errno::ENOENT) => Self::Absent,
            Ok(()) | Err(_) => Self::Runs,
        }
    }

    fn diagnostic(self) -> Option<Diagnostic> {
        let message = match self {
            Self::Runs => return None,
            Self::Absent => "udevd is not running, no events are received",
            Self::Dead => {
                "udevd is not running and has left its socket behind: no events are received \
                 until it is started, as by `systemctl restart systemd-udevd`"
            }
        };
        Some(Diagnostic::warning(CONTROL, message).with_severity(Severity::Error))
    }
}

/// What is to be told where udevd is not there now.
pub(crate) fn absence() -> Option<Diagnostic> {
    Udevd::at(Path::new(CONTROL)).diagnostic()
}

/// What has become of udevd.
#[derive(Debug)]
pub(crate) enum News {
    /// It listens, and did not before, or is another one.
    Started,
    /// It does no longer.
    Stopped(Diagnostic),
    /// The system lets it be watched again.
    Watched,
}

/// Where udevd shows itself.
#[derive(Debug)]
struct Places {
    /// The folder `udev`, with the socket in it.
    folder: PathBuf,
    /// systemd's folder with [`INVOCATION`].
    units: PathBuf,
}

impl Places {
    fn of_host() -> Self {
        Self { folder: "/run/udev".into(), units: "/run/systemd/units".into() }
    }

    fn control(&self) -> PathBuf {
        self.folder.join(CONTROL_NAME)
    }
}

/// The kernel's notes of files that come and go there.
#[derive(Debug)]
struct Notes {
    inotify: Inotify,
    units: Option<WatchDescriptor>,
}

impl Notes {
    fn begin(places: &Places) -> nix::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let mut notes = Self { inotify, units: None };
        notes.extend(places)?;
        Ok(notes)
    }

    /// Watches what there is of the places by now.
    fn extend(&mut self, places: &Places) -> nix::Result<()> {
        let made = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
        self.units = self.inotify.add_watch(&places.units, made).ok();
        let wanted = made | AddWatchFlags::IN_DELETE;
        let folder = self.inotify.add_watch(&places.folder, wanted);
        let above = || places.folder.parent().unwrap_or(&places.folder);
        folder.or_else(|_| self.inotify.add_watch(above(), wanted)).map(drop)
    }
}

/// Becomes readable when udevd may have come or gone.
#[derive(Debug)]
pub(crate) struct UdevdWatch {
    places: Places,
    /// An error while the system refuses them: then it is looked from time to time.
    notes: nix::Result<Notes>,
    state: Udevd,
    /// Another one has shown itself, which does not listen yet.
    is_new: bool,
    tries: Tries,
    /// How often it is looked whether it still listens, and when next: a udevd that is killed says
    /// nothing and leaves its socket behind.
    every: Duration,
    look_at: Instant,
}

impl UdevdWatch {
    /// Watches from now on.
    pub(crate) fn start(every: Duration) -> Self {
        Self::at(Places::of_host(), every)
    }

    fn at(places: Places, every: Duration) -> Self {
        let notes = Notes::begin(&places);
        // Looked at after the watch began: what comes between is told.
        let state = Udevd::at(&places.control());
        let tries = if state == Udevd::Dead { TRIES } else { 0 };
        let now = Instant::now();
        let tries = Tries::new(tries, now);
        Self { places, notes, state, is_new: false, tries, every, look_at: now + every }
    }

    /// What is readable when something has happened, if the system tells.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.notes.as_ref().ok().map(|notes| notes.inotify.as_fd())
    }

    /// That its coming and going are seen late, if so.
    pub(crate) fn lateness(&self) -> Option<Diagnostic> {
        let error = self.notes.as_ref().err()?;
        let message =
            format!("cannot be watched, udevd's coming is seen after {:?}: {error}", self.every);
        Some(Diagnostic::warning(CONTROL, message))
    }

    /// How long to wait at most before [`Self::news`] is asked for again.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let now = Instant::now();
        let look = self.look_at.saturating_duration_since(now);
        Some(self.tries.wait(now).map_or(look, |tries| tries.min(look)))
    }

    /// Takes what has happened, or tries again what was not ready.
    pub(crate) fn news(&mut self) -> Option<News> {
        let (touched, is_new) = self.touched();
        let at = Instant::now();
        if is_new {
            self.is_new = true;
            self.tries = Tries::new(TRIES, at);
        } else if !touched && !self.tries.is_due(at) && at < self.look_at {
            return None;
        }
        if self.notes.is_err() && at >= self.look_at {
            self.notes = Notes::begin(&self.places);
            if self.notes.is_ok() {
                // It is still time to look.
                return Some(News::Watched);
            }
        }
        self.look_at = at + self.every;
        let now = Udevd::at(&self.places.control());
        if now == Udevd::Dead && self.tries.left > 0 && self.tries.fail(at) {
            return None;
        }
        self.tries.left = 0;
        let is_new = std::mem::take(&mut self.is_new);
        let before = std::mem::replace(&mut self.state, now);
        match now {
            Udevd::Runs => (before != Udevd::Runs || is_new).then_some(News::Started),
            _ if before == now => None,
            _ => now.diagnostic().map(News::Stopped),
        }
    }

    /// Whether anything has happened to the socket, and whether it was made or another udevd was started.
    fn touched(&mut self) -> (bool, bool) {
        let Ok(notes) = &mut self.notes else {
            return (false, false);
        };
        // udevd makes and removes other files in its folder all the time, and systemd in its own.
        let (mut touched, mut is_new) = (false, false);
        for event in notes.inotify.read_events().unwrap_or_default() {
            let name = event.name.as_deref();
            if notes.units == Some(event.wd) {
                is_new |= name.is_some_and(|name| name == INVOCATION);
                continue;
            }
            let control = name.is_some_and(|name| name == CONTROL_NAME);
            touched |= control || name.is_none_or(|name| name == FOLDER_NAME);
            is_new |= control && !event.mask.contains(AddWatchFlags::IN_DELETE);
        }
        if touched {
            // The folder may be new: then its contents are to be watched.
            let _ = notes.extend(&self.places);
        }
        (touched, is_new)
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{Backlog, bind, listen};

    use super::*;

    #[test]
    fn tries_end_with_their_pauses_and_not_sooner() {
        let begun = Instant::now();
        let mut tries = Tries::new(TRIES, begun);
        let mut now = begun;
        let mut failed = 0;
        loop {
            assert!(!tries.is_due(now), "nothing is due at once");
            let Some(wait) = tries.wait(now) else { break };
            now += wait;
            assert!(tries.is_due(now));
            failed += 1;
            assert_eq!(tries.fail(now), failed < TRIES);
        }
        assert_eq!(failed, TRIES);
        assert!(now - begun > LAST_PAUSE && now - begun < 2 * LAST_PAUSE);
    }

    #[test]
    fn a_socket_that_udevd_has_left_behind_is_told_from_one_that_it_listens_at() {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("control");
        assert_eq!(Udevd::at(&control), Udevd::Absent);
        let flags = SockFlag::SOCK_CLOEXEC;
        let udevd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        bind(udevd.as_raw_fd(), &UnixAddr::new(&control).unwrap()).unwrap();
        assert_eq!(Udevd::at(&control), Udevd::Dead, "it does not listen yet");
        listen(&udevd, Backlog::new(1).unwrap()).unwrap();
        for _ in 0..5 {
            assert_eq!(Udevd::at(&control), Udevd::Runs, "also when it is busy");
        }
        drop(udevd);
        assert_eq!(Udevd::at(&control), Udevd::Dead);
        let told = Udevd::Dead.diagnostic().unwrap();
        assert!(told.message.contains("systemctl"), "{told}");
        fs::remove_file(&control).unwrap();
        fs::write(&control, "").unwrap();
        assert_eq!(Udevd::at(&control), Udevd::Runs, "a mock host's");
    }

    /// Two folders, with a socket at which somebody listens in the first.
    fn places(folder: &Path) -> (Places, std::os::fd::OwnedFd) {
        let places = Places { folder: folder.join("udev"), units: folder.join("units") };
        [&places.folder, &places.units].iter().for_each(|path| fs::create_dir(path).unwrap());
        let flags = SockFlag::SOCK_CLOEXEC;
        let udevd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        bind(udevd.as_raw_fd(), &UnixAddr::new(&places.control()).unwrap()).unwrap();
        listen(&udevd, Backlog::new(1).unwrap()).unwrap();
        (places, udevd)
    }

    #[test]
    fn another_udevd_behind_the_same_socket_is_told_by_systemd_s_note() {
        let folder = tempfile::tempdir().unwrap();
        let (places, _udevd) = places(folder.path());
        let units = places.units.clone();
        let mut watch = UdevdWatch::at(places, Duration::from_secs(3600));
        assert!(watch.news().is_none());
        let note = |unit: &str| {
            let made = units.join("being-made");
            std::os::unix::fs::symlink("8c5b1e", &made).unwrap();
            fs::rename(made, units.join(format!("invocation:{unit}"))).unwrap();
        };
        note("other.service");
        assert!(watch.news().is_none());
        for _ in 0..2 {
            note("systemd-udevd.service");
            assert!(matches!(watch.news(), Some(News::Started)));
            assert!(watch.news().is_none());
        }
    }

    #[test]
    fn another_udevd_that_does_not_listen_at_once_is_another_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (places, first) = places(folder.path());
        let control = places.control();
        let mut watch = UdevdWatch::at(places, Duration::from_secs(3600));
        drop(first);
        fs::remove_file(&control).unwrap();
        let flags = SockFlag::SOCK_CLOEXEC;
        let second = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        bind(second.as_raw_fd(), &UnixAddr::new(&control).unwrap()).unwrap();
        assert!(watch.news().is_none());
        listen(&second, Backlog::new(1).unwrap()).unwrap();
        let begun = Instant::now();
        let news = loop {
            if let Some(news) = watch.news() {
                break news;
            }
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        };
        assert!(matches!(news, News::Started));
        assert!(watch.news().is_none());
    }

    #[test]
    fn where_nothing_can_be_watched_it_is_looked_and_watched_as_soon_as_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let (places, _udevd) = places(folder.path());
        let hidden = folder.path().join("hidden");
        let mut watch = UdevdWatch::at(places, Duration::ZERO);
        assert!(watch.lateness().is_none());
        fs::rename(&watch.places.folder, &hidden).unwrap();
        watch.notes = Err(Errno::EMFILE);
        let late = watch.lateness().unwrap().to_string();
        assert!(late.contains("seen after") && late.contains("EMFILE"), "{late}");
        assert!(watch.fd().is_none());
        // By now it can be.
        assert!(matches!(watch.news(), Some(News::Watched)));
        assert!(watch.lateness().is_none() && watch.fd().is_some());
        assert!(matches!(watch.news(), Some(News::Stopped(_))), "what happened meanwhile is seen");
        fs::rename(hidden, &watch.places.folder).unwrap();
        assert!(matches!(watch.news(), Some(News::Started)));
    }
}
