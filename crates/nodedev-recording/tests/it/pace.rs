//! How fast it is played, how large it may be, and what its end is.

use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;

use nodedev_recording::{End, Options, Recorder, Replay, Speed};
use nodedev_registry::RegistryConfig;
use tokio::time::Instant;

use crate::stage::{Stage, devices, nic, played};

#[tokio::test(start_paused = true)]
async fn events_come_when_they_came() {
    let stage = Stage::new(&Options::new("test"));
    stage.registry.ready().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (id, fields) = nic(1, 1);
    stage.udev.set(&id, fields);
    stage.settle().await;
    stage.recorder.finish().await.unwrap();
    for (speed, seconds) in [(1.0, 10), (2.0, 5), (0.1, 100)] {
        let replay = Replay::new(stage.file.recording(), Speed::Times(speed));
        let began = Instant::now();
        let registry = replay.start(RegistryConfig::default()).unwrap();
        registry.ready().await;
        assert_eq!(devices(&registry).len(), 0);
        let mut changes = registry.changes();
        changes.wait_for(|list| list.len() == 1).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), seconds, "{speed}");
    }
}

#[test]
fn a_speed_is_a_number_or_max() {
    for (text, speed) in
        [("max", Speed::Unpaced), ("2", Speed::Times(2.0)), ("0.5", Speed::Times(0.5))]
    {
        assert_eq!(text.parse(), Ok(speed));
        assert_eq!(speed.to_string(), text);
    }
    for bad in ["", "0", "-1", "inf", "NaN", "fast"] {
        assert!(bad.parse::<Speed>().is_err(), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_full_ends_and_says_so() {
    let stage = Stage::new(&Options::new("test").with_limit(8 << 10));
    stage.registry.ready().await;
    for number in 0..200 {
        let (id, fields) = nic(number, 1);
        stage.udev.set(&id, fields);
    }
    stage.settle().await;
    stage.recorder.ended().await;
    assert_eq!(devices(&stage.registry).len(), 200, "the source goes on");
    let summary = stage.recorder.finish().await.unwrap();
    assert_eq!(summary.end, End::Full);
    assert!(summary.bytes <= 8 << 10, "{summary:?}");
    let recording = stage.file.recording();
    assert_eq!((recording.end(), recording.problems.len()), (Some("it had its full size"), 0));
    let (list, ..) = played(recording, Speed::Unpaced).await;
    assert!((1..200).contains(&list.len()), "{}", list.len());
    assert_eq!(
        list,
        devices(&stage.registry)[..0]
            .iter()
            .cloned()
            .chain(first(&stage, &list))
            .collect::<Vec<_>>()
    );
}

/// Those of the devices that the list names.
fn first(stage: &Stage, list: &[nodedev_types::Device]) -> Vec<nodedev_types::Device> {
    let all = devices(&stage.registry);
    all.into_iter().filter(|device| list.iter().any(|d| d.name == device.name)).collect()
}

/// Takes the first line and nothing further until it is told to.
struct Stuck(Option<mpsc::Receiver<()>>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.starts_with(b"{\"format\"") {
            return Ok(bytes.len());
        }
        if let Some(gate) = self.0.take() {
            let _ = gate.recv();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_recorded_waits_for_no_file() {
    let (gate, closed) = mpsc::channel();
    let (source, host) = nodedev_source_testkit::ScriptedSource::new(
        "udev",
        nodedev_source::Presence::Active,
        nodedev_types::FieldSet::new(),
    );
    let out = Stuck(Some(closed));
    let (recorder, sources) = Recorder::start(out, &Options::new("test"), vec![source]).unwrap();
    let (sink, mut receiver) = nodedev_source::event_channel(1 << 16);
    let (_hints, stream) = nodedev_source::hint_channel();
    let _watch = sources[0].watch(sink, stream).await.unwrap();
    for _ in 0..20 {
        host.flood(&nodedev_types::DeviceId::Computer, 1000);
        for _ in 0..1000 {
            receiver.recv().await.unwrap();
        }
    }
    gate.send(()).unwrap();
    recorder.ended().await;
    assert_eq!(recorder.finish().await.unwrap().end, End::Behind);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_no_longer_than_it_is_given() {
    let (gate, closed) = mpsc::channel();
    let (source, host) = nodedev_source_testkit::ScriptedSource::new(
        "udev",
        nodedev_source::Presence::Active,
        nodedev_types::FieldSet::new(),
    );
    let out = Stuck(Some(closed));
    let (recorder, sources) = Recorder::start(out, &Options::new("test"), vec![source]).unwrap();
    let (sink, mut receiver) = nodedev_source::event_channel(1 << 16);
    let (_hints, stream) = nodedev_source::hint_channel();
    let _watch = sources[0].watch(sink, stream).await.unwrap();
    for _ in 0..20 {
        host.flood(&nodedev_types::DeviceId::Computer, 1000);
        for _ in 0..1000 {
            receiver.recv().await.unwrap();
        }
    }
    // It is told while what it is written to still takes nothing.
    recorder.ended().await;
    let early = tokio::time::timeout(Duration::from_secs(1), recorder.finish()).await;
    assert!(early.is_err(), "{early:?}");
    gate.send(()).unwrap();
    assert_eq!(recorder.finish().await.unwrap().end, End::Behind);
}

/// A message may hold as many devices as the host has.
#[tokio::test(start_paused = true)]
async fn what_waits_is_counted_in_devices() {
    let (gate, closed) = mpsc::channel();
    let stream = nodedev_merge::builtin_streams().into_iter().find(|s| s.id.as_str() == "udev");
    let info = nodedev_source::SourceInfo::new("udev", "1").with_stream(stream.unwrap());
    let (source, host) = nodedev_source_testkit::ScriptedSource::with_info(info);
    for number in 0..2000 {
        let path = format!("/sys/devices/virtual/net/eth{number}");
        host.set(&nodedev_types::DeviceId::sysfs(&path).unwrap(), nodedev_types::Fields::new());
    }
    let out = Stuck(Some(closed));
    let (recorder, sources) = Recorder::start(out, &Options::new("test"), vec![source]).unwrap();
    // The first is being written, and 100 wait.
    for _ in 0..101 {
        assert!(ended(&recorder).await.is_err());
        sources[0].snapshot().await.unwrap();
    }
    sources[0].snapshot().await.unwrap();
    ended(&recorder).await.unwrap();
    gate.send(()).unwrap();
    assert_eq!(recorder.finish().await.unwrap().end, End::Behind);
}

async fn ended(recorder: &Recorder) -> Result<(), tokio::time::error::Elapsed> {
    tokio::time::timeout(Duration::from_millis(1), recorder.ended()).await
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes.starts_with(b"{\"format\"") {
            true => Ok(bytes.len()),
            false => Err(io::Error::from(io::ErrorKind::StorageFull)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_and_costs_the_source_nothing() {
    let (source, host) = nodedev_source_testkit::ScriptedSource::new(
        "udev",
        nodedev_source::Presence::Active,
        nodedev_types::FieldSet::new(),
    );
    let (recorder, sources) = Recorder::start(Broken, &Options::new("test"), vec![source]).unwrap();
    let (sink, mut receiver) = nodedev_source::event_channel(8);
    let (_hints, stream) = nodedev_source::hint_channel();
    let _watch = sources[0].watch(sink, stream).await.unwrap();
    recorder.ended().await;
    host.repeat(&nodedev_types::DeviceId::Computer);
    assert!(receiver.recv().await.is_some());
    assert_eq!(recorder.finish().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
}
