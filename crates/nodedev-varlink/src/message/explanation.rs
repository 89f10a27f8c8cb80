//! For every field of a device: whose word it is.

use nodedev_merge::Origin;
use nodedev_types::{Device, FieldName, Revision, SourceId, Value, ValueKind};
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What `Explain` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The device, its changing fields read again for this answer.
    pub device: Device,
    /// Every stream that speaks of it.
    pub claims: Vec<Claim>,
    /// Every field.
    pub fields: Vec<FieldExplanation>,
    /// What could not be read again.
    pub diagnostics: Vec<String>,
}

/// When and how one stream spoke of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Who.
    pub source: SourceId,
    /// The source's own count of what it said.
    pub revision: Revision,
    /// When it was last said, in seconds since 1970.
    pub said: Option<f64>,
    /// Why it may be out of date, if it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

/// One field, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Untyped")]
pub struct FieldExplanation {
    /// Name of the field, or `name`, `parent`, `active`, `persistent`.
    pub field: String,
    /// Its value, if it has one.
    pub value: Option<Value>,
    /// Where the value comes from.
    pub origin: Origin,
    /// The claims that lost.
    pub lost: Vec<LostClaim>,
    /// The reason that the rule of ownership gives.
    pub why: String,
}

/// A claim that does not make the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostClaim {
    /// Who claims it.
    pub source: SourceId,
    /// What.
    pub value: Value,
}

/// As it comes: only with the field's name it is known of which type its values are.
#[derive(Deserialize)]
struct Untyped {
    field: String,
    #[serde(default)]
    value: Option<Json>,
    origin: Origin,
    lost: Vec<UntypedClaim>,
    why: String,
}

#[derive(Deserialize)]
struct UntypedClaim {
    source: SourceId,
    value: Json,
}

impl From<Untyped> for FieldExplanation {
    fn from(untyped: Untyped) -> Self {
        let Untyped { field, value, origin, lost, why } = untyped;
        let kind = kind(&field);
        let lost = lost
            .into_iter()
            .map(|claim| LostClaim { source: claim.source, value: typed(kind, claim.value) });
        Self {
            value: value.map(|value| typed(kind, value)),
            origin,
            lost: lost.collect(),
            why,
            field,
        }
    }
}

fn kind(field: &str) -> Option<ValueKind> {
    match field {
        "name" | "parent" => Some(ValueKind::Text),
        "active" | "persistent" => Some(ValueKind::Flag),
        name => match name.parse() {
            Ok(FieldName::Known(field)) => Some(field.kind()),
            _ => None,
        },
    }
}

/// The value by the type of its field. A field that this version does not know, or one of a third
/// party, has the type that it looks like.
fn typed(kind: Option<ValueKind>, json: Json) -> Value {
    match kind.and_then(|kind| kind.deserialize(&json).ok()) {
        Some(value) => value,
        None => apparent(json),
    }
}

fn apparent(json: Json) -> Value {
    match json {
        Json::Bool(flag) => Value::Flag(flag),
        Json::String(text) => Value::Text(text),
        Json::Array(items) if items.iter().all(Json::is_string) => {
            let texts = items.iter().filter_map(Json::as_str).map(str::to_owned);
            Value::Texts(texts.collect())
        }
        json => match json.as_u64() {
            Some(number) => Value::Number(number),
            None => Value::Text(json.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use nodedev_types::Capability;

    use super::*;

    #[test]
    fn values_have_the_types_of_their_fields() {
        let json = r#"{"value":"pci","field":"capability","origin":{"said":["udev"]},
            "lost":[{"source":"other","value":7}],"why":""}"#;
        let read: FieldExplanation = serde_json::from_str(json).unwrap();
        assert_eq!(read.value, Some(Value::Capability(Capability::Pci)), "{read:?}");
        assert_eq!(read.lost[0].value, Value::Number(7), "of another type than the field's");
    }

    #[test]
    fn unknown_fields_keep_what_can_be_kept() {
        let json = r#"{"field":"acme:slots","value":["a","b"],"origin":"nobody",
            "lost":[{"source":"other","value":{"x":-1}}],"why":"w"}"#;
        let read: FieldExplanation = serde_json::from_str(json).unwrap();
        assert_eq!(read.value, Some(vec!["a".to_owned(), "b".to_owned()].into()));
        assert_eq!(read.lost[0].value, Value::Text(r#"{"x":-1}"#.into()));
        assert_eq!(read.origin, Origin::Nobody);
    }
}
