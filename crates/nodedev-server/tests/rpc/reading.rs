//! Clients that read, but hardly.

use std::time::Duration;

use nodedev_rpc::{Frame, Keepalive};
use nodedev_server::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::Rig;

/// Reading a byte now and then must not keep what is unread for ever.
#[tokio::test]
async fn who_reads_too_little_is_disconnected() {
    let mut config = ServerConfig::default();
    config.limits.write = Duration::from_millis(300);
    let rig = Rig::with(config).await;
    let (slow, mut other) = (rig.open().await, rig.open().await);
    let mut clients = rig.server.clients();
    let (mut reader, mut writer) = slow.stream.into_split();
    let pings = Frame::bytes_of(&Keepalive::Ping.header(), &()).unwrap().repeat(1000);
    let flood = async { while writer.write_all(&pings).await.is_ok() {} };
    let read = async {
        let mut every = tokio::time::interval(Duration::from_millis(5));
        let mut bytes = [0; 64];
        while matches!(reader.read(&mut bytes).await, Ok(1..)) {
            every.tick().await;
        }
    };
    let left = async {
        clients.wait_for(|count| *count == 1).await.unwrap();
        other.ping().await;
    };
    let all = async { tokio::join!(flood, read, left) };
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("it is disconnected");
}
