//! Writing for people: colour, warnings, columns. Never decides what is written.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};

use crate::args::Color;
use crate::status::Failure;

/// Where and how to write.
#[derive(Debug)]
pub(crate) struct Output {
    quiet: bool,
    lines: Lines,
    color: bool,
    error_color: bool,
}

/// What a tree is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Indentation only: a program reads it.
    None,
    /// What every terminal can show.
    Ascii,
    /// Box characters.
    Box,
}

/// What a piece of text is, so that it can be told apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    /// The subject.
    Strong,
    /// Beside the point.
    Dim,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

impl Ink {
    const fn style(self) -> Style {
        match self {
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

impl Output {
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let allowed = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let wanted = |terminal: bool| match color {
            Color::Auto => terminal && allowed,
            Color::Always => true,
            Color::Never => false,
        };
        let (color, error_color) = (wanted(terminal), wanted(io::stderr().is_terminal()));
        Self { quiet, lines: lines(terminal, |name| std::env::var(name).ok()), color, error_color }
    }

    /// What a tree is drawn with.
    pub(crate) const fn lines(&self) -> Lines {
        self.lines
    }

    /// Whether what goes to standard output is coloured.
    pub(crate) const fn has_color(&self) -> bool {
        self.color
    }

    /// Whether what goes to standard error is coloured.
    pub(crate) const fn has_error_color(&self) -> bool {
        self.error_color
    }

    /// Standard output, buffered. Flush it.
    #[expect(clippy::unused_self, reason = "whoever writes has the output at hand")]
    pub(crate) fn writer(&self) -> BufWriter<io::StdoutLock<'static>> {
        BufWriter::new(io::stdout().lock())
    }

    /// The text on one line, in its colour, if there are colours.
    pub(crate) fn paint(&self, ink: Ink, text: impl Display) -> String {
        paint(self.color, ink, printable(&text.to_string()))
    }

    pub(crate) fn error(&self, failure: &Failure) {
        if !matches!(failure, Failure::OutputClosed) {
            self.tell(Ink::Bad, "error", failure);
        }
    }

    pub(crate) fn warning(&self, text: impl Display) {
        if !self.quiet {
            self.tell(Ink::Warning, "warning", text);
        }
    }

    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            self.tell(Ink::Dim, "note", text);
        }
    }

    fn tell(&self, ink: Ink, word: &str, text: impl Display) {
        let word = paint(self.error_color, ink, word);
        // Where even standard error is closed there is nobody to tell.
        let text = printable(&text.to_string());
        let _ = writeln!(io::stderr(), "nodedev: {word}: {text}");
    }
}

/// The text on one line: what would move the cursor is shown instead of done.
pub(crate) fn printable(text: &str) -> String {
    let shown =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// Box characters for a person whose locale has them. The first variable that is set decides, as in
/// setlocale(3).
fn lines(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Lines {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    match terminal {
        false => Lines::None,
        true if locale.contains("utf-8") || locale.contains("utf8") => Lines::Box,
        true => Lines::Ascii,
    }
}

/// How long ago that was, for people. In seconds since 1970.
pub(crate) fn age(at: f64) -> String {
    let at =
        Duration::try_from_secs_f64(at).ok().and_then(|at| SystemTime::UNIX_EPOCH.checked_add(at));
    let age = at.and_then(|at| at.elapsed().ok()).unwrap_or_default();
    match age.as_secs() {
        0..10 => format!("{:.1} s ago", age.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s ago"),
        seconds @ 120..7200 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}

fn paint(color: bool, ink: Ink, text: impl Display) -> String {
    if !color {
        return text.to_string();
    }
    let style = ink.style();
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(printable("a\u{1b}[1mb\nc é"), "a\\u{1b}[1mb\\nc é");
    }

    #[test]
    fn ages_have_the_unit_that_suits_them() {
        let now =
            || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        // Half a second more, so that neither rounding nor a slow test changes the unit shown.
        let ago = |seconds: u32| age(now() - f64::from(seconds) - 0.5);
        assert_eq!(age(now() + 0.5), "0.0 s ago");
        assert_eq!(ago(75), "75 s ago");
        assert_eq!(ago(601), "10 min ago");
        assert_eq!(ago(4 * 3600 + 1), "4 h ago");
        assert_eq!(age(now() + 9.0), "0.0 s ago", "a clock set back");
        assert_eq!(age(f64::NAN), "0.0 s ago");
    }

    #[test]
    fn box_characters_need_a_terminal_and_a_locale_that_has_them() {
        let with = |variables: &[(&str, &str)]| {
            lines(true, |name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[]), Lines::Ascii);
        assert_eq!(with(&[("LANG", "C.UTF-8")]), Lines::Box);
        assert_eq!(with(&[("LC_ALL", ""), ("LC_CTYPE", "de_DE.utf8")]), Lines::Box);
        assert_eq!(with(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]), Lines::Ascii);
        assert_eq!(lines(false, |_| Some("C.UTF-8".to_owned())), Lines::None);
    }
}
