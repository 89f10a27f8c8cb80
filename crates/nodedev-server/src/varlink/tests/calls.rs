//! What is asked, and how what cannot be answered is refused.

use nodedev_registry::RegistryConfig;
use nodedev_source_testkit::Behaviour;
use nodedev_varlink::{Explanation, Found, INTERFACE, List, Sources};
use serde_json::{Value, json};

use super::{Rig, id};
use crate::echo::LONGEST;
use crate::varlink::frame::SHORT_CALL;

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
