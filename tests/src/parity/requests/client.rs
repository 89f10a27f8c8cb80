//! libvirt's protocol over a blocking socket: one call, one answer.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nodedev_rpc::{
    ConnectOpenArgs, ErrorMessage, FrameDecoder, MAX_FRAME_LEN, MessageType, Procedure, Received,
    Status, from_payload, procedures,
};

/// How long an answer may take. Both daemons try some things for up to a minute.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    decoder: FrameDecoder,
    serial: u32,
}

/// What a daemon says against a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i32,
    pub(super) domain: i32,
    pub(super) text: String,
}

impl Client {
    /// Connects and opens `nodedev:///system`.
    pub(super) fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self { stream, decoder: FrameDecoder::new(MAX_FRAME_LEN), serial: 0 };
        client.call::<procedures::AuthList>(&())?.ok().context("nobody asks who we are")?;
        let name = Some("nodedev:///system".to_owned());
        let opened = client.call::<procedures::ConnectOpen>(&ConnectOpenArgs { name, flags: 0 })?;
        opened.ok().context("the connection is opened")?;
        Ok(client)
    }

    /// Calls, and waits for the answer.
    pub(super) fn call<P: Procedure>(
        &mut self,
        args: &P::Args,
    ) -> Result<std::result::Result<P::Reply, Refusal>> {
        self.serial += 1;
        let call = P::call(self.serial, args).map_err(|error| anyhow::anyhow!("{error}"))?;
        self.stream.write_all(&call)?;
        loop {
            let frame = match self.decoder.next().map_err(|error| anyhow::anyhow!("{error}"))? {
                Some(Received::Frame(frame)) => frame,
                Some(other) => bail!("unexpected: {other:?}"),
                None => {
                    self.receive()?;
                    continue;
                }
            };
            if (frame.header.kind, frame.header.serial) != (MessageType::Reply, self.serial) {
                continue;
            }
            if frame.header.status == Status::Ok {
                let reply = P::reply(&frame.payload);
                return Ok(Ok(reply.map_err(|error| anyhow::anyhow!("{error}"))?));
            }
            let error = from_payload::<ErrorMessage>(&frame.payload);
            let error = error.map_err(|error| anyhow::anyhow!("{error}"))?;
            return Ok(Err(Refusal {
                code: error.code.into(),
                domain: error.domain.into(),
                text: error.message.unwrap_or_default(),
            }));
        }
    }

    fn receive(&mut self) -> Result<()> {
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes)?;
        if count == 0 {
            bail!("the daemon has ended the connection");
        }
        self.decoder.buffer().extend_from_slice(&bytes[..count]);
        Ok(())
    }
}
