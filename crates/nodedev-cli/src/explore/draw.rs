//! Draws a model. Changes in it only what depends on the room that there is.

use nodedev_types::{Capability, Value};
use nodedev_varlink::{ChangeKind, Explanation};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph};

use super::keys::{KEYS, ascii};
use super::model::{Happening, Model, Pane};
use super::outline;
use crate::output::{Lines, printable};

/// What can be drawn with.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) color: bool,
    pub(super) lines: Lines,
}

impl Ground {
    fn style(&self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    const fn dim() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    const fn has_boxes(&self) -> bool {
        matches!(self.lines, Lines::Box)
    }
}

pub(super) fn draw(model: &mut Model, ground: &Ground, frame: &mut Frame<'_>) {
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(4),
        Constraint::Length((frame.area().height / 5).clamp(3, 9)),
        Constraint::Length(u16::from(!model.warnings.is_empty())),
        Constraint::Length(1),
    ]);
    let [head, middle, events, warnings, foot] = rows.areas(frame.area());
    let [tree, fields] =
        Layout::horizontal([Constraint::Percentage(45), Constraint::Min(20)]).areas(middle);
    frame.render_widget(header(model, ground), head);
    draw_tree(model, ground, frame, tree);
    draw_fields(model, ground, frame, fields);
    draw_events(model, ground, frame, events);
    frame.render_widget(warning(model, ground, usize::from(warnings.width)), warnings);
    frame.render_widget(footer(model), foot);
    if model.help {
        draw_help(ground, frame);
    }
}

fn header(model: &Model, ground: &Ground) -> Line<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let count = match model.rows.len() {
        1 => "1 device".to_owned(),
        count => format!("{count} devices"),
    };
    let mut spans = vec![Span::styled("nodedev", bold), Span::raw(format!("  {count}  "))];
    spans.push(match &model.lost {
        Some(reason) => {
            let style = ground.style(Color::Red).add_modifier(Modifier::BOLD);
            Span::styled(format!("waiting: {}", printable(reason)), style)
        }
        None => Span::styled(printable(&model.who), Ground::dim()),
    });
    Line::from(spans)
}

/// The first of the warnings, and where they all are.
fn warning(model: &Model, ground: &Ground, room: usize) -> Line<'static> {
    let Some(first) = model.warnings.first() else { return Line::default() };
    let rest = match model.warnings.len() {
        1 => "  (nodedev sources)".to_owned(),
        count => format!("  (and {} more: nodedev sources)", count - 1),
    };
    let mut text = printable(first);
    let room = room.saturating_sub(rest.len());
    if text.chars().count() > room {
        text = text.chars().take(room.saturating_sub(3)).chain("...".chars()).collect();
    }
    let style = ground.style(Color::Yellow).add_modifier(Modifier::BOLD);
    Line::from(vec![Span::styled(text, style), Span::styled(rest, Ground::dim())])
}

fn footer(model: &Model) -> Line<'static> {
    if model.is_typing {
        return Line::from(format!("/{}_", printable(&model.search)));
    }
    let found = match model.search.as_str() {
        "" => String::new(),
        search => {
            let count = model.rows.iter().filter(|row| model.is_found(row)).count();
            format!("   /{}: {count} found", printable(search))
        }
    };
    Line::from(vec![
        Span::styled("? help  / search  Tab pane  q end", Ground::dim()),
        Span::raw(found),
    ])
}

fn pane(title: &str, has_keys: bool, ground: &Ground) -> Block<'static> {
    let mut style = Style::new().add_modifier(Modifier::BOLD);
    if has_keys {
        style = ground.style(Color::Cyan).add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    }
    let block = Block::new().borders(Borders::TOP).border_style(Ground::dim());
    let block = if ground.has_boxes() { block } else { block.border_set(PLAIN) };
    block.title(Span::styled(printable(title), style))
}

/// Borders that every terminal can show.
const PLAIN: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

fn draw_tree(model: &mut Model, ground: &Ground, frame: &mut Frame<'_>, area: Rect) {
    let block = pane("devices", model.pane == Pane::Tree, ground);
    let inner = block.inner(area);
    let room = usize::from(inner.height);
    model.page = room;
    let count = model.lines.len();
    let first = model.at.saturating_sub(room / 2).min(count.saturating_sub(room));
    let seen = model.lines.iter().enumerate().skip(first).take(room);
    let lines: Vec<_> = seen.map(|(at, line)| tree_line(model, ground, at, line)).collect();
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines), inner);
}

fn tree_line(model: &Model, ground: &Ground, at: usize, line: &outline::Line) -> Line<'static> {
    let boxes = ground.has_boxes();
    let mut branch = String::new();
    for (depth, goes_on) in line.bars.iter().enumerate() {
        let is_own = depth + 1 == line.bars.len();
        branch.push_str(match (is_own, goes_on, boxes) {
            (true, true, true) => "├",
            (true, false, true) => "└",
            (true, true, false) => "|",
            (true, false, false) => "`",
            (false, true, true) => "│ ",
            (false, true, false) => "| ",
            (false, false, _) => "  ",
        });
    }
    branch.push_str(match (line.has_children, line.folded, boxes) {
        (true, true, true) => "▸",
        (true, true, false) => "+",
        (true, false, true) => "▾",
        (true, false, false) => "-",
        (false, ..) if line.bars.is_empty() => "",
        (false, _, true) => "─",
        (false, _, false) => "-",
    });
    let row = &line.row;
    // The host is persistent too, which tells nothing.
    let is_defined = row.persistent && row.capabilities.first() == Some(&Capability::Mdev);
    let mut style = match (row.active, is_defined) {
        (false, _) => Ground::dim(),
        (true, true) => ground.style(Color::Green),
        (true, false) => Style::new(),
    };
    if model.is_found(row) {
        style = ground.style(Color::Yellow).add_modifier(Modifier::BOLD);
    }
    if at == model.at {
        style = style.add_modifier(Modifier::REVERSED);
    }
    let state = match (row.active, is_defined) {
        (false, true) => " (defined)",
        (true, true) => " (defined, running)",
        _ => "",
    };
    Line::from(vec![
        Span::styled(branch, Ground::dim()),
        Span::styled(format!(" {}", printable(row.name.as_str())), style),
        Span::styled(state, Ground::dim()),
    ])
}

