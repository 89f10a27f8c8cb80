//! A client that does nothing wrong, while others do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nodedev_rpc::{DeviceFlagsArgs, ListDevicesArgs, NodeDevice, procedures};

use nodedev_tests::wire::Client;

/// No call of a well-behaved client may take longer, whatever others do, on a loaded machine.
const BOUND: Duration = Duration::from_secs(5);

/// Calls in a thread of its own until it is asked.
#[derive(Debug)]
pub(super) struct Witness {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Duration)>,
}

impl Witness {
    pub(super) fn start(socket: &Path, device: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut client = Client::open(socket, 0);
        let device = device.to_owned();
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let (mut calls, mut longest) = (0, Duration::ZERO);
                while calls == 0 || !stop.load(Ordering::Relaxed) {
                    longest = longest.max(round(&mut client, &device));
                    calls += 4;
                }
                (calls, longest)
            }
        });
        Self { stop, thread }
    }

    /// Ends it, says how it went, and fails when a call failed or took too long.
    #[track_caller]
    pub(super) fn finish(self, meanwhile: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let (calls, longest) = self.thread.join().unwrap();
        eprintln!("{meanwhile}: {calls} calls of another client, the longest took {longest:?}");
        assert!(longest < BOUND, "{meanwhile}: a call of another client took {longest:?}");
    }
}

/// The longest of four calls.
fn round(client: &mut Client, name: &str) -> Duration {
    let name = name.to_owned();
    let look = NodeDevice { name: name.clone() };
    let list = ListDevicesArgs { capability: Some("net".to_owned()), max_names: 16, flags: 0 };
    [
        timed(|| client.call::<procedures::NodeDeviceLookupByName>(&look).is_ok()),
        timed(|| client.call::<procedures::NodeDeviceGetParent>(&look).is_ok()),
        timed(|| client.call::<procedures::NodeListDevices>(&list).is_ok()),
        timed(|| {
            let args = DeviceFlagsArgs { name, flags: 0 };
            client.call::<procedures::NodeDeviceGetXmlDesc>(&args).is_ok()
        }),
    ]
    .into_iter()
    .max()
    .unwrap()
}

#[track_caller]
fn timed(call: impl FnOnce() -> bool) -> Duration {
    let begun = Instant::now();
    assert!(call(), "a call of a well-behaved client failed");
    begun.elapsed()
}
