//! How the program is run, and what is made of its ways to fail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_source::{Action, ErrorKind, NodeDeviceControl as _, NodeDeviceSource as _};
use nodedev_source_mdevctl::MdevctlSource;
use nodedev_types::fields::{device, mdev};
use nodedev_types::{Capability, Severity, SourceId};

use crate::host::{
    Host, PARENT, PATIENCE, defined, devices, diagnostics, id, listed, listing, uuid,
};

#[tokio::test]
async fn both_listings_are_read_and_the_version_is_asked_once_and_not_at_first() {
    let host = Host::scripted();
    host.answer("defined", listed(&[1, 2]));
    host.answer(
        "active",
        format!(
            r#"[{{"{PARENT}":[{{"{}":{{"mdev_type":"u","attrs":[{{"a":"1"}}]}}}}]}}]"#,
            uuid(1)
        ),
    );
    let source = host.source();
    let first = source.snapshot().await.unwrap();
    assert_eq!((first.backend, host.log().len()), (None, 2), "the start waits for nothing else");
    let snapshot = source.snapshot().await.unwrap();

    assert_eq!(snapshot.backend.as_deref(), Some("mdevctl 9.9.9"));
    assert_eq!(diagnostics(&snapshot), [""; 0]);
    assert_eq!(defined(&snapshot), [id(1), id(2)]);
    let definition = &devices(&snapshot, SourceId::MDEVCTL_DEFINED)[0].fields;
    assert_eq!(definition.get(device::CAPABILITY), Some(Capability::Mdev));
    assert_eq!(definition.get(device::AUTOSTART), Some(true));
    assert_eq!(definition.get(mdev::DEFINED_TYPE), Some("t"));
    assert_eq!(definition.get(mdev::DEFINED_ATTRIBUTES), None);
    let running = devices(&snapshot, SourceId::MDEVCTL_ACTIVE);
    assert_eq!(running[0].device, id(1));
    assert_eq!(running[0].fields.get(mdev::TYPE), Some("u"));
    assert_eq!(running[0].fields.get(mdev::PARENT_ADDR), Some(PARENT));
    assert_eq!(running[0].fields.get(mdev::ATTRIBUTES).unwrap().len(), 1);

    let mut log = host.log();
    log.sort();
    assert_eq!(
        log,
        [
            "--version",
            "list --dumpjson",
            "list --dumpjson",
            "list --dumpjson --defined",
            "list --dumpjson --defined",
        ]
    );
}

#[tokio::test]
async fn a_version_that_does_not_come_holds_up_one_snapshot_and_no_other() {
    let host = Host::scripted();
    let mut config = host.config();
    config.deadline = Duration::from_secs(2);
    let source = MdevctlSource::new(config);
    let asked = || host.log().iter().filter(|run| *run == "--version").count();
    source.snapshot().await.unwrap();
    host.answer("version", "exec sleep 600");
    for _ in 0..3 {
        assert_eq!(source.snapshot().await.unwrap().backend, None);
        assert_eq!(asked(), 1);
    }
}

#[tokio::test]
async fn an_mdevctl_that_does_not_tell_its_version_is_asked_once() {
    let host = Host::scripted();
    host.answer("version", "exit 2");
    let source = host.source();
    for _ in 0..3 {
        assert_eq!(source.snapshot().await.unwrap().backend, None);
    }
    assert_eq!(host.log().iter().filter(|run| *run == "--version").count(), 1);
}

#[tokio::test]
async fn runs_and_how_they_end_are_counted() {
    let host = Host::scripted();
    host.answer("defined", listed(&[1]));
    let source = host.source();
    let counted = || {
        let counters = source.counters();
        counters.iter().map(|counter| (counter.name(), counter.value())).collect::<Vec<_>>()
    };
    source.snapshot().await.unwrap();
    let none_failed = [("runs", 2), ("failed_runs", 0), ("late_runs", 0), ("running", 0)];
    assert_eq!(counted()[..4], none_failed);
    host.behave("exit 1");
    source.snapshot().await.unwrap_err();
    // The version too.
    assert_eq!(counted()[..2], [("runs", 5), ("failed_runs", 2)]);
}

