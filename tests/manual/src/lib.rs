#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod roff;

use std::path::Path;

use clap::Command;
use clap_mangen::Man;

/// Set to have pages written instead of compared.
pub const WRITE: &str = "NODEDEV_WRITE_DOCS";

/// What a page says besides what its command says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prose<'a> {
    /// Paragraphs of the description.
    pub description: &'a [&'a str],
    /// Sections after the options, with their paragraphs.
    pub sections: &'a [(&'a str, &'a [&'a str])],
    /// Other pages, such as `nodedevd`(8).
    pub see_also: &'a str,
}

/// The page of that command, which has been built, in this section of the manual.
///
/// Blocks of its `after_help` that begin with a line like `Examples:` become sections, the others paragraphs of
/// the description.
///
/// # Panics
///
/// Never: memory takes all that is written.
#[must_use]
pub fn page(command: &Command, section: u8, prose: Prose<'_>) -> String {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let after_help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone());
    let part = |render: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut text = Vec::new();
        render(&mut text).expect("memory takes all that is written");
        // What each part begins with; the page has its own.
        let text = String::from_utf8_lossy(&text).into_owned();
        let text = text.split_once(".SH").map(|(_, rest)| format!(".SH{rest}")).unwrap_or_default();
        // Their apostrophe is a macro that they define before.
        roff::with_bold_code(&text.replace("\\*(Aq", "\\(aq"))
    };

    let (titled, plain): (Vec<_>, Vec<_>) = after_help
        .split("\n\n")
        .filter(|block| !block.is_empty())
        .partition(|block| title(block).is_some());
    let mut page = roff::head(&name, section, &about);
    page += &part(&|text| man.render_synopsis_section(text));
    let description: Vec<_> = prose.description.iter().copied().chain(plain).collect();
    if !description.is_empty() {
        page += &roff::section("DESCRIPTION", &description);
    }
    page += &part(&|text| man.render_options_section(text));
    if command.has_subcommands() {
        page += &roff::section("COMMANDS", &[]);
        for subcommand in
            command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help")
        {
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            let term = format!("`{name}-{}`({section})", subcommand.get_name());
            page += &roff::term(&term, &about);
        }
    }
    for (title, paragraphs) in prose.sections {
        page += &roff::section(title, paragraphs);
    }
    for block in titled {
        let Some((title, lines)) = title(block) else { continue };
        page += &roff::section(&title.to_uppercase(), &[]);
        page += &roff::code(&unindented(lines));
    }
    page + &roff::section("SEE ALSO", &[prose.see_also])
}

/// The title of a block like `Examples:`, and its lines.
fn title(block: &str) -> Option<(&str, &str)> {
    let (first, lines) = block.split_once('\n')?;
    Some((first.strip_suffix(':')?, lines))
}

fn unindented(lines: &str) -> String {
    lines.lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect()
}

/// Whether the file is that page; with [`WRITE`] in the environment, it is then.
///
/// # Panics
///
/// When it cannot be written.
#[must_use]
pub fn is_up_to_date(path: &Path, page: &str) -> bool {
    let is_fresh = std::fs::read_to_string(path).is_ok_and(|old| old == page);
    if !is_fresh && std::env::var_os(WRITE).is_some() {
        std::fs::write(path, page).expect("a page can be written");
        return true;
    }
    is_fresh
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn a_page_has_what_the_command_says() {
        let after = "A word.\n\nExamples:\n  x y\n    z\n\nExit status:\n  0  done";
        let sub = Command::new("y").about("Does y");
        let command = Command::new("x").about("Does x").after_help(after).subcommand(sub);
        let mut command =
            command.arg(Arg::new("o").long("some-option").help("Opens it, not `that` one's"));
        command.build();
        let prose =
            Prose { see_also: "`z`(1)", sections: &[("FILES", &["*/etc/x*"])], ..Prose::default() };
        let page = page(&command, 1, prose);
        for part in [
            ".TH X 1 ",
            "x \\- Does x\n",
            ".SH DESCRIPTION\nA word.\n",
            "some\\-option",
            "Opens it, not \\fBthat\\fR one\\(aqs\n",
            "\\fBx\\-y\\fR(1)\nDoes y\n",
            ".SH FILES\n\\fI/etc/x\\fR\n",
            ".SH EXAMPLES\n.PP\n.RS 4\n.EX\nx y\n  z\n.EE\n",
            ".SH EXIT STATUS\n",
            ".SH SEE ALSO\n\\fBz\\fR(1)\n",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("x\\-help"), "{page}");
    }
}
