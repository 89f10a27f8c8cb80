//! The devices as the lines of a tree, of which branches can be folded. Knows of no screen.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_types::DeviceName;
use nodedev_varlink::Row;

/// A device in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) row: Row,
    /// For each generation above it, but the first: whether that has brothers further down.
    pub(super) bars: Vec<bool>,
    pub(super) has_children: bool,
    pub(super) folded: bool,
}

/// The lines that are to be seen.
pub(super) fn lines(rows: &[Row], folded: &BTreeSet<DeviceName>) -> Vec<Line> {
    let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
    let mut children = Children::new();
    for row in rows {
        let parent = row.parent.as_ref().filter(|parent| names.contains(parent));
        children.entry(parent).or_default().push(row);
    }
    let mut lines = Vec::with_capacity(rows.len());
    let mut left: Vec<_> =
        below(&children, None).iter().rev().map(|row| (*row, Vec::new())).collect();
    while let Some((row, bars)) = left.pop() {
        let own = below(&children, Some(&row.name));
        let is_folded = folded.contains(&row.name);
        if !is_folded {
            for (at, child) in own.iter().enumerate().rev() {
                let mut bars = bars.clone();
                bars.push(at + 1 < own.len());
                left.push((*child, bars));
            }
        }
        lines.push(Line {
            row: row.clone(),
            bars,
            has_children: !own.is_empty(),
            folded: is_folded,
        });
    }
    lines
}

type Children<'a> = BTreeMap<Option<&'a DeviceName>, Vec<&'a Row>>;

fn below<'a, 'b>(children: &'b Children<'a>, name: Option<&'a DeviceName>) -> &'b [&'a Row] {
    children.get(&name).map_or(&[], Vec::as_slice)
}

/// Those above this one, nearest first.
pub(super) fn above<'a>(rows: &'a [Row], name: &DeviceName) -> Vec<&'a DeviceName> {
    let of = |name: &DeviceName| rows.iter().find(|row| row.name == *name)?.parent.as_ref();
    let mut above = Vec::new();
    let mut next = of(name);
    while let Some(parent) = next.filter(|parent| !above.contains(parent)) {
        above.push(parent);
        next = of(parent);
    }
    above
}
