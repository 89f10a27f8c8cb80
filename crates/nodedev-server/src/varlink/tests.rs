//! Connections over a socket pair, with a registry over a scripted source.

use std::sync::Arc;
use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig};
use nodedev_source::Presence;
use nodedev_source_testkit::{Behaviour, ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, net};
use nodedev_types::{Capability, DeviceId, Diagnostic, FieldSet, Fields};
use nodedev_varlink::{Explanation, Found, INTERFACE, List, Sources, WatchReply};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::frame::{ARRIVE, MAX_CALL, SHORT_CALL, UNREAD};
use super::{METHODS, Rights, serve};
use crate::counts::Counts;
use crate::echo::LONGEST;

/// A host with a scripted source, and the registry over it.
struct Rig {
    host: ScriptedHost,
    registry: Registry,
    places: Arc<Semaphore>,
}

impl Rig {
    fn new() -> Self {
        Self::with(RegistryConfig::default(), &["eth0", "eth1"])
    }

    fn with(config: RegistryConfig, interfaces: &[&str]) -> Self {
        let fields = FieldSet::new()
            .with(net::INTERFACE)
            .with(device::CAPABILITY)
            .with(device::DEVNODE)
            .with(net::ADDRESS);
        let (source, host) = ScriptedSource::new("udev", Presence::Active, fields);
        interfaces.iter().for_each(|name| set(&host, name, "02:00:00:00:00:01"));
        let source: Arc<ScriptedSource> = source;
        let registry = Registry::builder().config(config).source(source).start().unwrap();
        Self { host, registry, places: Arc::new(Semaphore::new(1)) }
    }

    fn client(&self) -> Client {
        self.client_that_may(true)
    }

    fn client_that_may(&self, change: bool) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let served = tokio::spawn(serve(
            theirs,
            self.registry.clone(),
            Rights::Fixed(change),
            Arc::clone(&self.places),
            Arc::new(Counts::new(METHODS)),
        ));
        Client { stream: BufReader::new(ours), served }
    }
}

fn id(interface: &str) -> DeviceId {
    DeviceId::sysfs(&format!("/sys/devices/virtual/net/{interface}")).unwrap()
}

fn set(host: &ScriptedHost, interface: &str, address: &str) {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(net::INTERFACE, interface);
    fields.set(net::ADDRESS, address);
    host.set(&id(interface), fields);
}

/// A change whose event is long, so that few of them fill any buffer.
fn set_long(host: &ScriptedHost, number: usize) {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(net::INTERFACE, "eth0");
    fields.set(device::DEVNODE, format!("/dev/{number}/{}", "x".repeat(16 * 1024)));
    host.set(&id("eth0"), fields);
}

/// The other end.
struct Client {
    stream: BufReader<UnixStream>,
    served: JoinHandle<()>,
}

impl Client {
    async fn send(&mut self, call: &Value) {
        self.stream.write_all(format!("{call}\0").as_bytes()).await.unwrap();
    }

    /// The next message, if one comes before the end.
    async fn receive(&mut self) -> Option<Value> {
        let mut message = Vec::new();
        self.stream.read_until(0, &mut message).await.unwrap();
        let text = message.strip_suffix(b"\0")?;
        Some(serde_json::from_slice(text).unwrap())
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.send(&json!({ "method": method, "parameters": parameters })).await;
        self.receive().await.unwrap()
    }

    async fn ask<R: DeserializeOwned>(&mut self, method: &str, parameters: Value) -> R {
        let mut reply = self.call(&format!("{INTERFACE}.{method}"), parameters).await;
        assert_eq!(reply.get("error"), None, "{reply}");
        serde_json::from_value(reply["parameters"].take()).unwrap()
    }

    async fn watch(&mut self, since: Value) -> WatchReply {
        let method = format!("{INTERFACE}.Watch");
        self.send(&json!({ "method": method, "parameters": since, "more": true })).await;
        self.next().await
    }

    async fn next(&mut self) -> WatchReply {
        let mut reply = self.receive().await.unwrap();
        assert_eq!(reply["continues"], true, "{reply}");
        serde_json::from_value(reply["parameters"].take()).unwrap()
    }

