//! One storm: a random history under random faults, then calm, then the laws.
//!
//! Everything is drawn from the seed, under a clock that moves when nothing else can: a seed that
//! fails fails again in the same way.

use std::time::Duration;

use nodedev_registry::{NextError, RegistryConfig, Subscription};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::daemon::Daemon;
use crate::deed::{Act, Deed, VERBS};
use crate::follower::{Follower, Habit};
use crate::host::Host;
use crate::model::{differences, expected, published};
use crate::seed::Rng;
use crate::trace::Trace;
use crate::weather::Weather;

/// Longer than every deadline and pause of the registry one after the other.
const SETTLED: Duration = Duration::from_secs(250);
/// Longer than anything takes on a calm host.
const QUIET: Duration = Duration::from_secs(5);

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) wrong: Vec<String>,
    pub(crate) trace: Vec<String>,
    /// What the followers went through, for the tests of the simulator.
    pub(crate) batches: usize,
    pub(crate) missed: usize,
    pub(crate) resumed: usize,
    pub(crate) read_again: usize,
    pub(crate) resyncs: u64,
    pub(crate) restarts: u64,
}

pub(crate) async fn run(seed: u64) -> Outcome {
    let mut rng = Rng::new(seed);
    let host = Host::new(rng.fork(), Trace::new(true));
    before_the_first_start(&host, &mut rng);
    let daemon = Daemon::start(&host, config(&mut rng));
    let mut storm = Storm {
        followers: followers(&daemon, &mut rng),
        outcome: Outcome::default(),
        asked: JoinSet::new(),
        host,
        daemon,
        rng,
    };
    storm.rage().await;
    storm.calm_down().await;
    storm.check_list();
    storm.nothing_happens().await;
    storm.compare_with_a_fresh_one().await;
    storm.end().await
}

fn before_the_first_start(host: &Host, rng: &mut Rng) {
    for slot in 0..u8::try_from(rng.below(4)).unwrap() {
        host.bring(&Deed::Plug(slot));
        host.bring(&Deed::Bind(slot));
    }
    for _ in 0..rng.below(20) {
        host.bring(&deed(host, rng));
    }
    host.world().weather = Weather::storm(rng);
    let weather = format!("{:?}", host.world().weather);
    host.note(weather);
}

fn config(rng: &mut Rng) -> RegistryConfig {
    let mut config = RegistryConfig::default();
    config.source_queue = rng.pick(&[1, 2, 8, 4096]);
    config.event_queue = rng.pick(&[1, 4, 1024]);
    config.backoff_max = Duration::from_secs(rng.pick(&[2, 60]));
    config.snapshot = Duration::from_secs(rng.pick(&[6, 30]));
    config.first_pass = Duration::from_secs(rng.pick(&[2, 30]));
    // Drawn beside the rest, so that what follows from a seed stays as it was.
    config.departures = Rng::new(!rng.clone().next()).pick(&[0, 2, 65_536, 65_536]);
    config
}

fn followers(daemon: &Daemon, rng: &mut Rng) -> Vec<Follower> {
    let seconds = Duration::from_secs;
    let habits = [
        Habit { pause: Duration::ZERO, leaves: 0 },
        Habit { pause: seconds(20), leaves: 0 },
        Habit { pause: seconds(1), leaves: 30 },
    ];
    habits.into_iter().map(|habit| Follower::new(daemon, habit, rng.fork())).collect()
}

/// Something done to a mediated device, in most cases to one that there is.
fn act(host: &Host, rng: &mut Rng) -> Act {
    let mut number = || u8::try_from(rng.below(256)).unwrap();
    let (slot, uuid, config) = (number(), number(), number());
    let act = Act { verb: rng.pick(&VERBS), slot, uuid, config };
    let known = host.mediated();
    if known.is_empty() || rng.percent(30) { act } else { act.on(&rng.pick(&known)) }
}

fn deed(host: &Host, rng: &mut Rng) -> Deed {
    let mut number = || u8::try_from(rng.below(256)).unwrap();
    let (a, b) = (number(), number());
    match rng.below(30) {
        0 => Deed::PlugPort,
        1 => Deed::UnplugPort,
        2..=4 => Deed::Plug(a),
        5 => Deed::Unplug(a),
        6..=8 => Deed::Bind(a),
        9 => Deed::Unbind(a),
        10..=12 => Deed::AddNet { name: a, mac: b, behind_port: rng.percent(30) },
        13 => Deed::RemoveNet(a),
        14 => Deed::Rename { which: a, name: b },
        15 => Deed::SetMac { which: a, mac: b },
        _ => match act(host, rng) {
            act if act.is_told() => Deed::Tool(act),
            _ => Deed::Plug(a),
        },
    }
}

struct Storm {
    host: Host,
    daemon: Daemon,
    followers: Vec<Follower>,
    outcome: Outcome,
    /// Actions asked of the daemon; each tells what was wrong with the answer.
    asked: JoinSet<Option<String>>,
    rng: Rng,
}

impl Storm {
    fn wrong(&mut self, what: impl Into<String>) {
        self.outcome.wrong.push(what.into());
    }

