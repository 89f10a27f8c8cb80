//! What makes the source ask for a snapshot, and how often.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{
    EventReceiver, HintSender, NodeDeviceSource as _, SourceEvent, Watch, event_channel,
    hint_channel,
};
use nodedev_source_mdevctl::MdevctlSource;
use tokio::time::{self, Instant, timeout};

use crate::host::{Host, PARENT, PATIENCE, defined, definition, diagnostics, id, listed};

/// A burst of ours has no longer pause, on a busy machine either.
const PAUSE: Duration = Duration::from_millis(200);
/// What does not come within this time after a burst does not come.
const QUIET: Duration = Duration::from_millis(600);

/// How often what tells nothing of itself is looked for.
const MINUTE: Duration = Duration::from_secs(60);

struct Watched {
    host: Host,
    events: EventReceiver,
    hints: HintSender,
    source: Arc<MdevctlSource>,
    watch: Watch,
}

impl Watched {
    async fn start(host: Host) -> Self {
        let mut config = host.config();
        config.quiet = PAUSE;
        config.max_delay = PAUSE * 5;
        let source = Arc::new(MdevctlSource::new(config));
        let (sink, events) = event_channel(64);
        let (hints, stream) = hint_channel();
        let watch = source.watch(sink, stream).await.expect("a watch");
        Self { host, events, hints, source, watch }
    }

    async fn resync(&mut self) -> String {
        self.resync_within(PATIENCE).await
    }

    async fn resync_within(&mut self, patience: Duration) -> String {
        match timeout(patience, self.events.recv()).await {
            Ok(Some(SourceEvent::Resync { reason })) => reason,
            other => panic!("no resync but {other:?}"),
        }
    }

    /// Exactly one request comes of what has just happened.
    async fn resyncs_once(&mut self) {
        self.resync().await;
        self.stays_quiet().await;
    }

    /// What one of the source's numbers is.
    fn count(&self, name: &str) -> u64 {
        let counters = self.source.counters();
        counters.iter().find(|counter| counter.name() == name).expect("a counter").value()
    }

    /// What a snapshot says beside its listings. The clock goes while it runs mdevctl.
    async fn said(&self) -> Vec<String> {
        time::resume();
        let snapshot = self.source.snapshot().await.expect("a snapshot");
        time::pause();
        diagnostics(&snapshot)
    }

    async fn stays_quiet(&mut self) {
        if let Ok(event) = timeout(QUIET, self.events.recv()).await {
            panic!("an unwanted {event:?}");
        }
    }
}

fn with_directory() -> Host {
    let host = Host::scripted();
    fs::create_dir_all(host.path("etc/mdevctl.d").join(PARENT)).expect("a scratch directory");
    host
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a scratch file");
}

#[tokio::test]
async fn every_change_of_a_definition_asks_once() {
    let mut watched = Watched::start(with_directory()).await;
    let file = watched.host.definition(PARENT, 1);
    write(&file, &definition("t"));
    watched.resyncs_once().await;
    write(&file, &definition("u"));
    watched.resyncs_once().await;
    let other = watched.host.definition(PARENT, 2);
    fs::rename(&file, &other).unwrap();
    watched.resyncs_once().await;
    fs::remove_file(&other).unwrap();
    watched.resyncs_once().await;
}

#[tokio::test]
async fn a_burst_asks_once() {
    let mut watched = Watched::start(with_directory()).await;
    for n in 0..100 {
        write(&watched.host.definition(PARENT, n), &definition("t"));
        watched.hints.raise();
    }
    watched.resyncs_once().await;
    let received = watched.count("received");
    assert!(received >= 100, "{received}");
    assert_eq!(watched.count("coalesced"), received - 1);
}

