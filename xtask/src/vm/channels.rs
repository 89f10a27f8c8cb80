//! The host's ends of the ways into a machine: a socket for each, to which QEMU connects, and a
//! thread that serves it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::Sender;

use anyhow::{Context as _, Result};

use super::{monitor, qemu};

/// Where the output of the command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// To this program's own standard output and standard error.
    Passed,
    Dropped,
}

/// What comes out of a machine.
#[derive(Debug)]
pub(super) enum Event {
    /// A line on the control channel.
    Said(String),
    /// All of one kind of output has been passed on.
    Drained,
}

/// How often [`Event::Drained`] comes: for standard output and for standard error.
pub(super) const OUTPUTS: usize = 2;

/// Makes the sockets in `folder` and begins to serve them.
///
/// # Errors
///
/// When a socket cannot be made.
pub(super) fn open(folder: &Path, output: Output, events: &Sender<Event>) -> Result<()> {
    let listen = |name: &str| {
        let path = folder.join(name);
        UnixListener::bind(&path).with_context(|| path.display().to_string())
    };
    let (control, said) = (listen("control")?, events.clone());
    std::thread::spawn(move || listen_to(&control, &said));

    for (name, is_error) in [("out", false), ("err", true)] {
        let (socket, drained) = (listen(name)?, events.clone());
        std::thread::spawn(move || {
            // Who reads the output may be gone; the run goes on for its other effects.
            let _ = pass(&socket, is_error, output);
            let _ = drained.send(Event::Drained);
        });
    }

    let (guest, qemu) = (listen("monitor")?, listen(qemu::QMP)?);
    std::thread::spawn(move || -> Result<()> {
        let (guest, qemu) = (guest.accept()?.0, qemu.accept()?.0);
        monitor::serve((guest.try_clone()?, guest), (qemu.try_clone()?, qemu))
    });
    Ok(())
}

/// Lets go of the threads that still wait for QEMU, which has ended.
pub(super) fn release(folder: &Path) {
    for name in qemu::CHANNELS.iter().chain([&qemu::QMP]) {
        let _ = UnixStream::connect(folder.join(name));
    }
}

fn listen_to(socket: &UnixListener, events: &Sender<Event>) -> io::Result<()> {
    for line in BufReader::new(socket.accept()?.0).lines() {
        if events.send(Event::Said(line?)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Reads to the end even when nobody takes it any more: else the guest would stand still.
fn pass(socket: &UnixListener, is_error: bool, output: Output) -> io::Result<()> {
    let (mut from, _) = socket.accept()?;
    let mut wanted = output == Output::Passed;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        wanted = wanted && show(&buffer[..count], is_error).is_ok();
    }
}

fn show(bytes: &[u8], is_error: bool) -> io::Result<()> {
    if is_error {
        return io::stderr().write_all(bytes);
    }
    let mut stdout = io::stdout();
    stdout.write_all(bytes)?;
    stdout.flush()
}
