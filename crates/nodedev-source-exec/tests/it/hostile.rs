//! Programs that break every rule: what they cost, how it is told, and that nothing of them stays.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_source::{ErrorKind, SourceEvent};
use tokio::time::{timeout, timeout_at};

use crate::program::{PATIENCE, Watched, mark, python, watch};

/// Whether a process lives that has this in its command line.
fn lives(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.into_iter().any(|line| String::from_utf8_lossy(&line).contains(mark))
}

/// There is no event for the end of other processes.
async fn until_dead(mark: &str) {
    let deadline = Instant::now() + PATIENCE;
    while lives(mark) {
        assert!(Instant::now() < deadline, "{mark} lives");
        tokio::task::yield_now().await;
    }
}

async fn refused(code: &str) -> (ErrorKind, String) {
    refused_within(code, PATIENCE).await
}

async fn refused_within(code: &str, hello: Duration) -> (ErrorKind, String) {
    let mut config = python(code);
    config.hello_deadline = hello;
    let error = watch(config).await.map(|_| ()).expect_err("a refusal");
    (error.kind(), error.full_message())
}

/// Reads until the sink has ended, and takes its last word.
async fn last_words(watched: &mut Watched) -> String {
    watched.told().await.pop().expect("a last word")
}

#[tokio::test]
async fn a_program_that_dies_at_once_is_told_with_its_last_words() {
    let (kind, why) = refused("print('cannot open the bus', file=sys.stderr)\nsys.exit(7)").await;
    assert_eq!(kind, ErrorKind::Failed);
    assert!(why.ends_with("ended with status 7: cannot open the bus"), "{why}");
    let (_, why) = refused("os.kill(os.getpid(), signal.SIGSEGV)").await;
    assert!(why.ends_with("was killed by SIGSEGV"), "{why}");
}

#[tokio::test]
async fn a_program_that_hangs_in_its_hello_is_ended_at_the_deadline() {
    let code = "sys.stdout.write('{\"message\":\"hel')\nwait() # MARK";
    let (kind, why) = refused_within(code, Duration::from_secs(3)).await;
    assert_eq!(kind, ErrorKind::Timeout);
    assert!(why.ends_with("no hello within 3s"), "{why}");
    until_dead(&mark()).await;
}

#[tokio::test]
async fn what_is_no_protocol_is_refused() {
    let (kind, why) =
        refused("sys.stdout.buffer.write(b'\\xff\\xfe\\x00\\n')\nsys.stdout.flush()\nwait()").await;
    assert_eq!(kind, ErrorKind::Malformed);
    assert!(why.contains("its first line is no hello: is no JSON object"), "{why}");
    let (kind, _) = refused("listing('a')\nwait()").await;
    assert_eq!(kind, ErrorKind::Malformed);
}

#[tokio::test]
async fn garbage_costs_its_own_lines() {
    let code = "hello()\nlisting('a')\nout = sys.stdout.buffer\n\
                out.write(b'\\xff\\xfe{\\n\\n' + b'x' * 600000 + b'\\n')\nout.flush()\n\
                device('b', driver='d', colour='red')\nprint('rubbish')";
    let mut watched = watch(python(code)).await.unwrap();
    let told = watched.told().await;
    for (line, expected) in told.iter().zip([
        "acme: line 5: is no JSON object",
        "acme: line 7: is longer than 262144 bytes: `xxx",
        "acme:b: colour: line 8: there is no such field",
        "acme: line 9: is no JSON object: expected value at line 1 column 1: `rubbish`",
        "acme: /usr/bin/env: ended with status 0",
    ]) {
        assert!(line.starts_with(expected), "{line}");
    }
    assert_eq!((told.len(), watched.count("bad_lines")), (5, 4));
}

#[tokio::test]
async fn a_line_that_never_ends_is_not_kept() {
    let code = "hello()\nlisting()\nwhile True: os.write(1, b'x' * 65536)";
    let mut watched = watch(python(code)).await.unwrap();
    let why = last_words(&mut watched).await;
    assert!(why.ends_with("printed a line without an end"), "{why}");
}