    /// Waits until the service has let go of the connection.
    async fn end(self) {
        tokio::time::timeout(Duration::from_secs(5), self.served).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_service_describes_itself_before_the_list_is_complete() {
    let rig = Rig::new();
    rig.host.on_snapshot(Behaviour::Hang);
    let mut client = rig.client();
    let info = client.call("org.varlink.service.GetInfo", json!({})).await;
    assert_eq!(info["parameters"]["product"], "nodedevd");
    for interface in info["parameters"]["interfaces"].as_array().unwrap() {
        let wanted = json!({ "interface": interface });
        let text = client.call("org.varlink.service.GetInterfaceDescription", wanted).await;
        let text = text["parameters"]["description"].as_str().unwrap().to_owned();
        assert!(text.contains(&format!("interface {}\n", interface.as_str().unwrap())), "{text}");
    }
}

#[tokio::test]
async fn calls_wait_for_the_first_complete_list() {
    let rig = Rig::with(RegistryConfig::default(), &["eth0"]);
    let held = rig.host.hold_snapshots();
    let mut client = rig.client();
    let method = format!("{INTERFACE}.List");
    client.send(&json!({ "method": method, "parameters": {} })).await;
    held.reached().await;
    tokio::select! {
        biased;
        early = client.receive() => panic!("{early:?}"),
        () = tokio::task::yield_now() => {}
    }
    held.release();
    let listed = client.receive().await.unwrap();
    assert_eq!(listed["parameters"]["devices"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn lists_are_filtered() {
    let rig = Rig::new();
    let mut client = rig.client();
    let all: List = client.ask("List", json!({})).await;
    let names: Vec<_> = all.devices.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["net_eth0_02_00_00_00_00_01", "net_eth1_02_00_00_00_00_01"]);
    let nets: List = client.ask("List", json!({ "capabilities": ["net"], "active": true })).await;
    assert_eq!(nets.devices, all.devices);
    let none: List = client.ask("List", json!({ "capabilities": ["pci"] })).await;
    assert_eq!(none.devices, []);
    assert_eq!((none.generation, none.instance), (all.generation, all.instance));
}

#[tokio::test]
async fn a_device_is_shown_as_it_is_now() {
    let rig = Rig::new();
    let name = json!({ "name": "net_eth0_02_00_00_00_00_01" });
    let mut client = rig.client();
    let found: Found = client.ask("Get", name.clone()).await;
    assert_eq!(found.device.id, id("eth0"));
    assert!(found.xml.contains("<interface>eth0</interface>"), "{}", found.xml);
    assert_eq!(found.diagnostics, [""; 0]);
    rig.host.on_refresh(Behaviour::Panic);
    let found: Found = client.ask("Get", name.clone()).await;
    assert!(found.diagnostics[0].contains("panicked"), "{found:?}");
    let explained: Explanation = client.ask("Explain", name).await;
    assert_eq!(explained.claims[0].source.as_str(), "udev");
    let field = explained.fields.iter().find(|field| field.field == "net.interface");
    assert_eq!(field.unwrap().value, Some("eth0".into()), "{explained:?}");
    let Sources { sources, .. } = client.ask("Sources", json!({})).await;
    assert_eq!(sources[0].name, "udev");
}

#[tokio::test]
async fn a_wrong_call_costs_that_call() {
    let rig = Rig::new();
    let mut client = rig.client();
    let own = |method: &str| format!("{INTERFACE}.{method}");
    let service = |error: &str| format!("org.varlink.service.{error}");
    let wrong = [
        (own("Get"), json!({ "name": "none" }), own("NoSuchDevice"), json!({ "name": "none" })),
        (
            own("Get"),
            json!({ "name": "net_eth0_02_00_00_00_00_01", "inactive": true }),
            own("NotPersistent"),
            json!({ "name": "net_eth0_02_00_00_00_00_01" }),
        ),
        (own("Get"), json!({}), service("InvalidParameter"), json!({ "parameter": "name" })),
        (
            own("Get"),
            json!({ "name": 7 }),
            service("InvalidParameter"),
            json!({ "parameter": "name" }),
        ),
        (
            own("List"),
            json!({ "active": true, "capabilities": ["nets"] }),
            service("InvalidParameter"),
            json!({ "parameter": "capabilities" }),
        ),
        (
            own("Sources"),
            json!({ "x": 1 }),
            service("InvalidParameter"),
            json!({ "parameter": "x" }),
        ),
        (
            own("Sources"),
            json!([]),
            service("InvalidParameter"),
            json!({ "parameter": "parameters" }),
        ),
        (own("Watch"), json!({}), service("ExpectedMore"), Value::Null),
        (own("Reset"), json!({}), service("MethodNotFound"), json!({ "method": own("Reset") })),
        (own("Start"), json!({}), service("InvalidParameter"), json!({ "parameter": "name" })),
        (own("Start"), json!({ "name": "none" }), own("NoSuchDevice"), json!({ "name": "none" })),
        (
            own("Start"),
            json!({ "name": "net_eth0_02_00_00_00_00_01" }),
            own("ActionRefused"),
            json!({ "reason": "Device is already active" }),
        ),
        (
            own("Define"),
            json!({ "document": "<device/>" }),
            own("ActionRefused"),
            json!({ "reason": "no device capabilities for 'new device'" }),
        ),
        (
            "org.example.A".into(),
            json!({}),
            service("InterfaceNotFound"),
            json!({ "interface": "org.example" }),
        ),
        ("A".into(), json!({}), service("InterfaceNotFound"), json!({ "interface": "" })),
    ];
    for (method, parameters, error, about) in wrong {
        let refused = client.call(&method, parameters.clone()).await;
        assert_eq!(refused["error"], error, "{method} {parameters}: {refused}");
        assert_eq!(refused["parameters"], about, "{method} {parameters}: {refused}");
    }
    let listed: List = client.ask("List", Value::Null).await;
    assert_eq!(listed.devices.len(), 2, "the connection goes on");
}

#[tokio::test]
async fn who_may_only_look_changes_nothing() {
    let rig = Rig::new();
    let mut client = rig.client_that_may(false);
    for (method, parameters) in [
        ("Define", json!({ "document": "<device/>" })),
        ("Create", json!({ "document": "<device/>" })),
        ("Start", json!({ "name": "none" })),
        ("Stop", json!({ "name": "none" })),
        ("Undefine", json!({ "name": "none" })),
        ("SetAutostart", json!({ "name": "none", "autostart": true })),
        ("Update", json!({ "name": "none", "document": "<device/>" })),
    ] {
        let refused = client.call(&format!("{INTERFACE}.{method}"), parameters).await;
        assert_eq!(refused["error"], "org.varlink.service.PermissionDenied", "{method}: {refused}");
    }
    let listed: List = client.ask("List", Value::Null).await;
    assert_eq!(listed.devices.len(), 2);
}

#[tokio::test]
async fn calls_may_be_sent_ahead_and_without_wanting_an_answer() {
    let rig = Rig::new();
    let mut client = rig.client();
    let method = format!("{INTERFACE}.Sources");
    client.send(&json!({ "method": method, "oneway": true })).await;
    client.send(&json!({ "method": format!("{INTERFACE}.List") })).await;
    client.send(&json!({ "method": method })).await;
    assert!(client.receive().await.unwrap()["parameters"].get("devices").is_some());
    assert!(client.receive().await.unwrap()["parameters"].get("sources").is_some());
    let upgrade = json!({ "method": method, "upgrade": true });
    client.send(&upgrade).await;
    let refused = client.receive().await.unwrap();
    assert_eq!(refused["parameters"]["parameter"], "upgrade", "{refused}");
}

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

#[tokio::test]
async fn a_document_that_can_be_read_fits_into_a_call() {
    let rig = Rig::new();
    let mut client = rig.client();
    // Each of these takes two bytes in JSON.
    let blanks = "\n".repeat(nodedev_xml::MAX_LEN - "<device/>".len());
    for (document, expected) in [
        (format!("<device>{blanks}<"), "not well-formed XML"),
        (format!("<device/>{blanks}"), "no device capabilities for 'new device'"),
        (format!("<device/>{blanks}\n"), "document of 1048577 bytes is longer"),
    ] {
        let method = format!("{INTERFACE}.Define");
        let refused = client.call(&method, json!({ "document": document })).await;
        let reason = refused["parameters"]["reason"].as_str().unwrap();
        assert!(reason.starts_with(expected), "{reason}");
    }
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

#[tokio::test]
async fn an_error_repeats_no_more_of_a_call_than_is_needed() {
    let rig = Rig::new();
    let mut client = rig.client();
    let long = "\u{e9}".repeat(2 * SHORT_CALL);
    let of_long_parent = format!(
        "<device><parent>{long}</parent><capability type='mdev'><type id='t'/></capability></device>"
    );
    let own = |method: &str| format!("{INTERFACE}.{method}");
    for (method, parameters, member) in [
        (own("Get"), json!({ "name": long }), "name"),
        (own("Explain"), json!({ "name": long }), "name"),
        (own("Stop"), json!({ "name": long }), "name"),
        (own("Define"), json!({ "document": of_long_parent }), "reason"),
        (own("List"), json!({ &long: 1 }), "parameter"),
        (own(&long), json!({}), "method"),
        (format!("{long}.List"), json!({}), "interface"),
        (
            "org.varlink.service.GetInterfaceDescription".to_owned(),
            json!({ "interface": long }),
            "interface",
        ),
    ] {
        let refused = client.call(&method, parameters).await;
        let text = refused["parameters"][member].as_str().unwrap();
        let about: String = method.chars().take(40).collect();
        assert!(text.len() < LONGEST + 8, "{about} {member}: {}", text.len());
        assert!(text.ends_with('\u{2026}'), "{about} {member}");
    }
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
async fn the_form_of_a_document_is_judged_where_that_is_asked_for() {
    let rig = Rig::new();
    let mut client = rig.client();
    let document = "<device><capability type='drm'/></device>";
    for method in ["Define", "Create"] {
        for (validate, expected) in [
            (json!(null), "Unsupported device type"),
            (json!(false), "Unsupported device type"),
            (json!(true), "device/capability: element `type` is missing"),
        ] {
            let parameters = json!({ "document": document, "validate": validate });
            let refused = client.call(&format!("{INTERFACE}.{method}"), parameters).await;
            assert_eq!(refused["error"], format!("{INTERFACE}.ActionRefused"));
            assert_eq!(refused["parameters"]["reason"], expected, "{method} {validate}");
        }
    }
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
