use std::fs;

use nodedev_source::{EventReceiver, HintSender, event_channel, hint_channel};
use tempfile::TempDir;
use tokio::sync::watch::channel;
use tokio::time::timeout;

use super::*;

/// A host with a configuration directory, and what is heard of its watch.
struct Watched {
    root: TempDir,
    files: Files,
    events: EventReceiver,
    hints: HintSender,
    _watch: Watch,
}

impl Watched {
    async fn start(files: Files) -> Self {
        let root = tempfile::tempdir().unwrap();
        let config = MdevctlConfig { root: root.path().to_owned(), ..MdevctlConfig::default() };
        fs::create_dir_all(config.definitions()).unwrap();
        let means = Means {
            config: Arc::new(config),
            files: files.clone(),
            counts: Counts::default(),
            first: Arc::default(),
            unwatched: Unwatched::default(),
            lack: channel(None).1,
        };
        let (sink, events) = event_channel(64);
        let (hints, stream) = hint_channel();
        let watch = start(means, sink, stream).await;
        Self { root, files, events, hints, _watch: watch }
    }

    fn write(&self, below: &str) {
        let path = self.root.path().join("etc/mdevctl.d").join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
    }

    async fn next(&mut self) -> String {
        match timeout(RETRY * 2, self.events.recv()).await {
            Ok(Some(SourceEvent::Resync { reason })) => reason,
            Ok(Some(SourceEvent::Diagnostic(diagnostic))) => diagnostic.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// The directory answers again, and is watched with all that came meanwhile.
    async fn heals(&mut self) {
        assert!(self.next().await.ends_with("is watched"));
        for definition in ["parent/1", "later/1"] {
            self.write(definition);
            assert!(self.next().await.ends_with("directory changed"));
        }
    }
}

const TOLD: &str = "etc/mdevctl.d: cannot be watched, changes are seen late: no answer within 5s";

#[tokio::test(start_paused = true)]
async fn a_directory_that_does_not_answer_at_first_is_told_and_holds_nothing_up() {
    let files = Files::default();
    let hang = files.hang().await;
    let began = Instant::now();
    let mut watched = Watched::start(files).await;
    assert!(watched.next().await.ends_with(TOLD));
    assert!(began.elapsed() < ARMING * 2, "{:?}", began.elapsed());
    watched.hints.raise();
    assert!(watched.next().await.starts_with("a mediated device"));
    assert!(began.elapsed() < ARMING * 2, "{:?}", began.elapsed());
    let nothing = timeout(RETRY * 3, watched.events.recv()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    watched.write("parent/0");
    drop(hang);
    watched.heals().await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_does_not_answer_any_more_is_told_and_holds_nothing_up() {
    let mut watched = Watched::start(Files::default()).await;
    let hang = watched.files.hang().await;
    let began = Instant::now();
    watched.write("parent/0");
    assert!(watched.next().await.ends_with("directory changed"));
    watched.hints.raise();
    assert!(watched.next().await.starts_with("a mediated device"));
    assert!(began.elapsed() < ARMING, "{:?}", began.elapsed());
    assert!(watched.next().await.ends_with(TOLD));
    drop(hang);
    watched.heals().await;
}

/// The listing may have been read before the new directory was watched.
#[tokio::test(start_paused = true)]
async fn a_listing_that_is_asked_for_while_watches_are_made_is_asked_for_again() {
    let mut watched = Watched::start(Files::default()).await;
    let hang = watched.files.hang().await;
    watched.write("parent/0");
    assert!(watched.next().await.ends_with("directory changed"));
    drop(hang);
    watched.heals().await;
}
