//! Actions: who is asked, what is waited for, and what is said when it does not come.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its host up fails")]

use std::sync::Arc;
use std::time::Duration;

use nodedev_registry::{Action, ActionError, MdevConfig, Registry, RegistryConfig, RegistryError};
use nodedev_source::{ErrorKind, NodeDeviceControl, NodeDeviceSource, SourceError};
use nodedev_source_testkit::{Acts, ScriptedControl, ScriptedHost};
use nodedev_types::{Capability, DeviceId};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::host::{
    MDEV, PCI, active, defined, definition, idle, live, mdev, mdev_path, mdevctl, next, pci,
    running, soon, sysfs, udev,
};

/// A registry with a parent of mediated devices, and what it asks to be done.
async fn with_control() -> (Registry, ScriptedHost, ScriptedHost, Acts) {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    host.set(&sysfs(PCI), pci(PCI, Some(1)));
    let (control, acts) = ScriptedControl::new(&[Capability::Mdev]);
    let registry = Registry::builder()
        .source(kernel as Arc<dyn NodeDeviceSource>)
        .source(tool as Arc<dyn NodeDeviceSource>)
        .control(Arc::new(control))
        .start()
        .unwrap();
    registry.ready().await;
    idle().await;
    (registry, host, config, acts)
}

type Performed = JoinHandle<Result<Option<String>, ActionError>>;

/// The name of the device afterwards.
fn perform(registry: &Registry, action: Action) -> Performed {
    let registry = registry.clone();
    tokio::spawn(async move {
        let device = registry.perform(action).await?;
        Ok(device.map(|device| device.name.to_string()))
    })
}

fn config() -> MdevConfig {
    MdevConfig { mdev_type: "t".into(), attributes: Vec::new(), autostart: false }
}

#[tokio::test(start_paused = true)]
async fn a_start_returns_when_the_list_has_the_device() {
    let (registry, host, settings, mut acts) = with_control().await;
    settings.set_on(&defined(), &mdev(), definition());
    idle().await;
    let (_, mut events) = registry.subscribe();
    let begun = Instant::now();
    let started = perform(&registry, Action::Start(mdev()));
    let asked = soon(acts.next()).await.unwrap();
    assert_eq!(asked.action, Action::Start(mdev()));
    asked.done(Some(mdev()));
    idle().await;
    assert!(!started.is_finished(), "mdevctl's word is not enough");
    settings.lose_events(true);
    settings.set_on(&active(), &mdev(), live("1"));
    settings.lose_events(false);
    host.set(&mdev(), running(&mdev_path()));
    assert_eq!(soon(started).await.unwrap().unwrap().as_deref(), Some(MDEV));
    assert!(begun.elapsed() < Duration::from_millis(100), "nothing is polled");
    assert_eq!(next(&mut events).await, [format!("created {MDEV}")]);
}

