//! Following the list.

use std::time::Duration;

use nodedev_registry::RegistryConfig;
use nodedev_types::Diagnostic;
use nodedev_varlink::{INTERFACE, List, WatchReply};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Client, Rig, id, set, set_long};
use crate::varlink::frame::{SHORT_CALL, UNREAD};

#[tokio::test]
async fn nothing_is_kept_of_what_is_said_behind_a_watch() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.watch(json!({})).await;
    // No end of a call, and more of it than is taken without a place. The service closes before all is
    // written, or after.
    let _ = client.stream.write_all(&vec![b' '; 2 * SHORT_CALL]).await;
    set(&rig.host, "eth2", "02:00:00:00:00:01");
    client.end().await;
    assert_eq!(rig.places.available_permits(), 1);
}

#[tokio::test]
async fn a_watch_tells_what_happens() {
    let rig = Rig::new();
    let mut client = rig.client();
    let list: List = client.ask("List", json!({})).await;
    let since = json!({ "since": list.generation, "instance": list.instance });
    let first = client.watch(since).await;
    assert!(!first.missed && first.changes.is_empty(), "{first:?}");
    assert_eq!(first.sources[0].name, "udev");
    set(&rig.host, "eth2", "02:00:00:00:00:01");
    let created = client.next().await;
    assert!(created.generation > list.generation, "{created:?}");
    let change = &created.changes[0];
    assert_eq!((change.kind.to_string(), &change.id), ("created".into(), &id("eth2")));
    assert_eq!(change.device.as_ref().unwrap().name, change.name);
    rig.host.remove(&id("eth2"));
    let deleted = client.next().await;
    assert_eq!(deleted.changes[0].kind.to_string(), "deleted");
    assert_eq!(deleted.changes[0].device, None);
    assert_eq!(deleted.sources, [], "its counters are no news");
}

#[tokio::test]
async fn what_cannot_be_known_counts_as_missed() {
    let rig = Rig::new();
    let list: List = rig.client().ask("List", json!({})).await;
    let other = Rig::new();
    let theirs: List = other.client().ask("List", json!({})).await;
    assert_ne!(list.instance, theirs.instance);
    for since in [
        json!({ "since": list.generation - 1, "instance": list.instance }),
        json!({ "since": list.generation + 1, "instance": list.instance }),
        json!({ "since": list.generation, "instance": theirs.instance }),
        json!({ "since": list.generation }),
    ] {
        let first = rig.client().watch(since.clone()).await;
        assert!(first.missed, "{since}: {first:?}");
    }
    assert!(!rig.client().watch(json!({})).await.missed, "from now on nothing is missed");
}

#[tokio::test]
async fn a_watch_tells_how_sources_fare() {
    let rig = Rig::new();
    let mut client = rig.client();
    let counted = |reply: &WatchReply| {
        let counts = reply.sources[0].counts.iter();
        counts.map(|count| count.name.clone()).collect::<Vec<_>>()
    };
    let first = client.watch(json!({})).await;
    assert_eq!(counted(&first), ["sent", "watches"], "{first:?}");
    rig.host.set_diagnostics(vec![Diagnostic::warning("eth0", "odd")]);
    rig.host.resync("test");
    let reply = loop {
        let reply = client.next().await;
        if reply.sources.iter().any(|source| !source.diagnostics.is_empty()) {
            break reply;
        }
    };
    assert_eq!(reply.sources[0].diagnostics[0].message, "odd");
    assert_eq!(counted(&reply), counted(&first));
    assert_eq!(reply.changes, []);
}

#[tokio::test]
async fn many_changes_come_in_parts() {
    let rig = Rig::new();
    let mut client = rig.client();
    let list: List = client.ask("List", json!({})).await;
    client.watch(json!({})).await;
    rig.host.lose_events(true);
    for number in 0..600 {
        set(&rig.host, &format!("veth{number}"), "02:00:00:00:00:01");
    }
    rig.host.lose_events(false);
    rig.host.resync("test");
    let (mut count, mut parts) = (0, 0);
    while count < 600 {
        let reply = client.next().await;
        assert!(reply.changes.len() <= 256, "{}", reply.changes.len());
        count += reply.changes.len();
        parts += usize::from(reply.partial);
        assert_eq!(reply.partial, count < 600, "{count}");
        assert!(!reply.missed);
    }
    assert_eq!((count, parts), (600, 2));
    let now: List = rig.client().ask("List", json!({})).await;
    assert_eq!(now.devices.len(), list.devices.len() + 600);
}

#[tokio::test]
async fn a_slow_reader_is_told_that_he_missed_something() {
    let mut config = RegistryConfig::default();
    config.event_queue = 4;
    let rig = Rig::with(config, &["eth0"]);
    let mut client = rig.client();
    client.watch(json!({})).await;
    let mut generations = rig.registry.changes();
    // More than the queue and the socket's buffer hold.
    for number in 0..200 {
        set_long(&rig.host, number);
        generations.changed().await.unwrap();
    }
    let missed = loop {
        let reply = client.next().await;
        if reply.missed {
            break reply;
        }
    };
    assert!(missed.changes.is_empty(), "{missed:?}");
    set(&rig.host, "eth9", "02:00:00:00:00:01");
    loop {
        let reply = client.next().await;
        if reply.changes.iter().any(|change| change.id == id("eth9")) {
            assert!(reply.generation > missed.generation);
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_is_disconnected() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.watch(json!({})).await;
    let mut generations = rig.registry.changes();
    for number in 0..200 {
        set_long(&rig.host, number);
        generations.changed().await.unwrap();
    }
    let before = tokio::time::Instant::now();
    client.served.await.unwrap();
    let waited = before.elapsed();
    assert!(waited <= UNREAD && waited > UNREAD / 2, "{waited:?}");
    let mut rest = Vec::new();
    client.stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < 1024 * 1024, "the rest is not sent: {}", rest.len());
}

#[tokio::test]
async fn a_watch_ends_with_its_client_and_with_the_registry() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.watch(json!({})).await;
    let Client { stream, served } = client;
    drop(stream);
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap();

    let mut client = rig.client();
    client.watch(json!({})).await;
    client.send(&json!({ "method": format!("{INTERFACE}.Sources") })).await;
    assert_eq!(client.receive().await, None, "nothing can be asked behind a watch");

    let mut client = rig.client();
    client.watch(json!({})).await;
    rig.registry.shutdown().await;
    let ended = client.receive().await.unwrap();
    assert_eq!(ended["error"], format!("{INTERFACE}.Ended"));
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn a_server_that_ends_says_so_to_those_who_watch_and_answers_nobody_else() {
    let rig = Rig::new();
    let (mut watching, mut silent) = (rig.client(), rig.client());
    let method = format!("{INTERFACE}.Watch");
    watching.send(&json!({ "method": method, "more": true })).await;
    watching.receive().await.unwrap();
    rig.stop.send_replace(true);
    let end = tokio::time::timeout(Duration::from_secs(30), watching.receive()).await;
    let end = end.expect("it is told within 30 s").unwrap();
    assert_eq!(end["error"], format!("{INTERFACE}.Ended"));
    assert_eq!((watching.receive().await, silent.receive().await), (None, None));
    watching.served.await.unwrap();
    silent.served.await.unwrap();
}
