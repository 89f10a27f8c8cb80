//! The text of the interface and the types of its messages say the same.

use std::collections::BTreeSet;
use std::fmt::Debug;

use nodedev_merge::ChangeKind;
use nodedev_types::{DeviceName, Presence, Severity};
use nodedev_varlink::{
    DESCRIPTION, Error, INTERFACE, SERVICE_DESCRIPTION, SERVICE_INTERFACE, SourceState,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zlink::idl::Interface;

use crate::samples;
use crate::shape::{check, variants};

fn interface(text: &str) -> Interface<'_> {
    text.try_into().unwrap()
}

/// The full sample and one with every optional part left out, read back as they were written.
fn samples_of<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    full: &T,
    least: Value,
) -> [Value; 2] {
    let written = serde_json::to_string(full).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&written).unwrap(), full);
    let read: T = serde_json::from_value(least).unwrap();
    [serde_json::from_str(&written).unwrap(), serde_json::to_value(read).unwrap()]
}

#[test]
fn parameters_and_replies_have_the_shapes_of_the_text() {
    let interface = interface(DESCRIPTION);
    assert_eq!(interface.name().as_str(), INTERFACE);
    let nothing = || samples_of(&json!({}), json!({}));
    let name = json!({ "name": "computer" });
    let least_device = json!({ "name": "a", "id": "computer", "active": true,
        "persistent": false, "autostart": false });
    let found = json!({ "device": least_device, "xml": "", "diagnostics": [] });
    let explained =
        json!({ "device": least_device, "claims": [], "fields": [], "diagnostics": [] });
    let listed = json!({ "instance": "", "generation": 0, "devices": [] });
    let begun = json!({ "instance": "", "generation": 0, "missed": false, "partial": false,
        "changes": [], "sources": [] });
    let idle = json!({ "sources": [], "registry": { "generation": 0, "devices": 0, "messages": 0,
        "waiting": 0, "events": [], "missed": 0 } });
    let done = || samples_of(&samples::done(), json!({ "name": "x" }));
    let described = || samples_of(&samples::described(), json!({ "document": "" }));
    let named = || samples_of(&samples::named(), name.clone());
    let methods = [
        ("List", samples_of(&samples::filter(), json!({})), samples_of(&samples::list(), listed)),
        ("Get", samples_of(&samples::wanted(), name.clone()), samples_of(&samples::found(), found)),
        ("Explain", named(), samples_of(&samples::explanation(), explained)),
        ("Sources", nothing(), samples_of(&samples::sources(), idle)),
        (
            "Watch",
            samples_of(&samples::since(), json!({})),
            samples_of(&samples::watch_reply(), begun),
        ),
        ("Define", described(), done()),
        ("Create", described(), done()),
        ("Start", named(), done()),
        ("Stop", named(), done()),
        ("Undefine", named(), done()),
        (
            "SetAutostart",
            samples_of(&samples::autostart(), json!({ "name": "x", "autostart": false })),
            done(),
        ),
        ("Update", samples_of(&samples::updated(), json!({ "name": "x", "document": "" })), done()),
    ];
    let described: Vec<_> = interface.methods().map(|method| method.name().as_str()).collect();
    assert_eq!(described, methods.each_ref().map(|(name, ..)| *name));
    for (method, (name, parameters, reply)) in interface.methods().zip(&methods) {
        println!("{name}");
        for (inputs, full) in parameters.iter().zip([true, false]) {
            check(&interface, method.inputs(), inputs, full);
        }
        for (outputs, full) in reply.iter().zip([true, false]) {
            check(&interface, method.outputs(), outputs, full);
        }
    }
}

#[test]
fn names_of_states_are_those_of_the_text() {
    let interface = interface(DESCRIPTION);
    let text = |value: Value| value.as_str().unwrap().to_owned();
    let all = |values: &[Value]| values.iter().cloned().map(text).collect::<BTreeSet<_>>();
    let states = [SourceState::Starting, SourceState::Running, SourceState::Degraded("x".into())];
    let states = states.map(|state| json!(state)["state"].clone());
    assert_eq!(variants(&interface, "Source", "state"), all(&states));
    let presences = [Presence::Active, Presence::Defined, Presence::Nothing];
    assert_eq!(variants(&interface, "Stream", "presence"), all(&presences.map(|p| json!(p))));
    let severities = [Severity::Info, Severity::Warning, Severity::Error];
    assert_eq!(variants(&interface, "Diagnostic", "severity"), all(&severities.map(|s| json!(s))));
    let kinds = [
        ChangeKind::Deleted,
        ChangeKind::Undefined,
        ChangeKind::Created,
        ChangeKind::Defined,
        ChangeKind::Updated,
    ];
    assert_eq!(variants(&interface, "Change", "kind"), all(&kinds.map(|kind| json!(kind))));
}

#[test]
fn errors_are_those_of_the_text() {
    let interface = interface(DESCRIPTION);
    let name = DeviceName::new("x");
    let reason = "x".to_owned();
    let errors = [
        Error::NoSuchDevice { name: name.clone() },
        Error::NotPersistent { name },
        Error::ActionRefused { reason: reason.clone() },
        Error::ActionFailed { reason },
        Error::Ended,
    ];
    let described: Vec<_> = interface.errors().collect();
    assert_eq!(described.len(), errors.len());
    for (described, error) in described.iter().zip(errors) {
        let written = json!(error);
        assert_eq!(written["error"], format!("{INTERFACE}.{}", described.name()));
        let parameters = written.get("parameters").cloned().unwrap_or_else(|| json!({}));
        check(&interface, described.fields(), &parameters, true);
        assert_eq!(serde_json::from_value::<Error>(written).unwrap(), error);
    }
}

#[test]
fn every_part_of_the_text_is_explained() {
    let interface = interface(DESCRIPTION);
    assert!(interface.comments().count() > 0);
    for method in interface.methods() {
        assert!(method.comments().count() > 0, "{method}");
    }
    for error in interface.errors() {
        assert!(error.comments().count() > 0, "{error}");
    }
    for ty in interface.custom_types() {
        assert!(ty.as_object().unwrap().comments().count() > 0, "{ty}");
    }
}

#[test]
fn the_services_own_interface_is_described_too() {
    let interface = interface(SERVICE_DESCRIPTION);
    assert_eq!(interface.name().as_str(), SERVICE_INTERFACE);
    let [info, _] = samples_of(&samples::info(), json!(samples::info()));
    let method = interface.methods().find(|method| method.name() == "GetInfo").unwrap();
    check(&interface, method.outputs(), &info, true);
}
