//! Links that change without a uevent. The mock host's `lo` stands for the real one of the test's own
//! network namespace, of which the kernel tells.

use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, send, socket};
use nodedev_source_testkit::mock_host::{MockHost, Record};
use nodedev_types::fields::net as net_fields;

use crate::kinds::net;
use crate::looks::Looks;
use crate::on_mock_host;
use crate::session::Session;

const LO: &str = "/sys/devices/virtual/net/lo";
const UP: u32 = 1;

fn loopback(index: u32) -> Record {
    net("lo").attribute("ifindex", &format!("{index}\n"))
}

/// Sets a flag of the loopback, or takes it away.
fn set_flag(flag: u32, on: bool) {
    const SET_LINK: u16 = 19;
    const REQUEST: u16 = 1;
    let mut message = Vec::new();
    message.extend(32_u32.to_ne_bytes());
    message.extend(SET_LINK.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    message.extend([0; 12]);
    message.extend(1_u32.to_ne_bytes());
    message.extend(if on { flag } else { 0 }.to_ne_bytes());
    message.extend(flag.to_ne_bytes());
    let protocol = SockProtocol::NetlinkRoute;
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol).unwrap();
    send(socket.as_raw_fd(), &message, MsgFlags::empty()).unwrap();
}

fn set_address(host: &MockHost, address: &str) {
    host.write(&format!("{LO}/address"), format!("{address}\n")).unwrap();
}

fn address(session: &Session) -> &str {
    session.fields(LO).unwrap().get(net_fields::ADDRESS).unwrap()
}

/// Brings the link up, and waits until nothing more can come of that: it has been looked for, and two
/// devices that were announced afterwards, which two readers may read, have been read.
async fn link_comes_up(host: &mut MockHost, session: &mut Session, looks: &mut Looks) {
    set_flag(UP, true);
    looks.once_more().await;
    for name in ["witness0", "witness1"] {
        let witness = net(name);
        let path = witness.syspath.clone();
        host.add(witness).unwrap();
        session.until("the witness is there", |s| s.knows(&path)).await;
    }
}

on_mock_host! {
    async fn a_mac_or_link_change_alone_is_followed(host) {
        host.add_silently(loopback(1)).unwrap();
        let mut session = Session::start().await;
        for (up, changed) in [(true, "02:00:00:00:00:08"), (false, "02:00:00:00:00:09")] {
            set_address(&host, changed);
            set_flag(UP, up);
            session.until("it is read again", |s| address(s) == changed).await;
        }
    }

    async fn an_interface_that_udevd_has_not_announced_waits_for_it(host) {
        let (mut looks, mut session) = (Looks::count(), Session::start().await);
        host.add_silently(loopback(1)).unwrap();
        link_comes_up(&mut host, &mut session, &mut looks).await;
        assert!(!session.knows(LO));
        host.announce(LO, "add").unwrap();
        session.until("it is there", |s| s.knows(LO)).await;
    }

    async fn another_interface_of_that_name_is_left_alone(host) {
        host.add_silently(loopback(99)).unwrap();
        let (mut looks, mut session) = (Looks::count(), Session::start().await);
        set_address(&host, "02:00:00:00:00:08");
        link_comes_up(&mut host, &mut session, &mut looks).await;
        assert_eq!(address(&session), "02:00:00:00:00:07");
    }

    async fn that_an_interface_has_gone_is_for_udevd_to_tell(host) {
        host.add_silently(loopback(1)).unwrap();
        let (mut looks, mut session) = (Looks::count(), Session::start().await);
        // libudev knows no device without this file.
        host.clear(&format!("{LO}/uevent")).unwrap();
        link_comes_up(&mut host, &mut session, &mut looks).await;
        assert!(session.knows(LO) && session.diagnostics.is_empty(), "{:?}", session.heard);
        host.announce(LO, "change").unwrap();
        session.until("it has gone", |s| !s.knows(LO)).await;
    }

    async fn an_unreadable_interface_is_tried_again_with_its_link(host) {
        host.add_silently(loopback(1).attribute("speed", "fast\n")).unwrap();
        let mut session = Session::start().await;
        assert!(!session.knows(LO));
        host.write(&format!("{LO}/speed"), "10\n").unwrap();
        set_flag(UP, true);
        session.until("it can be read", |s| s.knows(LO)).await;
    }

    async fn a_change_while_a_snapshot_is_read_is_not_lost(host) {
        host.add_silently(loopback(1)).unwrap();
        // So many that the snapshot is still under way when the link has settled.
        for n in 0..300 {
            host.add_silently(net(&format!("eth{n}"))).unwrap();
        }
        let mut session = Session::arm(nodedev_source_udev::UdevConfig::default()).await;
        set_address(&host, "02:00:00:00:00:08");
        let listing = session.list();
        let change = async {
            tokio::task::yield_now().await;
            set_address(&host, "02:00:00:00:00:09");
            set_flag(UP, true);
        };
        tokio::join!(listing, change);
        session.until("it is the last", |s| address(s) == "02:00:00:00:00:09").await;
    }
}
