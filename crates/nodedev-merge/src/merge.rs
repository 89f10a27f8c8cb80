//! One device from what everyone says of it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use nodedev_types::fields::device;
use nodedev_types::{DeviceId, FieldName, Fields, Presence, SourceId, Value};

use crate::ownership::{Condition, Rule, Strategy};
use crate::policy::Policy;

/// What one source says of the device, all of it.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who says it. One claim for each source.
    pub source: &'a SourceId,
    /// What it says.
    pub fields: &'a Fields,
}

/// A device as far as it follows from its own claims: without name and parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Someone asserts that it exists now.
    pub active: bool,
    /// Someone asserts that there is a definition.
    pub persistent: bool,
    /// It starts together with its parent.
    pub autostart: bool,
    /// The winning values.
    pub fields: Fields,
}

/// What the claims assert of the device's existence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Existence {
    pub(crate) active: bool,
    pub(crate) persistent: bool,
}

impl Policy {
    /// The device that these claims make, in whatever order they come. `None` when nobody asserts
    /// that it exists.
    #[must_use]
    pub fn merge(&self, id: &DeviceId, claims: &[Claim<'_>]) -> Option<Merged> {
        let existence = self.existence(id, claims)?;
        let mut won: Vec<Won<'_>> = claimed_fields(claims)
            .into_iter()
            .filter_map(|name| Some((name, self.winning_value(id, name, existence, claims)?)))
            .collect();
        let autostart = won.iter().position(|(name, _)| **name == device::AUTOSTART.field().into());
        let autostart = autostart.map(|at| won.remove(at));
        let autostart = autostart.is_some_and(|(_, value)| *value == Value::Flag(true));
        // Most devices are as one source says them: then its fields are shared, not copied.
        let fields = match claims.iter().find(|claim| is_all_of(claim.fields, &won)) {
            Some(claim) => claim.fields.clone(),
            None => {
                won.into_iter().map(|(name, value)| (name.clone(), value.into_owned())).collect()
            }
        };
        // libvirt reports the host itself as defined and started at boot; clients expect it.
        let is_host = *id == DeviceId::Computer;
        Some(Merged {
            active: existence.active,
            persistent: existence.persistent || is_host,
            autostart: autostart || is_host,
            fields,
        })
    }

    pub(crate) fn existence(&self, id: &DeviceId, claims: &[Claim<'_>]) -> Option<Existence> {
        let asserts = |wanted| claims.iter().any(|c| self.presence(c.source, id) == wanted);
        let existence =
            Existence { active: asserts(Presence::Active), persistent: asserts(Presence::Defined) };
        (existence.active || existence.persistent).then_some(existence)
    }

    fn winning_value<'a>(
        &self,
        id: &DeviceId,
        name: &FieldName,
        existence: Existence,
        claims: &'a [Claim<'a>],
    ) -> Option<Cow<'a, Value>> {
        let winners = self.winners(id, name, existence, claims);
        let (_, first) = winners.first()?;
        if self.unites(id, name) {
            return Some(Cow::Owned(union(winners.iter().map(|(_, value)| *value))));
        }
        Some(Cow::Borrowed(first))
    }

    /// The claims that make the value of a field: one, or several where they are united.
    pub(crate) fn winners<'a>(
        &self,
        id: &DeviceId,
        name: &FieldName,
        existence: Existence,
        claims: &'a [Claim<'a>],
    ) -> Vec<(&'a SourceId, &'a Value)> {
        let said = |wanted: &dyn Fn(&SourceId) -> bool| {
            let mut said: Vec<_> = claims
                .iter()
                .filter(|claim| wanted(claim.source))
                .filter_map(|claim| Some((claim.source, claim.fields.value(name)?)))
                .collect();
            // A claim that is there twice, as after joining shards, counts once.
            said.sort_unstable();
            said.dedup_by_key(|(source, _)| *source);
            said
        };
        let rule = match name {
            FieldName::Known(field) => self.rule(*field),
            _ => None,
        };
        if rule.is_some_and(|rule| !holds(rule.condition, existence)) {
            return Vec::new();
        }
        match (id, name) {
            (DeviceId::Foreign { namespace, .. }, _) => {
                said(&|source| self.owns_namespace(source, namespace))
            }
            (_, FieldName::Known(_)) => rule.map_or_else(Vec::new, |rule| by_rule(rule, said)),
            (_, FieldName::Extension(extension)) => {
                said(&|source| self.owns_namespace(source, &extension.namespace))
            }
            _ => Vec::new(),
        }
    }

    /// Whether the values of the winners are put together; else there is one winner.
    fn unites(&self, id: &DeviceId, name: &FieldName) -> bool {
        let FieldName::Known(field) = name else {
            return false;
        };
        !matches!(id, DeviceId::Foreign { .. })
            && self.rule(*field).is_some_and(|rule| matches!(rule.strategy, Strategy::Union(_)))
    }

    fn owns_namespace(&self, source: &SourceId, namespace: &str) -> bool {
        self.stream(source).is_some_and(|s| s.fields.namespaces().any(|own| own == namespace))
    }
}

/// A field and the value that it is to have.
type Won<'a> = (&'a FieldName, Cow<'a, Value>);

/// Whether these are all fields that there are, with the same values.
fn is_all_of(fields: &Fields, won: &[Won<'_>]) -> bool {
    fields.len() == won.len()
        && fields.iter().zip(won).all(|((name, value), won)| name == won.0 && *value == *won.1)
}

fn by_rule<'a>(
    rule: &Rule,
    said: impl Fn(&dyn Fn(&SourceId) -> bool) -> Vec<(&'a SourceId, &'a Value)>,
) -> Vec<(&'a SourceId, &'a Value)> {
    let by = |wanted: &str| said(&|source: &SourceId| source.as_str() == wanted);
    match rule.strategy {
        Strategy::Owner(owner) => by(owner),
        Strategy::Priority(sources) => sources
            .iter()
            .map(|source| by(source))
            .find(|said| !said.is_empty())
            .unwrap_or_default(),
        Strategy::Union(sources) => said(&|source| sources.contains(&source.as_str())),
    }
}

pub(crate) const fn holds(condition: Condition, existence: Existence) -> bool {
    match condition {
        Condition::Always => true,
        Condition::WhileActive => existence.active,
        Condition::WhilePersistent => existence.persistent,
    }
}

/// All texts, sorted, each once. What is no list of texts, which the policy refuses to unite, does
/// not take part.
fn union<'a>(values: impl Iterator<Item = &'a Value>) -> Value {
    let mut texts: Vec<String> = Vec::new();
    for value in values {
        if let Value::Texts(several) = value {
            texts.extend(several.iter().cloned());
        }
    }
    texts.sort_unstable();
    texts.dedup();
    texts.into()
}

/// The names of all fields that anyone speaks of, each once, in order.
pub(crate) fn claimed_fields<'a>(claims: &[Claim<'a>]) -> Vec<&'a FieldName> {
    let mut names: Vec<_> =
        claims.iter().flat_map(|claim| claim.fields.iter().map(|(name, _)| name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_is_sorted_and_without_duplicates() {
        let texts = |texts: &[&str]| Value::Texts(texts.iter().copied().map(Into::into).collect());
        let (one, two, expected) = (texts(&["b", "a"]), texts(&["b"]), texts(&["a", "b"]));
        assert_eq!(union([&one, &two].into_iter()), expected);
        assert_eq!(union([&two, &one].into_iter()), expected);
    }
}