/// More changes than the kernel keeps: some are lost, and it says so.
#[tokio::test]
async fn changes_that_the_kernel_drops_are_counted_and_answered() {
    let mut watched = Watched::start(with_directory()).await;
    let bound = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let files = [1, 2].map(|n| watched.host.definition(PARENT, n));
    files.iter().for_each(|file| write(file, &definition("t")));
    // Each makes an event, none is like the one before it, and nobody takes one meanwhile.
    for n in 0..bound.trim().parse().unwrap() {
        fs::set_permissions(&files[n % 2], Permissions::from_mode(0o644)).unwrap();
    }
    watched.resync().await;
    assert_eq!(watched.count("receive_errors"), 1);
    write(&watched.host.definition(PARENT, 1), &definition("t"));
    watched.resync().await;
}

#[tokio::test]
async fn changes_without_end_are_answered_all_the_same() {
    let mut watched = Watched::start(with_directory()).await;
    let file = watched.host.definition(PARENT, 1);
    let writing = tokio::spawn(async move {
        loop {
            write(&file, &definition("t"));
            time::sleep(PAUSE / 10).await;
        }
    });
    watched.resync().await;
    watched.resync().await;
    assert!(!writing.is_finished());
    writing.abort();
}

#[tokio::test]
async fn the_configuration_directory_may_appear_later() {
    let host = Host::scripted();
    let mut watched = Watched::start(host).await;
    fs::create_dir(watched.host.path("etc")).unwrap();
    write(&watched.host.path("etc/hosts"), "");
    watched.stays_quiet().await;
    fs::create_dir(watched.host.path("etc/mdevctl.d")).unwrap();
    watched.resyncs_once().await;
    write(&watched.host.definition(PARENT, 1), &definition("t"));
    watched.resyncs_once().await;
}

#[tokio::test]
async fn a_directory_moved_into_place_is_seen_with_its_contents() {
    let mut watched = Watched::start(Host::scripted()).await;
    let staged = watched.host.path("staged");
    fs::create_dir_all(staged.join("mdevctl.d").join(PARENT)).unwrap();
    fs::rename(&staged, watched.host.path("etc")).unwrap();
    watched.resyncs_once().await;
    write(&watched.host.definition(PARENT, 1), &definition("t"));
    watched.resyncs_once().await;
}

#[tokio::test]
async fn a_parents_directory_may_appear_later_and_come_back() {
    let mut watched = Watched::start(with_directory()).await;
    let later = watched.host.definition("later", 1);
    write(&later, &definition("t"));
    watched.resyncs_once().await;
    write(&later, &definition("u"));
    watched.resyncs_once().await;
    fs::remove_dir_all(watched.host.path("etc/mdevctl.d")).unwrap();
    watched.resyncs_once().await;
    write(&watched.host.definition("later", 1), &definition("t"));
    watched.resyncs_once().await;
}

#[tokio::test]
async fn what_is_no_definition_is_no_reason() {
    let mut watched = Watched::start(with_directory()).await;
    write(&watched.host.path("etc/mdevctl.d/README"), "words");
    write(&watched.host.path("etc/passwd"), "words");
    fs::create_dir_all(watched.host.path("etc/mdevctl.d/scripts.d/callouts")).unwrap();
    write(&watched.host.path("etc/mdevctl.d/scripts.d/callouts/x"), "words");
    watched.stays_quiet().await;
}

#[tokio::test]
async fn a_hint_asks_for_a_snapshot_that_answers_it() {
    let mut watched = Watched::start(with_directory()).await;
    watched.hints.raise();
    let hint = watched.hints.raise();
    watched.resyncs_once().await;
    assert_eq!(watched.source.snapshot().await.unwrap().answers, hint);
    assert_eq!(watched.host.log().len(), 2, "two listings");
}

#[tokio::test]
async fn the_first_listing_answers_the_hints_before_it_and_no_other_does() {
    let mut watched = Watched::start(with_directory()).await;
    watched.hints.raise();
    watched.source.snapshot().await.unwrap();
    let asked = timeout(QUIET, watched.events.recv()).await;
    assert!(asked.is_err(), "asked again: {asked:?}");
    assert_eq!((watched.count("received"), watched.count("coalesced")), (1, 1));
    watched.hints.raise();
    watched.source.snapshot().await.unwrap();
    watched.resync().await;
}

#[tokio::test]
async fn nothing_runs_before_somebody_asks() {
    let mut watched = Watched::start(with_directory()).await;
    write(&watched.host.definition(PARENT, 1), &definition("t"));
    watched.resync().await;
    assert_eq!(watched.host.log(), [""; 0]);
}

