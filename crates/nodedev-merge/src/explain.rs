//! For every field: the value, whose word it is, and every claim that lost.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use nodedev_types::{Device, DeviceId, Field, FieldName, Presence, SourceId, Value};
use serde::{Deserialize, Serialize};

use crate::merge::{Claim, claimed_fields};
use crate::policy::Policy;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// These sources say it: one, or several whose words are united.
    Said(Vec<SourceId>),
    /// It follows from other facts, by this rule.
    Derived(String),
    /// Nobody whose word counts says anything.
    Nobody,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(sources) => {
                let texts: Vec<_> = sources.iter().map(SourceId::as_str).collect();
                f.write_str(&texts.join(", "))
            }
            Self::Derived(rule) => write!(f, "derived: {rule}"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

/// A claim that does not make the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostClaim {
    /// Who claims it.
    pub source: SourceId,
    /// What.
    pub value: Value,
}

/// One field, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Name of the field, or `name`, `parent`, `active`, `persistent`, `autostart`.
    pub field: String,
    /// Its value, if it has one.
    pub value: Option<Value>,
    /// Where the value comes from.
    pub origin: Origin,
    /// The claims that lost.
    pub lost: Vec<LostClaim>,
    /// The reason that the policy gives.
    pub why: String,
}

impl Policy {
    /// Explains a device: what follows from its claims first, then every field that anyone speaks of.
    ///
    /// `device` is the published one, whose name and parent depend on all other devices.
    #[must_use]
    pub fn explain(&self, device: &Device, claims: &[Claim<'_>]) -> Vec<Explained> {
        let mut explained = self.explain_derived(device, claims);
        let fields = claimed_fields(claims).into_iter();
        explained.extend(fields.map(|name| self.explain_field(device, name, claims)));
        explained
    }

    fn explain_field(&self, device: &Device, name: &FieldName, claims: &[Claim<'_>]) -> Explained {
        let is_autostart = *name == FieldName::Known(Field::DeviceAutostart);
        let is_always = is_autostart && device.id == DeviceId::Computer;
        let winners = self
            .existence(&device.id, claims)
            .filter(|_| !is_always)
            .map(|existence| self.winners(&device.id, name, existence, claims))
            .unwrap_or_default();
        let origin = match is_always {
            true => Origin::Derived("the host is always started".into()),
            false => origin(&winners),
        };
        let value = match is_autostart {
            true => (origin != Origin::Nobody).then_some(Value::Flag(device.autostart)),
            false => device.fields.value(name).cloned(),
        };
        Explained {
            field: name.to_string(),
            value,
            origin,
            lost: lost(name, &winners, claims),
            why: self.reason(&device.id, name),
        }
    }

    fn explain_derived(&self, device: &Device, claims: &[Claim<'_>]) -> Vec<Explained> {
        let row = |field: &str, value: Option<Value>, rule: String| Explained {
            field: field.into(),
            value,
            origin: Origin::Derived(rule),
            lost: Vec::new(),
            why: String::new(),
        };
        let asserting = |wanted| {
            let mut sources: Vec<_> = claims
                .iter()
                .filter(|claim| self.presence(claim.source, &device.id) == wanted)
                .map(|claim| claim.source.as_str())
                .collect();
            sources.sort_unstable();
            sources.dedup();
            match sources.as_slice() {
                [] if device.id == DeviceId::Computer => "the host is always defined".into(),
                [] => "nobody asserts it".into(),
                sources => alloc::format!("asserted by {}", sources.join(", ")),
            }
        };
        let parent = device.parent.as_ref().map(|parent| Value::from(parent.as_str()));
        alloc::vec![
            row(
                "name",
                Some(device.name.as_str().into()),
                "from the fields, by libvirt's rule".into()
            ),
            row("parent", parent, parent_rule(device)),
            row("active", Some(device.active.into()), asserting(Presence::Active)),
            row("persistent", Some(device.persistent.into()), asserting(Presence::Defined)),
        ]
    }

    fn reason(&self, id: &DeviceId, name: &FieldName) -> String {
        match (id, name) {
            (DeviceId::Foreign { .. }, _) => "the device is the source's own".into(),
            (_, FieldName::Known(field)) => {
                self.rule(*field).map_or_else(String::new, |rule| rule.why.into())
            }
            _ => "the field is the source's own".into(),
        }
    }
}

fn parent_rule(device: &Device) -> String {
    let has_path = device.fields.get(nodedev_types::fields::device::PATH).is_some();
    let is_host = device.parent.as_ref().is_some_and(|parent| parent.as_str() == "computer");
    match (&device.id, has_path, is_host) {
        (DeviceId::Computer, _, _) => "the host has none".into(),
        (_, true, false) => "the nearest sysfs ancestor that is a device".into(),
        (_, true, true) => "no sysfs ancestor is a device: the host".into(),
        (DeviceId::Mdev { parent, .. }, false, false) => {
            alloc::format!("the device with the parent address `{parent}`")
        }
        (DeviceId::Mdev { parent, .. }, false, true) => {
            alloc::format!("no device has the parent address `{parent}`: the host")
        }
        (_, false, _) => "without a sysfs path: the host".into(),
    }
}

fn origin(winners: &[(&SourceId, &Value)]) -> Origin {
    if winners.is_empty() {
        return Origin::Nobody;
    }
    Origin::Said(winners.iter().map(|(source, _)| (*source).clone()).collect())
}

fn lost(name: &FieldName, winners: &[(&SourceId, &Value)], claims: &[Claim<'_>]) -> Vec<LostClaim> {
    let has_lost = |claim: &&Claim<'_>| winners.iter().all(|(source, _)| *source != claim.source);
    let lost = |claim: &Claim<'_>| {
        Some(LostClaim { source: claim.source.clone(), value: claim.fields.value(name)?.clone() })
    };
    let mut lost: Vec<_> = claims.iter().filter(has_lost).filter_map(lost).collect();
    lost.sort_by(|a, b| (&a.source, &a.value).cmp(&(&b.source, &b.value)));
    lost.dedup();
    lost
}
