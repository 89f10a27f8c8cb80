//! Having devices changed.

use nodedev_varlink::{INTERFACE, List};
use serde_json::{Value, json};

use super::Rig;
#[cfg(feature = "polkit")]
use crate::auth::polkit::Refusal;
#[cfg(feature = "polkit")]
use crate::session::Denial;
#[cfg(feature = "polkit")]
use crate::varlink::Rights;

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

#[cfg(feature = "polkit")]
#[tokio::test]
async fn who_could_not_be_asked_about_is_told_why() {
    let rig = Rig::new();
    for (refusal, error, reason) in [
        (Refusal::Busy, format!("{INTERFACE}.ActionRefused"), Some(Refusal::Busy.to_string())),
        (Refusal::Denied, "org.varlink.service.PermissionDenied".to_owned(), None),
    ] {
        let mut client = rig.client_with(Rights::Fixed(Err(Denial::from(refusal))));
        let start = format!("{INTERFACE}.Start");
        let refused = client.call(&start, json!({ "name": "none" })).await;
        assert_eq!(refused["error"], error);
        assert_eq!(refused["parameters"]["reason"].as_str(), reason.as_deref());
    }
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
