//! Clients that stay: two that follow the list by its events alone, one over each protocol, and two that
//! follow and never read.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use nodedev_rpc::{
    EVENT_LIFECYCLE, EventKind, EventRegisterArgs, Lifecycle, LifecycleEvent, ListAllArgs,
    MessageType, from_payload, procedures,
};
use serde_json::Value;

use super::visitors::varlink_call;
use crate::daemon::Daemon;
use crate::lab::Lab;
use crate::wire::Client;

/// What follows a list that is at rest takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether each device is active, and persistent.
type States = BTreeMap<String, [bool; 2]>;

/// The list as somebody knows it who reads it once and then hears events.
#[derive(Debug, Clone)]
struct View(Arc<(Mutex<Known>, Condvar)>);

#[derive(Debug)]
struct Known {
    states: States,
    /// An event that does not fit to what was known before, or the end of the connection.
    fault: Option<String>,
}

/// All of them.
pub(super) struct Residents {
    rpc: View,
    varlink: View,
    watch: Child,
}

impl Residents {
    /// Start while the list is at rest.
    pub(super) fn start(lab: &Lab, daemon: &Daemon) -> Self {
        let rpc = follow_by_rpc(daemon);
        let (varlink, watch) = follow_by_varlink(lab, daemon);
        Self { rpc, varlink, watch }
    }

    /// What is wrong with what each of them knows of a list that is at rest.
    pub(super) fn differences(&self, daemon: &Daemon) -> Vec<String> {
        let listed = states(&mut Client::open(&daemon.socket(), 0));
        let wrong =
            |who: &str, view: &View| view.comes_to(&listed).map(|text| format!("{who}: {text}"));
        [wrong("who follows by RPC", &self.rpc), wrong("who follows by varlink", &self.varlink)]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Drop for Residents {
    fn drop(&mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}

impl View {
    fn new(states: States) -> Self {
        Self(Arc::new((Mutex::new(Known { states, fault: None }), Condvar::new())))
    }

    fn hear(&self, kind: &str, name: &str) {
        let (known, changed) = &*self.0;
        let mut known = known.lock().unwrap();
        let (which, becomes) = match kind {
            "created" => (0, true),
            "deleted" => (0, false),
            "defined" => (1, true),
            "undefined" => (1, false),
            "updated" => return,
            other => return known.fault = Some(format!("it hears `{other}`")),
        };
        let state = known.states.entry(name.to_owned()).or_default();
        let fits = state[which] != becomes;
        state[which] = becomes;
        if *state == [false, false] {
            known.states.remove(name);
        }
        if !fits {
            known.fault = Some(format!("{name} is {kind} and was so before"));
        }
        changed.notify_all();
    }

    fn lost(&self, why: &str) {
        let (known, changed) = &*self.0;
        known.lock().unwrap().fault = Some(why.to_owned());
        changed.notify_all();
    }

    /// Waits until this is known; else what is wrong.
    fn comes_to(&self, listed: &States) -> Option<String> {
        let (known, changed) = &*self.0;
        let known = known.lock().unwrap();
        let not_yet = |known: &mut Known| known.fault.is_none() && known.states != *listed;
        let (known, _) = changed.wait_timeout_while(known, PATIENCE, not_yet).unwrap();
        let names = |states: &States| states.keys().cloned().collect::<BTreeSet<_>>();
        let (theirs, ours) = (names(&known.states), names(listed));
        let differ: Vec<_> = theirs.symmetric_difference(&ours).take(5).collect();
        let differs = (known.states != *listed).then(|| format!("its list differs: {differ:?}"));
        known.fault.clone().or(differs)
    }
}

fn states(client: &mut Client) -> States {
    let mut list = |flags| {
        let args = ListAllArgs { need_results: 1, flags };
        let listed = client.call::<procedures::ConnectListAllNodeDevices>(&args).unwrap();
        listed.devices.0.into_iter().map(|device| device.name).collect::<BTreeSet<_>>()
    };
    let (active, persistent) = (list(1 << 31), list(1 << 28));
    let names = active.union(&persistent);
    names.map(|name| (name.clone(), [active.contains(name), persistent.contains(name)])).collect()
}

fn register(client: &mut Client) {
    for event in [EventKind::Lifecycle, EventKind::Update] {
        let args = EventRegisterArgs { event, device: None };
        client.call::<procedures::ConnectNodeDeviceEventRegisterAny>(&args).unwrap();
    }
}

fn follow_by_rpc(daemon: &Daemon) -> View {
    let mut client = Client::open(&daemon.socket(), 0);
    register(&mut client);
    let view = View::new(states(&mut client));
    let heard = view.clone();
    thread::spawn(move || {
        loop {
            match client.next_frame() {
                Ok(Some(frame)) if frame.header.kind == MessageType::Message => {
                    if frame.header.procedure == EVENT_LIFECYCLE {
                        let event: LifecycleEvent = from_payload(&frame.payload).unwrap();
                        heard.hear(word(event.event), &event.device.name);
                    }
                }
                Ok(Some(_)) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                end => return heard.lost(&format!("its connection ends: {end:?}")),
            }
        }
    });
    view
}

fn word(event: Lifecycle) -> &'static str {
    match event {
        Lifecycle::Created => "created",
        Lifecycle::Deleted => "deleted",
        Lifecycle::Defined => "defined",
        Lifecycle::Undefined => "undefined",
        _ => "something unknown",
    }
}

fn follow_by_varlink(lab: &Lab, daemon: &Daemon) -> (View, Child) {
    let mut watch = lab.nodedev(&["watch", "--json", "--connect"]);
    watch.arg(daemon.varlink_socket()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = watch.spawn().unwrap();
    let mut notes = BufReader::new(watch.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(notes.any(|line| line.contains("watching")), "`nodedev watch` does not watch");
    // What a source reports is none of its events, and must not fill the pipe.
    thread::spawn(move || notes.count());
    let view = View::new(states(&mut Client::open(&daemon.socket(), 0)));
    let heard = view.clone();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines().map_while(Result::ok);
    thread::spawn(move || {
        for line in lines {
            let event: Value = serde_json::from_str(&line).unwrap();
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            heard.hear(&text("event"), &text("name"));
        }
        heard.lost("`nodedev watch` has ended");
    });
    (view, watch)
}

/// Two that follow and never read. Who does not read for long is left by the daemon.
pub(super) struct Deaf {
    _rpc: Client,
    _varlink: UnixStream,
}

impl Deaf {
    pub(super) fn start(daemon: &Daemon) -> Self {
        let mut rpc = Client::open(&daemon.socket(), 0);
        register(&mut rpc);
        let mut varlink = UnixStream::connect(daemon.varlink_socket()).unwrap();
        varlink.write_all(&varlink_call("Watch", ",\"more\":true")).unwrap();
        Self { _rpc: rpc, _varlink: varlink }
    }
}