#[tokio::test(start_paused = true)]
async fn an_undefine_returns_when_the_definition_has_gone_from_the_list() {
    let (registry, _, settings, mut acts) = with_control().await;
    settings.set_on(&defined(), &mdev(), definition());
    idle().await;
    let gone = perform(&registry, Action::Undefine(mdev()));
    let asked = soon(acts.next()).await.unwrap();
    // No event of its own: the listing that is asked for afterwards shows it.
    settings.lose_events(true);
    settings.remove_on(&defined(), &mdev());
    asked.done(Some(mdev()));
    assert_eq!(soon(gone).await.unwrap().unwrap(), None);
    assert!(registry.snapshot().device(MDEV).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_change_returns_after_a_listing_that_was_read_after_it() {
    let (registry, _, settings, mut acts) = with_control().await;
    settings.set_on(&defined(), &mdev(), definition());
    idle().await;
    let hold = settings.hold_snapshots();
    let change = Action::Modify { device: mdev(), config: config(), live: false, defined: true };
    let changed = perform(&registry, change);
    soon(acts.next()).await.unwrap().done(Some(mdev()));
    soon(hold.reached()).await;
    idle().await;
    assert!(!changed.is_finished());
    hold.release();
    assert_eq!(soon(changed).await.unwrap().unwrap().as_deref(), Some(MDEV));
}

#[tokio::test(start_paused = true)]
async fn a_change_does_not_wait_for_a_stream_that_fails() {
    let (registry, _, settings, mut acts) = with_control().await;
    settings.set_on(&defined(), &mdev(), definition());
    settings.fail_stream(&active(), Some(SourceError::new(ErrorKind::Failed, "no listing")));
    idle().await;
    let change = Action::Modify { device: mdev(), config: config(), live: false, defined: true };
    let changed = perform(&registry, change);
    soon(acts.next()).await.unwrap().done(Some(mdev()));
    let begun = Instant::now();
    assert_eq!(soon(changed).await.unwrap().unwrap().as_deref(), Some(MDEV));
    assert!(begun.elapsed() < RegistryConfig::default().action);
}

#[tokio::test(start_paused = true)]
async fn on_the_deadline_it_is_said_what_is_missing() {
    let (registry, _, _, mut acts) = with_control().await;
    let begun = Instant::now();
    let started = perform(&registry, Action::Start(mdev()));
    soon(acts.next()).await.unwrap().done(Some(mdev()));
    let error = soon(started).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), format!("done, but after 30s {} is not active", mdev()));
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_control_that_hangs_or_refuses_is_reported() {
    let (registry, _, _, mut acts) = with_control().await;
    let hung = perform(&registry, Action::Stop(mdev()));
    let asked = soon(acts.next()).await.unwrap();
    let error = soon(hung).await.unwrap().unwrap_err();
    assert!(matches!(error, ActionError::Unanswered(_)), "{error}");
    assert!(asked.is_given_up());

    let refused = perform(&registry, Action::Stop(mdev()));
    let asked = soon(acts.next()).await.unwrap();
    asked.refuse(SourceError::new(ErrorKind::Busy, "device in use"));
    let error = soon(refused).await.unwrap().unwrap_err();
    let ActionError::Failed(why) = &error else { panic!("{error}") };
    assert_eq!((why.kind(), error.to_string().as_str()), (ErrorKind::Busy, "device in use"));
}

/// A change of live attributes makes no event: without another look nobody would ever see it.
#[tokio::test(start_paused = true)]
async fn what_was_done_before_an_action_failed_is_seen_all_the_same() {
    let (registry, host, settings, mut acts) = with_control().await;
    settings.lose_events(true);
    settings.set_on(&active(), &mdev(), live("1"));
    host.set(&mdev(), running(&mdev_path()));
    idle().await;
    let attributes = || registry.snapshot().device(MDEV).map(|device| device.fields.clone());
    for (value, answered) in [("2", true), ("3", false)] {
        let before = attributes();
        let change =
            Action::Modify { device: mdev(), config: config(), live: true, defined: false };
        let changed = perform(&registry, change);
        let asked = soon(acts.next()).await.unwrap();
        settings.set_on(&active(), &mdev(), live(value));
        let hung = if answered {
            asked.refuse(SourceError::new(ErrorKind::Failed, "the notifier failed"));
            None
        } else {
            Some(asked)
        };
        soon(changed).await.unwrap().unwrap_err();
        idle().await;
        assert_ne!(attributes(), before, "{value}");
        drop(hung);
    }
}

#[tokio::test(start_paused = true)]
async fn actions_on_one_device_take_turns_and_others_do_not_wait() {
    let (registry, _, _, mut acts) = with_control().await;
    let other = DeviceId::mdev("aaaaaaaa-0000-4000-8000-000000000002", "0000:00:02.0");
    let first = perform(&registry, Action::Undefine(mdev()));
    let asked = soon(acts.next()).await.unwrap();
    let second = perform(&registry, Action::Stop(mdev()));
    let beside = perform(&registry, Action::Undefine(other.clone()));
    let beside_asked = soon(acts.next()).await.unwrap();
    assert_eq!(beside_asked.action, Action::Undefine(other));
    beside_asked.done(None);
    assert_eq!(soon(beside).await.unwrap().unwrap(), None);
    idle().await;
    assert!(acts.try_next().is_none());
    asked.done(None);
    soon(first).await.unwrap().unwrap();
    let asked = soon(acts.next()).await.unwrap();
    assert_eq!(asked.action, Action::Stop(mdev()));
    asked.done(None);
    soon(second).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_action_whose_client_has_left_is_brought_to_its_end() {
    let (registry, _, settings, mut acts) = with_control().await;
    settings.set_on(&defined(), &mdev(), definition());
    idle().await;
    let left = perform(&registry, Action::Undefine(mdev()));
    let asked = soon(acts.next()).await.unwrap();
    left.abort();
    idle().await;
    assert!(!asked.is_given_up());
    let next = perform(&registry, Action::Start(mdev()));
    idle().await;
    assert!(acts.try_next().is_none(), "its turn is not over");
    settings.remove_on(&defined(), &mdev());
    asked.done(None);
    soon(acts.next()).await.unwrap().refuse(SourceError::new(ErrorKind::Failed, "no"));
    soon(next).await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn without_a_control_nothing_is_done_and_two_of_a_kind_are_refused() {
    let registry = Registry::builder().config(RegistryConfig::default()).start().unwrap();
    let error = registry.perform(Action::Start(mdev())).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing here changes devices of the kind `mdev`");

    let control = || -> Arc<dyn NodeDeviceControl> {
        Arc::new(ScriptedControl::new(&[Capability::ScsiHost, Capability::Mdev]).0)
    };
    let error = Registry::builder().control(control()).control(control()).start().unwrap_err();
    assert_eq!(error, RegistryError::DuplicateControl(Capability::ScsiHost));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_waiting() {
    let (registry, _, _, mut acts) = with_control().await;
    let started = perform(&registry, Action::Start(mdev()));
    soon(acts.next()).await.unwrap().done(Some(mdev()));
    idle().await;
    registry.shutdown().await;
    let error = soon(started).await.unwrap().unwrap_err();
    assert!(matches!(error, ActionError::Closed), "{error}");

    let late = soon(perform(&registry, Action::Start(mdev()))).await.unwrap().unwrap_err();
    assert!(matches!(late, ActionError::Closed), "{late}");
    assert!(acts.try_next().is_none(), "nothing is begun");
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_is_finished_and_nothing_else_is_begun() {
    let (registry, _, _, mut acts) = with_control().await;
    let started = perform(&registry, Action::Start(mdev()));
    let asked = soon(acts.next()).await.unwrap();
    let finished = tokio::spawn({
        let registry = registry.clone();
        async move { registry.finish_actions().await }
    });
    idle().await;
    assert!(!finished.is_finished());
    let other = DeviceId::mdev("aaaaaaaa-0000-4000-8000-000000000002", "0000:00:02.0");
    let late = soon(perform(&registry, Action::Undefine(other))).await.unwrap().unwrap_err();
    assert!(matches!(late, ActionError::Closed), "{late}");
    asked.done(Some(mdev()));
    soon(finished).await.unwrap();
    assert!(acts.try_next().is_none(), "nothing is begun");
    assert!(!started.is_finished(), "what the list shows is not waited for");
}

#[tokio::test(start_paused = true)]
async fn clients_that_come_and_go_begin_no_more_actions_than_there_are_places() {
    let (registry, _, _, mut acts) = with_control().await;
    let create = || Action::Create { parent: PCI.to_owned(), uuid: None, config: config() };
    let begun = Instant::now();
    for _ in 0..500 {
        let client = perform(&registry, create());
        tokio::task::yield_now().await;
        client.abort();
    }
    idle().await;
    let asked: Vec<_> = std::iter::from_fn(|| acts.try_next()).collect();
    assert_eq!(asked.len(), RegistryConfig::default().actions);
    // Who stays is served when there is a place again.
    let crowded = perform(&registry, create());
    idle().await;
    assert!(!crowded.is_finished());
    drop(asked);
    soon(acts.next()).await.unwrap().refuse(SourceError::new(ErrorKind::Failed, "no"));
    let refused = soon(crowded).await.unwrap().unwrap_err();
    assert!(matches!(&refused, ActionError::Failed(_)), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}