#[tokio::test]
async fn a_flood_waits_in_its_own_pipe() {
    let code = "hello()\nlisting()\nfor n in range(10**9): device('a', driver=str(n) * 9)";
    let mut config = python(code);
    (config.rate, config.burst) = (100, 1000);
    let mut watched = watch(config).await.unwrap();
    let (mut observed, mut began) = (0, Instant::now());
    while observed < 1000 || began.elapsed() < Duration::from_secs(2) {
        match watched.next().await {
            Some(SourceEvent::Observed(_)) => observed += 1,
            other => panic!("{other:?}"),
        }
        if observed == 1000 {
            began = Instant::now();
        }
    }
    // The burst, what the time allows, and what a chunk holds.
    let allowed = 1000 + 100 * (began.elapsed().as_secs() + 1) + 1000;
    assert!(observed < allowed, "{observed}, not {allowed}");
    assert!(watched.count("held_back") > 0);
    assert_eq!(watched.list().await.unwrap().len(), 1, "it is still read");
}

#[tokio::test]
async fn so_many_devices_are_a_bound_and_not_a_memory() {
    let code = "hello()\nlisting(*[str(n) for n in range(2000)])\nwait()";
    let mut config = python(code);
    config.devices_limit = 100;
    let watched = watch(config).await.unwrap();
    assert_eq!(watched.list().await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_program_that_answers_is_asked_when_there_is_room_again() {
    let code = "hello(answers=True)\nlisting('a', 'b', 'c')\nsay(message='gone', device='acme:a')\n\
                for line in sys.stdin: listing('b', 'c', answers=json.loads(line)['id'])";
    let mut config = python(code);
    config.devices_limit = 2;
    let mut watched = watch(config).await.unwrap();
    assert!(matches!(watched.next().await, Some(SourceEvent::Gone { .. })));
    assert!(matches!(watched.next().await, Some(SourceEvent::Resync { .. })));
    assert_eq!(watched.list().await.unwrap(), ["acme:b", "acme:c"]);
    assert_eq!(watched.count("runs"), 1);
}

#[tokio::test]
async fn a_program_that_does_not_answer_is_started_again_when_there_is_room_again() {
    let code =
        "hello()\nlisting('a', 'b', 'c')\nsay(message='gone', device='acme:a')\nwait() # MARK";
    let mut config = python(code);
    config.devices_limit = 2;
    config.room_pause = Duration::from_millis(500);
    let mut watched = watch(config).await.unwrap();
    let why = last_words(&mut watched).await;
    let expected = "is started again: there is room again for devices that were left out";
    assert!(why.ends_with(expected), "{why}");
    until_dead(&mark()).await;
}

#[tokio::test]
async fn a_listing_that_does_not_come_is_a_failure() {
    let mut config = python("hello()\ndevice('a')\nwait()");
    config.listing_deadline = Duration::from_millis(500);
    let watched = watch(config).await.unwrap();
    let error = watched.list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().ends_with("no complete listing within 500ms"), "{error}");
}

#[tokio::test]
async fn a_listing_without_an_end_ends_the_run_however_often_it_begins() {
    for (listing, complaint) in [
        (
            "say(message='begin')\nsay(message='ende')\nwait()",
            "line 1 of a listing: there is no message `ende`",
        ),
        ("while True: say(message='begin')", "begins before an `end`"),
    ] {
        let mut config = python(&format!("hello()\nlisting('a')\n{listing} # MARK"));
        config.listing_deadline = Duration::from_millis(500);
        (config.rate, config.burst) = (100, 1000);
        let told = watch(config).await.unwrap().told().await;
        let [first, last] = &*told else { panic!("{told:?}") };
        assert!(first.contains(complaint), "{first}");
        assert!(last.ends_with("no `end` within 500ms after the `begin` in line 5"), "{last}");
        until_dead(&mark()).await;
    }
}

#[tokio::test]
async fn a_program_that_promises_answers_and_gives_none_is_a_failure() {
    let mut config =
        python("hello(answers=True)\nlisting('a')\nsys.stdin.readline()\nlisting('b')\nwait()");
    config.listing_deadline = Duration::from_secs(3);
    let watched = watch(config).await.unwrap();
    assert_eq!(watched.list().await.unwrap(), ["acme:a"]);
    let error = watched.list().await.unwrap_err();
    assert!(error.to_string().ends_with("no answer to a request within 3s"), "{error}");
}

/// Its pipe has one page; after that it gets the newest request alone.
#[tokio::test]
async fn requests_that_are_not_read_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let code = format!(
        "import fcntl\nfcntl.fcntl(0, fcntl.F_SETPIPE_SZ, 4096)\nos.mkfifo({go:?})\n\
         hello(answers=True)\nlisting('a')\nopen({go:?}).read()\n\
         for lines, line in enumerate(sys.stdin): listing(str(lines), answers=json.loads(line)['id'])"
    );
    let watched = watch(python(&code)).await.unwrap();
    assert_eq!(watched.list().await.unwrap(), ["acme:a"]);
    for _ in 0..1000 {
        // Asks and does not wait.
        let asking = timeout(Duration::ZERO, watched.list()).await;
        assert!(asking.is_err(), "{asking:?}");
    }
    let (listed, ()) = tokio::join!(watched.list(), async { fs::write(&go, "").unwrap() });
    let lines: usize = listed.unwrap()[0].replace("acme:", "").parse().unwrap();
    assert!((10..300).contains(&lines), "{lines} requests were kept for a pipe of 4 KiB");
    assert_eq!(watched.count("coalesced"), 1000 - lines as u64);
}

