//! Whatever happens to a host while it is recorded, the replay ends as the host did.

use std::time::Duration;

use nodedev_recording::{Options, Recording, Speed};
use nodedev_source::{ErrorKind, SourceError};
use nodedev_source_testkit::Behaviour;
use nodedev_types::fields::{device, net};
use nodedev_types::{DeviceName, Diagnostic};
use proptest::prelude::*;

use crate::stage::{
    Stage, active, attributes, defined, devices, mdev, nic, parent, played, running,
};

#[derive(Debug, Clone)]
enum Step {
    Nic { number: u8, mac: u8 },
    NicGone(u8),
    NicUnreadable(u8),
    Rename { from: u8, to: u8 },
    Parent(bool),
    Start { number: u8, value: u8 },
    Stop(u8),
    Define { number: u8, value: u8 },
    Undefine(u8),
    Lose(bool),
    Resync,
    FailSnapshot,
    FailActive(bool),
    Die,
    Refresh(u8),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0..4_u8;
    prop_oneof![
        4 => (number(), number()).prop_map(|(number, mac)| Step::Nic { number, mac }),
        2 => number().prop_map(Step::NicGone),
        1 => number().prop_map(Step::NicUnreadable),
        1 => (number(), number()).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => any::<bool>().prop_map(Step::Parent),
        4 => (number(), number()).prop_map(|(number, value)| Step::Start { number, value }),
        2 => number().prop_map(Step::Stop),
        2 => (number(), number()).prop_map(|(number, value)| Step::Define { number, value }),
        1 => number().prop_map(Step::Undefine),
        1 => any::<bool>().prop_map(Step::Lose),
        1 => Just(Step::Resync),
        1 => Just(Step::FailSnapshot),
        1 => any::<bool>().prop_map(Step::FailActive),
        1 => Just(Step::Die),
        2 => number().prop_map(Step::Refresh),
        3 => (0..2000_u16).prop_map(Step::Wait),
    ]
}

fn error(text: &str) -> SourceError {
    SourceError::new(ErrorKind::Failed, text)
}