    async fn rage(&mut self) {
        let pace = Duration::from_millis(self.rng.pick(&[10, 300, 3000]));
        for _ in 0..15 + self.rng.below(40) {
            let pause = self.rng.up_to(pace);
            tokio::time::sleep(pause).await;
            match self.rng.below(100) {
                0..=69 => {
                    // Mostly one at a time, now and then faster than anybody can look.
                    for _ in 0..1 + self.rng.below(20) / 17 * 10 {
                        self.host.bring(&deed(&self.host, &mut self.rng));
                    }
                }
                70..=89 => self.ask(),
                90..=92 => self.host.overrun(),
                93..=95 => {
                    let broken = self.rng.percent(50);
                    self.host.break_definitions(broken);
                }
                _ => self.crash().await,
            }
        }
        // The last word is the daemon's own, so that nothing later makes good what it leaves undone.
        tokio::time::sleep(QUIET).await;
        self.host.world().weather.action = self.rng.pick(&[0, 60]);
        self.ask();
        tokio::time::sleep(QUIET).await;
    }

    fn ask(&mut self) {
        let Some(registry) = self.daemon.registry() else {
            return;
        };
        let (action, host) = (act(&self.host, &mut self.rng).action(), self.host.clone());
        host.note(format_args!("asked: {action:?}"));
        // Its turn, and then the action itself.
        let longest = 2 * RegistryConfig::default().action + Duration::from_secs(1);
        self.asked.spawn(async move {
            let answer = timeout(longest, registry.perform(action.clone())).await;
            match answer {
                Ok(answer) => {
                    let answer = answer.map(|device| device.map(|device| device.name.to_string()));
                    host.note(format_args!("answered: {action:?}: {answer:?}"));
                    None
                }
                Err(_) => Some(format!("{action:?} was never answered")),
            }
        });
    }

    async fn crash(&mut self) {
        self.count();
        self.daemon.crash().await;
        let pause = self.rng.up_to(Duration::from_secs(3));
        tokio::time::sleep(pause).await;
        self.daemon.restart();
    }

    /// Faults end. What was lost without a trace is asked for again; all else heals by itself.
    async fn calm_down(&mut self) {
        self.host.note("calm");
        self.host.calm_down();
        self.followers.iter().for_each(|follower| follower.state().hurries = true);
        tokio::time::sleep(SETTLED).await;
        if self.host.world().is_silently_wrong {
            self.host.overrun();
            tokio::time::sleep(QUIET).await;
        }
        while let Some(asked) = self.asked.try_join_next() {
            let wrong = asked.unwrap();
            self.outcome.wrong.extend(wrong);
        }
        if !self.asked.is_empty() {
            self.wrong(format!("{} actions are still under way", self.asked.len()));
        }
    }

    fn check_list(&mut self) {
        let Some(registry) = self.daemon.registry() else {
            return self.wrong("the daemon does not run");
        };
        let snapshot = registry.snapshot();
        let must = expected(&self.host.world());
        self.outcome.wrong.extend(differences(&published(&snapshot), &must));
        self.outcome.wrong.extend(self.daemon.ailments());
        for follower in &self.followers {
            follower.must_hold(&snapshot);
        }
    }

    /// Everything is said again, and sources end and come back, while the host stays as it is:
    /// nobody is told anything.
    async fn nothing_happens(&mut self) {
        self.host.note("nothing happens");
        let Some(registry) = self.daemon.registry() else { return };
        let (_, mut events) = registry.subscribe();
        self.host.world().weather = Weather { twice: 60, echo: 60, ..Weather::calm() };
        self.host.overrun();
        self.host.touch_definitions();
        self.host.tell_all_again();
        tokio::time::sleep(QUIET).await;
        self.host.world().weather = Weather { die: 100, ..Weather::calm() };
        self.host.touch_definitions();
        self.host.tell_all_again();
        tokio::time::sleep(QUIET).await;
        self.host.calm_down();
        tokio::time::sleep(SETTLED).await;
        self.outcome.wrong.extend(told(&mut events));
        self.check_list();
    }

    async fn compare_with_a_fresh_one(&mut self) {
        let fresh = self.daemon.fresh().await;
        tokio::time::sleep(QUIET).await;
        let Some(registry) = self.daemon.registry() else { return };
        let (old, new) = (published(&registry.snapshot()), published(&fresh.snapshot()));
        let differences = differences(&old, &new);
        self.outcome.wrong.extend(differences.iter().map(|line| format!("afresh: {line}")));
        fresh.shutdown().await;
        if self.host.open() != 2 {
            self.wrong(format!("{} listeners instead of one for each source", self.host.open()));
        }
    }

    async fn end(mut self) -> Outcome {
        self.count();
        self.daemon.crash().await;
        if self.host.open() > 0 {
            self.wrong(format!("{} listeners after the end", self.host.open()));
        }
        let mut outcome = self.outcome;
        for follower in &self.followers {
            let mut state = follower.state();
            outcome.wrong.append(&mut state.wrong);
            outcome.batches += state.batches;
            outcome.missed += state.missed;
            outcome.resumed += state.resumed;
            outcome.read_again += state.read_again;
        }
        outcome.trace = self.host.world().trace.take();
        outcome
    }

    fn count(&mut self) {
        if let Some(registry) = self.daemon.registry() {
            for source in registry.snapshot().sources() {
                self.outcome.resyncs += source.resyncs;
                self.outcome.restarts += source.restarts;
            }
        }
    }
}

/// What followers were told that should have been told nothing.
fn told(events: &mut Subscription) -> Option<String> {
    use std::task::{Context, Poll, Waker};

    let next = std::pin::pin!(events.next());
    match next.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => None,
        Poll::Ready(Ok(batch)) => Some(format!("told of nothing: {:?}", batch.changes)),
        Poll::Ready(Err(NextError::Missed(_))) => Some("told of much where nothing was".to_owned()),
        Poll::Ready(Err(NextError::Closed)) => Some("the registry has ended by itself".to_owned()),
    }
}
