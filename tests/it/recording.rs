//! A recording plays on a machine that has none of the devices, to the same documents.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_source_testkit::mock_host::Record;
use nodedev_tests::command::{Ran, nodedev, run};
use nodedev_tests::daemon::Daemon;
use nodedev_tests::mock::Mock;
use nodedev_tests::peer::split;
use nodedev_tests::replayed::{Replayed, documents_of, replaying};
use nodedev_tests::require::{mock_hosts, programs, require, root};

const PATIENCE: Duration = Duration::from_secs(30);
const UUID: &str = "22222222-2222-4333-8444-555555555555";
const PARENT: &str = "/sys/devices/pci0000:00/0000:00:02.0";

/// A command that says on standard error when it can be gone on with.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, until: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains(until)), "it does not say {until}");
        // What it says further has somewhere to go.
        std::thread::spawn(move || said.count());
        Self(child)
    }

    fn interrupt(mut self) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// There is no event for another program's file, so this tries until it has the text.
#[track_caller]
fn wait_for(file: &Path, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !fs::read_to_string(file).unwrap_or_default().contains(text) {
        assert!(
            Instant::now() < deadline,
            "{} does not get to hold {text}: {}",
            file.display(),
            fs::read_to_string(file).unwrap()
        );
        std::thread::yield_now();
    }
}

fn entry(value: u8) -> String {
    let device = |uuid: &str| {
        format!(
            "{{\"{uuid}\":{{\"mdev_type\":\"i915-GVTg_V5_4\",\"start\":\"auto\",\
             \"attrs\":[{{\"weight\":\"{value}\"}}]}}}}"
        )
    };
    let first = device("11111111-2222-4333-8444-555555555555");
    format!("[{{\"0000:00:02.0\":[{first},{}]}}]", device(UUID))
}

/// What happens on a host while it is recorded: a device comes, one changes, one goes, and a mediated
/// device starts, whose attributes mdevctl knows.
fn live(mock: &mut Mock) {
    mock.mdevctl(&entry(2), &entry(3));
    let host = mock.host_mut();
    let nic = Record::new("/sys/devices/virtual/net/rec0", "net")
        .property("INTERFACE", "rec0")
        .property("IFINDEX", "99")
        .attribute("address", "52:54:00:ab:cd:ef\n")
        .attribute("addr_len", "6\n")
        .attribute("operstate", "down\n")
        .attribute("speed", "1000\n");
    host.add(nic).unwrap();
    let gone = Record::new("/sys/devices/virtual/net/rec1", "net").property("INTERFACE", "rec1");
    host.add(gone).unwrap();
    host.remove("/sys/devices/virtual/net/rec1").unwrap();
    let mdev = Record::new(&format!("{PARENT}/{UUID}"), "mdev")
        .link("mdev_type", "../mdev_supported_types/i915-GVTg_V5_4")
        .link("iommu_group", "../../../../kernel/iommu_groups/12");
    host.add(mdev).unwrap();
    host.write("/sys/devices/virtual/net/rec0/operstate", "up\n").unwrap();
}

/// Recorded with what happens to it, and the documents that it then has.
fn recorded(mock: &mut Mock, words: &[&str]) -> (PathBuf, Ran) {
    let mdevctl = mock.mdevctl("[]", "[]");
    let file = mock.folder().join("host.jsonl");
    let name = file.to_str().unwrap().to_owned();
    let all = [&["record", "--follow", "--mdevctl", &mdevctl, &name], words].concat();
    let record = Running::start(&mut mock.nodedev(&all), "going on");
    live(mock);
    // Of the mediated device both sources have spoken.
    wait_for(&file, "\"weight\",\"value\":\"3\"");
    record.interrupt();
    let live = run(&mut mock.nodedev(&["dump", "--all-devices", "--mdevctl", &mdevctl]));
    (file, live)
}

fn tools() -> &'static [&'static str] {
    &["unshare", "virsh"]
}

