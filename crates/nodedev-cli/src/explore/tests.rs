use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nodedev_types::{Capability, DeviceId, DeviceName, Diagnostic};
use nodedev_varlink::{Change, ChangeKind, Explanation, Row, Source, SourceState, Stale};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::draw::{Ground, draw};
use super::feed::News;
use super::model::{Model, Step};
use crate::health;
use crate::output::Lines;

fn row(name: &str, parent: &str, capability: Capability) -> Row {
    Row {
        name: DeviceName::new(name),
        id: DeviceId::Computer,
        parent: (!parent.is_empty()).then(|| DeviceName::new(parent)),
        active: true,
        persistent: false,
        autostart: false,
        capabilities: vec![capability],
    }
}

fn rows() -> Vec<Row> {
    let mut rows = vec![
        row("computer", "", Capability::System),
        row("mdev_a", "pci_0000_00_02_0", Capability::Mdev),
        row("mdev_b", "pci_0000_00_02_0", Capability::Mdev),
        row("net_eth0_52_54_00_00_00_01", "pci_0000_00_03_0", Capability::Net),
        row("pci_0000_00_02_0", "computer", Capability::Pci),
        row("pci_0000_00_03_0", "computer", Capability::Pci),
        row("usb_usb1", "pci_0000_00_14_0_that_went", Capability::UsbDevice),
    ];
    rows[1].persistent = true;
    (rows[2].persistent, rows[2].active) = (true, false);
    rows.extend(
        (0..40)
            .map(|number| row(&format!("scsi_{number:02}"), "pci_0000_00_03_0", Capability::Scsi)),
    );
    rows
}

fn source(name: &str) -> Source {
    let text = r#"{"name":"","version":"1","state":"running","streams":[],"last_change":null,"events":0,
        "dropped":0,"resyncs":0,"reasons":[],"snapshots":0,"failures":0,"restarts":0,"checks":0,"drifts":0,
        "counts":[],"diagnostics":[]}"#;
    Source { name: name.to_owned(), ..serde_json::from_str(text).unwrap() }
}

fn explanation() -> Explanation {
    serde_json::from_str(
        r#"{"device":{"name":"pci_0000_00_02_0","id":"/sys/devices/pci0000:00/0000:00:02.0",
            "parent":"computer","active":true,"persistent":false,"autostart":false},
            "claims":[{"source":"udev","revision":3,"said":1.5}],
            "fields":[
              {"field":"name","value":"pci_0000_00_02_0","origin":{"derived":"from the address"},"lost":[],"why":""},
              {"field":"driver","value":"i915","origin":{"said":["udev"]},"lost":[],"why":""},
              {"field":"mdev.type","value":"t1","origin":{"said":["udev"]},
               "lost":[{"source":"mdevctl/active","value":"t2"}],"why":""},
              {"field":"pci.product.name","value":"a name with \u001b[31m that is far too long for the pane",
               "origin":{"said":["udev"]},"lost":[],"why":""}],
            "diagnostics":["udev: no answer within 1s"]}"#,
    )
    .unwrap()
}

fn model() -> Model {
    let mut model = Model::default();
    model.hear(News::List { who: "nodedevd 0.1.0 at /run/x".to_owned(), rows: rows() });
    model
}

fn press(model: &mut Model, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            '<' => KeyCode::Left,
            '>' => KeyCode::Right,
            c => KeyCode::Char(c),
        };
        assert_eq!(model.press(KeyEvent::new(code, KeyModifiers::NONE)), Step::Go, "{c}");
    }
}

fn chosen(model: &Model) -> &str {
    model.chosen.as_ref().map_or("", |name| name.as_str())
}

fn change(kind: ChangeKind, name: &str) -> Change {
    Change { kind, name: DeviceName::new(name), id: DeviceId::Computer, device: None }
}

fn rendered(model: &mut Model, ground: &Ground, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, ground, frame)).unwrap();
    terminal
}

