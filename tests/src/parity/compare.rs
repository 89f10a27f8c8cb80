//! The comparison of two dumps: pure, from texts to a verdict on each device.

use std::collections::{BTreeMap, BTreeSet};

use super::diff::{Hunk, hunks, lines, unified};
use super::dump::{Device, Dump, Part};
use super::intended::{RULES, Rule, Seen, What, captures};

/// What came of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many devices libvirt has.
    pub devices: usize,
    /// How many of them are the same to the byte.
    pub equal: usize,
    /// Devices that differ as they should, and the rules that say so.
    pub intended: BTreeMap<String, BTreeSet<&'static str>>,
    /// Devices that differ otherwise, and how. An answer that is of no device stands here too.
    pub differing: BTreeMap<String, String>,
    /// Devices that only libvirt has.
    pub missing: BTreeSet<String>,
    /// Devices that only we have.
    pub extra: BTreeSet<String>,
    /// Documents of ours that libvirt's schema refuses, where it takes libvirt's own.
    pub schema: BTreeMap<String, String>,
    /// Documents of either on which our own check and libvirt's schema do not agree.
    pub disputed: BTreeMap<String, String>,
    /// Documents of ours that our own reader does not understand.
    pub round_trip: BTreeMap<String, String>,
}

impl Comparison {
    /// Whether nothing differs but what should.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differing.is_empty()
            && self.missing.is_empty()
            && self.extra.is_empty()
            && self.schema.is_empty()
            && self.disputed.is_empty()
            && self.round_trip.is_empty()
    }

    /// The devices that there is something wrong with as far as texts go.
    #[must_use]
    pub fn suspects(&self) -> BTreeSet<String> {
        self.differing.keys().chain(&self.missing).chain(&self.extra).cloned().collect()
    }

    /// Takes back what is said against devices that have once been found equal.
    pub(super) fn acquit_all_but(&mut self, suspects: &BTreeSet<String>) {
        let before = self.differing.len();
        self.differing.retain(|name, _| suspects.contains(name));
        self.equal += before - self.differing.len();
        self.missing.retain(|name| suspects.contains(name));
        self.extra.retain(|name| suspects.contains(name));
    }
}

/// Compares what both daemons say. `version` is libvirt's, for example `11.3.0`.
#[must_use]
pub fn compare(version: &str, theirs: &Dump, ours: &Dump) -> Comparison {
    let major = major(version);
    let pairs = Pairs::of(major, theirs, ours);
    let mut comparison = Comparison {
        devices: theirs.devices.len(),
        missing: pairs.missing.clone(),
        extra: pairs.extra.clone(),
        intended: pairs.alone.clone(),
        ..Comparison::default()
    };
    for (name, pair) in &pairs.both {
        match judge(name, pair, &pairs) {
            Verdict::Equal => comparison.equal += 1,
            Verdict::Intended(rules) => {
                comparison.intended.entry(name.clone()).or_default().extend(rules);
            }
            Verdict::Differing(text) => {
                comparison.differing.insert(name.clone(), text);
            }
        }
    }
    complaints(&mut comparison, theirs, ours);
    comparison
}

/// Of what cannot be understood the newest is expected.
fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(u32::MAX)
}

/// Whether a libvirt of this version judges the device by the rules that ours has.
pub(super) fn is_judged_alike(version: &str, name: &str) -> bool {
    judged_otherwise(major(version), name).is_none()
}

/// Lists that one side refuses, or refuses in other words.
fn complaints(comparison: &mut Comparison, theirs: &Dump, ours: &Dump) {
    let asked: BTreeSet<_> = theirs.complaints.keys().chain(ours.complaints.keys()).collect();
    for options in asked {
        let said = |dump: &Dump| dump.complaints.get(options).cloned().unwrap_or_default();
        let question = format!("nodedev-list {options}");
        let text = unified(["libvirt", "ours"], &said(theirs), &said(ours));
        if !text.is_empty() {
            comparison.differing.insert(question, text);
        }
    }
}

/// A device of both.
#[derive(Debug)]
struct Pair<'a> {
    theirs: &'a Device,
    ours: &'a Device,
    /// libvirt's name for it.
    their_name: &'a str,
    /// The rule by which the names differ.
    renamed: Option<&'static str>,
}

