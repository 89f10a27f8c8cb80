//! What the others see meanwhile: how long their calls take, and how long changes take to reach them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nodedev_rpc::{
    DeviceFlagsArgs, EventKind, EventRegisterArgs, LifecycleEvent, ListAllArgs, MessageType,
    NodeDevice, from_payload, procedures,
};

use super::cells::Who;
use super::host::{Host, definition_name, interface_name, probe_definition, probe_interface};
use super::process::Daemon;
use super::serve::THIRD;
use super::table::Ratio;
use crate::wire::{Client, PATIENCE};

/// How long a client waits between its calls, of which it makes one after the other. So many are needed for the
/// slowest hundredth of them not to be a matter of chance. It never reads document after document, so that no thread
/// of its own serves it.
const PAUSE: Duration = Duration::from_micros(300);
const LIFECYCLE_EVENT: i32 = 376;

/// What is timed.
pub(super) const KINDS: [&str; 4] = ["list", "lookup", "document", "change"];

/// How long each took.
#[derive(Debug, Default)]
pub(super) struct Figures {
    calls: [Vec<Duration>; 3],
    /// Of each source by itself: one whose changes take long and are few must not be hidden by another.
    changes: BTreeMap<&'static str, Vec<Duration>>,
}

impl Figures {
    /// Those of several rounds together.
    pub(super) fn all<'a>(rounds: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for round in rounds {
            for (all, times) in all.calls.iter_mut().zip(&round.calls) {
                all.extend(times);
            }
            for (source, times) in &round.changes {
                all.changes.entry(source).or_default().extend(times);
            }
        }
        all
    }

    /// The times that 99 of 100 stayed below in `faulty`, beside these: by kind, of changes those of the source that
    /// came nearest to what is allowed, or beyond.
    pub(super) fn beside(
        &self,
        faulty: &Self,
        allowed: impl Fn(Duration) -> Duration,
    ) -> [Ratio; KINDS.len()] {
        let ratio = |quiet, faulty| Ratio { quiet: p99(quiet), faulty: p99(faulty) };
        let [list, lookup, document] =
            std::array::from_fn(|call| ratio(&self.calls[call], &faulty.calls[call]));
        let changes = self.changes.iter().map(|(source, quiet)| {
            ratio(quiet, faulty.changes.get(source).map_or(&[], Vec::as_slice))
        });
        let used = |ratio: &Ratio| ratio.faulty.as_secs_f64() / allowed(ratio.quiet).as_secs_f64();
        let worst = changes.max_by(|one, other| used(one).total_cmp(&used(other)));
        [list, lookup, document, worst.expect("some source is not the culprit")]
    }
}

/// Of fewer than a hundred times the longest.
fn p99(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len() * 99).div_ceil(100).max(1) - 1;
    times.get(at).copied().unwrap_or(PATIENCE)
}

/// Has a client call and the other sources' devices change for so long, beside whatever else goes on.
pub(super) fn observe(host: &Host, daemon: &Daemon, culprit: Who, length: Duration) -> Figures {
    let stop = AtomicBool::new(false);
    let mut figures = Figures::default();
    thread::scope(|scope| {
        let caller = scope.spawn(|| call(daemon, culprit, &stop));
        scope.spawn(|| ask_for_the_culprit_s(daemon, culprit, &stop));
        let others = culprit.others().iter();
        let changers: Vec<_> = others
            .clone()
            .map(|other| scope.spawn(|| change(host, daemon, *other, &stop)))
            .collect();
        thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        figures.calls = caller.join().unwrap();
        let changes = others.clone().zip(changers);
        figures.changes =
            changes.map(|(other, changer)| (other.name(), changer.join().unwrap())).collect();
    });
    figures
}

/// A device of which the culprit has nothing to say.
fn device_of_another(culprit: Who) -> String {
    match culprit {
        Who::Udev => format!("{THIRD}_own1"),
        _ => interface_name(1),
    }
}