fn screen(model: &mut Model, ground: &Ground, width: u16, height: u16) -> String {
    let terminal = rendered(model, ground, width, height);
    let buffer = terminal.backend().buffer();
    let line = |y: u16| {
        let symbols = (0..width).map(|x| buffer[(x, y)].symbol());
        symbols.collect::<String>().trim_end().to_owned() + "\n"
    };
    (0..height).map(line).collect()
}

const BOXES: Ground = Ground { color: true, lines: Lines::Box };
const PLAIN: Ground = Ground { color: false, lines: Lines::Ascii };

/// With `NODEDEV_BLESS` set, what is drawn is right.
#[track_caller]
fn golden(name: &str, drawn: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explore/golden").join(name);
    if std::env::var_os("NODEDEV_BLESS").is_some() {
        std::fs::write(&file, drawn).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(drawn == expected, "{} is no longer what is drawn:\n{drawn}", file.display());
}

#[test]
fn screens_are_as_they_were() {
    let mut model = model();
    press(&mut model, "j");
    model.hear(News::Explained(DeviceName::new("pci_0000_00_02_0"), Ok(Box::new(explanation()))));
    model.hear(News::Happened(vec![
        change(ChangeKind::Created, "mdev_a"),
        change(ChangeKind::Updated, "pci_0000_00_02_0"),
    ]));
    golden("80x24.txt", &screen(&mut model, &BOXES, 80, 24));
    golden("80x24-ascii.txt", &screen(&mut model, &PLAIN, 80, 24));
    golden("132x40.txt", &screen(&mut model, &BOXES, 132, 40));
    press(&mut model, "?");
    golden("help.txt", &screen(&mut model, &BOXES, 80, 24));
    press(&mut model, "x/scsi");
    golden("search.txt", &screen(&mut model, &BOXES, 80, 24));
    model.hear(News::Lost("/run/x: connection refused".to_owned()));
    golden("lost.txt", &screen(&mut model, &BOXES, 80, 24));
}

#[test]
fn a_source_that_does_not_fare_well_is_seen() {
    let mut model = model();
    let well = source("acme");
    let mut stale = source("udev");
    stale.stale = Some(Stale { since: None, reason: "events were lost".to_owned() });
    let mut degraded = source("mdevctl");
    degraded.state =
        SourceState::Degraded("mdevctl list: exit status: 1:\n\u{1b}[31m no".repeat(3));
    degraded.diagnostics.push(Diagnostic::warning("0000:00:02.0", "no such type"));
    let before = screen(&mut model, &BOXES, 80, 24);
    let mut see = |sources: &[&Source]| {
        let sources: Vec<_> = sources.iter().copied().cloned().collect();
        model.hear(News::Warnings(health::warnings(&sources)));
        screen(&mut model, &BOXES, 80, 24)
    };
    assert_eq!(see(&[&well]), before);
    let line = |screen: &str| screen.lines().nth(22).unwrap().to_owned();
    assert_eq!(line(&see(&[&well, &stale])), "udev stale: events were lost  (nodedev sources)");
    golden("warnings.txt", &see(&[&well, &stale, &degraded]));
    model.hear(News::Lost("/run/x: connection refused".to_owned()));
    assert_eq!(screen(&mut model, &BOXES, 80, 24).matches("mdevctl").count(), 0);
}

#[test]
fn any_size_is_drawn() {
    let mut model = model();
    model.hear(News::Warnings(vec!["udev stale: events were lost".to_owned(); 2]));
    press(&mut model, "?");
    for (width, height) in [(1, 1), (2, 9), (10, 3), (20, 5), (80, 1), (300, 100)] {
        screen(&mut model, &BOXES, width, height);
    }
    screen(&mut Model::default(), &BOXES, 80, 24);
}

#[test]
fn without_colour_there_is_none() {
    let mut model = model();
    press(&mut model, "/pci");
    for (ground, has_color) in [(BOXES, true), (PLAIN, false)] {
        let terminal = rendered(&mut model, &ground, 80, 24);
        let cells = terminal.backend().buffer().content().iter();
        let colored = cells.filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        assert_eq!(colored.count() > 0, has_color);
    }
}

#[test]
fn branches_close_and_open() {
    let mut model = model();
    assert_eq!(chosen(&model), "computer");
    press(&mut model, "jl");
    assert_eq!(chosen(&model), "mdev_a", "into an open branch");
    press(&mut model, "h");
    assert_eq!(chosen(&model), "pci_0000_00_02_0", "to the one above");
    let before = model.lines.len();
    press(&mut model, "h");
    assert_eq!((chosen(&model), model.lines.len()), ("pci_0000_00_02_0", before - 2));
    press(&mut model, "j");
    assert_eq!(chosen(&model), "pci_0000_00_03_0");
    press(&mut model, "k>");
    assert_eq!(model.lines.len(), before);
    press(&mut model, "G");
    assert_eq!(chosen(&model), "usb_usb1", "whose parent went");
    press(&mut model, "g<<");
    assert_eq!(model.lines.len(), 2);
}

#[test]
fn what_is_searched_for_is_found_in_closed_branches_too() {
    let mut model = model();
    press(&mut model, "j< ");
    press(&mut model, " /MDEV_B");
    assert_eq!(chosen(&model), "mdev_b");
    press(&mut model, "\u{1b}");
    assert_eq!(chosen(&model), "pci_0000_00_02_0", "given up: back where it began");
    press(&mut model, "/mdev\nn");
    assert_eq!(chosen(&model), "mdev_b");
    press(&mut model, "n");
    assert_eq!(chosen(&model), "mdev_a", "round again");
    press(&mut model, "NN");
    assert_eq!(chosen(&model), "mdev_a");
    press(&mut model, "/nosuch");
    assert_eq!(chosen(&model), "mdev_a", "nothing found: stays");
    press(&mut model, "\u{1b}/scsi\n");
    assert_eq!(chosen(&model), "scsi_00", "by capability");
}

#[test]
fn a_list_that_changes_keeps_what_was_chosen() {
    let mut model = model();
    press(&mut model, "jl");
    let mut fewer = rows();
    fewer.retain(|row| row.name.as_str() != "mdev_b");
    model.hear(News::List { who: String::new(), rows: fewer.clone() });
    assert_eq!(chosen(&model), "mdev_a");
    fewer.retain(|row| row.name.as_str() != "mdev_a");
    model.hear(News::List { who: String::new(), rows: fewer });
    assert_eq!(chosen(&model), "pci_0000_00_03_0", "what is in its place");
    assert!(!model.is_explained());
    model.hear(News::List { who: String::new(), rows: Vec::new() });
    assert_eq!((chosen(&model), model.wanted()), ("", None));
    press(&mut model, "jkhl G/x\nn");
}

#[test]
fn events_are_bounded_and_can_be_gone_through() {
    let mut model = model();
    for number in 0..600 {
        model.hear(News::Happened(vec![change(ChangeKind::Created, &format!("d{number}"))]));
    }
    assert_eq!(model.events.len(), 500);
    let last = |model: &mut Model| {
        let screen = screen(model, &BOXES, 80, 24);
        screen.lines().nth(22).unwrap().trim().to_owned()
    };
    assert_eq!(last(&mut model), "created   d599");
    press(&mut model, "\t\tkk");
    assert_eq!(last(&mut model), "created   d597");
    model.hear(News::Happened(vec![change(ChangeKind::Created, "new")]));
    assert_eq!(last(&mut model), "created   d597", "who reads older ones goes on");
    press(&mut model, "G");
    assert_eq!(last(&mut model), "created   new");
}

#[test]
fn q_and_control_c_end() {
    let end = |code, modifiers| model().press(KeyEvent::new(code, modifiers));
    assert_eq!(end(KeyCode::Char('q'), KeyModifiers::NONE), Step::End);
    assert_eq!(end(KeyCode::Char('c'), KeyModifiers::CONTROL), Step::End);
    let mut typing = model();
    press(&mut typing, "/q");
    assert_eq!(typing.search, "q");
}