#[tokio::test]
async fn a_program_that_closes_its_output_and_lives_is_ended() {
    let code = "hello(answers=True)\nlisting('a')\nsys.stdin.readline()\nos.close(1)\n\
                signal.pause() # MARK";
    let mut watched = watch(python(code)).await.unwrap();
    assert_eq!(watched.list().await.unwrap(), ["acme:a"]);
    let error = watched.list().await.unwrap_err();
    assert!(error.to_string().ends_with("closed its standard output"), "{error}");
    let why = last_words(&mut watched).await;
    assert!(why.ends_with("closed its standard output"), "{why}");
    drop(watched);
    until_dead(&mark()).await;
}

#[tokio::test]
async fn a_program_that_ignores_sigterm_is_killed() {
    let code = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nhello()\nlisting()\n\
                while True: signal.pause() # MARK";
    let mut config = python(code);
    config.end_deadline = Duration::from_millis(200);
    let watched = watch(config).await.unwrap();
    assert!(lives(&mark()));
    drop(watched);
    until_dead(&mark()).await;
}

#[tokio::test]
async fn grandchildren_that_hold_the_pipes_go_with_it() {
    let code = "hello()\nlisting()\n\
                subprocess.Popen(['python3', '-c', 'import time; time.sleep(1000) # MARK'])\n\
                sys.exit(0)";
    let mut watched = watch(python(code)).await.unwrap();
    let why = last_words(&mut watched).await;
    assert!(why.ends_with("ended with status 0"), "{why}");
    until_dead(&mark()).await;
}

