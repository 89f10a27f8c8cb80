use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::*;

const GOOD: &str = r#"{"mdev_type":"t","start":"auto","attrs":[{"a":"1"}]}"#;

struct Host {
    root: TempDir,
    config: MdevctlConfig,
}

impl Host {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let config = MdevctlConfig { root: root.path().to_owned(), ..MdevctlConfig::default() };
        let host = Self { root, config };
        host.write("good", uuid(1), GOOD);
        host
    }

    fn path(&self, parent: &str, name: &str) -> PathBuf {
        let directory = self.root.path().join("etc/mdevctl.d").join(parent);
        fs::create_dir_all(&directory).unwrap();
        directory.join(name)
    }

    fn write(&self, parent: &str, name: impl AsRef<str>, contents: impl AsRef<[u8]>) {
        fs::write(self.path(parent, name.as_ref()), contents).unwrap();
    }

    fn read(&self) -> Entries {
        read_all(&self.config).unwrap().entries
    }
}

fn uuid(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

#[test]
fn a_missing_directory_holds_nothing() {
    let config = MdevctlConfig { root: "/nonexistent".into(), ..MdevctlConfig::default() };
    assert_eq!(read_all(&config).unwrap(), Reading::default());
}

#[test]
fn a_directory_that_cannot_be_read_is_not_one_that_holds_nothing() {
    let host = Host::new();
    let (directory, away) = (host.config.definitions(), host.root.path().join("away"));
    fs::rename(&directory, &away).unwrap();
    fs::write(&directory, "").unwrap();
    let read = host.read();
    assert_eq!((read.entries.len(), read.diagnostics.len()), (0, 1), "{read:?}");
    fs::remove_file(&directory).unwrap();
    symlink(&directory, &directory).unwrap();
    let error = read_all(&host.config).unwrap_err();
    assert_eq!(error.kind(), survey(&host.config, &BTreeSet::new()).unwrap_err().kind());
    assert!(error.raw_os_error().is_some(), "{error:?}");
    // That of a parent is told where the reason is its own.
    let mut scan = Scan::default();
    scan.entries(&directory, &[]).unwrap_err();
    let entries = scan.entries(&directory, &[error.kind()]).unwrap();
    assert_eq!((entries.len(), scan.diagnostics.len()), (0, 1));
}

#[test]
fn what_mdevctl_passes_over_is_no_fault() {
    let host = Host::new();
    host.write("good", "README", "words");
    fs::create_dir(host.path("odd", &uuid(2))).unwrap();
    let read = read_all(&host.config).unwrap();
    assert_eq!((read.entries.diagnostics.len(), read.has_faults), (2, false));
    for bad in ["", r#"{"mdev_type":"t"}"#, r#"{"start":"auto"}"#] {
        host.write("good", uuid(3), bad);
        assert!(read_all(&host.config).unwrap().has_faults, "{bad}");
    }
}

#[test]
fn what_mdevctl_ends_at_is_a_fault_and_costs_itself() {
    let odd = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let not_utf8 = odd(b"\xffx");
    for (parent, name) in [
        // Which of the two it reads last, who knows.
        (OsString::from("good"), OsString::from(uuid(1).replace('-', ""))),
        ("good".into(), not_utf8.clone()),
        (not_utf8, uuid(2).into()),
    ] {
        let host = Host::new();
        let path = host.config.definitions().join(&parent).join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "rubbish").unwrap();
        let read = read_all(&host.config).unwrap();
        assert!(read.has_faults, "{parent:?}/{name:?}");
        assert_eq!(
            (read.entries.entries.len(), read.entries.diagnostics.len()),
            (1, 1),
            "{read:?}"
        );
    }
}