#[tokio::test]
async fn an_absent_mdevctl_is_an_ordinary_host() {
    let host = Host::scripted();
    fs::write(host.definition(PARENT, 1), crate::host::definition("t")).unwrap();
    let mut config = host.config();
    config.program = "no-such-mdevctl".into();
    let snapshot = MdevctlSource::new(config).snapshot().await.unwrap();

    assert_eq!(snapshot.backend, None);
    assert_eq!(defined(&snapshot), [id(1)]);
    assert!(devices(&snapshot, SourceId::MDEVCTL_ACTIVE).is_empty());
    let [diagnostic] = &snapshot.diagnostics[..] else { panic!("{:?}", snapshot.diagnostics) };
    assert_eq!(diagnostic.severity, Severity::Info);
    let text = diagnostic.to_string();
    assert!(text.starts_with("no-such-mdevctl: mdevctl is not installed: not in PATH=/"), "{text}");
}

#[tokio::test]
async fn an_mdevctl_that_cannot_be_run_leaves_the_files() {
    for text in ["#!/no-such-interpreter\n", "no program at all\n"] {
        let host = Host::scripted();
        fs::write(host.definition(PARENT, 1), crate::host::definition("t")).unwrap();
        let program = host.path("broken-mdevctl");
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut config = host.config();
        config.program = program;
        let snapshot = MdevctlSource::new(config).snapshot().await.unwrap();
        assert_eq!(defined(&snapshot), [id(1)], "{text}");
        let [diagnostic] = &snapshot.diagnostics[..] else { panic!("{:?}", snapshot.diagnostics) };
        assert_eq!(diagnostic.severity, Severity::Warning);
        assert!(diagnostic.to_string().contains("broken-mdevctl"), "{diagnostic}");
        assert!(diagnostic.to_string().contains("cannot be run"), "{diagnostic}");
    }
}

#[tokio::test]
async fn an_mdevctl_that_is_installed_later_is_found() {
    let host = Host::scripted();
    host.answer("defined", listed(&[1]));
    let program = host.program();
    let away = host.path("away");
    fs::rename(&program, &away).unwrap();
    let source = host.source();
    assert_eq!(defined(&source.snapshot().await.unwrap()), []);
    fs::rename(&away, &program).unwrap();
    let snapshot = source.snapshot().await.unwrap();
    assert_eq!(defined(&snapshot), [id(1)]);
    let backend = source.snapshot().await.unwrap().backend;
    assert_eq!(backend.as_deref(), Some("mdevctl 9.9.9"));
}