#[tokio::test]
async fn a_grandchild_that_has_left_the_group_holds_nobody_up() {
    let code = "hello()\nlisting()\n\
                subprocess.Popen(['python3', '-c', 'import time; time.sleep(20) # runaway'], start_new_session=True)\n\
                sys.exit(0)";
    let mut watched = watch(python(code)).await.unwrap();
    let began = Instant::now();
    let why = last_words(&mut watched).await;
    assert!(why.ends_with("ended with status 0"), "{why}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_last_words_are_found_behind_a_flood() {
    let code = "hello()\nlisting()\n\
                for n in range(3000): os.write(2, b'y' * 3000 + b'\\n')\n\
                os.write(2, b'done')\nsys.exit(1)";
    let mut watched = watch(python(code)).await.unwrap();
    let why = last_words(&mut watched).await;
    assert!(why.ends_with("ended with status 1: done"), "{why}");
}

/// A number of KiB out of `/proc/self/status`.
fn kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn standard_error_is_no_memory() {
    let code = "hello()\nlisting()\n\
                for n in range(1024): os.write(2, b'y' * 65536)\n\
                for n in range(1024): os.write(2, b'y' * 32767 + b'\\n')\n\
                os.write(2, b'done')\nsys.exit(1)";
    let mut config = python(code);
    config.burst = 1_000_000;
    // From here on the most that was held is counted anew.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kib("VmRSS:");
    let mut watched = watch(config).await.unwrap();
    let why = last_words(&mut watched).await;
    assert!(why.ends_with("ended with status 1: done"), "{why}");
    let held = kib("VmHWM:").saturating_sub(before);
    assert!(held < 16 << 10, "{held} KiB more for 96 MiB");
}

#[tokio::test]
async fn a_flood_to_standard_error_waits_in_its_own_pipe_and_holds_nothing_up() {
    let code = "hello()\nlisting()\n\
                for n in range(10**9): os.write(2, b'y' * 15 + b'\\n') if n % 4096 else \
                device('a', driver=str(n // 4096))";
    let mut config = python(code);
    (config.rate, config.burst) = (100, 1000);
    let mut watched = watch(config).await.unwrap();
    let end = tokio::time::Instant::now() + Duration::from_secs(2);
    let mut chunks = 0;
    while let Ok(event) = timeout_at(end, watched.receiver.recv()).await {
        assert!(matches!(event, Some(SourceEvent::Observed(_))), "{event:?}");
        chunks += 1;
    }
    // The burst, what the time allows, and what its pipe holds, in chunks of 64 KiB; and the first word.
    assert!(chunks <= 4, "{chunks} chunks of 64 KiB were read");
    assert!(watched.count("held_back") > 0);
    assert_eq!(watched.list().await.unwrap().len(), 1, "it is still read");
}

/// What a tracer has not let go of cannot be reaped, as what hangs in the kernel cannot.
#[tokio::test]
async fn no_other_is_started_before_a_killed_one_has_gone() {
    let code = r#"
import ctypes
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_long(-1), 0, 0, 0)  # Whoever wants to may trace it.
trace = "import ctypes, time; print(ctypes.CDLL(None).ptrace(0x4206, %d, 0, 0), flush=True); time.sleep(60)"
tracer = subprocess.Popen(["python3", "-c", trace % os.getpid()], start_new_session=True, stdout=subprocess.PIPE)
assert tracer.stdout.readline() == b"0\n"
hello()
listing(str(tracer.pid))
wait()"#;
    let mut config = python(code);
    config.end_deadline = Duration::from_millis(100);
    let watched = watch(config).await.unwrap();
    let tracer = watched.list().await.unwrap().remove(0).replace("acme:", "");
    let Watched { source, watch, .. } = watched;
    drop(watch);
    let too_soon = timeout(Duration::from_secs(3), source.ended()).await;
    kill(Pid::from_raw(tracer.parse().unwrap()), Signal::SIGKILL).expect("the tracer is there");
    assert!(too_soon.is_err(), "another would have been started");
    timeout(PATIENCE, source.ended()).await.expect("an end");
}

/// One after the other, so that each would show what the last has left.
#[tokio::test]
async fn nothing_stays_of_many_runs() {
    for _ in 0..5 {
        let watched = watch(python("hello()\nlisting('a')\nwait() # MARK")).await.unwrap();
        assert_eq!(watched.list().await.unwrap(), ["acme:a"]);
        drop(watched);
        until_dead(&mark()).await;
    }
}
