//! The drawing as a picture: one file without references to others, for light and dark.

use std::fmt::Write as _;

use super::layout::{HEIGHT, Layout, Place, place};
use super::look::FAMILIES;
use super::tree::{Node, Tree};

/// Edge and ground of each family in light, then in dark, in the order of the families.
const COLOURS: &[[&str; 4]] = &[
    ["#57606a", "#eaeef2", "#8b949e", "#21262d"],
    ["#0969da", "#ddf4ff", "#58a6ff", "#0c2d6b"],
    ["#8250df", "#fbefff", "#bc8cff", "#3c1e70"],
    ["#1a7f37", "#dafbe1", "#3fb950", "#04260f"],
    ["#9a6700", "#fff8c5", "#d29922", "#341a00"],
    ["#bc4c00", "#fff1e5", "#f0883e", "#3d1300"],
    ["#bf3989", "#ffeff7", "#f778ba", "#42062a"],
    ["#cf222e", "#ffebe9", "#ff7b72", "#490202"],
    ["#1b7c83", "#e0f7f8", "#39c5cf", "#06292c"],
    ["#6e7781", "#f6f8fa", "#6e7681", "#161b22"],
];

pub(super) fn draw(tree: &Tree) -> String {
    let Layout { places, width, height } = place(tree);
    let mut svg = String::new();
    // Writing into a string does not fail.
    let _ = write_head(&mut svg, &tree.title, width, height);
    for (at, parent) in tree.parents.iter().enumerate() {
        if let Some(parent) = parent {
            let faint = tree.nodes[at].faint;
            let _ = write_edge(&mut svg, places[*parent], places[at], faint);
        }
    }
    for (node, place) in tree.nodes.iter().zip(&places) {
        let _ = write_node(&mut svg, node, *place);
    }
    svg.push_str("</svg>\n");
    svg
}

fn write_head(svg: &mut String, title: &str, width: usize, height: usize) -> std::fmt::Result {
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', monospace\">"
    )?;
    writeln!(svg, "<title>{}</title>", escaped(title))?;
    writeln!(svg, "<style>")?;
    writeln!(svg, ".ground {{ fill: #ffffff }} .edge {{ fill: none; stroke: #8c959f }}")?;
    writeln!(svg, "rect {{ stroke-width: 1.2 }} .chosen rect {{ stroke-width: 3 }}")?;
    writeln!(svg, ".name {{ font-size: 12px; font-weight: 600; fill: #1f2328 }}")?;
    writeln!(svg, ".about {{ font-size: 10px; fill: #57606a }}")?;
    writeln!(
        svg,
        ".dashed rect, .edge.faint {{ stroke-dasharray: 5 3 }} g.faint {{ opacity: 0.65 }}"
    )?;
    for (family, [stroke, fill, ..]) in FAMILIES.iter().zip(COLOURS) {
        writeln!(svg, ".{family} rect {{ stroke: {stroke}; fill: {fill} }}")?;
    }
    writeln!(svg, "@media (prefers-color-scheme: dark) {{")?;
    writeln!(svg, ".ground {{ fill: #0d1117 }} .edge {{ stroke: #6e7681 }}")?;
    writeln!(svg, ".name {{ fill: #e6edf3 }} .about {{ fill: #9198a1 }}")?;
    for (family, [.., stroke, fill]) in FAMILIES.iter().zip(COLOURS) {
        writeln!(svg, ".{family} rect {{ stroke: {stroke}; fill: {fill} }}")?;
    }
    writeln!(svg, "}}\n</style>")?;
    writeln!(svg, "<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>")
}

fn write_edge(svg: &mut String, from: Place, to: Place, faint: bool) -> std::fmt::Result {
    let (x1, y1) = (from.x + from.width, from.y + HEIGHT / 2);
    let (x2, y2) = (to.x, to.y + HEIGHT / 2);
    let middle = (x1 + x2) / 2;
    let class = if faint { "edge faint" } else { "edge" };
    writeln!(svg, "<path class=\"{class}\" d=\"M{x1},{y1} H{middle} V{y2} H{x2}\"/>")
}

fn write_node(svg: &mut String, node: &Node, place: Place) -> std::fmt::Result {
    let Place { x, y, width } = place;
    let mut class = node.family.to_owned();
    for (is_so, name) in [(node.dashed, "dashed"), (node.faint, "faint"), (node.chosen, "chosen")] {
        if is_so {
            class.push(' ');
            class.push_str(name);
        }
    }
    write!(svg, "<g class=\"{class}\" transform=\"translate({x},{y})\">")?;
    if !node.tip.is_empty() {
        write!(svg, "<title>{}</title>", escaped(&node.tip.join("\n")))?;
    }
    write!(svg, "<rect width=\"{width}\" height=\"{HEIGHT}\" rx=\"5\"/>")?;
    write!(svg, "<text class=\"name\" x=\"10\" y=\"16\">{}</text>", escaped(&node.name))?;
    writeln!(svg, "<text class=\"about\" x=\"10\" y=\"29\">{}</text></g>", escaped(&node.about))
}

/// As text of XML; what XML cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
