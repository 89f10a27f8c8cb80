//! The drawing as text for Graphviz, which places the boxes itself.

use std::fmt::Write as _;

use super::look::FAMILIES;
use super::tree::{Node, Tree};

/// Edge and ground of each family, readable on light and dark.
const COLOURS: &[[&str; 2]] = &[
    ["#57606a", "#eaeef2"],
    ["#0969da", "#ddf4ff"],
    ["#8250df", "#fbefff"],
    ["#1a7f37", "#dafbe1"],
    ["#9a6700", "#fff8c5"],
    ["#bc4c00", "#fff1e5"],
    ["#bf3989", "#ffeff7"],
    ["#cf222e", "#ffebe9"],
    ["#1b7c83", "#e0f7f8"],
    ["#6e7781", "#f6f8fa"],
];

pub(super) fn draw(tree: &Tree) -> String {
    let mut dot = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut dot, tree);
    dot
}

fn write(dot: &mut String, tree: &Tree) -> std::fmt::Result {
    writeln!(dot, "digraph {} {{", quoted(&tree.title))?;
    writeln!(dot, "  rankdir=LR; bgcolor=\"transparent\"; ranksep=0.6; nodesep=0.12;")?;
    writeln!(
        dot,
        "  node [shape=box, style=\"rounded,filled\", fontname=\"monospace\", fontsize=11];"
    )?;
    writeln!(dot, "  edge [color=\"#8c959f\", arrowhead=none];")?;
    for (at, node) in tree.nodes.iter().enumerate() {
        write_node(dot, at, node)?;
    }
    for (at, parent) in tree.parents.iter().enumerate() {
        if let Some(parent) = parent {
            let style = if tree.nodes[at].faint { " [style=dashed]" } else { "" };
            writeln!(dot, "  n{parent} -> n{at}{style};")?;
        }
    }
    writeln!(dot, "}}")
}

fn write_node(dot: &mut String, at: usize, node: &Node) -> std::fmt::Result {
    let label = quoted(&format!("{}\n{}", node.name, node.about));
    let tip = quoted(&node.tip.join("\n"));
    let family = FAMILIES.iter().position(|family| *family == node.family);
    let [line, ground] = family.and_then(|at| COLOURS.get(at)).unwrap_or(&["#6e7781", "#f6f8fa"]);
    let mut style = "rounded,filled".to_owned();
    if node.dashed {
        style.push_str(",dashed");
    }
    let ink = if node.faint { "#57606a" } else { "#1f2328" };
    let width = if node.chosen { ", penwidth=3" } else { "" };
    writeln!(
        dot,
        "  n{at} [label={label}, tooltip={tip}, style=\"{style}\", color=\"{line}\", \
         fillcolor=\"{ground}\", fontcolor=\"{ink}\"{width}];"
    )
}

/// In quotes, in which a backslash would begin a sequence of Graphviz's.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            // Graphviz reads entities in labels.
            '&' => quoted.push_str("&amp;"),
            c if c.is_control() => quoted.push('\u{fffd}'),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