/// Who is whose counterpart.
#[derive(Debug, Default)]
struct Pairs<'a> {
    major: u32,
    /// By our name.
    both: BTreeMap<String, Pair<'a>>,
    missing: BTreeSet<String>,
    extra: BTreeSet<String>,
    /// Devices that one side alone has, as it should be.
    alone: BTreeMap<String, BTreeSet<&'static str>>,
    /// Ours among them.
    ours_alone: BTreeSet<String>,
    /// Names that collide: by the name, our devices that would have it too.
    twins: BTreeMap<String, Vec<(&'a str, &'a Device)>>,
}

impl<'a> Pairs<'a> {
    fn of(major: u32, theirs: &'a Dump, ours: &'a Dump) -> Self {
        let mut pairs = Self { major, ..Self::default() };
        let mut our_rest: BTreeMap<&String, &'a Device> = ours.devices.iter().collect();
        let mut their_rest = Vec::new();
        for (name, device) in &theirs.devices {
            if let Some(rule) = judged_otherwise(major, name) {
                pairs.alone.insert(name.clone(), [rule].into());
                our_rest.remove(name);
            } else if let Some(own) = our_rest.remove(name) {
                let pair = Pair { theirs: device, ours: own, their_name: name, renamed: None };
                pairs.both.insert(name.clone(), pair);
            } else {
                their_rest.push((name, device));
            }
        }
        for (name, device) in their_rest {
            let renamed = renamed(name, device)
                .and_then(|(rule, own)| Some((rule, our_rest.remove_entry(&own)?)));
            if let Some((rule, (own, ours))) = renamed {
                let pair = Pair { theirs: device, ours, their_name: name, renamed: Some(rule) };
                pairs.both.insert(own.clone(), pair);
            } else {
                pairs.missing.insert(name.clone());
            }
        }
        for (name, device) in our_rest {
            pairs.only_ours(major, name, device);
        }
        pairs
    }

    fn only_ours(&mut self, major: u32, name: &'a str, device: &'a Device) {
        if let Some(rule) = judged_otherwise(major, name) {
            self.alone.insert(name.to_owned(), [rule].into());
        } else if let Some(rule) = only_ours_on_purpose(name, device) {
            self.alone.insert(name.to_owned(), [rule].into());
            self.ours_alone.insert(name.to_owned());
        } else if let Some((rule, base)) = self.collides(name, device) {
            self.alone.insert(name.to_owned(), [rule].into());
            self.twins.entry(base).or_default().push((name, device));
        } else {
            self.extra.insert(name.to_owned());
        }
    }

    /// The name that the device would have were it not taken.
    fn collides(&self, name: &str, device: &Device) -> Option<(&'static str, String)> {
        let (base, digits) = name.rsplit_once('_')?;
        let is_hash = matches!(digits.len(), 8 | 16)
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let holder = self.both.get(base).filter(|_| is_hash)?;
        let rule = RULES.iter().find(|rule| matches!(rule.what, What::Collision))?;
        (holder.ours.path() < device.path()).then(|| (rule.id, base.to_owned()))
    }
}

fn judged_otherwise(major: u32, name: &str) -> Option<&'static str> {
    RULES.iter().filter(|rule| rule.holds(major)).find_map(|rule| match rule.what {
        What::Judged { prefixes } => {
            prefixes.iter().any(|prefix| name.starts_with(prefix)).then_some(rule.id)
        }
        _ => None,
    })
}

fn only_ours_on_purpose(name: &str, device: &Device) -> Option<&'static str> {
    RULES.iter().find_map(|rule| match rule.what {
        What::Extra { kind, so } => (kind == device.kind() && so(name, device)).then_some(rule.id),
        _ => None,
    })
}

/// The rule by which the device has another name with us, and that name.
fn renamed(name: &str, device: &Device) -> Option<(&'static str, String)> {
    RULES.iter().find_map(|rule| match rule.what {
        What::Renamed { kind, our_name } => {
            (kind == device.kind()).then(|| (rule.id, our_name(name)))
        }
        _ => None,
    })
}

/// What rules depend on besides the lines.
#[derive(Debug)]
struct Context<'a> {
    major: u32,
    /// Devices that only we list, and on purpose.
    extra: &'a BTreeSet<String>,
}