#[tokio::test]
async fn dropping_the_watch_drops_the_sink() {
    let mut watched = Watched::start(with_directory()).await;
    drop(watched.watch);
    let end = timeout(PATIENCE, watched.events.recv()).await;
    assert!(matches!(end, Ok(None)), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_watched_is_told_and_tried_again_with_a_listing_each() {
    let host = Host::scripted();
    let etc = host.path("etc");
    symlink(&etc, &etc).unwrap();
    let mut watched = Watched::start(host).await;
    let Some(SourceEvent::Diagnostic(diagnostic)) = watched.events.recv().await else {
        panic!("no diagnostic")
    };
    let text = diagnostic.to_string();
    assert!(text.contains("etc/mdevctl.d: cannot be watched"), "{text}");

    watched.hints.raise();
    assert!(watched.resync().await.contains("mediated device"));
    for _ in 0..3 {
        let before = Instant::now();
        let reason = watched.resync_within(MINUTE * 2).await;
        assert!(reason.contains("cannot be watched"), "{reason}");
        assert!(before.elapsed() > MINUTE - PAUSE * 5, "{:?}", before.elapsed());
    }
    // As long as it holds, each snapshot says so.
    for _ in 0..2 {
        let said = watched.said().await;
        assert_eq!(said.last(), Some(&text), "{said:?}");
    }

    fs::remove_file(&etc).unwrap();
    fs::create_dir_all(watched.host.path("etc/mdevctl.d")).unwrap();
    let event = watched.events.recv().await;
    assert!(matches!(event, Some(SourceEvent::Resync { .. })), "{event:?}");
    assert_eq!(watched.said().await, [""; 0]);
    let nothing = timeout(MINUTE * 5, watched.events.recv()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

/// What the host lacks comes, and is told; until then nobody is asked to read it anew.
#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
async fn tells_only_when_it_comes(watched: &mut Watched, come: impl FnOnce(&Host)) {
    watched.said().await;
    let nothing = timeout(MINUTE * 5, watched.events.recv()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    let listings = |host: &Host| host.log().iter().filter(|run| run.starts_with("list")).count();
    let before = listings(&watched.host);
    come(&watched.host);
    let reason = watched.resync_within(MINUTE + PATIENCE).await;
    assert_eq!(reason, "what mdevctl lacked has come");
    watched.host.answer("defined", listed(&[1]));
    time::resume();
    assert_eq!(defined(&watched.source.snapshot().await.unwrap()), [id(1)]);
    time::pause();
    assert_eq!(listings(&watched.host), before + 2);
    let nothing = timeout(MINUTE * 5, watched.events.recv()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test(start_paused = true)]
async fn an_mdevctl_that_is_installed_later_is_told() {
    let host = Host::scripted();
    fs::remove_file(host.program()).unwrap();
    let mut watched = Watched::start(host).await;
    tells_only_when_it_comes(&mut watched, |host| host.play("fake-mdevctl.sh")).await;
}

#[tokio::test(start_paused = true)]
async fn an_mdevctl_in_place_of_one_that_cannot_be_run_is_told() {
    let host = Host::scripted();
    fs::remove_file(host.program()).unwrap();
    write(&host.program(), "#!/no-such-interpreter\n");
    fs::set_permissions(host.program(), Permissions::from_mode(0o755)).unwrap();
    let mut watched = Watched::start(host).await;
    tells_only_when_it_comes(&mut watched, |host| host.play("fake-mdevctl.sh")).await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_mdevctl_requires_is_told_when_it_is_made() {
    let host = with_directory();
    host.behave(
        "[ -d \"$folder/callouts\" ] || { echo \"Error: Required directory \\\"$folder/callouts\\\" \
         doesn't exist.\" >&2; exit 1; }",
    );
    let mut watched = Watched::start(host).await;
    let come = |host: &Host| fs::create_dir(host.path("callouts")).expect("a directory");
    tells_only_when_it_comes(&mut watched, come).await;
}
