//! A client that may say anything: libvirt's protocol over a blocking socket, frame by frame.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nodedev_rpc::{
    ConnectOpenArgs, ErrorMessage, Frame, FrameDecoder, Header, MAX_FRAME_LEN, MessageType,
    Procedure, Received, Status, Xdr, from_payload, procedures,
};

/// How long anything may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing taken for so long is as much as never.
const A_WHILE: Duration = Duration::from_millis(500);

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    decoder: FrameDecoder,
    serial: u32,
}

impl Client {
    /// Connects and says nothing.
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, decoder: FrameDecoder::new(MAX_FRAME_LEN), serial: 0 }
    }

    /// Connects and opens `nodedev:///system` with these flags.
    pub fn open(socket: &Path, flags: u32) -> Self {
        let mut client = Self::connect(socket);
        let name = Some("nodedev:///system".to_owned());
        client.call::<procedures::ConnectOpen>(&ConnectOpenArgs { name, flags }).unwrap();
        client
    }

    /// Sends bytes of any kind.
    ///
    /// # Errors
    ///
    /// When they are not taken.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends the same bytes over and over until nothing has been taken for a while, or so many.
    /// How many bytes that were.
    pub fn fill(&mut self, bytes: &[u8], most: usize) -> usize {
        self.stream.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while sent < most && self.is_ready(PollFlags::POLLOUT, A_WHILE) {
            match self.stream.write(&bytes[sent % bytes.len()..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.stream.set_nonblocking(false).unwrap();
        sent
    }

    fn is_ready(&self, what: PollFlags, within: Duration) -> bool {
        let mut polled = [PollFd::new(self.stream.as_fd(), what)];
        let timeout = PollTimeout::try_from(within).unwrap();
        poll(&mut polled, timeout).unwrap() > 0
    }

    /// Waits until the server has closed the connection, and reads nothing.
    #[track_caller]
    pub fn until_left(&self) {
        assert!(self.is_ready(PollFlags::empty(), PATIENCE), "a client that does not read is kept");
    }

    /// Sends a call with any payload and gives back its serial.
    pub fn start(&mut self, procedure: i32, payload: &[u8]) -> u32 {
        let serial = self.serial;
        self.serial += 1;
        let frame = Frame { header: Header::call(procedure, serial), payload: payload.to_vec() };
        self.send(&frame.to_bytes().unwrap()).unwrap();
        serial
    }

    /// The reply to a call with any payload. Events are left out.
    ///
    /// # Errors
    ///
    /// What the server answers instead.
    pub fn ask(&mut self, procedure: i32, payload: &[u8]) -> Result<Vec<u8>, Box<ErrorMessage>> {
        let serial = self.start(procedure, payload);
        let reply = loop {
            let frame = self.frame();
            if frame.header.kind == MessageType::Reply {
                break frame;
            }
        };
        assert_eq!((reply.header.procedure, reply.header.serial), (procedure, serial));
        outcome(reply)
    }

    /// The reply to a call.
    ///
    /// # Errors
    ///
    /// What the server answers instead.
    pub fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Reply, Box<ErrorMessage>> {
        let reply = self.ask(P::INFO.number, &payload(args))?;
        Ok(P::reply(&reply).unwrap())
    }

    /// The next frame, whatever it is.
    #[track_caller]
    pub fn frame(&mut self) -> Frame {
        self.next_frame().unwrap().expect("a frame, not the end")
    }

    /// The next frame, or nothing at the end of the stream.
    ///
    /// # Errors
    ///
    /// When nothing can be read, or it is no frame.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut bytes = [0; 16 << 10];
        loop {
            if let Some(Received::Frame(frame)) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.decoder.push(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the server has closed the connection; gives back the frames that came before.
    #[track_caller]
    pub fn until_closed(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            match self.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return frames,
                Err(error) if is_gone(&error) => return frames,
                Err(error) => panic!("still open: {error}"),
            }
        }
    }

    /// Says that no more will come, and keeps on reading.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}

/// What a reply says.
///
/// # Errors
///
/// What the server answers instead.
pub fn outcome(reply: Frame) -> Result<Vec<u8>, Box<ErrorMessage>> {
    match reply.header.status {
        Status::Ok => Ok(reply.payload),
        _ => Err(Box::new(from_payload(&reply.payload).unwrap())),
    }
}

/// Arguments as bytes.
pub fn payload(args: &impl Xdr) -> Vec<u8> {
    let mut out = Vec::new();
    args.encode(&mut out).unwrap();
    out
}

/// A server that closes with something unread resets the connection.
pub fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Tries until it is so.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "not so, that {what}");
        std::thread::yield_now();
    }
}
