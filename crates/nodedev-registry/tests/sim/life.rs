//! The life of mediated devices as a state machine: one thing happens after the other, asked of the
//! daemon or behind its back, and after each the list is what the host is.

use std::time::Duration;

use nodedev_registry::{Action, RegistryConfig};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::block_on;
use crate::daemon::Daemon;
use crate::deed::{Act, Deed, VERBS, Verb};
use crate::follower::{Follower, Habit};
use crate::host::Host;
use crate::model::{differences, expected, published};
use crate::seed::Rng;
use crate::trace::Trace;
use crate::weather::Weather;

/// Longer than anything takes here, a source's restart included.
const QUIET: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
enum Step {
    /// It happens on the host.
    Happens(Deed),
    /// The daemon is asked for it.
    Asked(Act),
    /// It happens, and the kernel's words of it are lost; that much is known.
    Lost(Deed),
    /// mdevctl lists nothing while it happens.
    WhileBroken(Deed),
    /// A running device is stopped and another of its name started, and nothing is heard of either.
    RestartedUnseen(u8),
    MdevctlRestarts,
    UdevRestarts,
    DaemonRestarts,
}

fn act() -> impl Strategy<Value = Act> {
    let verb = prop::sample::select(VERBS.to_vec());
    (verb, 0..3_u8, 0..2_u8, any::<u8>()).prop_map(|(verb, slot, uuid, config)| Act {
        verb,
        slot,
        uuid,
        config,
    })
}

fn deed() -> impl Strategy<Value = Deed> {
    let (slot, number) = (0..3_u8, any::<u8>());
    let told = act().prop_filter("makes no event", |act| act.is_told());
    prop_oneof![
        6 => told.prop_map(Deed::Tool),
        1 => Just(Deed::PlugPort),
        1 => Just(Deed::UnplugPort),
        2 => slot.clone().prop_map(Deed::Plug),
        1 => slot.clone().prop_map(Deed::Unplug),
        3 => slot.clone().prop_map(Deed::Bind),
        1 => slot.prop_map(Deed::Unbind),
        1 => any::<(u8, u8, bool)>()
            .prop_map(|(name, mac, behind_port)| Deed::AddNet { name, mac, behind_port }),
        1 => number.prop_map(Deed::RemoveNet),
        1 => any::<(u8, u8)>().prop_map(|(which, name)| Deed::Rename { which, name }),
        1 => any::<(u8, u8)>().prop_map(|(which, mac)| Deed::SetMac { which, mac }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => deed().prop_map(Step::Happens),
        8 => act().prop_map(Step::Asked),
        2 => deed().prop_map(Step::Lost),
        1 => deed().prop_map(Step::WhileBroken),
        1 => any::<u8>().prop_map(Step::RestartedUnseen),
        1 => Just(Step::MdevctlRestarts),
        1 => Just(Step::UdevRestarts),
        1 => Just(Step::DaemonRestarts),
    ]
}

/// Parents with their drivers, so that there is something to begin with.
fn beginning() -> impl Strategy<Value = Vec<Step>> {
    (0..4_u8).prop_map(|slots| {
        let plugged = (0..slots).flat_map(|slot| [Deed::Plug(slot), Deed::Bind(slot)]);
        plugged.map(Step::Happens).collect()
    })
}

struct Life {
    host: Host,
    daemon: Daemon,
    follower: Follower,
}

impl Life {
    fn begin() -> Self {
        let host = Host::new(Rng::new(0), Trace::new(false));
        let mut config = RegistryConfig::default();
        config.backoff_max = Duration::from_secs(1);
        let daemon = Daemon::start(&host, config);
        let habit = Habit { pause: Duration::ZERO, leaves: 0 };
        let follower = Follower::new(&daemon, habit, Rng::new(0));
        Self { host, daemon, follower }
    }

    async fn take(&self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Happens(deed) => self.host.bring(deed),
            Step::Asked(act) => self.ask(*act).await?,
            Step::Lost(deed) => {
                self.host.world().weather.silent = 100;
                self.host.bring(deed);
                self.host.calm_down();
                self.host.overrun();
            }
            Step::WhileBroken(deed) => {
                self.host.break_definitions(true);
                tokio::time::sleep(QUIET).await;
                self.host.bring(deed);
                tokio::time::sleep(QUIET).await;
                self.host.break_definitions(false);
            }
            Step::RestartedUnseen(which) => self.restart_unseen(*which).await,
            Step::MdevctlRestarts => self.with_dying_sources(Host::touch_definitions).await,
            Step::UdevRestarts => self.with_dying_sources(Host::tell_all_again).await,
            Step::DaemonRestarts => {
                self.daemon.crash().await;
                self.daemon.restart();
            }
        }
        tokio::time::sleep(QUIET).await;
        self.check()
    }

    async fn restart_unseen(&self, which: u8) {
        let running: Vec<_> = self.host.world().kernel.mdevs().map(|(id, _)| id.clone()).collect();
        let Some(device) = running.get(usize::from(which) % running.len().max(1)) else {
            return;
        };
        let act = Act { verb: Verb::Create, slot: 0, uuid: 0, config: which }.on(device);
        self.host.world().weather.silent = 100;
        let _ = self.host.run_tool(&Action::Stop(device.clone()));
        let _ = self.host.run_tool(&act.action());
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.host.calm_down();
        self.host.overrun();
    }

    async fn with_dying_sources(&self, wake: impl Fn(&Host)) {
        self.host.world().weather = Weather { die: 100, ..Weather::calm() };
        wake(&self.host);
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.host.calm_down();
    }

    /// What can be done is done, and seen the moment that the daemon answers; else it says so.
    async fn ask(&self, act: Act) -> Result<(), TestCaseError> {
        let (action, registry) = (act.action(), self.daemon.registry().unwrap());
        let possible = self.host.would_do(&action);
        let answer = registry.perform(action.clone()).await;
        prop_assert_eq!(answer.is_ok(), possible, "{:?}: {:?}", action, answer);
        let Ok(device) = answer else { return Ok(()) };
        let id = action.device().unwrap();
        let of = |list: crate::model::List| list.into_values().find(|shown| shown.id == id);
        let (is, must) = (of(published(&registry.snapshot())), of(expected(&self.host.world())));
        prop_assert_eq!(device.is_some(), must.is_some(), "{:?}: {:?}", action, device);
        prop_assert_eq!(&is, &must, "when {:?} was answered", action);
        let (is, has) = is.map_or((false, false), |shown| (shown.active, shown.persistent));
        match act.verb {
            Verb::Create | Verb::Start => prop_assert!(is),
            Verb::Stop => prop_assert!(!is),
            Verb::Define | Verb::Autostart | Verb::NoAutostart | Verb::Redefine => {
                prop_assert!(has)
            }
            Verb::Undefine => prop_assert!(!has),
            Verb::ModifyLive => prop_assert!(is),
            Verb::ModifyBoth => prop_assert!(is && has),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let snapshot = self.daemon.registry().unwrap().snapshot();
        let wrong = differences(&published(&snapshot), &expected(&self.host.world()));
        prop_assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.follower.must_hold(&snapshot);
        let wrong = std::mem::take(&mut self.follower.state().wrong);
        prop_assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let ailments = self.daemon.ailments();
        prop_assert!(ailments.is_empty(), "{}", ailments.join("\n"));
        Ok(())
    }
}

fn config(cases: u32) -> Config {
    let mut config = Config::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn after_each_step_the_list_is_what_the_host_is_and_events_lead_there(
        beginning in beginning(),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        block_on(async {
            let life = Life::begin();
            for step in beginning.iter().chain(&steps) {
                life.take(step).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
