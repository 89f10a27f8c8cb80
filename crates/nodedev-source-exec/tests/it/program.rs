//! A program of a test, its source, and what the source says.

use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{
    EventReceiver, HintSender, NodeDeviceSource as _, SourceError, SourceEvent, Watch,
    event_channel, hint_channel,
};
use nodedev_source_exec::{ExecConfig, ExecSource};
use tokio::time::timeout;

/// What a test waits for comes within this time or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Settings for a program that is this Python.
pub(crate) fn python(code: &str) -> ExecConfig {
    let mut config = ExecConfig::new("acme", "/usr/bin/env").expect("a name");
    let code = format!("{PRELUDE}\n{code}").replace("MARK", &mark());
    config.arguments = ["python3", "-u", "-c", &code].map(str::to_owned).to_vec();
    config.hello_deadline = PATIENCE;
    config
}

/// What stands for `MARK` in a program: by it processes of this test are found, and no others.
pub(crate) fn mark() -> String {
    let test = std::thread::current().name().unwrap_or_default().replace(':', "-");
    format!("{test}-{}", std::process::id())
}

const PRELUDE: &str = r#"
import json, os, signal, subprocess, sys, time
def say(**message): print(json.dumps(message), flush=True)
def hello(**more): say(message="hello", protocol=1, name="acme", **more)
def device(key, **fields): say(message="observation", device="acme:" + key, fields=fields)
def listing(*keys, **more):
    say(message="begin", **more)
    for key in keys: device(key, driver="d")
    say(message="end")
def wait(): sys.stdin.read()
"#;

/// A source that is watched.
pub(crate) struct Watched {
    pub(crate) source: Arc<ExecSource>,
    pub(crate) watch: Watch,
    pub(crate) receiver: EventReceiver,
    pub(crate) hints: HintSender,
}

pub(crate) async fn watch(config: ExecConfig) -> Result<Watched, SourceError> {
    watch_again(Arc::new(ExecSource::new(config))).await
}

pub(crate) async fn watch_again(source: Arc<ExecSource>) -> Result<Watched, SourceError> {
    let (sink, receiver) = event_channel(4096);
    let (hints, stream) = hint_channel();
    let watching = source.watch(sink, stream);
    let watch = timeout(PATIENCE, watching).await.expect("an answer in time")?;
    Ok(Watched { source, watch, receiver, hints })
}

impl Watched {
    /// The next message; none when the sink has ended.
    pub(crate) async fn next(&mut self) -> Option<SourceEvent> {
        timeout(PATIENCE, self.receiver.recv()).await.expect("a message in time")
    }

    /// What is told the operator until the sink ends.
    pub(crate) async fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(event) = self.next().await {
            if let SourceEvent::Diagnostic(diagnostic) = event {
                told.push(diagnostic.to_string());
            }
        }
        told
    }

    /// The devices of a snapshot.
    pub(crate) async fn list(&self) -> Result<Vec<String>, SourceError> {
        let snapshot = self.source.snapshot().await?;
        let devices = snapshot.listings.into_iter().flat_map(|l| l.devices.expect("a listing"));
        Ok(devices.map(|said| said.device.to_string()).collect())
    }

    /// What one of the source's numbers is.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let counters = self.source.counters();
        counters.iter().find(|counter| counter.name() == name).expect("a counter").value()
    }
}