#[test]
fn a_host_that_changes_is_played_to_the_byte() {
    require!(root());
    require!(programs(tools()));
    require!(mock_hosts());
    let mut mock = Mock::every_kind();
    let (file, live) = recorded(&mut mock, &[]);
    let live = live.ok();
    let documents = split(&live);
    let names: Vec<_> = documents.keys().cloned().collect();
    assert!(documents.len() > 30, "{names:?}");
    assert!(
        documents["net_rec0_52_54_00_ab_cd_ef"].contains("<link speed='1000' state='up'/>"),
        "{live}"
    );
    assert!(!names.iter().any(|name| name.contains("rec1")), "{names:?}");
    let mdev = format!("mdev_{}_0000_00_02_0", UUID.replace('-', "_"));
    assert!(documents[&mdev].contains("<attr name='weight' value='3'/>"), "{}", documents[&mdev]);

    // This process is not on the mock host: nothing of it is to be had here.
    assert!(!Path::new("/sys/devices/virtual/net/rec0").exists());
    assert_eq!(run(&mut replaying(&file, &["dump", "--all-devices"])).ok(), live, "to the byte");
    let replayed = Replayed::start(&file, &mock.folder().join("replayed"));
    assert_eq!(run(&mut replayed.nodedev(&["dump", "--all-devices"])).ok(), live);
    assert_eq!(replayed.documents(), documents, "over libvirt's protocol");
    let mdevctl = mock.folder().join("mdevctl");
    for words in [
        &["list", "--all", "--json"][..],
        &["dump", "--all-devices", "--json"],
        &["dump", "--all-devices", "--inactive"],
        &["list", "--tree"],
    ] {
        let own = [words, &["--mdevctl", mdevctl.to_str().unwrap()]].concat();
        let own = run(&mut mock.nodedev(&own)).ok();
        assert_eq!(run(&mut replayed.nodedev(words)).ok(), own, "{words:?}");
    }
    let listed = run(Command::new(nodedev()).arg("replay").arg(&file)).ok();
    assert_eq!(listed.lines().collect::<Vec<_>>(), names);
}

#[test]
fn events_are_played_as_they_happened() {
    require!(root());
    require!(programs(tools()));
    require!(mock_hosts());
    let mut mock = Mock::every_kind();
    let (file, _) = recorded(&mut mock, &[]);
    let mut watch = Command::new(nodedev());
    watch.args(["replay", "--watch", "--speed", "2"]).arg(&file);
    let seen = run(&mut watch).ok();
    let lines: Vec<_> = seen.lines().collect();
    for line in ["created   net_rec0_52_54_00_ab_cd_ef", "defined   mdev_11111111_2222"] {
        assert!(lines.iter().any(|seen| seen.starts_with(line)), "{line}: {seen}");
    }
}

#[test]
fn the_daemon_records_too() {
    require!(root());
    require!(programs(tools()));
    require!(mock_hosts());
    let mut mock = Mock::every_kind();
    let mdevctl = mock.mdevctl("[]", "[]");
    let file = mock.folder().join("daemon.jsonl");
    let folder = mock.folder().join("daemon");
    fs::write(&file, "of the daemon before").unwrap();
    let daemon = recording_daemon(&mock, &folder, &file, &mdevctl);
    let ask = |words: &[&str]| {
        let mut command = Command::new(nodedev());
        run(command.arg("--connect").arg(daemon.varlink_socket()).args(words)).ok()
    };
    assert!(ask(&["list"]).contains("computer"));
    live(&mut mock);
    wait_for(&file, "\"weight\",\"value\":\"3\"");
    let live = ask(&["dump", "--all-devices"]);
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions())
            & 0o777,
        0o600
    );
    let aside = fs::read_to_string(mock.folder().join("daemon.jsonl.1")).unwrap();
    assert_eq!(aside, "of the daemon before");
    // Killed: what was recorded is on the file, but for the end.
    drop(daemon);
    let replayed = run(&mut replaying(&file, &["dump", "--all-devices"]));
    assert!(replayed.stderr.contains("it breaks off"), "{replayed:?}");
    assert_eq!(replayed.ok(), live);
}

