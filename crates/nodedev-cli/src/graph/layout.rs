//! Where the boxes of a tree are: from left to right by generations, children below one another.
//!
//! A parent stands beside its children: in the middle of a few, near the first of many, so that it is in
//! sight where they begin.

use super::tree::Tree;

pub(super) const HEIGHT: usize = 36;
const ROW: usize = 46;
const GAP: usize = 44;
const MARGIN: usize = 16;
const PADDING: usize = 10;

/// How far below its first child a parent stands at most.
const LOWEST: usize = 3 * ROW;

/// Width of a character of the fonts, in tenths.
const LARGE: usize = 75;
const SMALL: usize = 63;

/// Where a box is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
}

/// Where all boxes are, and how large all of it is.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) width: usize,
    pub(super) height: usize,
}

pub(super) fn place(tree: &Tree) -> Layout {
    let count = tree.nodes.len();
    let mut depths = vec![0; count];
    let mut children = vec![Vec::new(); count];
    for (at, parent) in tree.parents.iter().enumerate() {
        if let Some(parent) = *parent {
            depths[at] = depths[parent] + 1;
            children[parent].push(at);
        }
    }
    let widths: Vec<_> = tree
        .nodes
        .iter()
        .map(|node| {
            let of = |text: &str, character: usize| text.chars().count() * character / 10;
            of(&node.name, LARGE).max(of(&node.about, SMALL)) + 2 * PADDING
        })
        .collect();
    let mut columns = vec![0; depths.iter().max().map_or(0, |depth| depth + 1)];
    for (at, depth) in depths.iter().enumerate() {
        columns[*depth] = widths[at].max(columns[*depth]);
    }
    let left =
        |depth: usize| MARGIN + columns[..depth].iter().map(|width| width + GAP).sum::<usize>();
    let rows = rows(tree, &children);
    let boxes =
        (0..count).map(|at| Place { x: left(depths[at]), y: rows[at], width: columns[depths[at]] });
    let places: Vec<_> = boxes.collect();
    let edge =
        |of: &dyn Fn(&Place) -> usize| places.iter().map(of).max().unwrap_or(MARGIN) + MARGIN;
    let (width, height) = (edge(&|place| place.x + place.width), edge(&|place| place.y + HEIGHT));
    Layout { places, width, height }
}

/// A box without children takes the next row. The others follow from the last box backwards, since
/// parents are before their children.
fn rows(tree: &Tree, children: &[Vec<usize>]) -> Vec<usize> {
    let mut rows = vec![MARGIN; tree.nodes.len()];
    let mut next = MARGIN;
    for at in 0..rows.len() {
        if children[at].is_empty() {
            rows[at] = next;
            next += ROW;
        }
    }
    for at in (0..rows.len()).rev() {
        if let (Some(first), Some(last)) = (children[at].first(), children[at].last()) {
            let (first, last) = (rows[*first], rows[*last]);
            rows[at] = (first + (last - first) / 2).min(first + LOWEST);
        }
    }
    rows
}
