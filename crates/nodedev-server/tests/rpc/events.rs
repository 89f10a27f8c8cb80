//! Events: to whom, which, in which order, and what becomes of those that nobody reads.

use nodedev_rpc::{EventDeregisterArgs, EventKind, EventRegisterArgs, NodeDevice, procedures};
use nodedev_server::ServerConfig;

use crate::client::Client;
use crate::rig::{MDEV, Rig};

async fn register(client: &mut Client, event: EventKind, device: Option<&str>) -> i32 {
    let device = device.map(|name| NodeDevice { name: name.to_owned() });
    let args = EventRegisterArgs { event, device };
    client.ok::<procedures::ConnectNodeDeviceEventRegisterAny>(&args).await.value
}

#[tokio::test]
async fn each_callback_hears_what_it_asked_for() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let any = register(&mut client, EventKind::Lifecycle, None).await;
    let one = register(&mut client, EventKind::Lifecycle, Some("net_eth7_")).await;
    let update = register(&mut client, EventKind::Update, None).await;
    assert_eq!((any, one, update), (0, 1, 2));
    rig.plug("eth7");
    assert_eq!(client.event().await, (any, "Created net_eth7_".to_owned()));
    assert_eq!(client.event().await, (one, "Created net_eth7_".to_owned()));
    rig.change("eth7", "two");
    assert_eq!(client.event().await, (update, "Updated net_eth7_".to_owned()));
    rig.undefine();
    assert_eq!(client.event().await, (any, format!("Undefined {MDEV}")));
    rig.define();
    assert_eq!(client.event().await, (any, format!("Defined {MDEV}")));
    let args = EventDeregisterArgs { callback: any };
    client.ok::<procedures::ConnectNodeDeviceEventDeregisterAny>(&args).await;
    rig.unplug("eth7");
    assert_eq!(client.event().await, (one, "Deleted net_eth7_".to_owned()));
}

#[tokio::test]
async fn callbacks_are_counted_by_the_daemon_and_belong_to_one_client() {
    let rig = Rig::start().await;
    let (mut first, mut second) = (rig.open().await, rig.open().await);
    assert_eq!(register(&mut first, EventKind::Lifecycle, None).await, 0);
    assert_eq!(register(&mut second, EventKind::Lifecycle, None).await, 1);
    let args = EventDeregisterArgs { callback: 1 };
    let error = first.fails::<procedures::ConnectNodeDeviceEventDeregisterAny>(&args).await;
    let text = "internal error: node device event callback 1 not registered";
    assert_eq!(error, (1, 7, text.to_owned()));
    let args = EventRegisterArgs { event: EventKind::from(2), device: None };
    let error = first.fails::<procedures::ConnectNodeDeviceEventRegisterAny>(&args).await;
    assert_eq!(error, (1, 7, "internal error: unsupported node device event ID 2".to_owned()));
    let args = EventRegisterArgs { event: EventKind::Lifecycle, device: None };
    let error = first.fails::<procedures::ConnectNodeDeviceEventRegisterAny>(&args).await;
    assert_eq!(error, (8, 0, "invalid argument: event callback already tracked".to_owned()));
}

#[tokio::test]
async fn a_client_that_reads_late_ends_where_the_list_is() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    register(&mut client, EventKind::Lifecycle, None).await;
    for round in 0..300 {
        for number in 0..20 {
            let name = format!("veth{number}");
            if (round + number) % 2 == 0 { rig.plug(&name) } else { rig.unplug(&name) }
        }
        tokio::task::yield_now().await;
    }
    rig.plug("last");
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let (_, event) = client.event().await;
        let (kind, name) = event.split_once(' ').unwrap();
        match kind {
            "Created" => assert!(seen.insert(name.to_owned()), "{name} came twice"),
            _ => assert!(seen.remove(name), "{name} went without having come"),
        }
        if name == "net_last_" {
            break;
        }
    }
    let expected: Vec<_> =
        (0..20).filter(|n| n % 2 == 1).map(|n| format!("net_veth{n}_")).collect();
    let mut expected: std::collections::BTreeSet<_> = expected.into_iter().collect();
    expected.insert("net_last_".to_owned());
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_client_that_leaves_too_many_events_unread_is_disconnected() {
    let mut config = ServerConfig::default();
    config.limits.client_events = 100;
    let rig = Rig::with(config).await;
    let mut client = rig.open().await;
    let (mut other, mut clients) = (rig.open().await, rig.server.clients());
    register(&mut client, EventKind::Lifecycle, None).await;
    let mut number = 0;
    while *clients.borrow_and_update() == 2 {
        rig.plug(&format!("a-rather-long-name-of-an-interface-{number}"));
        number += 1;
        tokio::task::yield_now().await;
        assert!(number < 1_000_000, "it is still connected");
    }
    other.ping().await;
}
