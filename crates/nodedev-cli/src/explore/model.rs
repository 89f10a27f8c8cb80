//! What is to be seen, and what becomes of it by keys and news. Knows of no terminal.

use std::collections::{BTreeSet, VecDeque};

use nodedev_types::DeviceName;
use nodedev_varlink::{ChangeKind, Explanation, Row};

use super::feed::News;
use super::outline::{self, Line};

/// Events that are kept to be seen.
const EVENTS: usize = 500;

/// What comes after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Go,
    End,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Pane {
    #[default]
    Tree,
    Fields,
    Events,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    Change(ChangeKind, DeviceName),
    Missed,
    Lost,
    Back,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) who: String,
    pub(super) rows: Vec<Row>,
    pub(super) lines: Vec<Line>,
    folded: BTreeSet<DeviceName>,
    pub(super) chosen: Option<DeviceName>,
    /// Where the chosen one is among the lines.
    pub(super) at: usize,
    pub(super) explained: Option<Result<Box<Explanation>, String>>,
    explained_name: Option<DeviceName>,
    readings: u64,
    pub(super) events: VecDeque<Happening>,
    /// What speaks against taking the list for complete and current, what weighs most first.
    pub(super) warnings: Vec<String>,
    /// Why there is nobody to ask.
    pub(super) lost: Option<String>,
    pub(super) pane: Pane,
    /// Lines that the fields and the events are scrolled by.
    pub(super) fields_at: usize,
    pub(super) events_at: usize,
    /// What is searched for, while it is typed and after.
    pub(super) search: String,
    pub(super) is_typing: bool,
    /// What was chosen when the typing began.
    before: Option<DeviceName>,
    pub(super) help: bool,
    /// How many lines of the tree there is room for, as it was last drawn.
    pub(super) page: usize,
}

impl Model {
    /// Takes in what came.
    pub(super) fn hear(&mut self, news: News) -> Step {
        match news {
            News::List { who, rows } => {
                if self.lost.take().is_some() {
                    self.note(Happening::Back);
                }
                self.who = who;
                self.rows = rows;
                self.arrange();
            }
            News::Happened(changes) => {
                for change in changes {
                    self.note(Happening::Change(change.kind, change.name));
                }
            }
            News::Warnings(warnings) => self.warnings = warnings,
            News::Missed => self.note(Happening::Missed),
            News::Explained(name, explained) => {
                if self.chosen.as_ref() == Some(&name) {
                    self.explained = Some(explained);
                    if self.explained_name.replace(name.clone()) != Some(name) {
                        self.fields_at = 0;
                    }
                }
            }
            News::Lost(reason) => {
                self.warnings.clear();
                if self.lost.replace(reason).is_none() {
                    self.note(Happening::Lost);
                }
            }
        }
        Step::Go
    }

    /// The device whose fields are to be read, and how often that was asked for.
    pub(super) fn wanted(&self) -> Option<(DeviceName, u64)> {
        self.chosen.clone().map(|name| (name, self.readings))
    }

    /// Whether what is known of fields is of the device that is chosen.
    pub(super) fn is_explained(&self) -> bool {
        self.explained_name == self.chosen
    }

    /// Whether the line is one that is searched for.
    pub(super) fn is_found(&self, row: &Row) -> bool {
        !self.search.is_empty() && matches(row, &self.search)
    }

    pub(super) fn read_again(&mut self) {
        self.readings += 1;
    }

    /// Up or down by so many lines, in the pane that has the keys.
    pub(super) fn go(&mut self, lines: isize) {
        let moved = |at: usize| at.saturating_add_signed(lines);
        match self.pane {
            Pane::Tree => {
                let last = self.lines.len().saturating_sub(1);
                self.choose(moved(self.at).min(last));
            }
            // Drawing knows the end.
            Pane::Fields => self.fields_at = moved(self.fields_at),
            Pane::Events => {
                self.events_at = self.events_at.saturating_add_signed(-lines).min(self.events.len())
            }
        }
    }