#[derive(Debug)]
enum Verdict {
    Equal,
    Intended(BTreeSet<&'static str>),
    Differing(String),
}

fn judge(name: &str, pair: &Pair<'_>, pairs: &Pairs<'_>) -> Verdict {
    let context = Context { major: pairs.major, extra: &pairs.ours_alone };
    let verdict = judge_parts(name, pair, &context);
    if !matches!(verdict, Verdict::Differing(_)) {
        return verdict;
    }
    // Where names collide, libvirt may have taken the other device for this one.
    let twins = pairs.twins.get(name).into_iter().flatten();
    for (twin, ours) in twins {
        let other =
            Pair { theirs: pair.theirs, ours, their_name: name, renamed: Some("collision") };
        if !matches!(judge_parts(twin, &other, &context), Verdict::Differing(_)) {
            return Verdict::Intended(["collision"].into());
        }
    }
    verdict
}

fn judge_parts(name: &str, pair: &Pair<'_>, context: &Context<'_>) -> Verdict {
    let mut rules: BTreeSet<_> = pair.renamed.into_iter().collect();
    let mut shown = String::new();
    for part in Part::ALL {
        let (theirs, ours) = (pair.theirs.part(part), pair.ours.part(part));
        let theirs = match pair.renamed {
            Some(_) => theirs.replace(pair.their_name, name),
            None => theirs,
        };
        match explained(part, &theirs, &ours, pair.ours, context) {
            Some(used) => rules.extend(used),
            None => {
                let title = |who| format!("{who}: {} {name}", part.title());
                shown.push_str(&unified([&title("libvirt"), &title("ours")], &theirs, &ours));
            }
        }
    }
    if !shown.is_empty() {
        Verdict::Differing(shown)
    } else if rules.is_empty() {
        Verdict::Equal
    } else {
        Verdict::Intended(rules)
    }
}

/// The rules that explain every difference of a part; nothing when one is left.
fn explained(
    part: Part,
    theirs: &str,
    ours: &str,
    device: &Device,
    context: &Context<'_>,
) -> Option<BTreeSet<&'static str>> {
    if theirs == ours {
        return Some(BTreeSet::new());
    }
    let (theirs, ours) = (lines(theirs), lines(ours));
    let explain = |hunk: Hunk| {
        let lines = (&theirs[hunk.theirs], &ours[hunk.ours]);
        explain_lines(part, lines.0, lines.1, device, context)
    };
    hunks(&theirs, &ours).into_iter().map(explain).try_fold(BTreeSet::new(), |mut all, used| {
        all.extend(used?);
        Some(all)
    })
}

/// Explains the first lines by a rule and the others after them, in every way that there is.
fn explain_lines(
    part: Part,
    theirs: &[&str],
    ours: &[&str],
    device: &Device,
    context: &Context<'_>,
) -> Option<BTreeSet<&'static str>> {
    if theirs.is_empty() && ours.is_empty() {
        return Some(BTreeSet::new());
    }
    RULES.iter().find_map(|rule| {
        let (their_lines, our_lines) = takes(rule, part, theirs, ours, device, context)?;
        let mut used =
            explain_lines(part, &theirs[their_lines..], &ours[our_lines..], device, context)?;
        used.insert(rule.id);
        Some(used)
    })
}

/// How many of the first lines the rule explains.
fn takes(
    rule: &Rule,
    part: Part,
    theirs: &[&str],
    ours: &[&str],
    device: &Device,
    context: &Context<'_>,
) -> Option<(usize, usize)> {
    let What::Line { kind, parts, theirs: their_pattern, ours: our_pattern, so } = rule.what else {
        return None;
    };
    if kind != device.kind() || !parts.contains(&part) || !rule.holds(context.major) {
        return None;
    }
    let their_texts = first(their_pattern, theirs)?;
    let our_texts = first(our_pattern, ours)?;
    let extra = context.extra;
    let seen = Seen { theirs: &their_texts, ours: &our_texts, device, extra };
    so(&seen).then(|| (usize::from(their_pattern.is_some()), usize::from(our_pattern.is_some())))
}

fn first<'a>(pattern: Option<&str>, lines: &[&'a str]) -> Option<Vec<&'a str>> {
    match pattern {
        Some(pattern) => captures(pattern, lines.first()?),
        None => Some(Vec::new()),
    }
}

#[cfg(test)]
mod tests;
