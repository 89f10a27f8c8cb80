//! A client that can also misbehave.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use nodedev_rpc::{
    ConnectOpenArgs, ErrorMessage, Frame, FrameDecoder, Header, Keepalive, LifecycleEvent,
    MAX_FRAME_LEN, MessageType, Procedure, Received, Status, UpdateEvent, from_payload, procedures,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Nothing in these tests takes as long, unless it never comes.
const SOON: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    decoder: FrameDecoder,
    serial: u32,
    /// Frames that came while an answer was awaited.
    others: VecDeque<Frame>,
}

/// How a call failed: code, domain, message.
pub(crate) type Refusal = (i32, i32, String);

impl Client {
    pub(crate) async fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).await.unwrap();
        let decoder = FrameDecoder::new(MAX_FRAME_LEN);
        Self { stream, decoder, serial: 0, others: VecDeque::new() }
    }

    /// As every client begins.
    pub(crate) async fn open(&mut self, flags: u32) {
        self.ok::<procedures::AuthList>(&()).await;
        let args = ConnectOpenArgs { name: Some("nodedev:///system".to_owned()), flags };
        self.ok::<procedures::ConnectOpen>(&args).await;
    }

    /// The answer of a call that must succeed.
    pub(crate) async fn ok<P: Procedure>(&mut self, args: &P::Args) -> P::Reply {
        self.call::<P>(args).await.unwrap()
    }

    /// The error of a call that must fail.
    pub(crate) async fn fails<P: Procedure>(&mut self, args: &P::Args) -> Refusal
    where
        P::Reply: std::fmt::Debug,
    {
        self.call::<P>(args).await.unwrap_err()
    }

    pub(crate) async fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Reply, Refusal> {
        let serial = self.send::<P>(args).await;
        let payload = self.answer(serial).await?;
        Ok(P::reply(&payload).unwrap())
    }

    /// Sends a call without waiting, and gives its serial.
    pub(crate) async fn send<P: Procedure>(&mut self, args: &P::Args) -> u32 {
        self.serial += 1;
        self.write(&P::call(self.serial, args).unwrap()).await;
        self.serial
    }

    /// Calls a procedure by its number, with any payload.
    pub(crate) async fn raw(&mut self, header: Header, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.serial += 1;
        let header = Header { serial: self.serial, ..header };
        self.write(&Frame { header, payload: payload.to_vec() }.to_bytes().unwrap()).await;
        self.answer(self.serial).await
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        timeout(SOON, self.stream.write_all(bytes)).await.expect("somebody reads").unwrap();
    }

    /// The payload of the answer to that call; what comes before it is kept.
    pub(crate) async fn answer(&mut self, serial: u32) -> Result<Vec<u8>, Refusal> {
        loop {
            let frame = self.receive().await.expect("an answer, not the end");
            if (frame.header.kind, frame.header.serial) != (MessageType::Reply, serial) {
                self.others.push_back(frame);
                continue;
            }
            if frame.header.status == Status::Ok {
                return Ok(frame.payload);
            }
            let error: ErrorMessage = from_payload(&frame.payload).unwrap();
            let message = error.message.unwrap_or_default();
            return Err((error.code.into(), error.domain.into(), message));
        }
    }

    /// The next frame that nobody has waited for; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        match self.others.pop_front() {
            Some(frame) => Some(frame),
            None => self.receive().await,
        }
    }

    /// The next event: the callback that it is for, and its words.
    pub(crate) async fn event(&mut self) -> (i32, String) {
        let frame = self.next().await.expect("an event, not the end");
        assert_eq!((frame.header.kind, frame.header.serial), (MessageType::Message, 1));
        if frame.header.procedure == 376 {
            let event: LifecycleEvent = from_payload(&frame.payload).unwrap();
            return (event.callback, format!("{:?} {}", event.event, event.device.name));
        }
        let event: UpdateEvent = from_payload(&frame.payload).unwrap();
        (event.callback, format!("Updated {}", event.device.name))
    }

    /// Asks whether the server is there.
    pub(crate) async fn ping(&mut self) {
        self.write(&Frame::bytes_of(&Keepalive::Ping.header(), &()).unwrap()).await;
        let frame = self.next().await.expect("a pong, not the end");
        assert_eq!(Keepalive::of(&frame.header), Some(Keepalive::Pong));
    }

    /// Waits until the server has closed the connection.
    pub(crate) async fn is_closed(&mut self) {
        while self.receive().await.is_some() {}
    }

    async fn receive(&mut self) -> Option<Frame> {
        loop {
            match self.decoder.next().unwrap() {
                Some(Received::Frame(frame)) => return Some(frame),
                Some(other) => panic!("{other:?}"),
                None => {}
            }
            let read = timeout(SOON, self.stream.read_buf(self.decoder.buffer())).await;
            match read.expect("something comes in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

impl Client {
    /// Whether nothing comes for a moment. Something that comes later is a failure that this misses,
    /// never one that it invents.
    pub(crate) async fn next_is_silent(&self) -> bool {
        let moment = Duration::from_millis(50);
        self.others.is_empty() && timeout(moment, self.stream.readable()).await.is_err()
    }
}
