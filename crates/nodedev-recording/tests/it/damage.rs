//! Recordings that are not as they were written.

use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use nodedev_recording::{Entry, LINE_LIMIT, Message, ReadError, Recording, Replay, SOURCES, Speed};
use nodedev_registry::RegistryConfig;

use crate::lines::{header, written};

fn watching(at: u64) -> Entry {
    Entry { at, source: "udev".to_owned(), message: Message::Watching }
}

fn end() -> Entry {
    let message = Message::End { reason: "done".to_owned() };
    Entry { at: 9, source: String::new(), message }
}

fn read(bytes: &[u8]) -> Recording {
    Recording::read(bytes).unwrap()
}

#[test]
fn one_that_breaks_off_is_used_up_to_there() {
    let whole = written(&header(), &[watching(1), watching(2)]);
    let recording = read(&whole[..whole.len() - 9]);
    assert_eq!(recording.entries, [watching(1)]);
    assert_eq!(recording.end(), None);
    let said = "it breaks off: what was recorded last may be missing";
    assert_eq!(recording.problems, ["line 3: ends in the middle: left out", said]);
    let recording = read(&whole);
    assert_eq!((recording.entries.len(), recording.problems), (2, vec![said.to_owned()]));
    let recording = read(&written(&header(), &[watching(1), end()]));
    assert_eq!((recording.end(), recording.problems.len()), (Some("done"), 0));
}

#[test]
fn a_line_that_makes_no_sense_costs_only_itself() {
    let mut text = written(&header(), &[watching(5)]);
    text.extend_from_slice(
        b"garbage\n\n{\"at\":6}\n{\"at\":6,\"source\":\"udev\",\"message\":\"sung\"}\n\xff\xfe\n\
          {\"at\":6,\"source\":\"nobody\",\"message\":\"watching\"}\n\
          {\"at\":4,\"source\":\"udev\",\"message\":\"watching\"}\n\
          {\"at\":7,\"source\":\"udev\",\"message\":\"watching\",\"new\":[1]}\n\
          {\"at\":9,\"message\":\"end\",\"reason\":\"done\"}\n",
    );
    let recording = read(&text);
    assert_eq!(recording.entries, [watching(5), watching(7), end()]);
    let lines: Vec<_> = recording.problems.iter().map(|p| p.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 3", "line 5", "line 6", "line 7", "line 8", "line 9"]);
    assert!(recording.problems[4].contains("a source that the first line does not name"));
    assert!(recording.problems[5].contains("earlier than the line before"));
}

#[test]
fn complaints_are_not_without_end() {
    let mut text = written(&header(), &[]);
    text.extend(b"x\n".repeat(1000));
    let problems = read(&text).problems;
    assert_eq!(problems.len(), 22);
    assert_eq!(problems[20], "980 further lines are left out");
}

#[test]
fn what_is_no_recording_is_refused() {
    for bad in [
        "",
        "\n",
        "<device/>",
        "{\"format\":\"nodedev-recording\"}",
        "{\"format\":\"other\",\"version\":1}",
        "{\"format\":\"nodedev-recording\",\"version\":1}",
        "{\"format\":\"nodedev-recording\",\"version\":-1,\"sources\":[]}",
    ] {
        let refused = Recording::read(bad.as_bytes());
        assert!(matches!(refused, Err(ReadError::NotARecording(_))), "{bad}: {refused:?}");
    }
}

#[test]
fn the_sources_are_not_without_end() {
    let header = |count: usize| {
        let sources: Vec<_> =
            (0..count).map(|n| serde_json::json!({"name": n.to_string(), "streams": []})).collect();
        let header = serde_json::json!({
            "format": "nodedev-recording", "version": 1, "sources": sources
        });
        Recording::read(header.to_string().as_bytes())
    };
    assert_eq!(header(SOURCES).unwrap().header.sources.len(), SOURCES);
    let refused = header(SOURCES + 1).unwrap_err().to_string();
    assert!(refused.ends_with("names more than 256 sources"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn one_without_sources_ends_at_once() {
    let text = "{\"format\":\"nodedev-recording\",\"version\":1,\"sources\":[]}\n\
                {\"at\":9,\"message\":\"end\",\"reason\":\"done\"}\n";
    let replay = Replay::new(read(text.as_bytes()), Speed::Times(1.0));
    let registry = replay.start(RegistryConfig::default()).unwrap();
    let patience = Duration::from_secs(3600);
    tokio::time::timeout(patience, replay.ended()).await.unwrap();
    tokio::time::timeout(patience, replay.settled(&registry)).await.unwrap();
    assert_eq!(registry.snapshot().len(), 0);
}

#[test]
fn a_later_version_is_told() {
    let later = "{\"format\":\"nodedev-recording\",\"version\":2,\"sources\":\"elsewhere\"}\n";
    let refused = Recording::read(later.as_bytes()).unwrap_err();
    assert!(matches!(refused, ReadError::LaterVersion { found: 2 }));
    assert!(refused.to_string().contains("a newer one is needed"), "{refused}");
}

#[test]
fn deep_nesting_is_refused() {
    let mut text = written(&header(), &[]);
    let deep = "{\"message\":\"batch\",\"messages\":[".repeat(100_000);
    text.extend_from_slice(format!("{{\"at\":1,\"source\":\"udev\",{}\n", &deep[1..]).as_bytes());
    let recording = read(&text);
    assert!(recording.problems[0].contains("recursion limit"), "{:?}", recording.problems);
}

/// So many bytes of a line that never ends, then a good line.
struct Hostile {
    left: u64,
    rest: io::Cursor<Vec<u8>>,
}

impl Read for Hostile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return self.rest.read(buffer);
        }
        let count = buffer.len().min(usize::try_from(self.left).unwrap());
        buffer[..count].fill(b'x');
        self.left -= count as u64;
        Ok(count)
    }
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let good = written(&header(), &[watching(1), end()]);
    let at = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (first, rest) = good.split_at(at);
    let rest = [b"\n", rest].concat();
    let hostile = Hostile { left: 1 << 30, rest: io::Cursor::new(rest) };
    let before = peak();
    let input = first.chain(BufReader::with_capacity(1 << 16, hostile));
    let recording = Recording::read(Buffered(input)).unwrap();
    assert_eq!(recording.entries, [watching(1), end()]);
    assert!(recording.problems[0].starts_with(&format!("line 2: longer than {LINE_LIMIT} bytes")));
    let grown = peak() - before;
    // Other tests grow the process too, but by no such amount.
    assert!(grown < 512 << 10, "{grown} KiB for a line of 1 GiB that is left out");
}

struct Buffered<T>(T);

impl<T: BufRead> Read for Buffered<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<T: BufRead> BufRead for Buffered<T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
