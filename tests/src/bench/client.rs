//! A client of libvirt's protocol that costs as little as it can: what is measured is the daemon.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nodedev_rpc::{
    ConnectOpenArgs, DeviceFlagsArgs, EVENT_LIFECYCLE, EVENT_UPDATE, ErrorMessage, EventKind,
    EventRegisterArgs, HEADER_LEN, Header, Lifecycle, LifecycleEvent, ListAllArgs, ListAllReply,
    MAX_FRAME_LEN, MessageType, Procedure, Reader, Status, UpdateEvent, Xdr, from_payload,
    procedures,
};

/// A message as it came.
#[derive(Debug)]
struct Message {
    header: Header,
    payload: Vec<u8>,
}

/// What a daemon told without being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When it arrived.
    pub at: Instant,
    /// What happened; nothing for a device that is different.
    pub what: Option<Lifecycle>,
    /// Which device.
    pub device: String,
}

/// A connection that has opened `nodedev:///system`.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    serial: u32,
}

impl Client {
    /// Connects and opens.
    ///
    /// # Errors
    ///
    /// When nobody listens, or nobody answers by then.
    pub fn open(socket: &Path, deadline: Instant) -> Result<Self> {
        let stream = UnixStream::connect(socket)?;
        let mut client = Self { stream, serial: 0 };
        client.wait_until(deadline)?;
        let name = Some("nodedev:///system".to_owned());
        client.call::<procedures::ConnectOpen>(&ConnectOpenArgs { name, flags: 0 })?;
        Ok(client)
    }

    /// Waits for an answer until then.
    ///
    /// # Errors
    ///
    /// When that is over.
    pub fn wait_until(&self, deadline: Instant) -> Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("too late");
        }
        Ok(self.stream.set_read_timeout(Some(left))?)
    }

    /// The names of all active devices.
    ///
    /// # Errors
    ///
    /// When the daemon does not answer.
    pub fn list(&mut self) -> Result<Vec<String>> {
        let reply: ListAllReply = from_payload(&self.list_raw()?).map_err(anyhow::Error::msg)?;
        Ok(reply.devices.0.into_iter().map(|device| device.name).collect())
    }

    /// The same, answered but not looked at.
    ///
    /// # Errors
    ///
    /// When the daemon does not answer.
    pub fn list_raw(&mut self) -> Result<Vec<u8>> {
        let args = ListAllArgs { need_results: 1, flags: 0 };
        self.ask::<procedures::ConnectListAllNodeDevices>(&args)
    }

    /// The document of a device.
    ///
    /// # Errors
    ///
    /// When the daemon does not answer.
    pub fn document(&mut self, name: &str) -> Result<Vec<u8>> {
        let args = DeviceFlagsArgs { name: name.to_owned(), flags: 0 };
        self.ask::<procedures::NodeDeviceGetXmlDesc>(&args)
    }

    /// Asks to be told of what comes, goes and changes.
    ///
    /// # Errors
    ///
    /// When the daemon refuses.
    pub fn follow(&mut self) -> Result<()> {
        for event in [EventKind::Lifecycle, EventKind::Update] {
            let args = EventRegisterArgs { event, device: None };
            self.ask::<procedures::ConnectNodeDeviceEventRegisterAny>(&args)?;
        }
        Ok(())
    }

    /// What it is told next; nothing when the time is over.
    ///
    /// # Errors
    ///
    /// When the connection ends.
    pub fn told(&mut self, within: Duration) -> Result<Option<Told>> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left))?;
            // Whether anything comes is asked apart, so that no message is left half read.
            let mut first = [0];
            match nix::sys::socket::recv(
                std::os::fd::AsRawFd::as_raw_fd(&self.stream),
                &mut first,
                nix::sys::socket::MsgFlags::MSG_PEEK,
            ) {
                Ok(_) => {}
                Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            self.stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            let message = self.message()?;
            if let Some(told) = told(&message)? {
                return Ok(Some(told));
            }
        }
    }

    /// The connection, for who waits on many.
    #[must_use]
    pub const fn stream(&self) -> &UnixStream {
        &self.stream
    }

    fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Reply> {
        let payload = self.ask::<P>(args)?;
        P::reply(&payload).map_err(anyhow::Error::msg)
    }

    fn ask<P: Procedure>(&mut self, args: &P::Args) -> Result<Vec<u8>> {
        self.serial += 1;
        let call = P::call(self.serial, args).map_err(anyhow::Error::msg)?;
        self.stream.write_all(&call)?;
        let message = loop {
            let message = self.message()?;
            if message.header.kind == MessageType::Reply {
                break message;
            }
        };
        if message.header.status == Status::Ok {
            return Ok(message.payload);
        }
        let error: ErrorMessage = from_payload(&message.payload).map_err(anyhow::Error::msg)?;
        bail!("the daemon refuses: {error:?}")
    }

    fn message(&mut self) -> Result<Message> {
        let mut head = [0; HEADER_LEN];
        self.stream.read_exact(&mut head)?;
        let (length, rest) = head.split_at(4);
        let length = u32::from_be_bytes(*length.first_chunk::<4>().context("four bytes")?);
        let length = usize::try_from(length)?;
        if !(HEADER_LEN..=MAX_FRAME_LEN).contains(&length) {
            bail!("a message of {length} bytes");
        }
        let header = Header::decode(&mut Reader::new(rest)).map_err(anyhow::Error::msg)?;
        let mut payload = vec![0; length - HEADER_LEN];
        self.stream.read_exact(&mut payload)?;
        Ok(Message { header, payload })
    }
}

fn told(message: &Message) -> Result<Option<Told>> {
    let at = Instant::now();
    let told = match (message.header.kind, message.header.procedure) {
        (MessageType::Message, EVENT_LIFECYCLE) => {
            let event: LifecycleEvent =
                from_payload(&message.payload).map_err(anyhow::Error::msg)?;
            Told { at, what: Some(event.event), device: event.device.name }
        }
        (MessageType::Message, EVENT_UPDATE) => {
            let event: UpdateEvent = from_payload(&message.payload).map_err(anyhow::Error::msg)?;
            Told { at, what: None, device: event.device.name }
        }
        _ => return Ok(None),
    };
    Ok(Some(told))
}
