//! A client of libvirt's protocol for node devices, without libvirt: asks a daemon for its devices.
//!
//! `nodedev-rpc` makes bytes of calls and values of bytes; the socket is this program's.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nodedev_rpc::{
    ConnectOpenArgs, ErrorMessage, FrameDecoder, ListAllArgs, MAX_FRAME_LEN, MessageType,
    Procedure, Received, Status, from_payload, procedures,
};

struct Connection {
    socket: UnixStream,
    decoder: FrameDecoder,
    serial: u32,
}

impl Connection {
    fn open(path: &str) -> Result<Self, Box<dyn Error>> {
        let socket = UnixStream::connect(path).map_err(|error| format!("{path}: {error}"))?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut connection = Self { socket, decoder: FrameDecoder::new(MAX_FRAME_LEN), serial: 0 };
        // Read-only: it suits both sockets.
        let name = Some("nodedev:///system".to_owned());
        connection.call::<procedures::ConnectOpen>(&ConnectOpenArgs { name, flags: 1 })?;
        Ok(connection)
    }

    fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<P::Reply, Box<dyn Error>> {
        let serial = self.serial;
        self.serial += 1;
        self.socket.write_all(&P::call(serial, args)?)?;
        loop {
            let mut bytes = [0; 64 << 10];
            while let Some(received) = self.decoder.next()? {
                // Whatever else comes, such as pings, is not for a client that asks and leaves.
                let Received::Frame(frame) = received else { continue };
                if frame.header.kind != MessageType::Reply || frame.header.serial != serial {
                    continue;
                }
                if frame.header.status == Status::Error {
                    let error: ErrorMessage = from_payload(&frame.payload)?;
                    return Err(format!("{}: {error:?}", P::INFO.name).into());
                }
                return Ok(P::reply(&frame.payload)?);
            }
            match self.socket.read(&mut bytes)? {
                0 => return Err("the daemon has closed the connection".into()),
                read => self.decoder.push(&bytes[..read]),
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let usual = "/run/libvirt/virtnodedevd-sock-ro".to_owned();
    let socket = std::env::args().nth(1).unwrap_or(usual);
    let mut connection = Connection::open(&socket)?;
    let all = ListAllArgs { need_results: 1, flags: 0 };
    let listed = connection.call::<procedures::ConnectListAllNodeDevices>(&all)?;
    for device in listed.devices.0 {
        println!("{}", device.name);
    }
    Ok(())
}
