//! What sources say of themselves, told to whoever may otherwise take a list for complete.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_types::{Diagnostic, Severity};
use nodedev_varlink::{Source, SourceState};

use crate::output::Output;
use crate::status::Failure;

/// Fails if a source has, so that nobody takes an incomplete list for a complete one.
pub(crate) fn check(sources: &[Source]) -> Result<(), Failure> {
    let reasons = sources.iter().filter_map(|source| match &source.state {
        SourceState::Degraded(reason) => Some(format!("{}: {reason}", source.name)),
        SourceState::Starting => Some(format!("{}: no answer yet", source.name)),
        _ => None,
    });
    let reasons: Vec<_> = reasons.collect();
    if reasons.is_empty() { Ok(()) } else { Err(Failure::Source(reasons)) }
}

/// Tells that something could not be used, where that may be why a device or field is missing.
pub(crate) fn warn_of_unusable(sources: &[Source], output: &Output) {
    let warnings: Vec<_> = sources.iter().flat_map(serious).collect();
    match warnings.as_slice() {
        [] => {}
        [warning] => output.warning(warning),
        [first, others @ ..] => {
            let count = others.len();
            output.warning(format_args!("{first} (and {count} more: nodedev sources)"));
        }
    }
}

/// All that speaks against taking the list for complete and current, what weighs most first.
pub(crate) fn warnings(sources: &[Source]) -> Vec<String> {
    let degraded = sources.iter().filter_map(|source| match &source.state {
        SourceState::Degraded(reason) => Some(format!("{} degraded: {reason}", source.name)),
        _ => None,
    });
    let stale = sources.iter().filter_map(|source| {
        source.stale.as_ref().map(|stale| format!("{} stale: {}", source.name, stale.reason))
    });
    let failures = sources
        .iter()
        .filter(|source| !matches!(source.state, SourceState::Degraded(_)))
        .flat_map(|source| &source.streams)
        .filter_map(|stream| Some(format!("{} failed: {}", stream.id, stream.failure.as_ref()?)));
    let unusable = sources.iter().flat_map(serious).map(ToString::to_string);
    degraded.chain(stale).chain(failures).chain(unusable).collect()
}

fn serious(source: &Source) -> impl Iterator<Item = &Diagnostic> {
    source.diagnostics.iter().filter(|found| found.severity >= Severity::Warning)
}

/// What has been told of the sources, so that each thing is told once.
#[derive(Debug, Default)]
pub(crate) struct Health {
    degraded: BTreeMap<String, String>,
    diagnostics: BTreeMap<String, BTreeSet<Diagnostic>>,
}

impl Health {
    /// Tells what is new of these sources.
    pub(crate) fn tell(&mut self, sources: &[Source], output: &Output) {
        for source in sources {
            self.tell_state(source, output);
            let now: BTreeSet<_> = serious(source).cloned().collect();
            let told = self.diagnostics.entry(source.name.clone()).or_default();
            for new in now.difference(told) {
                output.warning(new);
            }
            *told = now;
        }
    }

    fn tell_state(&mut self, source: &Source, output: &Output) {
        let name = &source.name;
        match &source.state {
            SourceState::Degraded(reason) => {
                let before = self.degraded.insert(name.clone(), reason.clone());
                if before.as_ref() != Some(reason) {
                    output.warning(format_args!("{name} is degraded: {reason}"));
                }
            }
            SourceState::Running if self.degraded.remove(name).is_some() => {
                output.note(format_args!("{name} is running again"));
            }
            _ => {}
        }
    }
}
