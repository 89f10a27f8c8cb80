//! Clients that come, ask and go, politely or not, one after the other in a thread of their own.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nodedev_mutants::Random;
use nodedev_rpc::{
    DeviceFlagsArgs, EventKind, EventRegisterArgs, ListAllArgs, NodeDevice, procedures,
};

use crate::command::run;
use crate::daemon::{Daemon, uri_of};
use crate::lab::Lab;
use crate::wire::{Client, PATIENCE};

/// From one to the next.
const PAUSE: Duration = Duration::from_millis(60);

/// Clients that come until this ends.
pub(super) struct Visitors<'scope> {
    stop: mpsc::Sender<()>,
    thread: thread::ScopedJoinHandle<'scope, u64>,
}

impl<'scope> Visitors<'scope> {
    pub(super) fn start(
        scope: &'scope thread::Scope<'scope, '_>,
        lab: &'scope Lab,
        daemon: &Daemon,
        mut random: Random,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let place = Place { lab, rpc: daemon.socket(), varlink: daemon.varlink_socket() };
        let thread = scope.spawn(move || {
            let mut count = 0;
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                place.visit(&mut random);
                count += 1;
            }
            count
        });
        Self { stop, thread }
    }

    /// Lets the last one go; how many there were. None if one was not served as it should be.
    pub(super) fn stop(self) -> Option<u64> {
        let _ = self.stop.send(());
        self.thread.join().ok()
    }
}

struct Place<'a> {
    lab: &'a Lab,
    rpc: PathBuf,
    varlink: PathBuf,
}

impl Place<'_> {
    fn visit(&self, random: &mut Random) {
        match random.below(40) {
            0..16 => self.reads_documents(random),
            16..22 => self.follows_and_dies(),
            22..27 => self.dies_within_a_frame(random),
            27..33 => self.asks_varlink(),
            33..37 => self.dies_before_the_answer(),
            37..39 => self.runs_nodedev(),
            _ => self.runs_virsh(),
        }
    }

    fn reads_documents(&self, random: &mut Random) {
        let mut client = Client::open(&self.rpc, 0);
        let all = ListAllArgs { need_results: 1, flags: 0 };
        let listed = client.call::<procedures::ConnectListAllNodeDevices>(&all).unwrap();
        let names: Vec<_> = listed.devices.0.into_iter().map(|device| device.name).collect();
        for _ in 0..3 {
            let name = names[random.below(names.len())].clone();
            // It may have gone meanwhile.
            let look = DeviceFlagsArgs { name: name.clone(), flags: 0 };
            let _ = client.call::<procedures::NodeDeviceGetXmlDesc>(&look);
            let _ = client.call::<procedures::NodeDeviceGetParent>(&NodeDevice { name });
        }
        client.call::<procedures::ConnectClose>(&()).unwrap();
    }

    fn follows_and_dies(&self) {
        let mut client = Client::open(&self.rpc, 0);
        for event in [EventKind::Lifecycle, EventKind::Update] {
            let args = EventRegisterArgs { event, device: None };
            client.call::<procedures::ConnectNodeDeviceEventRegisterAny>(&args).unwrap();
        }
    }

    fn dies_within_a_frame(&self, random: &mut Random) {
        let mut client = Client::open(&self.rpc, 0);
        let rubbish: Vec<_> = (0..1 + random.below(60)).map(|_| random.byte()).collect();
        let _ = client.send(&[&[0, 0, 1, 0][..], &rubbish].concat());
    }

    fn asks_varlink(&self) {
        let mut stream = connect(&self.varlink);
        for method in ["List", "Sources"] {
            stream.write_all(&varlink_call(method, "")).unwrap();
            let mut answer = [0; 16 << 10];
            loop {
                let count = stream.read(&mut answer).unwrap();
                assert!(count > 0, "the daemon ends the connection before its answer");
                if answer[..count].ends_with(&[0]) {
                    break;
                }
            }
        }
    }

    fn dies_before_the_answer(&self) {
        let call = varlink_call("List", "").repeat(3);
        let _ = connect(&self.varlink).write_all(&call);
    }

    fn runs_nodedev(&self) {
        let list = ["list", "--all", "--json"];
        run(self.lab.nodedev(&list).arg("--connect").arg(&self.varlink)).ok();
    }

    fn runs_virsh(&self) {
        let uri = uri_of(&self.rpc);
        run(self.lab.command("virsh").args(["-q", "-c", &uri, "nodedev-list --all"])).ok();
    }
}

fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A call as it goes over the wire.
pub(super) fn varlink_call(method: &str, more: &str) -> Vec<u8> {
    let text =
        format!("{{\"method\":\"io.nodedev.NodeDevice.{method}\",\"parameters\":{{}}{more}}}\0");
    text.into_bytes()
}
