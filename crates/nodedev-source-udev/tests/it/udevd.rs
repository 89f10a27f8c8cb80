//! A host whose udevd is not there, or comes later.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, socket};
use nodedev_source::SourceEvent;
use nodedev_source_udev::UdevConfig;

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

    async fn a_socket_that_udevd_has_left_behind_is_told_and_its_restart_noticed(host) {
        host.add_silently(net("eth0")).unwrap();
        host.stop_udevd().unwrap();
        drop(listen());
        let mut session = Session::start().await;
        let dead = ["/run/udev/control", "has left its socket behind", "systemctl"];
        session.until("it is said", |s| s.diagnostic(&dead).is_some()).await;
        // What was there is listed all the same.
        assert!(session.knows("/sys/devices/virtual/net/eth0"));
        host.stop_udevd().unwrap();
        let _udevd = listen();
        session.until("a resync is asked for", |s| resyncs(s) == 1).await;
        session.diagnostics.clear();
        session.list().await;
        assert!(session.diagnostics.is_empty(), "{:?}", session.diagnostics);
    }

    async fn a_udevd_that_stops_is_told_and_another_one_makes_a_resync(host) {
        let mut session = Session::start().await;
        assert!(session.diagnostics.is_empty(), "{:?}", session.diagnostics);
        host.stop_udevd().unwrap();
        session.until("it is said", |s| s.diagnostic(&["udevd is not running"]).is_some()).await;
        host.start_udevd().unwrap();
        session.until("a resync is asked for", |s| resyncs(s) == 1).await;
        host.stop_udevd().unwrap();
        host.start_udevd().unwrap();
        session.until("another is asked for", |s| resyncs(s) == 2).await;
    }

    async fn a_udevd_that_is_killed_and_leaves_its_socket_is_noticed(host) {
        host.stop_udevd().unwrap();
        let udevd = listen();
        let mut config = UdevConfig::default();
        config.udevd_check = Duration::from_millis(100);
        let mut session = Session::arm(config).await;
        session.list().await;
        assert!(session.diagnostics.is_empty(), "{:?}", session.diagnostics);
        // Nothing happens to the file.
        drop(udevd);
        let dead = ["/run/udev/control", "has left its socket behind"];
        session.until("it is said", |s| s.diagnostic(&dead).is_some()).await;
        host.stop_udevd().unwrap();
        let _udevd = listen();
        session.until("a resync is asked for", |s| resyncs(s) == 1).await;
    }

    async fn udevd_s_other_files_tell_nothing(host) {
        let mut session = Session::start().await;
        for _ in 0..3 {
            host.write("/run/udev/queue", "").unwrap();
            host.clear("/run/udev/queue").unwrap();
        }
        host.add(net("eth0")).unwrap();
        session.until("an event arrives", |s| s.knows("/sys/devices/virtual/net/eth0")).await;
        assert_eq!(resyncs(&session), 0);
    }
}

fn resyncs(session: &Session) -> usize {
    session.heard.iter().filter(|event| matches!(event, SourceEvent::Resync { .. })).count()
}

/// The socket of a udevd, which goes deaf when it is dropped and stays in its place.
fn listen() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let udevd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    bind(udevd.as_raw_fd(), &UnixAddr::new("/run/udev/control").unwrap()).unwrap();
    nix::sys::socket::listen(&udevd, Backlog::new(1).unwrap()).unwrap();
    udevd
}
