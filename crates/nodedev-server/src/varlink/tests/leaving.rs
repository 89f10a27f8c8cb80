//! Clients that go while their call is under way, or that say nothing; and the server's end meanwhile.

use std::sync::Arc;
use std::time::Duration;

use nodedev_registry::RegistryConfig;
use nodedev_source_testkit::Hold;
use nodedev_varlink::{INTERFACE, List};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::{Client, METHODS, Rig};
use crate::counts::Counts;
use crate::varlink::frame::ARRIVE;
use crate::varlink::{Rights, deny};

/// One whose call waits until somebody says whether it may do that.
async fn asked_about(rig: &Rig) -> Client {
    let asked = Arc::new(Notify::new());
    let mut client = rig.client_with(Rights::Asked(Arc::clone(&asked)));
    let start = json!({ "method": format!("{INTERFACE}.Start"), "parameters": { "name": "a" } });
    client.send(&start).await;
    timeout(Duration::from_secs(5), asked.notified()).await.unwrap();
    client
}

fn unready() -> (Rig, Hold) {
    let mut held = None;
    let rig = Rig::prepared(RegistryConfig::default(), &["eth0"], |host| {
        held = Some(host.hold_snapshots());
    });
    (rig, held.unwrap())
}

#[tokio::test]
async fn who_goes_while_polkit_is_asked_is_noticed() {
    let rig = Rig::new();
    let mut client = asked_about(&rig).await;
    // What it says behind its call is no sign of life.
    client.stream.write_all(b"{\"method\"").await.unwrap();
    let Client { stream, served } = client;
    drop(stream);
    timeout(Duration::from_secs(5), served).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_servers_end_waits_for_nobody_who_is_asked() {
    let rig = Rig::new();
    let mut client = asked_about(&rig).await;
    rig.stop.send_replace(true);
    let ended = timeout(Duration::from_secs(5), client.receive()).await.unwrap().unwrap();
    assert_eq!(ended["error"], format!("{INTERFACE}.Ended"));
    client.end().await;
}

#[tokio::test]
async fn who_goes_while_the_list_is_not_complete_is_noticed() {
    let (rig, _held) = unready();
    for method in ["List", "Start"] {
        let mut client = rig.client();
        let parameters = if method == "Start" { json!({ "name": "a" }) } else { Value::Null };
        let method = format!("{INTERFACE}.{method}");
        client.send(&json!({ "method": method, "parameters": parameters })).await;
        let Client { stream, served } = client;
        drop(stream);
        timeout(Duration::from_secs(5), served).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn who_only_has_nothing_more_to_say_gets_its_answer() {
    let (rig, held) = unready();
    let mut client = rig.client();
    client.send(&json!({ "method": format!("{INTERFACE}.List") })).await;
    client.stream.shutdown().await.unwrap();
    assert!(timeout(Duration::from_millis(50), client.receive()).await.is_err());
    held.release();
    let mut reply = client.receive().await.unwrap();
    let list: List = serde_json::from_value(reply["parameters"].take()).unwrap();
    assert_eq!(list.devices.len(), 1);
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_keeps_no_place_by_silence() {
    let rig = Rig::new();
    for said in ["", "{\"method\":"] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let counts = Arc::new(Counts::new(METHODS));
        let denied = tokio::spawn(deny(theirs, rig.registry.clone(), counts));
        let begun = Instant::now();
        sleep(ARRIVE / 2).await;
        ours.write_all(said.as_bytes()).await.unwrap();
        assert_eq!(ours.read(&mut [0]).await.unwrap(), 0, "{said}");
        let waited = begun.elapsed();
        assert!(waited >= ARRIVE && waited < ARRIVE + ARRIVE / 4, "{said}: {waited:?}");
        timeout(ARRIVE, denied).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_is_told_so() {
    let rig = Rig::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let counts = Arc::new(Counts::new(METHODS));
    let served = tokio::spawn(deny(theirs, rig.registry.clone(), counts));
    let mut client = Client { stream: BufReader::new(ours), served };
    let refused = client.call(&format!("{INTERFACE}.List"), Value::Null).await;
    assert_eq!(refused["error"], "org.varlink.service.PermissionDenied");
    assert_eq!(client.receive().await, None);
    client.end().await;
}
