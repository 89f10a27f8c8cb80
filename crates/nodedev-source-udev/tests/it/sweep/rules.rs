//! The words of the table: what garbage can cost, and what the usual kinds of values make of it.
//!
//! Written from the model of libvirt's node devices, which reads texts and numbers everywhere alike.

use nodedev_types::{Capability, Field};

use super::garbage::Garbage::{self, *};
use super::subject::Subject;

/// Whether a diagnostic has to name the device and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Yes,
    No,
    /// A link that leads nowhere may count as missing.
    Either,
}

pub(crate) use Said::*;

/// What garbage costs the device. Fields are those of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing changes and nothing is said.
    Keep,
    /// Nothing changes.
    KeepAnd(Said),
    /// The fields are absent, all others as they were.
    Without(Said),
    /// The fields have this number.
    Number(u32),
    /// The fields have the text that stands there.
    Text(Said),
    /// The fields, and no others, may change.
    Changes(Said),
    /// The device cannot be read, and it is said why.
    Discard,
    /// It is no device (any more), which nobody has to be told.
    NotADevice,
    /// Whatever it costs, it costs this device.
    Own,
}

pub(crate) use Verdict::*;

pub(crate) type Rules = &'static [(&'static [Garbage], Verdict)];

/// Where garbage may be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    File,
    Link,
    Property,
}

/// One attribute, link or property of one kind of device.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) kind: Capability,
    pub(crate) what: What,
    /// A name below the device, or a path of a class; `*` stands for any part of one name, `{name}`
    /// and `{parent}` for the last components of the device's path.
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<Field>,
    pub(crate) rules: Rules,
    /// Rules that come before those.
    pub(crate) but: Rules,
    /// Whether it is looked at; otherwise nothing that is in it has an effect.
    pub(crate) when: fn(&Subject) -> bool,
    /// What garbage costs otherwise.
    otherwise: Verdict,
}

impl Row {
    const fn new(kind: Capability, what: What, name: &'static str, rules: Rules) -> Self {
        Self {
            kind,
            what,
            name,
            fields: Vec::new(),
            rules,
            but: &[],
            when: |_| true,
            otherwise: Keep,
        }
    }

    pub(crate) const fn file(kind: Capability, name: &'static str, rules: Rules) -> Self {
        Self::new(kind, What::File, name, rules)
    }

    pub(crate) const fn link(kind: Capability, name: &'static str, rules: Rules) -> Self {
        Self::new(kind, What::Link, name, rules)
    }

    pub(crate) const fn property(kind: Capability, name: &'static str, rules: Rules) -> Self {
        Self::new(kind, What::Property, name, rules)
    }

    pub(crate) fn into(mut self, fields: &[Field]) -> Self {
        self.fields = fields.to_vec();
        self
    }

    pub(crate) fn but(mut self, rules: Rules) -> Self {
        self.but = rules;
        self
    }

    pub(crate) fn when(mut self, when: fn(&Subject) -> bool) -> Self {
        self.when = when;
        self
    }

    /// Where the row is not of use, this is what it costs.
    pub(crate) fn otherwise(mut self, verdict: Verdict) -> Self {
        self.otherwise = verdict;
        self
    }

    pub(crate) fn verdict(&self, garbage: Garbage, subject: &Subject) -> Verdict {
        if !(self.when)(subject) {
            return self.otherwise;
        }
        let rules = self.but.iter().chain(self.rules);
        let found = rules.into_iter().find(|(kinds, _)| kinds.contains(&garbage));
        found.map_or(Own, |(_, verdict)| *verdict)
    }
}

/// A text of sysfs: absent where it is missing or empty.
pub(crate) const TEXT: Rules = &[
    (&[Missing, Empty], Without(No)),
    (&[Dangling], Without(Either)),
    (&[Huge, Directory], Without(Yes)),
    (&[NotUtf8], Text(Yes)),
    (&[Negative, Overflow, Junk, Word], Text(No)),
];
/// A text without which the device is none.
pub(crate) const NEEDED_TEXT: Rules = &[
    (&[Missing, Empty, Dangling, Huge, Directory], Discard),
    (&[NotUtf8], Text(Yes)),
    (&[Negative, Overflow, Junk, Word], Text(No)),
];
/// A number of sysfs that may be missing: what is no number costs the device.
pub(crate) const NUMBER: Rules = &[
    (&[Missing], Without(No)),
    (&[Dangling], Without(Either)),
    (&[Directory], Without(Yes)),
    (&[Empty, Huge, NotUtf8, Overflow, Junk, Word], Discard),
    (&[Negative], Changes(No)),
];
/// The same where a missing number counts as some number.
pub(crate) const DEFAULTED: Rules = &[
    (&[Missing], Changes(No)),
    (&[Dangling], Changes(Either)),
    (&[Directory], Changes(Yes)),
    (&[Empty, Huge, NotUtf8, Overflow, Junk, Word], Discard),
    (&[Negative], Changes(No)),
];
/// Whatever is not as it should be costs the device.
pub(crate) const NEEDED: Rules = &[(OF_ALL, Discard)];
pub(crate) const OF_ALL: &[Garbage] = &[
    Missing, Empty, Huge, NotUtf8, Negative, Overflow, Junk, Word, Directory, Dangling, Elsewhere,
];
/// A part that is left out when it makes no sense.
pub(crate) const LEFT_OUT: Rules = &[
    (&[Missing], Without(No)),
    (&[Dangling], Without(Either)),
    (&[Empty, Huge, NotUtf8, Negative, Overflow, Junk, Word, Directory], Without(Yes)),
];
/// A link whose name is a value.
pub(crate) const NAMED: Rules = &[
    (&[Missing], Without(No)),
    (&[Dangling], Without(Either)),
    (&[Elsewhere], Changes(No)),
    (&[Word, Directory], Without(Either)),
];
/// A property that must be a number. What libudev is given empty it does not have.
pub(crate) const PROPERTY_NUMBER: Rules =
    &[(&[Missing, Empty, NotUtf8, Overflow, Junk, Word], Discard), (&[Negative], Number(u32::MAX))];
/// A property as it stands.
pub(crate) const PROPERTY_TEXT: Rules = &[
    (&[Missing], Without(No)),
    (&[Empty], Changes(No)),
    (&[NotUtf8], Text(Yes)),
    (&[Negative, Overflow, Junk, Word], Text(No)),
];
/// A property that only has to be there.
pub(crate) const PROPERTY_FLAG: Rules = &[
    (&[Missing, Empty], Own),
    (&[NotUtf8], KeepAnd(Either)),
    (&[Negative, Overflow, Junk, Word], Keep),
];
pub(crate) const OWN: Rules = &[];
