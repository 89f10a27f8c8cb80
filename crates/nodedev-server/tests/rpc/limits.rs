//! What one client may use, and what becomes of those that do not answer.

use std::time::Duration;

use nodedev_rpc::{
    DeviceFlagsArgs, Feature, Frame, Header, Keepalive, NodeDevice, Procedure, SupportsFeatureArgs,
    procedures,
};
use nodedev_server::socket::{SocketOptions, bind};
use nodedev_server::{Access, AuthScheme, Listener, ServerConfig};
use nodedev_source_testkit::Behaviour;
use tokio::io::AsyncWriteExt as _;

use crate::client::Client;
use crate::rig::Rig;

const SHORT: Duration = Duration::from_millis(50);

async fn wants_pings(client: &mut Client) {
    let args = SupportsFeatureArgs { feature: Feature::ProgramKeepalive };
    client.ok::<procedures::ConnectSupportsFeature>(&args).await;
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_then_given_up() {
    let mut config = ServerConfig::default();
    (config.keepalive_interval, config.keepalive_count) = (Some(SHORT), 2);
    let rig = Rig::with(config).await;
    let mut client = rig.open().await;
    wants_pings(&mut client).await;
    for _ in 0..2 {
        let frame = client.next().await.expect("a ping");
        assert_eq!(Keepalive::of(&frame.header), Some(Keepalive::Ping));
    }
    client.is_closed().await;
}

#[tokio::test]
async fn a_client_that_did_not_ask_for_pings_gets_none() {
    let mut config = ServerConfig::default();
    (config.keepalive_interval, config.keepalive_count) = (Some(SHORT), 1);
    let rig = Rig::with(config).await;
    let (mut quiet, mut pinged) = (rig.open().await, rig.open().await);
    wants_pings(&mut pinged).await;
    pinged.is_closed().await;
    quiet.ping().await;
}

#[tokio::test]
async fn five_calls_run_at_once_and_pings_pass_them() {
    let rig = Rig::start().await;
    rig.host.on_refresh(Behaviour::Hang);
    let mut client = rig.open().await;
    let args = DeviceFlagsArgs { name: "net_eth0_".to_owned(), flags: 0 };
    let mut serials = Vec::new();
    for _ in 0..5 {
        serials.push(client.send::<procedures::NodeDeviceGetXmlDesc>(&args).await);
    }
    let quick =
        client.send::<procedures::NodeDeviceLookupByName>(&NodeDevice { name: args.name }).await;
    client.ping().await;
    // The sixth call waits for one of the five, which end at their deadline with what is known.
    let first = client.next().await.expect("an answer");
    assert!(serials.contains(&first.header.serial), "{:?}", first.header);
    assert!(client.answer(quick).await.is_ok());
}

#[tokio::test]
async fn the_others_do_not_notice_a_client_that_reads_nothing() {
    let mut config = ServerConfig::default();
    config.limits.write = SHORT;
    let rig = Rig::with(config).await;
    let (mut deaf, mut other) = (rig.open().await, rig.open().await);
    let mut clients = rig.server.clients();
    // Each is answered with as many bytes, so that they fill every buffer between the two.
    let pings = Frame::bytes_of(&Keepalive::Ping.header(), &()).unwrap().repeat(1000);
    let flood = async {
        while tokio::io::AsyncWriteExt::write_all(&mut deaf.stream, &pings).await.is_ok() {}
    };
    let watch = async {
        clients.wait_for(|count| *count == 1).await.unwrap();
        other.ping().await;
    };
    tokio::join!(flood, watch);
}

#[tokio::test]
async fn a_frame_that_never_ends_is_not_waited_for() {
    let mut config = ServerConfig::default();
    config.limits.frame = SHORT;
    let rig = Rig::with(config).await;
    let mut client = rig.open().await;
    client.write(&[0, 0, 0, 40, 0, 0]).await;
    client.is_closed().await;
}

#[tokio::test]
async fn long_frames_take_turns_and_all_arrive() {
    let rig = Rig::start().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let mut client = rig.open().await;
        tasks.spawn(async move {
            let args = NodeDevice { name: "y".repeat(300_000) };
            client.fails::<procedures::NodeDeviceLookupByName>(&args).await
        });
    }
    for (code, ..) in tasks.join_all().await {
        assert_eq!(code, 53);
    }
}

