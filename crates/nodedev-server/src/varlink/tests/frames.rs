//! What a call may take: length, time and places; and what is no call.

use nodedev_registry::RegistryConfig;
use nodedev_types::fields::{device, net};
use nodedev_types::{Capability, Fields};
use nodedev_varlink::{INTERFACE, Sources};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{Rig, id};
use crate::varlink::frame::{ARRIVE, MAX_CALL, SHORT_CALL, UNREAD};

#[tokio::test]
async fn what_is_no_call_costs_the_connection() {
    let rig = Rig::new();
    for rubbish in
        ["\0", "{\0", "[]\0", "{\"method\":1}\0", "{\"parameters\":{}}\0", "\u{feff}{}\0"]
    {
        let mut client = rig.client();
        client.stream.write_all(rubbish.as_bytes()).await.unwrap();
        assert_eq!(client.receive().await, None, "{rubbish}");
        client.end().await;
    }
    let deep = format!("{{\"method\":\"a.b\",\"parameters\":{}\0", "[".repeat(100_000));
    let mut client = rig.client();
    client.stream.write_all(deep.as_bytes()).await.unwrap();
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn a_call_has_a_longest_length() {
    let rig = Rig::new();
    let mut client = rig.client();
    let padding = "x".repeat(MAX_CALL - 200);
    let refused = client.call(&format!("{INTERFACE}.Get"), json!({ "name": padding })).await;
    assert_eq!(refused["error"], format!("{INTERFACE}.NoSuchDevice"));
    // The service closes before all is written, or after.
    let _ = client.stream.write_all(&vec![b' '; MAX_CALL + 8192]).await;
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_call_waits_for_a_place_and_gives_it_back() {
    let rig = Rig::new();
    let (mut first, mut second) = (rig.client(), rig.client());
    let long = json!({ "name": "x".repeat(2 * SHORT_CALL) });
    let get = format!("{INTERFACE}.Get");
    let call = json!({ "method": get, "parameters": long }).to_string();
    first.stream.write_all(&call.as_bytes()[..call.len() - 1]).await.unwrap();
    tokio::time::sleep(ARRIVE / 2).await;
    assert_eq!(rig.places.available_permits(), 0);
    second.send(&json!({ "method": get, "parameters": long })).await;
    // A short one needs none.
    let _: Sources = rig.client().ask("Sources", json!({})).await;
    tokio::time::sleep(ARRIVE / 4).await;
    first.stream.write_all(b"}\0").await.unwrap();
    for client in [&mut first, &mut second] {
        let refused = client.receive().await.unwrap();
        assert_eq!(refused["error"], format!("{INTERFACE}.NoSuchDevice"));
    }
    let _: Sources = first.ask("Sources", json!({})).await;
    assert_eq!(rig.places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_holds_no_place() {
    let rig = Rig::with(RegistryConfig::default(), &[]);
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(net::INTERFACE, "eth0");
    fields.set(net::ADDRESS, "02:00:00:00:00:01");
    // More than the socket's buffer holds.
    fields.set(device::DEVNODE, format!("/dev/{}", "x".repeat(1 << 20)));
    rig.host.set(&id("eth0"), fields);
    let name = "net_eth0_02_00_00_00_00_01";
    rig.registry.changes().wait_for(|list| list.device(name).is_some()).await.unwrap();
    let (method, parameters) = (format!("{INTERFACE}.Get"), json!({ "name": name }));
    let call = json!({ "method": method, "parameters": parameters }).to_string();
    let mut client = rig.client();
    client.stream.write_all(&vec![b' '; 2 * SHORT_CALL]).await.unwrap();
    tokio::time::sleep(ARRIVE / 2).await;
    assert_eq!(rig.places.available_permits(), 0);
    client.stream.write_all(format!("{call}\0").as_bytes()).await.unwrap();
    tokio::time::timeout(UNREAD / 2, rig.places.acquire()).await.unwrap().unwrap().forget();
    let found = client.receive().await.unwrap();
    assert!(found.to_string().len() > 1 << 20, "the reply was a long one");
}

#[tokio::test(start_paused = true)]
async fn a_long_call_waits_for_a_place_only_so_long() {
    let rig = Rig::new();
    let _held = rig.places.acquire().await.unwrap();
    let mut client = rig.client();
    let before = tokio::time::Instant::now();
    client.stream.write_all(&vec![b' '; 2 * SHORT_CALL]).await.unwrap();
    let ended = tokio::time::timeout(10 * ARRIVE, client.receive()).await;
    assert_eq!(ended, Ok(None), "{:?}", before.elapsed());
    assert!(before.elapsed() >= ARRIVE, "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_free_gives_no_time_anew() {
    let rig = Rig::new();
    let mut client = rig.client();
    let before = tokio::time::Instant::now();
    client.stream.write_all(b"{").await.unwrap();
    tokio::time::sleep(ARRIVE / 2).await;
    client.stream.write_all(&vec![b' '; 2 * SHORT_CALL]).await.unwrap();
    assert_eq!(client.receive().await, None);
    let waited = before.elapsed();
    assert!(waited >= ARRIVE && waited < ARRIVE + ARRIVE / 4, "{waited:?}");
    client.end().await;
    assert_eq!(rig.places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_has_to_arrive_in_time() {
    let rig = Rig::new();
    let mut client = rig.client();
    let before = tokio::time::Instant::now();
    tokio::time::sleep(10 * ARRIVE).await;
    let _: Sources = client.ask("Sources", json!({})).await;
    client.stream.write_all(b"{").await.unwrap();
    assert_eq!(client.receive().await, None);
    assert!(before.elapsed() >= 11 * ARRIVE, "silence is no call: {:?}", before.elapsed());
    client.end().await;
}
