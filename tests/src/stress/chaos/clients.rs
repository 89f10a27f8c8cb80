//! Clients that cost the daemon what they can, each in a thread, until the value is dropped.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use nodedev_rpc::{Frame, Header, ListAllArgs, NodeDevice, procedures};

use super::cells::ClientFault;
use crate::stress::priority::give_way;
use crate::wire::Client;

const CLIENTS: usize = 4;
/// No client that is not read from gets so many bytes rid.
const MOST: usize = 1 << 20;
const LIST_ALL: i32 = 285;

/// Clients that misbehave.
#[derive(Debug)]
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Has them begin.
    pub(super) fn start(socket: &Path, fault: ClientFault) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |_| {
            let (socket, stop) = (socket.to_owned(), Arc::clone(&stop));
            thread::spawn(move || {
                give_way();
                while !stop.load(Ordering::Relaxed) {
                    misbehave(&socket, fault, &stop)
                }
            })
        };
        let threads = (0..CLIENTS).map(start).collect();
        Self { stop, threads }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

fn misbehave(socket: &Path, fault: ClientFault, stop: &AtomicBool) {
    let mut client = Client::open(socket, 0);
    match fault {
        ClientFault::Flood => {
            let device = NodeDevice { name: "computer".to_owned() };
            while !stop.load(Ordering::Relaxed) {
                client.call::<procedures::NodeDeviceGetParent>(&device).unwrap();
            }
        }
        ClientFault::NeverRead => {
            client.fill(&list_call().repeat(100), MOST);
            client.until_left();
        }
        // It may be gone before all is sent.
        ClientFault::Die => drop(client.send(&list_call()[..20])),
    }
}

fn list_call() -> Vec<u8> {
    let args = ListAllArgs { need_results: 1, flags: 0 };
    Frame::bytes_of(&Header::call(LIST_ALL, 1), &args).unwrap()
}