fn recording_daemon(mock: &Mock, folder: &Path, file: &Path, mdevctl: &str) -> Daemon {
    let root = mock.host().root().to_owned();
    Daemon::start(folder, |program| {
        let mut command = Command::new(program);
        command.arg("--record").arg(file).args(["--mdevctl", mdevctl]);
        nodedev_source_testkit::mock_host::wrap(&command, &root)
    })
}

#[test]
fn a_daemon_whose_recording_ends_says_so_and_goes_on() {
    require!(root());
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let mdevctl = mock.mdevctl("[]", "[]");
    let folder = mock.folder().join("daemon");
    let daemon = recording_daemon(&mock, &folder, Path::new("/dev/full"), &mdevctl);
    wait_for(&folder.join("log"), "nothing more is recorded: No space left on device");
    let mut list = Command::new(nodedev());
    list.arg("--connect").arg(daemon.varlink_socket()).arg("list");
    assert!(run(&mut list).ok().contains("computer"));
}

#[test]
fn what_was_recorded_before_is_replaced_only_where_that_is_asked_for() {
    require!(root());
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let mdevctl = mock.mdevctl("[]", "[]");
    let file = mock.folder().join("host.jsonl");
    let name = file.to_str().unwrap();
    fs::write(&file, "of the fault").unwrap();
    let refused = run(&mut mock.nodedev(&["record", "--mdevctl", &mdevctl, name]));
    assert_eq!(refused.status, Some(2), "{refused:?}");
    assert!(refused.stderr.contains(name) && refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "of the fault");
    run(&mut mock.nodedev(&["record", "--force", "--mdevctl", &mdevctl, name])).ok();
    assert!(fs::read_to_string(&file).unwrap().starts_with("{\"format\""));
}

