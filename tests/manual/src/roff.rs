//! Manual pages in the language of man: titles, paragraphs, terms and code. `code` and *files* are
//! marked in texts as in Markdown.

/// The lines on top of every page. Without a date, so that a page is the same whenever it is made.
#[must_use]
pub fn head(name: &str, section: u8, about: &str) -> String {
    let title = name.to_uppercase();
    format!(
        ".\\\" Made by `cargo xtask docs`. Do not edit.\n\
         .TH {} {section} \"\" \"nodedev\" \"Node devices\"\n.nh\n.ad l\n.SH NAME\n{} \\- {}\n",
        escaped(&title),
        escaped(name),
        escaped(about)
    )
}

/// A section with its paragraphs.
#[must_use]
pub fn section(title: &str, paragraphs: &[&str]) -> String {
    let mut text = format!(".SH {}\n", escaped(title));
    for (number, paragraph) in paragraphs.iter().enumerate() {
        if number > 0 {
            text.push_str(".PP\n");
        }
        text.push_str(&line(paragraph));
    }
    text
}

/// A term, and what there is to say of it.
#[must_use]
pub fn term(term: &str, text: &str) -> String {
    format!(".TP\n{}{}", line(term), line(text))
}

/// Lines as they are.
#[must_use]
pub fn code(text: &str) -> String {
    let lines: String = text.lines().map(|text| guarded(&escaped(text)) + "\n").collect();
    format!(".PP\n.RS 4\n.EX\n{lines}.EE\n.RE\n")
}

fn line(text: &str) -> String {
    guarded(&marked(text)) + "\n"
}

/// A full stop at the start of a line would be a command.
fn guarded(line: &str) -> String {
    if line.starts_with('.') { format!("\\&{line}") } else { line.to_owned() }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq")
}

/// Code is bold, files are slanted.
fn marked(text: &str) -> String {
    let mut out = String::new();
    let mut open = None;
    for character in escaped(text).chars() {
        match (character, open) {
            ('`' | '*', Some(mark)) if mark == character => {
                open = None;
                out.push_str("\\fR");
            }
            ('`', None) => {
                open = Some('`');
                out.push_str("\\fB");
            }
            ('*', None) => {
                open = Some('*');
                out.push_str("\\fI");
            }
            _ => out.push(character),
        }
    }
    out
}

/// Makes what stands between backticks in a text that is escaped already bold.
#[must_use]
pub fn with_bold_code(text: &str) -> String {
    let mut parts = text.split('`');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        out.push_str(if number % 2 == 0 { "\\fB" } else { "\\fR" });
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command() {
        assert_eq!(code(".so x\n'y\n"), ".PP\n.RS 4\n.EX\n\\&.so x\n\\(aqy\n.EE\n.RE\n");
        assert_eq!(line("a\\b -c"), "a\\eb \\-c\n");
    }

    #[test]
    fn marks_become_fonts() {
        assert_eq!(line("`a` in */b*, `c*d`"), "\\fBa\\fR in \\fI/b\\fR, \\fBc*d\\fR\n");
    }
}
