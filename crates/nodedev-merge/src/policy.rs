//! A policy: the ownership table made ready for a given set of streams, refused when it is ambiguous.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use nodedev_types::{DeviceId, Field, FieldName, Presence, SourceId, StreamInfo, ValueKind};

use crate::ownership::{OWNERSHIP, Rule, Strategy};

/// The ownership table together with the streams that will speak.
#[derive(Debug, Clone)]
pub struct Policy {
    streams: BTreeMap<SourceId, StreamInfo>,
    rules: BTreeMap<Field, &'static Rule>,
}

/// Why a policy cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Two streams have one id, so their words could not be told apart.
    #[error("two streams are called `{0}`")]
    DuplicateStream(SourceId),
    /// Two streams claim the devices of one name space.
    #[error("name space `{namespace}` is claimed by both `{first}` and `{second}`")]
    DuplicateNamespace {
        /// The name space.
        namespace: String,
        /// One of the streams.
        first: SourceId,
        /// The other.
        second: SourceId,
    },
    /// A stream declares a field that the table gives to someone else.
    #[error("field `{field}` is owned by `{owner}`, but `{claimant}` declares it too")]
    Tie {
        /// The field.
        field: FieldName,
        /// Who owns it by the table.
        owner: String,
        /// Who declares it as well.
        claimant: SourceId,
    },
    /// Two rows of a table speak of one field.
    #[error("field `{field}` stands in two rules, for `{first}` and for `{second}`")]
    DuplicateRule {
        /// The field.
        field: Field,
        /// Who wins by one rule.
        first: String,
        /// Who wins by the other.
        second: String,
    },
    /// A row unites the values of a field that is no list of texts.
    #[error("field `{0}` is no list of texts, so its values cannot be united")]
    Union(Field),
    /// Devices of the name space would have identities that mean something else as text.
    #[error("`{claimant}` cannot have the name space `{namespace}`")]
    InvalidNamespace {
        /// The name space.
        namespace: String,
        /// The stream.
        claimant: SourceId,
    },
    /// A stream asserts that kernel devices or definitions exist, but the table does not know it.
    #[error("`{0}` asserts the existence of devices that are not its own: it needs a name space")]
    Presence(SourceId),
    /// No row of the table speaks of a field that a stream declares.
    #[error("field `{field}`, declared by `{claimant}`, stands in no rule")]
    NoRule {
        /// The field.
        field: Field,
        /// Who declares it.
        claimant: SourceId,
    },
}

impl Policy {
    /// The project's own table for these streams, in any order.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when two sources could tie on a field, naming the field and both.
    pub fn new(streams: impl IntoIterator<Item = StreamInfo>) -> Result<Self, PolicyError> {
        Self::with_table(OWNERSHIP, streams)
    }

    /// The same with another table.
    ///
    /// # Errors
    ///
    /// As for [`Policy::new`].
    pub fn with_table(
        table: &'static [Rule],
        streams: impl IntoIterator<Item = StreamInfo>,
    ) -> Result<Self, PolicyError> {
        let rules = index_rules(table)?;
        let streams = index_streams(streams)?;
        for stream in streams.values() {
            check_claims(stream, &rules)?;
        }
        Ok(Self { streams, rules })
    }

    /// The streams, in the order of their ids.
    pub fn streams(&self) -> impl Iterator<Item = &StreamInfo> {
        self.streams.values()
    }

    /// The stream of that id.
    #[must_use]
    pub fn stream(&self, id: &SourceId) -> Option<&StreamInfo> {
        self.streams.get(id)
    }

    /// The rule for a field.
    #[must_use]
    pub fn rule(&self, field: Field) -> Option<&'static Rule> {
        self.rules.get(&field).copied()
    }

    /// What it asserts that a source speaks of a device.
    ///
    /// A third-party source asserts something of the devices in its own name space only, and all
    /// others of none of these.
    #[must_use]
    pub fn presence(&self, source: &SourceId, device: &DeviceId) -> Presence {
        let Some(stream) = self.streams.get(source) else {
            return Presence::Nothing;
        };
        let own = match device {
            DeviceId::Foreign { namespace, .. } => stream.namespace.as_deref() == Some(namespace),
            _ => stream.namespace.is_none(),
        };
        if own { stream.presence } else { Presence::Nothing }
    }
}

fn index_rules(table: &'static [Rule]) -> Result<BTreeMap<Field, &'static Rule>, PolicyError> {
    let mut rules: BTreeMap<Field, &'static Rule> = BTreeMap::new();
    for rule in table {
        for &field in rule.fields {
            if matches!(rule.strategy, Strategy::Union(_)) && field.kind() != ValueKind::Texts {
                return Err(PolicyError::Union(field));
            }
            if let Some(first) = rules.insert(field, rule) {
                let (first, second) = (owner_text(first), owner_text(rule));
                return Err(PolicyError::DuplicateRule { field, first, second });
            }
        }
    }
    Ok(rules)
}

fn index_streams(
    streams: impl IntoIterator<Item = StreamInfo>,
) -> Result<BTreeMap<SourceId, StreamInfo>, PolicyError> {
    let mut by_id = BTreeMap::new();
    let mut by_namespace: BTreeMap<String, SourceId> = BTreeMap::new();
    for stream in streams {
        let id = stream.id.clone();
        for namespace in stream.fields.namespaces().chain(stream.namespace.as_deref()) {
            if !is_namespace(namespace) {
                return Err(PolicyError::InvalidNamespace {
                    namespace: namespace.into(),
                    claimant: id,
                });
            }
            match by_namespace.insert(namespace.into(), id.clone()) {
                Some(other) if other != id => {
                    let namespace = namespace.into();
                    let (first, second) = (other.clone().min(id.clone()), other.max(id));
                    return Err(PolicyError::DuplicateNamespace { namespace, first, second });
                }
                _ => {}
            }
        }
        if by_id.insert(id.clone(), stream).is_some() {
            return Err(PolicyError::DuplicateStream(id));
        }
    }
    Ok(by_id)
}

/// Whether the identity of a device in this name space reads back from its text.
fn is_namespace(namespace: &str) -> bool {
    let id = DeviceId::foreign(namespace, "key");
    id.to_string().parse() == Ok(id)
}

/// A stream with a name space says known fields of its own devices only, where nobody else speaks.
fn check_claims(
    stream: &StreamInfo,
    rules: &BTreeMap<Field, &'static Rule>,
) -> Result<(), PolicyError> {
    if stream.namespace.is_some() {
        return Ok(());
    }
    for field in stream.fields.known() {
        let claimant = stream.id.clone();
        let Some(rule) = rules.get(&field) else {
            return Err(PolicyError::NoRule { field, claimant });
        };
        let named = rule.sources().iter().chain(rule.heard).any(|id| *id == claimant.as_str());
        if !named {
            let owner = owner_text(rule);
            return Err(PolicyError::Tie { field: field.into(), owner, claimant });
        }
    }
    let has_word = rules.values().any(|rule| rule.sources().contains(&stream.id.as_str()));
    if stream.presence != Presence::Nothing && !has_word {
        return Err(PolicyError::Presence(stream.id.clone()));
    }
    Ok(())
}

fn owner_text(rule: &Rule) -> String {
    rule.sources().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
