//! A client that reads document after document, which a thread of its own serves for a while.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use nodedev_rpc::{
    DeviceFlagsArgs, EventKind, EventRegisterArgs, Keepalive, NodeDevice, Procedure, procedures,
};
use nodedev_server::ServerConfig;
use nodedev_source::{
    EventSink, HintStream, NodeDeviceSource, Snapshot, SourceError, SourceInfo, Watch, async_trait,
    may_block,
};
use nodedev_types::{DeviceId, Observation};

use crate::client::Client;
use crate::rig::Rig;

const ETH0: &str = "net_eth0_";
/// Whatever is waited for comes about long before.
const SOON: Duration = Duration::from_secs(20);

/// What the source's reading for documents does and has done.
#[derive(Debug, Default)]
struct Readings {
    /// How many were made where a thread may be held up.
    on_threads: AtomicUsize,
    /// Whether those hang.
    hang: AtomicBool,
    hanging: AtomicUsize,
    free: (Mutex<bool>, Condvar),
}

impl Readings {
    fn read(&self) {
        if !may_block() {
            return;
        }
        assert_eq!(std::thread::current().name(), Some("client"));
        self.on_threads.fetch_add(1, Ordering::SeqCst);
        if self.hang.load(Ordering::SeqCst) {
            self.hanging.fetch_add(1, Ordering::SeqCst);
            let (free, changed) = &self.free;
            drop(changed.wait_while(free.lock().unwrap(), |free| !*free).unwrap());
            self.hanging.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn release(&self) {
        self.hang.store(false, Ordering::SeqCst);
        *self.free.0.lock().unwrap() = true;
        self.free.1.notify_all();
    }
}

/// Passes everything on.
#[derive(Debug)]
struct Observed(Arc<dyn NodeDeviceSource>, Arc<Readings>);

#[async_trait]
impl NodeDeviceSource for Observed {
    fn info(&self) -> SourceInfo {
        self.0.info()
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        self.0.watch(sink, hints).await
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        self.0.snapshot().await
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        self.1.read();
        self.0.refresh(id).await
    }
}

async fn rig() -> (Rig, Arc<Readings>) {
    let readings = Arc::new(Readings::default());
    let seen = Arc::clone(&readings);
    let observe = |kernel| -> Arc<dyn NodeDeviceSource> { Arc::new(Observed(kernel, seen)) };
    let rig = Rig::around(ServerConfig::default(), |_| {}, observe);
    rig.registry.ready().await;
    (rig, readings)
}

fn document() -> DeviceFlagsArgs {
    DeviceFlagsArgs { name: ETH0.to_owned(), flags: 0 }
}

async fn read(client: &mut Client) {
    let xml = client.ok::<procedures::NodeDeviceGetXmlDesc>(&document()).await.value;
    assert!(xml.contains("<interface>eth0</interface>"), "{xml}");
}

/// Reads documents until that is so.
async fn read_until(client: &mut Client, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < SOON, "it never comes about");
        read(client).await;
    }
}

