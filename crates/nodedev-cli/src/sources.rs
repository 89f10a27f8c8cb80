//! `nodedev sources`: how each source fares.

use std::io::Write;

use nodedev_types::Severity;
use nodedev_varlink::{Source, SourceState, Stream};

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
    let sources = connection.sources().await?;
    let mut out = output.writer();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &sources)?;
        writeln!(out)?;
    } else {
        writeln!(out, "answered by {}", connection.who())?;
        for source in &sources {
            write_source(&mut out, source, output)?;
        }
    }
    out.flush()?;
    health::check(&sources)
}

fn write_source(out: &mut impl Write, source: &Source, output: &Output) -> std::io::Result<()> {
    let state = match &source.state {
        SourceState::Running => output.paint(Ink::Good, "running"),
        SourceState::Degraded(reason) => output.paint(Ink::Bad, format_args!("degraded: {reason}")),
        _ => output.paint(Ink::Dim, "starting"),
    };
    let name = output.paint(Ink::Strong, &source.name);
    writeln!(out, "{name} {}  {state}", source.version)?;
    if let Some(backend) = &source.backend {
        writeln!(out, "  speaks to    {backend}")?;
    }
    writeln!(out, "  last change  {}", source.last_change.map_or_else(|| "-".to_owned(), age))?;
    let Source { events, resyncs, restarts, .. } = source;
    writeln!(out, "  counted      {events} events, {resyncs} resyncs, {restarts} restarts")?;
    for stream in &source.streams {
        write_stream(out, stream, output)?;
    }
    for diagnostic in &source.diagnostics {
        let ink = match diagnostic.severity {
            Severity::Info => Ink::Dim,
            Severity::Warning => Ink::Warning,
            _ => Ink::Bad,
        };
        writeln!(out, "  {}", output.paint(ink, printable(&diagnostic.to_string())))?;
    }
    Ok(())
}

fn write_stream(out: &mut impl Write, stream: &Stream, output: &Output) -> std::io::Result<()> {
    write!(out, "  {:<16} {} devices, asserts {}", stream.id, stream.devices, stream.presence)?;
    if stream.stale > 0 {
        write!(out, ", {}", output.paint(Ink::Warning, format_args!("{} stale", stream.stale)))?;
    }
    if let Some(failure) = &stream.failure {
        write!(out, ", {}", output.paint(Ink::Bad, failure))?;
    }
    writeln!(out)
}
