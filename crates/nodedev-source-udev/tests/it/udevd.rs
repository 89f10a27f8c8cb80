//! A host whose udevd is not there, or comes later.

use nodedev_source::SourceEvent;

use crate::kinds::net;
use crate::on_mock_host;
use crate::session::Session;

on_mock_host! {
    async fn without_udevd_the_source_says_so_and_listens_when_it_appears(host) {
        host.stop_udevd().unwrap();
        let mut session = Session::start().await;
        session.until("it is said", |s| s.diagnostic(&["udevd is not running"]).is_some()).await;
        host.start_udevd().unwrap();
        session.until("a resync is asked for", |s| {
            s.heard.iter().any(|event| matches!(event, SourceEvent::Resync { .. }))
        }).await;
        host.add(net("eth0")).unwrap();
        session.until("events arrive", |s| s.knows("/sys/devices/virtual/net/eth0")).await;
    }
}