/// Reads documents until a thread has done so at least twice more.
async fn get_a_thread(client: &mut Client, readings: &Readings) {
    let before = readings.on_threads.load(Ordering::SeqCst);
    read_until(client, || readings.on_threads.load(Ordering::SeqCst) >= before + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_one_document_after_the_other_gets_a_thread() {
    let (rig, readings) = rig().await;
    let (mut reader, mut other) = (rig.open().await, rig.open().await);
    read(&mut reader).await;
    assert_eq!(readings.on_threads.load(Ordering::SeqCst), 0, "one document is not many");
    get_a_thread(&mut reader, &readings).await;
    read(&mut other).await;
    // It pauses, and is served as before.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = readings.on_threads.load(Ordering::SeqCst);
    read(&mut reader).await;
    assert_eq!(readings.on_threads.load(Ordering::SeqCst), before);
}

/// How many threads there are for single clients.
fn places() -> usize {
    std::thread::available_parallelism().unwrap().get().saturating_sub(1).clamp(1, 4)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_hangs_costs_nobody_the_answer() {
    let (rig, readings) = rig().await;
    readings.hang.store(true, Ordering::SeqCst);
    // Each thread hangs, and is left to itself, until there are no more to be had.
    let mut readers = Vec::new();
    for hanging in 1..=places() {
        let mut reader = rig.open().await;
        read_until(&mut reader, || readings.hanging.load(Ordering::SeqCst) == hanging).await;
        readers.push(reader);
    }
    readers.push(rig.open().await);
    for _ in 0..100 {
        for reader in &mut readers {
            read(reader).await;
        }
    }
    let mut another = rig.open().await;
    for _ in 0..100 {
        read(&mut another).await;
    }
    assert_eq!(readings.hanging.load(Ordering::SeqCst), places());
    readings.release();
    get_a_thread(&mut another, &readings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_it_asks_for_meanwhile_is_answered_in_turn() {
    let (rig, readings) = rig().await;
    let mut client = rig.open().await;
    get_a_thread(&mut client, &readings).await;
    let register = EventRegisterArgs { event: EventKind::Lifecycle, device: None };
    let find = NodeDevice { name: ETH0.to_owned() };
    let mut all = Vec::new();
    all.extend(procedures::NodeDeviceGetXmlDesc::call(1001, &document()).unwrap());
    all.extend(procedures::NodeDeviceLookupByName::call(1002, &find).unwrap());
    all.extend(nodedev_rpc::Frame::bytes_of(&Keepalive::Ping.header(), &()).unwrap());
    all.extend(procedures::ConnectNodeDeviceEventRegisterAny::call(1003, &register).unwrap());
    all.extend(procedures::NodeDeviceGetXmlDesc::call(1004, &document()).unwrap());
    // In two pieces, the first of which ends within a frame.
    let (one, two) = all.split_at(all.len() / 2);
    client.write(one).await;
    client.write(two).await;
    for serial in 1001..=1004 {
        client.answer(serial).await.unwrap();
    }
    let pong = client.next().await.expect("a pong, not the end");
    assert_eq!(Keepalive::of(&pong.header), Some(Keepalive::Pong));
    // Who hears of events is served by the connection itself.
    let before = readings.on_threads.load(Ordering::SeqCst);
    for _ in 0..50 {
        read(&mut client).await;
    }
    assert_eq!(readings.on_threads.load(Ordering::SeqCst), before);
    rig.plug("eth7");
    assert_eq!(client.event().await.1, "Created net_eth7_");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_does_not_read_at_once_is_not_lost() {
    let (rig, readings) = rig().await;
    let mut client = rig.open().await;
    get_a_thread(&mut client, &readings).await;
    let calls = 5000;
    let mut all = Vec::new();
    for serial in 0..calls {
        all.extend(procedures::NodeDeviceGetXmlDesc::call(10_000 + serial, &document()).unwrap());
    }
    // More than the socket holds, so that it has to be read meanwhile.
    let (mut reading, mut writing) = client.stream.split();
    let write = async { tokio::io::AsyncWriteExt::write_all(&mut writing, &all).await.unwrap() };
    let mut decoder = nodedev_rpc::FrameDecoder::new(nodedev_rpc::MAX_FRAME_LEN);
    let mut serials = Vec::new();
    let read = async {
        loop {
            while let Some(nodedev_rpc::Received::Frame(frame)) = decoder.next().unwrap() {
                serials.push(frame.header.serial);
            }
            if serials.len() == calls as usize {
                return;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
            let read = tokio::io::AsyncReadExt::read_buf(&mut reading, decoder.buffer()).await;
            assert_ne!(read.unwrap(), 0, "the end");
        }
    };
    tokio::time::timeout(SOON, async { tokio::join!(write, read) }).await.unwrap();
    // Calls that run beside each other may be answered in any order.
    serials.sort_unstable();
    assert!(serials.into_iter().eq(10_000..10_000 + calls));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_leave_and_the_server_may_end() {
    let (rig, readings) = rig().await;
    let (mut one, mut other) = (rig.open().await, rig.open().await);
    get_a_thread(&mut one, &readings).await;
    drop(one);
    let mut clients = rig.server.clients();
    let left = clients.wait_for(|clients| *clients == 1);
    tokio::time::timeout(SOON, left).await.unwrap().unwrap();
    get_a_thread(&mut other, &readings).await;
    let begun = Instant::now();
    rig.server.shutdown(SOON).await;
    assert!(begun.elapsed() < SOON);
    other.is_closed().await;
}
