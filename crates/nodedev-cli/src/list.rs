//! `nodedev list`: which devices, as lines, as a tree or as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use nodedev_types::DeviceName;
use nodedev_varlink::{Filter, Row};

use crate::args::List;
use crate::connect::Connection;
use crate::document;
use crate::health;
use crate::output::{Ink, Lines, Output, printable};
use crate::status::Failure;

pub(crate) async fn run(
    args: &List,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    let filter = filter(args);
    // A tree needs the ancestors too that are not shown.
    let asked = if args.tree { &Filter::default() } else { &filter };
    let rows = connection.list(asked).await?.devices;
    let mut out = output.writer();
    if args.json {
        document::write(&mut out, &rows)?;
    } else if args.tree {
        write_tree(&mut out, &rows, &filter, output)?;
    } else {
        for row in &rows {
            writeln!(out, "{}", printable(row.name.as_str()))?;
        }
    }
    out.flush()?;
    let sources = connection.sources().await?.sources;
    health::warn_of_unusable(&sources, output);
    health::check(&sources)
}

fn filter(args: &List) -> Filter {
    Filter {
        capabilities: (!args.cap.is_empty()).then(|| args.cap.clone()),
        active: (!args.all).then_some(!args.inactive),
        persistent: (args.persistent || args.transient).then_some(args.persistent),
    }
}

/// Children by the name of their nearest ancestor that is shown; `None` for the roots.
type Branches<'a> = BTreeMap<Option<&'a DeviceName>, Vec<&'a Row>>;

fn write_tree(
    out: &mut impl Write,
    rows: &[Row],
    filter: &Filter,
    output: &Output,
) -> std::io::Result<()> {
    let parents: Parents<'_> = rows.iter().map(|row| (&row.name, row.parent.as_ref())).collect();
    let chosen: Vec<&Row> = rows.iter().filter(|row| filter.admits(row)).collect();
    let shown: BTreeSet<&DeviceName> = chosen.iter().map(|row| &row.name).collect();
    let mut branches = Branches::new();
    for row in chosen {
        branches.entry(shown_ancestor(row, &shown, &parents)).or_default().push(row);
    }
    for root in branches.get(&None).into_iter().flatten() {
        writeln!(out, "{}", label(root, output))?;
        write_children(out, root, &branches, "", output)?;
    }
    Ok(())
}

type Parents<'a> = BTreeMap<&'a DeviceName, Option<&'a DeviceName>>;

fn shown_ancestor<'a>(
    row: &'a Row,
    shown: &BTreeSet<&'a DeviceName>,
    parents: &Parents<'a>,
) -> Option<&'a DeviceName> {
    let above = |name: &&'a DeviceName| *parents.get(*name)?;
    std::iter::successors(row.parent.as_ref(), above).find(|name| shown.contains(name))
}

fn write_children(
    out: &mut impl Write,
    row: &Row,
    branches: &Branches<'_>,
    indent: &str,
    output: &Output,
) -> std::io::Result<()> {
    let children = branches.get(&Some(&row.name)).map_or(&[][..], Vec::as_slice);
    for (place, child) in children.iter().enumerate() {
        let (branch, below) = match (output.lines(), place + 1 == children.len()) {
            (Lines::None, _) => ("  ", "  "),
            (Lines::Ascii, false) => ("|- ", "|  "),
            (Lines::Ascii, true) => ("`- ", "   "),
            (Lines::Box, false) => ("├─ ", "│  "),
            (Lines::Box, true) => ("└─ ", "   "),
        };
        let line = output.paint(Ink::Dim, format!("{indent}{branch}"));
        writeln!(out, "{line}{}", label(child, output))?;
        write_children(out, child, branches, &format!("{indent}{below}"), output)?;
    }
    Ok(())
}

fn label(row: &Row, output: &Output) -> String {
    if row.active { printable(row.name.as_str()) } else { output.paint(Ink::Dim, &row.name) }
}
