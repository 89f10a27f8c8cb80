//! A client of our own interface over a blocking socket, call by call.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::wire::PATIENCE;

/// One connection.
#[derive(Debug)]
pub(super) struct Varlink(BufReader<UnixStream>);

impl Varlink {
    pub(super) fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The answer's parameters.
    pub(super) fn call(&mut self, method: &str, parameters: &Value) -> io::Result<Value> {
        self.send(method, parameters, false)?;
        self.receive()
    }

    /// Sends a call; with `more`, of more than one answer.
    pub(super) fn send(&mut self, method: &str, parameters: &Value, more: bool) -> io::Result<()> {
        let method = format!("io.nodedev.NodeDevice.{method}");
        let call = json!({ "method": method, "parameters": parameters, "more": more });
        self.0.get_mut().write_all(format!("{call}\0").as_bytes())
    }

    /// The next answer's parameters.
    pub(super) fn receive(&mut self) -> io::Result<Value> {
        let mut bytes = Vec::new();
        self.0.read_until(0, &mut bytes)?;
        if bytes.pop() != Some(0) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut answer: Value = serde_json::from_slice(&bytes)?;
        match answer.get("error") {
            Some(error) => Err(io::Error::other(format!("{error}"))),
            None => Ok(answer["parameters"].take()),
        }
    }
}
