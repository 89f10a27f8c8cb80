use std::fs;

use nodedev_source::NodeDeviceSource as _;
use nodedev_types::SourceId;

use crate::entry::Stream;
use crate::source::MdevctlSource;

use super::*;

/// Runs a shell that leaves a process, and tells which.
async fn leave_one(may_leave: Option<&LeftBehind>) -> Pid {
    let arguments = &["-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!"];
    let deadline = Duration::from_secs(30);
    let run = Run { arguments, input: &[], deadline, keeps: WORDS, may_leave, remains: None };
    let (config, counts) = (MdevctlConfig::default(), Counts::default());
    let output = super::run(&config, &counts, Path::new("/bin/sh"), run).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    Pid::from_raw(String::from_utf8_lossy(&output.stdout).trim().parse().unwrap())
}

fn runs(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

async fn until_ended(pid: Pid) {
    let ended = async {
        while runs(pid) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), ended).await.expect("it has been killed");
}

#[tokio::test]
async fn more_words_than_anybody_wants_are_not_kept() {
    let arguments = &["-c", "head -c 10000000 /dev/zero; echo done >&2"];
    let deadline = Duration::from_secs(30);
    let run = Run { arguments, input: &[], deadline, keeps: WORDS, may_leave: None, remains: None };
    let (mut config, counts) = (MdevctlConfig::default(), Counts::default());
    let output = super::run(&config, &counts, Path::new("/bin/sh"), run).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((output.stdout.len(), &*output.stderr), (64 << 10, "done\n"));
    for (limit, kind) in [(10_000_000, None), (9_999_999, Some(ErrorKind::Malformed))] {
        config.output_limit = limit;
        let ended = super::run(&config, &counts, Path::new("/bin/sh"), run).await;
        assert_eq!(ended.err().map(|error| error.kind()), kind, "{limit}");
    }
}

#[tokio::test]
async fn what_a_run_leaves_is_killed_unless_it_may_stay_and_there_is_room() {
    until_ended(leave_one(None).await).await;
    let left = LeftBehind::with_bound(1);
    let first = leave_one(Some(&left)).await;
    let second = leave_one(Some(&left)).await;
    until_ended(second).await;
    assert!(runs(first));
    assert_eq!(left.level().value(), 1);
    nix::sys::signal::kill(first, Signal::SIGKILL).unwrap();
}

/// A child of ours that does not end: what none can be made to do that is killed.
fn hanging() -> (Child, Pid) {
    let child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    (child, pid)
}

#[tokio::test]
async fn while_an_earlier_run_hangs_there_is_no_other_of_its_kind() {
    let (config, counts, remains) =
        (MdevctlConfig::default(), Counts::default(), Remains::default());
    let (mut child, pid) = hanging();
    remains.note(pid);
    let deadline = Duration::from_secs(30);
    let run = Run {
        arguments: &["a"],
        input: &[],
        deadline,
        keeps: WORDS,
        may_leave: None,
        remains: Some(&remains),
    };
    let program = Path::new("/bin/true");
    for _ in 0..2 {
        let error = super::run(&config, &counts, program, run).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let expected = format!("mdevctl a: an earlier run (pid {pid}) was killed and still hangs");
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(counts.all()[0].value(), 0, "none was started");
    super::run(&config, &counts, program, Run { remains: None, ..run }).await.unwrap();
    child.kill().await.unwrap();
    super::run(&config, &counts, program, run).await.unwrap();
    assert_eq!(remains.noted(), 0);
}

#[tokio::test]
async fn a_run_that_is_given_up_is_noted_and_waited_for() {
    let remains = Remains::default();
    let run = Run {
        arguments: &["-c", "sleep 1000; true"],
        input: &[],
        deadline: Duration::from_secs(30),
        keeps: WORDS,
        may_leave: None,
        remains: Some(&remains),
    };
    drop(ProcessGroup::spawn(Path::new("/bin/sh"), run).unwrap());
    assert_eq!(remains.noted(), 1);
    assert_eq!(still_hangs(&remains).await.unwrap(), None);
    assert_eq!(remains.noted(), 0);
    let group = ProcessGroup::spawn(Path::new("/bin/sh"), run).unwrap();
    group.end().await;
    assert_eq!(remains.noted(), 0, "it is reaped");
}

#[tokio::test]
async fn each_listing_hangs_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut config = MdevctlConfig { root: root.path().to_owned(), ..MdevctlConfig::default() };
    // It prints nothing, as the shell script does where there is nothing.
    config.program = "/bin/true".into();
    for hangs in [Stream::Defined, Stream::Active] {
        let source = MdevctlSource::new(config.clone());
        let (mut child, pid) = hanging();
        source.remains(hangs).note(pid);
        let snapshot = source.snapshot().await.unwrap();
        for listing in snapshot.listings {
            let error = listing.devices.err().map(|error| error.kind());
            let expected =
                (listing.source == SourceId::new(hangs.id())).then_some(ErrorKind::Timeout);
            assert_eq!(error, expected, "{hangs:?}");
        }
        child.kill().await.unwrap();
        let snapshot = source.snapshot().await.unwrap();
        assert!(snapshot.listings.iter().all(|listing| listing.devices.is_ok()));
    }
}

#[test]
fn the_error_is_told_and_not_the_warnings_before_it() {
    let warnings = "[WARN mdevctl] Can't determine uuid for file 'a'\n".repeat(9);
    let error = "Error: cannot be started\n\nCaused by:\n    no such type\n";
    assert_eq!(last_words(&format!("{warnings}{error}")), "Error: cannot be started; no such type");
    assert_eq!(last_words("1\n2\n3\n4\n5\n"), "2; 3; 4; 5");
    assert_eq!(last_words(" \n"), "");
}
