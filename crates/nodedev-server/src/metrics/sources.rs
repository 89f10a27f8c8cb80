//! What is shown of each source: where it stands, what it has cost, what it counts itself.

use std::collections::BTreeMap;
use std::fmt::Result;
use std::time::SystemTime;

use nodedev_registry::{Registry, SourceState, SourceStatus};
use nodedev_types::Severity;

use super::page::Page;

pub(super) fn write(page: &mut Page<'_>, registry: &Registry) -> Result {
    let sources = registry.sources();
    states(page, &sources)?;
    devices(page, &sources)?;
    counters(page, &sources)?;
    own_counts(page, &sources)
}

fn states(page: &mut Page<'_>, sources: &[SourceStatus]) -> Result {
    let states = sources.iter().flat_map(|source| {
        let now = match &source.state {
            SourceState::Running => "running",
            SourceState::Degraded(_) => "degraded",
            _ => "starting",
        };
        ["starting", "running", "degraded"].map(|state| {
            let labels = [("source", source.name.as_str()), ("state", state)];
            (labels, u64::from(state == now))
        })
    });
    page.gauges("source_state", "1 for the state in which a source is", states)?;
    let stale = sources.iter().map(|source| {
        let since = source.stale.as_ref().map(|stale| stale.since);
        let age = since.and_then(|since| SystemTime::now().duration_since(since).ok());
        ([("source", source.name.as_str())], age.unwrap_or_default().as_secs_f64())
    });
    let help = "For how long what a source has said may have been out of date; 0 when it is not";
    page.seconds("source_stale", help, stale)
}

fn devices(page: &mut Page<'_>, sources: &[SourceStatus]) -> Result {
    let streams = |number: fn(&nodedev_registry::StreamStatus) -> usize| {
        sources
            .iter()
            .flat_map(|source| &source.streams)
            .map(move |stream| ([("stream", stream.id.as_str())], number(stream) as u64))
    };
    let help = "Devices of which a stream speaks";
    page.gauges("stream_devices", help, streams(|stream| stream.devices))?;
    let help = "Devices of which a stream has said something that may be out of date";
    page.gauges("stream_stale_devices", help, streams(|stream| stream.stale))?;
    let diagnostics = sources.iter().flat_map(|source| {
        let mut by_severity = BTreeMap::from([("info", 0), ("warning", 0), ("error", 0)]);
        for diagnostic in &source.diagnostics {
            *by_severity.entry(name(diagnostic.severity)).or_default() += 1;
        }
        let labels = |severity| [("source", source.name.as_str()), ("severity", severity)];
        let counts = by_severity.into_iter().map(|(severity, count)| (labels(severity), count));
        counts.collect::<Vec<_>>()
    });
    page.gauges("source_diagnostics", "What a source could not use", diagnostics)
}

const fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        _ => "error",
    }
}

fn counters(page: &mut Page<'_>, sources: &[SourceStatus]) -> Result {
    let each = |number: fn(&SourceStatus) -> u64| {
        let sources = sources.iter();
        sources.map(move |source| ([("source", source.name.as_str())], number(source)))
    };
    let help = "Messages of a source that were taken in";
    page.counters("source_messages", help, each(|source| source.events))?;
    let help = "Messages of a source that were dropped because its queue was full";
    page.counters("source_dropped_messages", help, each(|source| source.dropped))?;
    let help = "Snapshots taken because something may have been lost";
    page.counters("source_resyncs", help, each(|source| source.resyncs))?;
    let coalesced = sources.iter().flat_map(|source| {
        let labels = |request| [("source", source.name.as_str()), ("request", request)];
        [(labels("resync"), source.coalesced), (labels("hint"), source.coalesced_hints)]
    });
    let help = "Requests to look again that another one before them had made already";
    page.counters("source_coalesced_requests", help, coalesced)?;
    let reasons = sources.iter().flat_map(|source| {
        let labels = |reason| [("source", source.name.as_str()), ("reason", reason)];
        source.reasons.iter().map(move |(reason, count)| (labels(reason.as_str()), *count))
    });
    let help = "Reasons given to take a snapshot because something may have been lost";
    page.counters("source_resync_reasons", help, reasons)?;
    let help = "How often a source has failed";
    page.counters("source_failures", help, each(|source| source.failures))?;
    let help = "How often a source was started again after a failure";
    page.counters("source_restarts", help, each(|source| source.restarts))?;
    let help = "How often what a source has said was compared with the host";
    page.counters("source_self_checks", help, each(|source| source.checks))?;
    let help =
        "Devices in which the list and the host differed for no reason: faults, healed since";
    page.counters("source_drifted_devices", help, each(|source| source.drifts))?;
    let took = sources
        .iter()
        .map(|source| ([("source", source.name.as_str())], source.snapshot_durations));
    page.durations("source_snapshot_duration", "How long the snapshots of a source took", took)
}

/// A source of somebody else's may count what it likes, so these are labels and not families.
fn own_counts(page: &mut Page<'_>, sources: &[SourceStatus]) -> Result {
    let own = |is_level: bool, label: &'static str| {
        sources.iter().flat_map(move |source| {
            let counts = source.counts.iter().filter(move |count| count.is_level == is_level);
            counts.map(move |count| {
                ([("source", source.name.as_str()), (label, count.name)], count.value)
            })
        })
    };
    let help = "What a source itself counts of its work";
    page.counters("source_activity", help, own(false, "activity"))?;
    page.gauges("source_level", "What is under way or waits in a source", own(true, "level"))
}
