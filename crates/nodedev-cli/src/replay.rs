//! `nodedev replay`: a recording, played in this process to whoever asks.

mod serve;

use std::time::Duration;

use nodedev_driver::registry::Registry;
use nodedev_recording::{Replay as Played, Speed};

use crate::args::{List, Replay, Watch};
use crate::connect::{CLOSE, Connection, Local, read_recording};
use crate::output::Output;
use crate::status::Failure;
use crate::{list, watch};

/// How long the registry may take for what is still on its way when all has been played.
const SETTLE: Duration = Duration::from_secs(30);

pub(crate) async fn run(replay: &Replay, output: &Output) -> Result<(), Failure> {
    let recording = read_recording(&replay.file, output)?;
    output.note(about(&recording));
    let speed = replay.speed.unwrap_or(match replay.watch {
        true => Speed::Times(1.0),
        false => Speed::Unpaced,
    });
    let played = Played::new(recording, speed);
    if replay.serve {
        return serve::run(replay, &played, output).await;
    }
    let registry = start(&played)?;
    registry.ready().await;
    if replay.watch {
        let mut connection = Connection::of(Local::of(registry.clone()));
        let end = settled(&played, &registry, output);
        watch::run_until(&Watch { json: false }, &mut connection, output, end).await?;
        output.note("the recording has ended");
        connection.close().await;
        return Ok(());
    }
    settled(&played, &registry, output).await;
    let all = List { all: true, ..List::default() };
    let mut connection = Connection::of(Local::of(registry));
    let listed = list::run(&all, &mut connection, output).await;
    connection.close().await;
    listed
}

/// The registry over it, which begins to play.
pub(crate) fn start(played: &Played) -> Result<Registry, Failure> {
    let started = played.start(nodedev_driver::registry::RegistryConfig::default());
    started.map_err(|error| Failure::other("the recording cannot be played", error))
}

/// Waits until all has been played and taken in.
pub(crate) async fn settled(played: &Played, registry: &Registry, output: &Output) {
    played.ended().await;
    if tokio::time::timeout(SETTLE, played.settled(registry)).await.is_err() {
        output.warning("the list may not show all that was recorded");
    }
}

fn about(recording: &nodedev_recording::Recording) -> String {
    let header = &recording.header;
    let length = Duration::from_micros(recording.entries.last().map_or(0, |entry| entry.at));
    let kernel = header.kernel.as_deref().unwrap_or("an unknown kernel");
    let scrubbed = if header.scrubbed { ", scrubbed" } else { "" };
    let seconds = length.as_secs_f64();
    format!("recorded by {} on {kernel}: {seconds:.1} s{scrubbed}", header.program)
}

/// Ends the registry, and with it the sources.
pub(crate) async fn close(registry: &Registry) {
    let _ = tokio::time::timeout(CLOSE, registry.shutdown()).await;
}
