//! As much of HTTP/1.1 as a scrape needs: `GET /metrics`, one request for each connection.
//!
//! Written here rather than taken from a framework: what is answered is one text, the request's head is
//! looked at and nothing else of it, and every bound stands in this file.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Metrics;

/// Scrapes that are answered at once. Further ones wait in the kernel's queue.
pub(crate) const PLACES: usize = 4;
/// The longest head of a request.
const MAX_HEAD: usize = 8 << 10;
/// How long a scrape may take, from its first byte to its last.
const DEADLINE: Duration = Duration::from_secs(10);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers one request and closes the connection.
pub(crate) async fn serve<S>(stream: S, metrics: &Metrics)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match timeout(DEADLINE, exchange(stream, metrics)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a scrape ended early: {error}"),
        Err(_) => tracing::debug!("a scrape took longer than {DEADLINE:?}"),
    }
}

async fn exchange<S>(mut stream: S, metrics: &Metrics) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head = read_head(&mut stream).await?;
    let answer = match head.as_deref().map(request) {
        None => Answer::error("431 Request Header Fields Too Large"),
        Some(Err(status)) => Answer::error(status),
        Some(Ok(wants_body)) => match metrics.text() {
            Ok(text) => Answer { wants_body, ..Answer::page(text) },
            Err(_) => Answer::error("500 Internal Server Error"),
        },
    };
    stream.write_all(answer.bytes().as_bytes()).await?;
    stream.shutdown().await
}

/// Everything up to the empty line. `None` if it is too long.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::with_capacity(512);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Ok(None);
        }
        let left = (MAX_HEAD - head.len()) as u64;
        if (&mut *stream).take(left).read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Some(head))
}

/// Whether the request wants more than a head, or the status that refuses it.
fn request(head: &[u8]) -> Result<bool, &'static str> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| "400 Bad Request")?;
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("400 Bad Request");
    };
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err("505 HTTP Version Not Supported");
    }
    if target.split('?').next() != Some("/metrics") {
        return Err("404 Not Found");
    }
    match method {
        "GET" => Ok(true),
        "HEAD" => Ok(false),
        _ => Err("405 Method Not Allowed"),
    }
}

struct Answer {
    status: &'static str,
    kind: &'static str,
    body: Arc<str>,
    wants_body: bool,
}

impl Answer {
    const fn page(body: Arc<str>) -> Self {
        Self { status: "200 OK", kind: OPENMETRICS, body, wants_body: true }
    }

    fn error(status: &'static str) -> Self {
        Self { status, kind: PLAIN, body: status.into(), wants_body: true }
    }

    fn bytes(&self) -> String {
        let Self { status, kind, body, wants_body } = self;
        let mut bytes = String::with_capacity(body.len() + 256);
        let length = body.len();
        // Writing to a text never fails.
        let _ = write!(bytes, "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n");
        let _ = write!(bytes, "Content-Length: {length}\r\nConnection: close\r\n");
        if status.starts_with("405") {
            bytes.push_str("Allow: GET, HEAD\r\n");
        }
        bytes.push_str("\r\n");
        if *wants_body {
            bytes.push_str(body);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_page_is_answered() {
        let told = |head: &str| request(head.as_bytes());
        assert_eq!(told("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(true));
        assert_eq!(told("GET /metrics?x=1 HTTP/1.0\r\n\r\n"), Ok(true));
        assert_eq!(told("HEAD /metrics HTTP/1.1\r\n\r\n"), Ok(false));
        assert_eq!(told("GET / HTTP/1.1\r\n\r\n"), Err("404 Not Found"));
        assert_eq!(told("GET /metrics/x HTTP/1.1\r\n\r\n"), Err("404 Not Found"));
        assert_eq!(told("POST /metrics HTTP/1.1\r\n\r\n"), Err("405 Method Not Allowed"));
        assert_eq!(told("GET /metrics HTTP/2\r\n\r\n"), Err("505 HTTP Version Not Supported"));
        assert_eq!(told("GET /metrics\r\n\r\n"), Err("400 Bad Request"));
        assert_eq!(told("GET  /metrics HTTP/1.1\r\n\r\n"), Err("400 Bad Request"));
        assert_eq!(request(b"GET /\xff HTTP/1.1\r\n\r\n"), Err("400 Bad Request"));
    }
}
