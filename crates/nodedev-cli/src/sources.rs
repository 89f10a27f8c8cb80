//! `nodedev sources`: how each source fares.

use std::io::Write;

use nodedev_types::Severity;
use nodedev_varlink::{Count, Registry, Source, SourceState, Stream};

use crate::args::Sources;
use crate::connect::Connection;
use crate::health;
use crate::output::{Ink, Output, age, printable};
use crate::status::Failure;

pub(crate) async fn run(
    args: &Sources,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    let told = connection.sources().await?;
    let mut out = output.writer();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &told)?;
        writeln!(out)?;
    } else {
        writeln!(out, "answered by {}", printable(&connection.who()))?;
        write_registry(&mut out, &told.registry, output)?;
        for source in &told.sources {
            write_source(&mut out, source, output)?;
        }
    }
    out.flush()?;
    health::check(&told.sources)
}

fn write_registry(
    out: &mut impl Write,
    registry: &Registry,
    output: &Output,
) -> std::io::Result<()> {
    let Registry { generation, devices, messages, waiting, events, missed } = registry;
    let name = output.paint(Ink::Strong, "registry");
    writeln!(out, "{name}  {devices} devices, list {generation}")?;
    writeln!(out, "  counted      {messages} messages taken in, {waiting} waiting")?;
    writeln!(out, "  told         {}", printable(&counts(events)))?;
    if *missed > 0 {
        let text = format_args!("{missed} times a follower was too slow");
        writeln!(out, "  missed       {}", output.paint(Ink::Warning, text))?;
    }
    Ok(())
}

/// `3 created, 1 deleted`; what is 0 is left out.
fn counts(counts: &[Count]) -> String {
    let some = counts.iter().filter(|count| count.count > 0);
    let some: Vec<_> =
        some.map(|Count { name, count }| format!("{count} {}", name.replace('_', " "))).collect();
    if some.is_empty() { "nothing".to_owned() } else { some.join(", ") }
}

fn write_source(out: &mut impl Write, source: &Source, output: &Output) -> std::io::Result<()> {
    let state = match &source.state {
        SourceState::Running => output.paint(Ink::Good, "running"),
        SourceState::Degraded(reason) => output.paint(Ink::Bad, format_args!("degraded: {reason}")),
        _ => output.paint(Ink::Dim, "starting"),
    };
    let name = output.paint(Ink::Strong, &source.name);
    writeln!(out, "{name} {}  {state}", printable(&source.version))?;
    if let Some(backend) = &source.backend {
        writeln!(out, "  speaks to    {}", printable(backend))?;
    }
    writeln!(out, "  last change  {}", source.last_change.map_or_else(|| "-".to_owned(), age))?;
    if let Some(stale) = &source.stale {
        let since = stale.since.map_or_else(|| "-".to_owned(), age);
        let text = format_args!("since {since}: {}", stale.reason);
        writeln!(out, "  stale        {}", output.paint(Ink::Warning, text))?;
    }
    write_counts(out, source, output)?;
    for stream in &source.streams {
        write_stream(out, stream, output)?;
    }
    for diagnostic in &source.diagnostics {
        let ink = match diagnostic.severity {
            Severity::Info => Ink::Dim,
            Severity::Warning => Ink::Warning,
            _ => Ink::Bad,
        };
        writeln!(out, "  {}", output.paint(ink, diagnostic))?;
    }
    Ok(())
}

fn write_counts(out: &mut impl Write, source: &Source, output: &Output) -> std::io::Result<()> {
    let Source { events, snapshots, resyncs, failures, restarts, .. } = source;
    let failed = format!("{failures} failures, {restarts} restarts");
    writeln!(
        out,
        "  counted      {events} events, {snapshots} snapshots, {resyncs} resyncs, {failed}"
    )?;
    if source.dropped > 0 {
        let text = format_args!("{} messages, its queue was full", source.dropped);
        writeln!(out, "  dropped      {}", output.paint(Ink::Warning, text))?;
    }
    for Count { name, count } in &source.reasons {
        writeln!(out, "  read again   {count} x {}", printable(name))?;
    }
    if source.checks > 0 {
        let ink = if source.drifts > 0 { Ink::Bad } else { Ink::Dim };
        let text = format_args!("{} devices differed", source.drifts);
        writeln!(out, "  self-check   {} times, {}", source.checks, output.paint(ink, text))?;
    }
    if !source.counts.is_empty() {
        writeln!(out, "  its own      {}", printable(&counts(&source.counts)))?;
    }
    Ok(())
}

fn write_stream(out: &mut impl Write, stream: &Stream, output: &Output) -> std::io::Result<()> {
    let id = printable(stream.id.as_str());
    write!(out, "  {id:<16} {} devices, asserts {}", stream.devices, stream.presence)?;
    if stream.stale > 0 {
        write!(out, ", {}", output.paint(Ink::Warning, format_args!("{} stale", stream.stale)))?;
    }
    if let Some(failure) = &stream.failure {
        write!(out, ", {}", output.paint(Ink::Bad, failure))?;
    }
    writeln!(out)
}