fn draw_fields(model: &mut Model, ground: &Ground, frame: &mut Frame<'_>, area: Rect) {
    let title = model.chosen.as_ref().map_or("fields", |name| name.as_str());
    let block = pane(title, model.pane == Pane::Fields, ground);
    let inner = block.inner(area);
    let block = block.borders(Borders::TOP | Borders::LEFT);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    let lines = match &model.explained {
        _ if !model.is_explained() => vec![Line::styled("...", Ground::dim())],
        None => Vec::new(),
        Some(Err(why)) => vec![Line::styled(printable(why), ground.style(Color::Red))],
        Some(Ok(explanation)) => field_lines(explanation, ground, usize::from(inner.width)),
    };
    let last = lines.len().saturating_sub(usize::from(inner.height));
    model.fields_at = model.fields_at.min(last);
    let lines: Vec<_> = lines.into_iter().skip(model.fields_at).collect();
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Each field with its value, and below it whose word that is, where they do not fit beside each other.
fn field_lines(explanation: &Explanation, ground: &Ground, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for field in &explanation.fields {
        let value = shown(field.value.as_ref());
        let origin = printable(&field.origin.to_string());
        let long = |text: &str| text.chars().count();
        let name = Span::styled(field.field.clone(), ground.style(Color::Cyan));
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let said = Span::styled(origin.clone(), Ground::dim());
        let own = long(&field.field) + 2 + long(&value);
        if own + 2 + long(&origin) <= room {
            let value = Span::styled(value, bold);
            lines.push(Line::from(vec![name, Span::raw("  "), value, Span::raw("  "), said]));
        } else if own <= room {
            lines.push(Line::from(vec![name, Span::raw("  "), Span::styled(value, bold)]));
            lines.extend(pieces(&origin, room, 4, Ground::dim()));
        } else {
            lines.push(Line::from(name));
            lines.extend(pieces(&value, room, 2, bold));
            lines.extend(pieces(&origin, room, 4, Ground::dim()));
        }
        for lost in field.lost.iter().filter(|lost| Some(&lost.value) != field.value.as_ref()) {
            let text = format!("lost: {} says {}", lost.source, shown(Some(&lost.value)));
            lines.extend(pieces(&text, room, 4, ground.style(Color::Yellow)));
        }
    }
    for diagnostic in &explanation.diagnostics {
        lines.extend(pieces(&printable(diagnostic), room, 0, ground.style(Color::Red)));
    }
    lines
}

/// A text on as many lines as it takes, behind so many blanks.
fn pieces(text: &str, room: usize, indent: usize, style: Style) -> Vec<Line<'static>> {
    let characters: Vec<char> = text.chars().collect();
    let pieces = characters.chunks(room.saturating_sub(indent).max(1));
    let line = |piece: &[char]| {
        let text: String = piece.iter().collect();
        Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(text, style)])
    };
    pieces.map(line).collect()
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| printable(&value.to_string()))
}

fn draw_events(model: &mut Model, ground: &Ground, frame: &mut Frame<'_>, area: Rect) {
    let block = pane("events", model.pane == Pane::Events, ground);
    let inner = block.inner(area);
    let room = usize::from(inner.height);
    model.events_at = model.events_at.min(model.events.len().saturating_sub(room));
    let end = model.events.len() - model.events_at;
    let first = end.saturating_sub(room);
    let seen = model.events.iter().skip(first).take(end - first);
    let lines: Vec<_> = seen.map(|happening| event_line(happening, ground)).collect();
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines), inner);
}

fn event_line(happening: &Happening, ground: &Ground) -> Line<'static> {
    let (kind, color, name) = match happening {
        Happening::Change(kind, name) => {
            let color = match kind {
                ChangeKind::Created | ChangeKind::Defined => Color::Green,
                ChangeKind::Deleted | ChangeKind::Undefined => Color::Yellow,
                _ => Color::Reset,
            };
            (kind.to_string(), color, printable(name.as_str()))
        }
        Happening::Missed => ("missed".to_owned(), Color::Red, "some events were lost".to_owned()),
        Happening::Lost => ("lost".to_owned(), Color::Red, "nobody answers any more".to_owned()),
        Happening::Back => ("back".to_owned(), Color::Green, "answered again".to_owned()),
    };
    Line::from(vec![Span::styled(format!("{kind:<9} "), ground.style(color)), Span::raw(name)])
}

fn draw_help(ground: &Ground, frame: &mut Frame<'_>) {
    let key = |keys: &str| if ground.has_boxes() { keys.to_owned() } else { ascii(keys) };
    let lines: Vec<_> = KEYS
        .iter()
        .map(|(keys, what)| {
            let bold = Style::new().add_modifier(Modifier::BOLD);
            Line::from(vec![Span::styled(format!(" {:<23}", key(keys)), bold), Span::raw(*what)])
        })
        .collect();
    let whole = frame.area();
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(whole.height);
    let width = 76.min(whole.width);
    let area = Rect { x: (whole.width - width) / 2, y: (whole.height - height) / 2, width, height };
    let block = Block::bordered().title(" keys ");
    let block = if ground.has_boxes() { block } else { block.border_set(PLAIN) };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