/// Who reads a device of the culprit's gets it, late or from memory; it must not hold up anybody else.
fn ask_for_the_culprit_s(daemon: &Daemon, culprit: Who, stop: &AtomicBool) {
    let name = match culprit {
        Who::Udev | Who::Client => interface_name(1),
        Who::Mdevctl => definition_name(1),
        Who::Third => format!("{THIRD}_own1"),
    };
    let document = DeviceFlagsArgs { name, flags: 0 };
    let mut client = Client::open(daemon.socket(), 0);
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = client.call::<procedures::NodeDeviceGetXmlDesc>(&document) {
            let all = ListAllArgs { need_results: 1, flags: 0 };
            let listed = client.call::<procedures::ConnectListAllNodeDevices>(&all).unwrap();
            let names: Vec<_> = listed.devices.0.iter().map(|device| &device.name).collect();
            panic!("{error:?}; a moment later there are {names:?}; {}", daemon.log());
        }
        thread::sleep(PAUSE);
    }
}

fn call(daemon: &Daemon, culprit: Who, stop: &AtomicBool) -> [Vec<Duration>; 3] {
    let mut client = Client::open(daemon.socket(), 0);
    let name = device_of_another(culprit);
    let device = NodeDevice { name: name.clone() };
    let document = DeviceFlagsArgs { name, flags: 0 };
    let all = ListAllArgs { need_results: 1, flags: 0 };
    let [mut lists, mut lookups, mut documents] = [const { Vec::new() }; 3];
    while lists.is_empty() || !stop.load(Ordering::Relaxed) {
        lists.push(timed(|| client.call::<procedures::ConnectListAllNodeDevices>(&all).is_ok()));
        thread::sleep(PAUSE);
        let lookup = || client.call::<procedures::NodeDeviceLookupByName>(&device).is_ok();
        lookups.push(timed(lookup));
        thread::sleep(PAUSE);
        let read = || client.call::<procedures::NodeDeviceGetXmlDesc>(&document).is_ok();
        documents.push(timed(read));
        thread::sleep(PAUSE);
    }
    [lists, lookups, documents]
}

#[track_caller]
fn timed(call: impl FnOnce() -> bool) -> Duration {
    let begun = Instant::now();
    assert!(call(), "a call of a well-behaved client failed");
    begun.elapsed()
}

/// Has a device of a source come and go; how long it took until a client was told of each.
fn change(host: &Host, daemon: &Daemon, source: Who, stop: &AtomicBool) -> Vec<Duration> {
    let mut client = Client::open(daemon.socket(), 0);
    let args = EventRegisterArgs { event: EventKind::Lifecycle, device: None };
    client.call::<procedures::ConnectNodeDeviceEventRegisterAny>(&args).unwrap();
    let mut times = Vec::new();
    while times.is_empty() || !stop.load(Ordering::Relaxed) {
        for there in [true, false] {
            let begun = Instant::now();
            let name = make(host, daemon, source, there);
            await_event(&mut client, &name);
            times.push(begun.elapsed());
            thread::sleep(rest(source));
        }
    }
    times
}

/// How long a source's device stays as it is. Devices of udev and of the third source come and go without end. With
/// each definition two shells are started that stand for mdevctl: they take a processor from everybody by themselves, and
/// must not do it for a hundredth of the time.
const fn rest(source: Who) -> Duration {
    match source {
        Who::Mdevctl => Duration::from_millis(200),
        Who::Udev | Who::Third | Who::Client => Duration::from_millis(1),
    }
}

fn make(host: &Host, daemon: &Daemon, source: Who, there: bool) -> String {
    match source {
        Who::Udev => {
            host.set_interface(there);
            probe_interface()
        }
        Who::Mdevctl => {
            host.set_definition(there);
            probe_definition()
        }
        Who::Third | Who::Client => {
            daemon.order(if there { "set probe" } else { "remove probe" });
            format!("{THIRD}_probe")
        }
    }
}

/// Each event of that device is the answer to the last change of it.
fn await_event(client: &mut Client, name: &str) {
    loop {
        let frame = client.frame();
        let is_event = frame.header.kind == MessageType::Message;
        if is_event && frame.header.procedure == LIFECYCLE_EVENT {
            let event: LifecycleEvent = from_payload(&frame.payload).unwrap();
            if event.device.name == name {
                return;
            }
        }
    }
}