#[tokio::test]
async fn a_program_that_may_not_be_run_is_permission_denied() {
    let host = Host::scripted();
    fs::remove_file(host.program()).unwrap();
    fs::write(host.program(), "#!/bin/sh\n").unwrap();
    let error = host.source().snapshot().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn each_listing_fails_alone() {
    let host = Host::scripted();
    host.answer("defined", listed(&[1]));
    host.answer("active", "NaN");
    let snapshot = host.source().snapshot().await.unwrap();
    assert_eq!(defined(&snapshot), [id(1)]);
    let error = listing(&snapshot, SourceId::MDEVCTL_ACTIVE).devices.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!(
        error.to_string(),
        "mdevctl list --dumpjson: not JSON: expected value at line 1 column 1"
    );
    assert_eq!(snapshot.diagnostics[0].severity, Severity::Error);

    host.answer("active", "[]");
    host.answer("defined", "[{]");
    let snapshot = host.source().snapshot().await.unwrap();
    assert!(devices(&snapshot, SourceId::MDEVCTL_ACTIVE).is_empty());
    let error = listing(&snapshot, SourceId::MDEVCTL_DEFINED).devices.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

#[tokio::test]
async fn a_refusal_carries_its_words() {
    for (status, words) in [(1, "exit status: 1"), (101, "exit status: 101")] {
        let host = Host::scripted();
        host.behave(&format!("echo 'Error: out of luck' >&2; exit {status}"));
        let error = host.source().snapshot().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        let text = error.to_string();
        assert!(text.ends_with(&format!("{words}: Error: out of luck")), "{text}");
    }
}

#[tokio::test]
async fn output_without_end_is_cut_off() {
    let host = Host::scripted();
    host.behave("exec cat /dev/zero");
    let mut config = host.config();
    config.output_limit = 1 << 20;
    let began = Instant::now();
    let error = MdevctlSource::new(config).snapshot().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("more than 1048576 bytes"), "{error}");
    assert!(began.elapsed() < PATIENCE);
}

#[tokio::test]
async fn complaints_without_end_do_not_hold_it_up() {
    let host = Host::scripted();
    host.answer("defined", listed(&[1]));
    host.behave("head -c 10000000 /dev/zero | tr '\\0' e >&2");
    let snapshot = host.source().snapshot().await.unwrap();
    assert_eq!(defined(&snapshot), [id(1)]);
}

/// A program that hangs together with a child that it has, as mdevctl does with a callout script.
fn hanging(host: &Host) {
    host.behave("sleep 1000 & echo $! $$ >>\"$folder/pids\"; wait");
}

fn pids(host: &Host) -> Vec<i32> {
    let text = fs::read_to_string(host.path("pids")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// A zombie counts as there, except one that its own new parent has not collected yet.
fn is_there(pid: i32) -> bool {
    let ours = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut parts = after_name.split_whitespace();
        let state = parts.next().unwrap_or_default().to_owned();
        let parent = parts.next().and_then(|parent| parent.parse().ok());
        state != "Z" || parent == Some(std::process::id())
    };
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH) && ours()
}

async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it does not come true");
}

#[tokio::test]
async fn a_program_past_its_deadline_is_killed_with_its_children_and_reaped() {
    let host = Host::scripted();
    hanging(&host);
    let mut config = host.config();
    config.deadline = Duration::from_secs(1);
    let error = MdevctlSource::new(config).snapshot().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.to_string().split_once("mdevctl ").unwrap().1,
        "list --dumpjson --defined: no answer within 1s"
    );
    assert_eq!(pids(&host).len(), 4);
    // Grandchildren are collected by somebody else; the children are gone at once.
    until(|| !pids(&host).into_iter().any(is_there)).await;
}

/// As a callout script does that puts something into the background, with its pipes closed.
const LEAVES_ONE: &str = "sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >>\"$folder/pids\"";

#[tokio::test]
async fn nothing_stays_of_listings_that_end_well() {
    let host = Host::scripted();
    host.answer("defined", listed(&[1]));
    host.behave(LEAVES_ONE);
    let source = host.source();
    for _ in 0..3 {
        assert_eq!(defined(&source.snapshot().await.unwrap()), [id(1)]);
    }
    assert_eq!(pids(&host).len(), 6);
    until(|| !pids(&host).into_iter().any(is_there)).await;
}

#[tokio::test]
async fn what_an_action_starts_in_the_background_stays_and_is_counted() {
    let host = Host::scripted();
    host.behave(&format!("{LEAVES_ONE}; exit 0"));
    let source = host.source();
    let counters = source.counters();
    let left = counters.iter().find(|counter| counter.name() == "left_behind").unwrap();
    for n in 1..=2 {
        source.perform(Action::Start(id(1))).await.unwrap();
        assert_eq!(left.value(), n);
    }
    let pids = pids(&host);
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| is_there(*pid)));
    for pid in pids {
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
}

#[tokio::test]
async fn a_dropped_snapshot_leaves_no_process() {
    let host = Host::scripted();
    hanging(&host);
    let source = host.source();
    let snapshot = tokio::spawn(async move { source.snapshot().await });
    until(|| pids(&host).len() == 4).await;
    assert!(pids(&host).into_iter().all(is_there));
    snapshot.abort();
    assert!(snapshot.await.unwrap_err().is_cancelled());
    until(|| !pids(&host).into_iter().any(is_there)).await;
}
