//! Metrics as a scraper sees them: the text, the numbers in it, and who pays for a bad scraper.
#![forbid(unsafe_code)]
#![cfg(feature = "metrics")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test panics where it fails")]

mod openmetrics;
mod page;
mod scrape;

use std::time::Duration;

use nodedev_types::DeviceName;
use nodedev_varlink::{Client, Filter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::scrape::{Rig, answer, number};

const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\n\r\n";

#[tokio::test]
async fn devices_events_and_sources_are_shown_with_their_numbers() {
    let rig = Rig::start().await;
    rig.plug("eth0");
    rig.plug("eth1");
    rig.until("nodedev_devices", &[("capability", "net"), ("state", "active")], 2.0).await;
    rig.until("nodedev_events_total", &[("event", "created")], 2.0).await;
    rig.host.resync("an \"odd\" reason\\\n");
    let reason = [("source", "udev"), ("reason", "an \"odd\" reason\\\n")];
    rig.until("nodedev_source_resync_reasons_total", &reason, 1.0).await;
    let source = [("source", "udev")];
    rig.until("nodedev_source_snapshot_duration_seconds_count", &source, 2.0).await;
    let families = rig.scrape().await;
    let shown = |name: &str, labels: &[(&str, &str)]| number(&families, name, labels);
    assert_eq!(shown("nodedev_list_devices", &[]), Some(2.0));
    assert_eq!(shown("nodedev_source_resyncs_total", &source), Some(1.0));
    for request in ["resync", "hint"] {
        let labels = [("source", "udev"), ("request", request)];
        assert_eq!(shown("nodedev_source_coalesced_requests_total", &labels), Some(0.0));
    }
    assert_eq!(shown("nodedev_source_stale_seconds", &source), Some(0.0));
    let state = |state| shown("nodedev_source_state", &[("source", "udev"), ("state", state)]);
    assert_eq!((state("running"), state("degraded")), (Some(1.0), Some(0.0)));
    let activity = [("source", "udev"), ("activity", "sent")];
    assert_eq!(shown("nodedev_source_activity_total", &activity), Some(3.0));
    assert_eq!(shown("nodedev_queue_messages", &[("queue", "registry")]), Some(0.0));
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(shown("nodedev_build_info", &version), Some(1.0));
}

#[tokio::test]
async fn clients_and_their_calls_are_counted() {
    let rig = Rig::start().await;
    let mut client = Client::connect(&rig.socket("varlink")).await.unwrap();
    client.list(&Filter::default()).await.unwrap();
    client.explain(&DeviceName::new("nobody")).await.unwrap_err();
    rig.until("nodedev_clients", &[("door", "varlink")], 1.0).await;
    let called = "nodedev_varlink_call_duration_seconds_count";
    rig.until(called, &[("method", "List")], 1.0).await;
    rig.until("nodedev_varlink_failed_calls_total", &[("method", "Explain")], 1.0).await;
    drop(client);
    rig.until("nodedev_clients", &[("door", "varlink")], 0.0).await;
    rig.until("nodedev_connections_total", &[("door", "varlink")], 1.0).await;
    // Not a frame of libvirt's protocol at all.
    let mut odd = rig.connect("rw").await;
    odd.write_all(&[0; 64]).await.unwrap();
    rig.until("nodedev_disconnects_total", &[("reason", "framing")], 1.0).await;
}

#[tokio::test]
async fn everything_but_the_one_page_is_refused() {
    let rig = Rig::start().await;
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "404 Not Found"),
        (b"DELETE /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        (b"\xff\xff\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = rig.ask(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    }
    let head = rig.ask(b"HEAD /metrics HTTP/1.1\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let mut long = b"GET /metrics HTTP/1.1\r\n".to_vec();
    long.resize(8 << 10, b'a');
    assert!(rig.ask(&long).await.starts_with("HTTP/1.1 431 "));
}

/// Opens all places, and two more that wait.
async fn crowd(rig: &Rig) -> Vec<UnixStream> {
    let mut crowd = Vec::new();
    for _ in 0..6 {
        crowd.push(rig.connect("metrics").await);
    }
    crowd
}

#[tokio::test]
async fn scrapers_that_say_nothing_or_never_read_cost_themselves_only() {
    let rig = Rig::start().await;
    let mut crowd = crowd(&rig).await;
    for stream in &mut crowd[1..3] {
        stream.write_all(REQUEST).await.unwrap();
    }
    // Clients are served as ever.
    let mut client = Client::connect(&rig.socket("varlink")).await.unwrap();
    for _ in 0..50 {
        client.list(&Filter::default()).await.unwrap();
    }
    // Who comes behind them is answered when one of them has been cut off.
    let families = rig.scrape().await;
    let clients = number(&families, "nodedev_clients", &[("door", "varlink")]);
    assert_eq!(clients, Some(1.0));
    let mut byte = [0];
    let ended = crowd[0].read(&mut byte);
    assert_eq!(tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_flood_of_scrapes_is_answered_one_after_the_other() {
    let rig = std::sync::Arc::new(Rig::start().await);
    let scrapes = (0..200).map(|_| {
        let rig = std::sync::Arc::clone(&rig);
        tokio::spawn(async move { rig.scrape().await.len() })
    });
    let mut sizes = Vec::new();
    for scrape in scrapes.collect::<Vec<_>>() {
        sizes.push(scrape.await.unwrap());
    }
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
}

#[tokio::test]
async fn a_scrape_under_way_keeps_no_shutdown_waiting() {
    let rig = Rig::start().await;
    let mut silent = rig.connect("metrics").await;
    silent.write_all(b"GET /metr").await.unwrap();
    rig.scrape().await;
    let shutdown = rig.server.shutdown(Duration::from_secs(30));
    tokio::time::timeout(Duration::from_secs(20), shutdown).await.unwrap();
    assert_eq!(answer(&mut silent).await, "");
}

/// A call of libvirt's protocol, of a procedure that there is not: it is answered by an error.
async fn call_unknown(rig: &Rig) {
    let mut client = rig.connect("rw").await;
    let header = nodedev_rpc::Header::call(9999, 1);
    let frame = nodedev_rpc::Frame::bytes_of(&header, &()).unwrap();
    client.write_all(&frame).await.unwrap();
    let other = [("procedure", "other")];
    rig.until("nodedev_rpc_failed_calls_total", &other, 1.0).await;
}