#[test]
fn a_bad_file_costs_itself_and_is_named() {
    let table: [(&[u8], &str); 6] = [
        (b"", "not JSON: EOF"),
        (br#"{"mdev_type":"t","sta"#, "not JSON: EOF"),
        (b"garbage", "not JSON: expected value at line 1 column 1"),
        (b"[]", "not an object: []"),
        (b"{\"mdev_type\":\"\xff\"}", "not UTF-8"),
        (&[b'a'; 10_000_000], "larger than 1048576 bytes"),
    ];
    for (contents, expected) in table {
        let host = Host::new();
        host.write("bad", uuid(2), contents);
        let read = host.read();
        assert_eq!(read.entries.len(), 1, "{expected}");
        assert_eq!(read.unreadable, [DeviceId::mdev(&uuid(2), "bad")]);
        let diagnostic = read.diagnostics[0].to_string();
        let subject = host.path("bad", &uuid(2)).display().to_string();
        assert!(diagnostic.starts_with(&format!("{subject}: {expected}")), "{diagnostic}");
        assert_eq!(read.diagnostics.len(), 1);
    }
}

#[test]
fn what_is_no_file_is_passed_over_without_blocking() {
    let host = Host::new();
    fs::create_dir(host.path("odd", &uuid(2))).unwrap();
    mkfifo(&host.path("odd", &uuid(3)), Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", host.path("odd", &uuid(4))).unwrap();
    host.write("odd", "README", "words");
    host.write("scripts.d", uuid(5), "#!/bin/sh");
    host.write("", "plain", "words");
    let read = host.read();
    assert_eq!(read.entries.len(), 1);
    assert_eq!(read.unreadable, []);
    let messages: Vec<_> = read.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "a directory, not a definition file",
            "not a regular file",
            "not a regular file",
            "the name is not a uuid",
        ]
    );
    assert_eq!(survey(&host.config, read.named()).unwrap().diagnostics, read.diagnostics);
}

#[test]
fn something_else_in_place_of_a_file_does_not_block() {
    let host = Host::new();
    let fifo = host.path("odd", &uuid(3));
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    assert!(open(&fifo).is_err());
    assert!(open(host.root.path()).is_err());
}

#[test]
fn what_mdevctl_refuses_in_a_file_is_named() {
    let host = Host::new();
    host.write("odd", uuid(2), r#"{"mdev_type":"t","attrs":[{"a":5},{"b":"1"}]}"#);
    let read = host.read();
    assert_eq!(read.entries[1].attributes.len(), 1);
    let attributes: Vec<_> =
        read.diagnostics.iter().map(|diagnostic| diagnostic.attribute.as_deref()).collect();
    assert_eq!(attributes, [Some("attrs[0].a"), Some("start")]);
}

#[test]
fn names_of_files_are_read_as_mdevctl_reads_them() {
    let lower = "aaaaaaaa-2222-3333-4444-5555555555ee";
    for name in [
        lower,
        "AAAAAAAA-2222-3333-4444-5555555555EE",
        "AAAAAAAA2222333344445555555555EE",
        "{AAAAAAAA-2222-3333-4444-5555555555EE}",
        "urn:uuid:AAAAAAAA-2222-3333-4444-5555555555EE",
    ] {
        assert_eq!(parse_uuid(name).as_deref(), Some(lower), "{name}");
    }
    for name in [
        "",
        "aaaaaaaa-2222-3333-4444-5555555555e",
        "aaaaaaaa22223333-4444-5555-5555555ee",
        "aaaaaaaa-2222-3333-4444-5555555555eg",
        "ääääääää-2222-3333-4444-5555",
    ] {
        assert_eq!(parse_uuid(name), None, "{name}");
    }
}

#[test]
fn two_files_of_one_device_are_told() {
    let host = Host::new();
    host.write("good", uuid(1).replace('-', ""), GOOD);
    let read = host.read();
    assert_eq!(read.entries.len(), 1);
    assert_eq!(read.diagnostics[0].message, "listed twice, the first counts");
}

#[test]
fn the_deadline_holds() {
    let mut host = Host::new();
    host.config.deadline = std::time::Duration::ZERO;
    let error = read_all(&host.config).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn all_definitions_together_have_a_bound_and_those_beyond_it_are_named() {
    let mut host = Host::new();
    host.config.output_limit = 5 * GOOD.len();
    for n in 2..10 {
        host.write("good", uuid(n), GOOD);
    }
    let read = host.read();
    assert_eq!((read.entries.len(), read.unreadable.len()), (5, 4));
    assert!(read.diagnostics.iter().all(|told| told.message.starts_with("too many bytes")));
}

#[test]
fn rubbish_in_the_directory_is_told_within_a_bound() {
    let host = Host::new();
    for n in 0..1000 {
        host.write("bad", n.to_string(), "");
    }
    let read = host.read();
    assert_eq!(read.entries.len(), 1);
    assert!(read.diagnostics.len() < 300, "{}", read.diagnostics.len());
}