async fn take(stage: &Stage, step: &Step) {
    let Stage { udev, mdevctl, registry, .. } = stage;
    match *step {
        Step::Nic { number, mac } => {
            let (id, fields) = nic(number, mac);
            udev.set(&id, fields);
        }
        Step::NicGone(number) => udev.remove(&nic(number, 0).0),
        Step::NicUnreadable(number) => {
            let id = nic(number, 0).0;
            udev.unreadable(&id, Diagnostic::warning(id.to_string(), "cannot be read"));
        }
        Step::Rename { from, to } => udev.rename(&nic(from, 0).0, &nic(to, 0).0),
        Step::Parent(true) => udev.set(&parent().0, parent().1),
        Step::Parent(false) => udev.remove(&parent().0),
        Step::Start { number, value } => {
            // mdevctl makes no event of it: it is read after udev's.
            mdevctl.lose_events(true);
            mdevctl.set_on(&active(), &mdev(number), attributes(false, value));
            mdevctl.lose_events(false);
            udev.set(&mdev(number), running(number));
        }
        Step::Stop(number) => {
            mdevctl.lose_events(true);
            mdevctl.remove_on(&active(), &mdev(number));
            mdevctl.lose_events(false);
            udev.remove(&mdev(number));
        }
        Step::Define { number, value } => {
            mdevctl.set_on(&defined(), &mdev(number), attributes(true, value));
        }
        Step::Undefine(number) => mdevctl.remove_on(&defined(), &mdev(number)),
        Step::Lose(losing) => udev.lose_events(losing),
        Step::Resync => udev.resync("evidence"),
        Step::FailSnapshot => {
            mdevctl.next_snapshot(Behaviour::Fail(error("mdevctl is away")));
            mdevctl.resync("evidence");
        }
        Step::FailActive(fails) => {
            mdevctl.fail_stream(&active(), fails.then(|| error("it prints nonsense")));
        }
        Step::Die => udev.die(),
        Step::Refresh(number) => {
            let name = devices(registry).get(usize::from(number)).map(|d| d.name.clone());
            let name = name.unwrap_or_else(|| DeviceName::new("none"));
            let _ = registry.refresh(&name).await;
        }
        Step::Wait(time) => tokio::time::sleep(Duration::from_millis(time.into())).await,
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

/// Takes the steps; the recording, and what the list then was.
async fn recorded(steps: &[Step]) -> (Recording, Vec<nodedev_types::Device>) {
    let stage = Stage::new(&Options::new("test"));
    stage.registry.ready().await;
    for step in steps {
        take(&stage, step).await;
    }
    // A source that failed is tried again within a minute, and a stream that fails as well.
    tokio::time::sleep(Duration::from_secs(90)).await;
    let list = devices(&stage.registry);
    let summary = stage.recorder.finish().await.unwrap();
    assert_eq!(summary.bytes, stage.file.bytes().len() as u64);
    let recording = stage.file.recording();
    assert_eq!(recording.problems, [""; 0]);
    stage.registry.shutdown().await;
    (recording, list)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn the_replay_at_any_speed_ends_as_the_host_did(
        steps in proptest::collection::vec(step(), 0..40),
        speed in prop_oneof![
            2 => Just(Speed::Unpaced),
            1 => Just(Speed::Times(1.0)),
            1 => (0.01..1000.0).prop_map(Speed::Times)
        ],
    ) {
        block_on(async {
            let (recording, live) = recorded(&steps).await;
            let (list, registry, _replay) = played(recording, speed).await;
            registry.shutdown().await;
            prop_assert_eq!(list, live);
            Ok(())
        })?;
    }
}

#[test]
fn what_a_document_needs_is_answered_as_it_was() {
    block_on(async {
        let stage = Stage::new(&Options::new("test"));
        let (id, fields) = nic(0, 1);
        stage.udev.set(&id, fields.clone());
        stage.registry.ready().await;
        stage.settle().await;
        let name = devices(&stage.registry).pop().unwrap().name;
        let mut up = fields.clone();
        up.set(net::LINK_STATE, "up");
        up.set(device::DRIVER, "e1000e");
        stage.udev.set_dynamic(&id, Some(up));
        let live = stage.registry.refresh(&name).await.unwrap();
        assert_eq!(live.device.fields.get(net::LINK_STATE), Some("up"));
        stage.recorder.finish().await.unwrap();
        let (list, registry, _replay) = played(stage.file.recording(), Speed::Unpaced).await;
        assert_eq!(list[0].fields.get(net::LINK_STATE), None, "the list itself is not read again");
        assert_eq!(registry.refresh(&name).await.unwrap().device, live.device);
    });
}

#[test]
fn what_failed_fails_again() {
    block_on(async {
        let stage = Stage::new(&Options::new("test"));
        let (id, fields) = nic(0, 1);
        stage.udev.set(&id, fields);
        stage.registry.ready().await;
        stage.settle().await;
        let name = devices(&stage.registry).pop().unwrap().name;
        stage.udev.next_refresh(Behaviour::Fail(error("no answer")));
        let live = stage.registry.refresh(&name).await.unwrap();
        assert_eq!(live.diagnostics, ["udev: no answer"]);
        stage.mdevctl.on_snapshot(Behaviour::Fail(error("mdevctl is away")));
        stage.mdevctl.resync("evidence");
        stage.settle().await;
        stage.recorder.finish().await.unwrap();
        let states = |registry: &nodedev_registry::Registry| {
            registry.sources().into_iter().map(|s| (s.name, s.state)).collect::<Vec<_>>()
        };
        let (_, registry, _replay) = played(stage.file.recording(), Speed::Unpaced).await;
        assert_eq!(states(&registry), states(&stage.registry));
        let again = registry.refresh(&name).await.unwrap();
        assert_eq!((again.device, again.diagnostics), (live.device, live.diagnostics));
    });
}