    /// Closes the branch, or goes to the device above.
    pub(super) fn fold(&mut self) {
        let Some(line) = self.lines.get(self.at) else { return };
        if line.has_children && !line.folded {
            self.folded.insert(line.row.name.clone());
        } else if let Some(parent) = line.row.parent.clone() {
            self.chosen = Some(parent);
        }
        self.arrange();
    }

    /// Opens the branch, or goes to the first device below.
    pub(super) fn unfold(&mut self) {
        let Some(line) = self.lines.get(self.at) else { return };
        if !self.folded.remove(&line.row.name) && line.has_children {
            return self.choose(self.at + 1);
        }
        self.arrange();
    }

    pub(super) fn toggle(&mut self) {
        let Some(line) = self.lines.get(self.at).filter(|line| line.has_children) else { return };
        let name = line.row.name.clone();
        if !self.folded.remove(&name) {
            self.folded.insert(name);
        }
        self.arrange();
    }

    pub(super) fn begin_search(&mut self) {
        self.is_typing = true;
        self.search.clear();
        self.before.clone_from(&self.chosen);
    }

    pub(super) fn type_search(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.search);
        // From where it began, so that a longer text does not run away.
        if let Some(before) = self.before.clone() {
            self.reveal(before);
        }
        if !self.search.is_empty() {
            self.find(true, true);
        }
    }

    pub(super) fn end_search(&mut self, is_kept: bool) {
        self.is_typing = false;
        if !is_kept {
            self.search.clear();
            if let Some(before) = self.before.take() {
                self.reveal(before);
            }
        }
    }

    /// Goes to the next device that is searched for, also in a branch that is closed.
    pub(super) fn find(&mut self, forward: bool, from_here: bool) {
        let all = outline::lines(&self.rows, &BTreeSet::new());
        let count = all.len();
        let here = all.iter().position(|line| Some(&line.row.name) == self.chosen.as_ref());
        let here = here.unwrap_or(0);
        let first = usize::from(!from_here);
        let found = (first..count + first).map(|step| match forward {
            true => (here + step) % count,
            false => (here + count - step % count) % count,
        });
        let found = found.map(|at| &all[at].row).find(|row| self.is_found(row));
        if let Some(name) = found.map(|row| row.name.clone()) {
            self.reveal(name);
        }
    }

    fn reveal(&mut self, name: DeviceName) {
        for above in outline::above(&self.rows, &name) {
            self.folded.remove(above);
        }
        self.chosen = Some(name);
        self.arrange();
    }

    fn choose(&mut self, at: usize) {
        if let Some(line) = self.lines.get(at) {
            self.at = at;
            self.chosen = Some(line.row.name.clone());
        }
    }

    /// The lines anew. What was chosen stays so; where it went, its place.
    fn arrange(&mut self) {
        let names: BTreeSet<_> = self.rows.iter().map(|row| &row.name).collect();
        self.folded.retain(|name| names.contains(name));
        self.lines = outline::lines(&self.rows, &self.folded);
        let chosen = self.chosen.as_ref();
        let at = self.lines.iter().position(|line| Some(&line.row.name) == chosen);
        let last = self.lines.len().saturating_sub(1);
        self.choose(at.unwrap_or_else(|| self.at.min(last)));
        if self.lines.is_empty() {
            self.chosen = None;
        }
    }

    fn note(&mut self, happening: Happening) {
        self.events.push_back(happening);
        if self.events.len() > EVENTS {
            self.events.pop_front();
        }
        if self.events_at > 0 {
            // Who reads older ones goes on reading them.
            self.events_at = (self.events_at + 1).min(self.events.len());
        }
    }
}

fn matches(row: &Row, text: &str) -> bool {
    let text = text.to_lowercase();
    let name = row.name.as_str().to_lowercase();
    name.contains(&text) || row.capabilities.iter().any(|capability| capability.as_str() == text)
}