#[test]
fn a_pipe_that_nobody_reads_holds_nobody_up() {
    require!(root());
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let mdevctl = mock.mdevctl("[]", "[]");
    let mut child = mock
        .nodedev(&["record", "--mdevctl", &mdevctl, "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let unread = child.stdout.take().unwrap();
    fcntl(&unread, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let (sender, said) = mpsc::channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        stderr.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
    });
    let record = Running(child);
    let waits_for = |text: &str| {
        while !said.recv_timeout(PATIENCE).expect(text).contains(text) {}
    };
    waits_for("a signal waits no longer");
    record.interrupt();
    waits_for("the recording breaks off");
    drop(unread);
}

#[test]
fn scrubbed_it_has_the_same_devices_and_none_of_their_numbers() {
    require!(root());
    require!(programs(tools()));
    require!(mock_hosts());
    let mut mock = Mock::every_kind();
    let (plain, _) = recorded(&mut mock, &[]);
    let plain = (documents_of(&plain), fs::read_to_string(&plain).unwrap());
    let mut mock = Mock::every_kind();
    let (file, _) = recorded(&mut mock, &["--scrub"]);
    let text = fs::read_to_string(&file).unwrap();
    for secret in ["52:54:00:ab:cd:ef", UUID, "11111111-2222-4333", "11111111_2222_4333"] {
        assert!(plain.1.contains(secret) || secret.contains('_'), "{secret}");
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let texts = |documents: &std::collections::BTreeMap<String, String>, element: &str| {
        let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
        let all: Vec<String> = documents
            .values()
            .flat_map(|text| text.split(&begin).skip(1))
            .map(|rest| rest.split(&end).next().unwrap().to_owned())
            .collect();
        all
    };
    for element in ["serial", "uuid", "address", "wwnn", "wwpn", "fabric_wwn"] {
        for value in texts(&plain.0, element) {
            let tells = value.trim_matches(&['0', ':', 'f'][..]).len() > 3;
            assert!(!tells || !text.contains(&value), "{element} {value} in {text}");
        }
    }
    let scrubbed = documents_of(&file);
    assert_eq!(scrubbed.len(), plain.0.len());
    // Whoever is whose parent is so still, and each device has what it had.
    let names: Vec<_> = scrubbed.keys().cloned().collect();
    for parent in texts(&scrubbed, "parent") {
        assert!(names.contains(&parent), "{parent} in {names:?}");
    }
    let shape = |documents: &std::collections::BTreeMap<String, String>| {
        let tags = |text: &String| {
            let tags = text.split('<').skip(1);
            tags.map(|tag| tag.split(&['>', ' '][..]).next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let mut shape: Vec<_> = documents.values().map(tags).collect();
        shape.sort();
        shape
    };
    assert_eq!(shape(&scrubbed), shape(&plain.0));
}

fn replay(file: &Path) -> Ran {
    run(Command::new(nodedev()).arg("replay").arg(file))
}

#[test]
fn a_damaged_recording_is_used_as_far_as_it_goes() {
    require!(root());
    require!(programs(tools()));
    require!(mock_hosts());
    let mut mock = Mock::every_kind();
    let (file, live) = recorded(&mut mock, &[]);
    let all = split(&live.ok()).len();
    let whole = fs::read(&file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.jsonl");

    fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    let cut = replay(&damaged);
    assert_eq!(cut.status, Some(0), "{cut:?}");
    assert!(cut.stderr.contains("ends in the middle"), "{cut:?}");
    assert!((10..=all).contains(&cut.stdout.lines().count()), "{cut:?}");

    let mut lines: Vec<_> = whole.split(|byte| *byte == b'\n').collect();
    lines.insert(3, b"\xff garbage {{{");
    fs::write(&damaged, lines.join(&b'\n')).unwrap();
    let garbage = replay(&damaged);
    assert!(garbage.stderr.contains("line 4:"), "{garbage:?}");
    assert_eq!((garbage.status, garbage.stdout.lines().count()), (Some(0), all));

    let text = String::from_utf8(whole.clone()).unwrap();
    fs::write(&damaged, text.replacen("\"version\":1", "\"version\":7", 1)).unwrap();
    let later = replay(&damaged);
    assert_eq!(later.status, Some(1), "{later:?}");
    assert!(later.stderr.contains("a newer one is needed"), "{later:?}");

    fs::write(&damaged, "<device/>").unwrap();
    assert!(replay(&damaged).stderr.contains("not a recording"));
    assert_eq!(replay(&folder.path().join("absent")).status, Some(1));
}

/// A line of a gigabyte comes through a pipe, so that no disk has to hold it.
#[test]
fn a_line_of_a_gigabyte_is_passed_over() {
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -v 2000000; exec \"$0\" replay -"])
        .arg(nodedev())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        let first = "{\"format\":\"nodedev-recording\",\"version\":1,\"sources\":[{\"name\":\"udev\",\
                     \"streams\":[{\"id\":\"udev\",\"presence\":\"active\",\"fields\":[\"capability\"]}]}]}\n";
        input.write_all(first.as_bytes()).unwrap();
        let chunk = vec![b'['; 1 << 20];
        (0..1024).for_each(|_| input.write_all(&chunk).unwrap());
        let rest = "\n{\"at\":1,\"source\":\"udev\",\"message\":\"observed\",\"stream\":\"udev\",\
                    \"device\":\"computer\",\"revision\":1,\"fields\":{\"capability\":\"system\"}}\n";
        input.write_all(rest.as_bytes()).unwrap();
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let (said, listed) = (String::from_utf8_lossy(&output.stderr), output.stdout);
    assert!(said.contains("line 2: longer than 8388608 bytes: left out"), "{said}");
    assert_eq!(String::from_utf8(listed).unwrap(), "computer\n", "{said}");
}