#[tokio::test]
async fn a_client_whose_frame_has_to_wait_is_not_silent() {
    let mut config = ServerConfig::default();
    (config.keepalive_interval, config.keepalive_count) = (Some(SHORT), 1);
    let rig = Rig::with(config).await;
    // The beginning of a long frame, as often as such frames may arrive at once.
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut client = rig.open().await;
        client.write(&(1_u32 << 20).to_be_bytes()).await;
        client.write(&[0; 1000]).await;
        slow.push(client);
    }
    let mut waiting = rig.open().await;
    wants_pings(&mut waiting).await;
    let args = NodeDevice { name: "y".repeat(100_000) };
    let call = <procedures::NodeDeviceLookupByName as Procedure>::call(9, &args).unwrap();
    waiting.write(&call[..50_000]).await;
    for _ in 0..4 {
        let frame = waiting.next().await.expect("a ping, not the end");
        assert_eq!(Keepalive::of(&frame.header), Some(Keepalive::Ping));
    }
    drop(slow);
    waiting.write(&call[50_000..]).await;
    assert_eq!(waiting.answer(9).await.unwrap_err().0, 53);
}

#[tokio::test]
async fn long_calls_that_wait_keep_their_places() {
    let mut held = None;
    let rig = Rig::unready(ServerConfig::default(), |host| held = Some(host.hold_snapshots()));
    let args = NodeDevice { name: "z".repeat(2 << 20) };
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut client = rig.open().await;
        let serial = client.send::<procedures::NodeDeviceLookupByName>(&args).await;
        waiting.push((client, serial));
    }
    let mut ninth = rig.open().await;
    let call = <procedures::NodeDeviceLookupByName as Procedure>::call(9, &args).unwrap();
    let blocked = tokio::time::timeout(SHORT, ninth.stream.write_all(&call)).await;
    assert!(blocked.is_err(), "a ninth frame found room");
    held.unwrap().release();
    for (mut client, serial) in waiting {
        assert_eq!(client.answer(serial).await.unwrap_err().0, 53);
    }
}

#[tokio::test]
async fn others_get_their_turn_between_the_calls_of_one_client() {
    let rig = Rig::start().await;
    let mut busy = rig.open().await;
    let header = Header::call(<procedures::ConnectGetUri as Procedure>::INFO.number, 1);
    let calls = Frame::bytes_of(&header, &()).unwrap().repeat(100);
    let turns = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let other = tokio::spawn({
        let turns = std::sync::Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    // All of them arrive at once: this thread is the only one.
    assert_eq!(busy.stream.try_write(&calls).unwrap(), calls.len());
    let before = turns.load(std::sync::atomic::Ordering::Relaxed);
    for _ in 0..100 {
        assert!(busy.next().await.is_some());
    }
    let turns = turns.load(std::sync::atomic::Ordering::Relaxed) - before;
    other.abort();
    assert!(turns >= 10, "{turns}");
}

#[tokio::test]
async fn further_clients_wait_for_a_place() {
    let mut config = ServerConfig::default();
    config.limits.clients = 1;
    let rig = Rig::with(config).await;
    let first = rig.open().await;
    let mut second = rig.client().await;
    let serial = second.send::<procedures::AuthList>(&()).await;
    assert!(second.next_is_silent().await);
    drop(first);
    assert!(second.answer(serial).await.is_ok());
}

#[tokio::test]
async fn unknown_clients_do_not_keep_others_from_being_accepted() {
    let mut config = ServerConfig::default();
    config.limits.anonymous_clients = 1;
    let rig = Rig::with(config).await;
    let path = rig.socket("polkit");
    let socket = bind(&path, &SocketOptions::default()).unwrap();
    rig.server.listen(Listener::unix(socket.listener, Access::ReadWrite, AuthScheme::Polkit));
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(Client::connect(&path).await);
    }
    let mut clients = rig.server.clients();
    // What it gives locks the count.
    let three = async { drop(clients.wait_for(|count| *count == 3).await) };
    assert!(tokio::time::timeout(SHORT * 100, three).await.is_ok(), "only some are accepted");
    rig.server.shutdown(SHORT * 100).await;
    assert_eq!(*rig.server.clients().borrow(), 0);
}

#[tokio::test]
async fn a_shutdown_answers_what_runs_and_closes_the_rest() {
    let rig = Rig::start().await;
    let mut idle = rig.open().await;
    let mut busy = rig.open().await;
    rig.host.next_refresh(Behaviour::Delay(SHORT));
    let args = DeviceFlagsArgs { name: "net_eth0_".to_owned(), flags: 0 };
    let serial = busy.send::<procedures::NodeDeviceGetXmlDesc>(&args).await;
    busy.ping().await;
    let server = rig.server.clone();
    let end = tokio::spawn(async move { server.shutdown(Duration::from_secs(5)).await });
    assert!(busy.answer(serial).await.is_ok());
    busy.is_closed().await;
    idle.is_closed().await;
    end.await.unwrap();
    assert!(tokio::net::UnixStream::connect(rig.socket("rw")).await.is_err());
}
