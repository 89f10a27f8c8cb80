//! Which key does what.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Model, Pane, Step};

/// For the help, in its order.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("↑ ↓, k j", "the device before, after"),
    ("PgUp PgDn", "a page"),
    ("Home End, g G", "the first, the last"),
    ("← →, h l", "close, open a branch; the device above, below"),
    ("Space, Enter", "open or close"),
    ("Tab, Shift-Tab", "scroll the fields, the events, the tree"),
    ("/", "search for a name or capability; Enter stays, Esc goes back"),
    ("n N", "the next, the one before"),
    ("r", "read the device again"),
    ("?", "this; any key closes it"),
    ("q, Ctrl-C", "end"),
];

/// The same without what not every terminal has.
pub(super) fn ascii(keys: &str) -> String {
    keys.replace('↑', "Up").replace('↓', "Down").replace('←', "Left").replace('→', "Right")
}

impl Model {
    /// Does what the key stands for.
    pub(super) fn press(&mut self, key: KeyEvent) -> Step {
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if with_control {
            return self.press_control(key.code);
        }
        if self.help {
            self.help = false;
            return Step::Go;
        }
        if self.is_typing {
            self.press_typing(key.code);
            return Step::Go;
        }
        self.press_plain(key.code)
    }

    fn press_control(&mut self, code: KeyCode) -> Step {
        match code {
            KeyCode::Char('c') => return Step::End,
            KeyCode::Char('d') => self.go(self.half()),
            KeyCode::Char('u') => self.go(-self.half()),
            // For the test that the terminal is given back.
            #[cfg(debug_assertions)]
            KeyCode::Char('x') => panic!("a panic was asked for"),
            _ => {}
        }
        Step::Go
    }

    fn press_typing(&mut self, code: KeyCode) {
        match code {
            KeyCode::Esc => self.end_search(false),
            KeyCode::Enter => self.end_search(true),
            KeyCode::Backspace if self.search.is_empty() => self.end_search(false),
            KeyCode::Backspace => self.type_search(|search| _ = search.pop()),
            KeyCode::Char(c) => self.type_search(|search| search.push(c)),
            _ => {}
        }
    }

    fn press_plain(&mut self, code: KeyCode) -> Step {
        let page = self.half() * 2;
        match code {
            KeyCode::Char('q') => return Step::End,
            KeyCode::Esc => self.search.clear(),
            KeyCode::Down | KeyCode::Char('j') => self.go(1),
            KeyCode::Up | KeyCode::Char('k') => self.go(-1),
            KeyCode::PageDown => self.go(page),
            KeyCode::PageUp => self.go(-page),
            KeyCode::Home | KeyCode::Char('g') => self.go(isize::MIN + 1),
            KeyCode::End | KeyCode::Char('G') => self.go(isize::MAX),
            KeyCode::Left | KeyCode::Char('h') => self.fold(),
            KeyCode::Right | KeyCode::Char('l') => self.unfold(),
            KeyCode::Enter | KeyCode::Char(' ') => self.toggle(),
            KeyCode::Tab => self.pane = self.pane.next(),
            KeyCode::BackTab => self.pane = self.pane.next().next(),
            KeyCode::Char('/') => self.begin_search(),
            KeyCode::Char('n') => self.find(true, false),
            KeyCode::Char('N') => self.find(false, false),
            KeyCode::Char('r') => self.read_again(),
            KeyCode::Char('?') => self.help = true,
            _ => {}
        }
        Step::Go
    }

    fn half(&self) -> isize {
        isize::try_from(self.page / 2).unwrap_or(1).max(1)
    }
}

impl Pane {
    const fn next(self) -> Self {
        match self {
            Self::Tree => Self::Fields,
            Self::Fields => Self::Events,
            Self::Events => Self::Tree,
        }
    }
}
