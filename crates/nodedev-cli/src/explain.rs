//! `nodedev explain`: for every field of a device, whose word it is.

use std::collections::BTreeMap;
use std::io::Write;

use nodedev_types::{DeviceName, SourceId, Value};
use nodedev_varlink::{Claim, Explanation, FieldExplanation, Origin};

use crate::args::Explain;
use crate::connect::Connection;
use crate::health;
use crate::output::{Ink, Output, age, printable};
use crate::status::Failure;

pub(crate) async fn run(
    args: &Explain,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    // First of all: it may be why there is no such device.
    let sources = connection.sources().await?.sources;
    health::warn_of_unusable(&sources, output);
    let explanation = connection.explain(&DeviceName::new(&args.name)).await?;
    let mut out = output.writer();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &explanation)?;
        writeln!(out)?;
    } else {
        write(&mut out, &explanation, output)?;
    }
    out.flush()?;
    for diagnostic in &explanation.diagnostics {
        output.warning(diagnostic);
    }
    health::check(&sources)
}

fn write(out: &mut impl Write, explanation: &Explanation, output: &Output) -> std::io::Result<()> {
    let device = &explanation.device;
    let id = printable(&device.id.to_string());
    writeln!(out, "{}  {id}", output.paint(Ink::Strong, &device.name))?;
    for claim in &explanation.claims {
        write_claim(out, claim, output)?;
    }
    writeln!(out)?;
    let widths = Widths::of(&explanation.fields);
    let ages = ages(&explanation.claims);
    for field in &explanation.fields {
        write_field(out, field, &widths, &ages, output)?;
    }
    Ok(())
}

fn write_claim(out: &mut impl Write, claim: &Claim, output: &Output) -> std::io::Result<()> {
    let age = claim.said.map(age).unwrap_or_default();
    write!(out, "  said by {:<16} {age}", printable(claim.source.as_str()))?;
    if let Some(reason) = &claim.stale {
        write!(out, "  {}", output.paint(Ink::Warning, format_args!("stale: {reason}")))?;
    }
    writeln!(out)
}

struct Widths {
    field: usize,
    value: usize,
}

/// Longer values push the rest of their own line only.
const VALUE_WIDTH: usize = 48;

impl Widths {
    fn of(fields: &[FieldExplanation]) -> Self {
        let widest =
            |text: &dyn Fn(&FieldExplanation) -> usize| fields.iter().map(text).max().unwrap_or(0);
        Self {
            field: widest(&|field| printable(&field.field).chars().count()),
            value: widest(&|field| shown(field.value.as_ref()).chars().count()).min(VALUE_WIDTH),
        }
    }
}

fn write_field(
    out: &mut impl Write,
    field: &FieldExplanation,
    widths: &Widths,
    ages: &BTreeMap<&SourceId, String>,
    output: &Output,
) -> std::io::Result<()> {
    let Widths { field: width, value: value_width } = *widths;
    let value = shown(field.value.as_ref());
    let said = match &field.origin {
        Origin::Said(sources) => sources.iter().find_map(|source| ages.get(source)),
        _ => None,
    };
    let age = said.map(|age| format!(", {age}")).unwrap_or_default();
    let origin = output.paint(Ink::Dim, format_args!("{}{age}", field.origin));
    writeln!(out, "{:<width$}  {value:<value_width$}  {origin}", printable(&field.field))?;
    let (same, other): (Vec<_>, Vec<_>) =
        field.lost.iter().partition(|lost| Some(&lost.value) == field.value.as_ref());
    if !same.is_empty() {
        let sources: Vec<_> = same.iter().map(|lost| lost.source.as_str()).collect();
        let text = format!("the same from {}", sources.join(", "));
        writeln!(out, "{:<width$}  {}", "", output.paint(Ink::Dim, text))?;
    }
    for lost in other {
        let text = format!("lost: {} says {}", lost.source, shown(Some(&lost.value)));
        writeln!(out, "{:<width$}  {}", "", output.paint(Ink::Warning, text))?;
    }
    Ok(())
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| printable(&value.to_string()))
}

fn ages(claims: &[Claim]) -> BTreeMap<&SourceId, String> {
    claims.iter().filter_map(|claim| Some((&claim.source, age(claim.said?)))).collect()
}
