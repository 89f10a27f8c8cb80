//! The daemon's configuration file with every default, and its manual page: from the table of settings in
//! `docs/operating.md`, which a test of the daemon holds against the code.

use nodedev_manual::roff;

const PAGE: &str = include_str!("../../../../docs/operating.md");

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Setting<'a> {
    name: &'a str,
    takes: &'a str,
    default: Default<'a>,
    is_reloaded: bool,
    about: &'a str,
}

#[derive(Debug, PartialEq, Eq)]
enum Default<'a> {
    /// As it would be written.
    Value(&'a str),
    /// What happens without the setting.
    Told(&'a str),
    None,
}

/// The configuration file as it is installed: nothing but comments.
pub(crate) fn file() -> String {
    let mut text = "\
# Configuration of nodedevd(8). nodedevd.conf(5) explains it; `nodedevd --check-config` tells what is wrong with it,
# `systemctl reload nodedevd` makes the daemon read it again.
#
# Here is every setting with its default, as a comment.
"
    .to_owned();
    for setting in settings(PAGE).into_iter().filter(has_effect) {
        let Setting { name, takes, default, is_reloaded, about } = setting;
        let when = if is_reloaded { "" } else { " A change needs a restart." };
        text += &format!("\n# {}\n# Takes {}.{when}\n", installed(about), plain(takes));
        text += &match default {
            Default::Value(value) => format!("#{name} = {value}\n"),
            Default::Told(told) => format!("# Default: {}.\n#{name} = ...\n", plain(told)),
            Default::None => format!("#{name} = ...\n"),
        };
    }
    text
}

/// The manual page of the configuration file.
pub(crate) fn manual() -> String {
    let mut page = roff::head("nodedevd.conf", 5, "configuration of the daemon nodedevd");
    page += &roff::section("SYNOPSIS", &["*/etc/nodedev/nodedevd.conf*"]);
    page += &roff::section(
        "DESCRIPTION",
        &[
            "The daemon of the host, which is started by root, reads */etc/nodedev/nodedevd.conf*; that of a user \
             *nodedev/nodedevd.conf* in *$XDG_CONFIG_HOME* or *~/.config*. Where there is no such file, every \
             setting has its default. `nodedevd --config FILE` reads another, which may be libvirt's \
             *virtnodedevd.conf*: settings that both have, have its names.",
            "Lines are `name = value`. A value is a number, a text in quotes, or a list of them in brackets; a # \
             begins a comment.",
            "A name that is not known is warned of and ignored. A value that is wrong keeps the daemon from \
             starting, with file, line and what was expected; when it reads the file again, it keeps the old \
             settings. `nodedevd --check-config` tells all that is wrong without a start.",
            "The daemon reads the file again on SIGHUP (`systemctl reload nodedevd`). Settings marked with \
             *restart* take effect only with a restart.",
        ],
    );
    page += &roff::section("SETTINGS", &[]);
    for Setting { name, takes, default, is_reloaded, about } in settings(PAGE) {
        let default = match default {
            Default::Value(value) => format!(" Default: {value}."),
            Default::Told(told) => format!(" Default: {}.", plain(told)),
            Default::None => String::new(),
        };
        let restart = if is_reloaded { "" } else { " (*restart*)" };
        let text = format!("{} Takes {}.{default}{restart}", installed(about), plain(takes));
        page += &roff::term(&format!("`{name}`"), &text);
    }
    page += &roff::section(
        "EXAMPLES",
        &["Members of the group `libvirt` get in, without polkit, and nobody else:"],
    );
    page += &roff::code(
        "unix_sock_group = \"libvirt\"\nunix_sock_rw_perms = \"0770\"\nauth_unix_rw = \"none\"\n",
    );
    page + &roff::section("SEE ALSO", &["`nodedevd`(8), `nodedev`(1)"])
}

fn settings(page: &str) -> Vec<Setting<'_>> {
    let table = page.split("<!-- settings: begin -->").nth(1).unwrap_or_default();
    let table = table.split("<!-- settings: end -->").next().unwrap_or_default();
    table.lines().filter_map(setting).collect()
}

/// Some are there only because libvirt's file has them.
fn has_effect(setting: &Setting<'_>) -> bool {
    !setting.about.starts_with("No effect")
}

/// Rows of settings begin with a name in code.
fn setting(line: &str) -> Option<Setting<'_>> {
    let cells: Vec<_> = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").collect();
    let [name, takes, default, reload, about] = cells[..] else { return None };
    let default = match code(default) {
        Some(value) => Default::Value(value),
        None if default == "-" => Default::None,
        None => Default::Told(default),
    };
    Some(Setting {
        name: name.strip_suffix('`')?,
        takes,
        default,
        is_reloaded: reload == "yes",
        about,
    })
}

/// What a cell says that is nothing but code.
fn code(cell: &str) -> Option<&str> {
    let inside = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!inside.contains('`')).then_some(inside)
}

/// What is told of a setting, as it is told where there is no folder `docs`: the daemon's manual page knows where its
/// pages are.
fn installed(about: &str) -> String {
    let mut text = String::new();
    for (number, part) in about.split('`').enumerate() {
        let is_page = number % 2 == 1 && part.starts_with("docs/");
        text += if is_page { "nodedevd(8)" } else { part };
    }
    text
}

/// Without Markdown's marks of code.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let row = "| `a_b` | 0 or 1 | `0` | restart | Does `x`. |";
        let default = Default::Value("0");
        let read = Setting {
            name: "a_b",
            takes: "0 or 1",
            default,
            is_reloaded: false,
            about: "Does `x`.",
        };
        assert_eq!(setting(row), Some(read));
        let told = setting("| `a` | t | \"0777\" with `x` | yes | w |").unwrap();
        assert_eq!((told.default, told.is_reloaded), (Default::Told("\"0777\" with `x`"), true));
        assert_eq!(setting("| setting | takes | default | SIGHUP | what it does |"), None);
    }

    #[test]
    fn every_setting_is_in_the_file_and_none_is_set() {
        let (file, page) = (file(), manual());
        let all = settings(PAGE);
        assert!(all.len() > 40, "{}", all.len());
        for setting in all {
            let name = setting.name;
            assert_eq!(file.contains(&format!("\n#{name} = ")), has_effect(&setting), "{name}");
            assert!(page.contains(&format!("\\fB{}\\fR", name)), "{name}");
        }
        assert!(file.lines().all(|line| line.is_empty() || line.starts_with('#')));
    }

    #[test]
    fn no_page_is_named_that_is_not_installed() {
        assert_eq!(installed("See `docs/a.md`, and `x`."), "See nodedevd(8), and x.");
        let named = [file(), manual()].concat();
        assert!(!named.contains("docs/") && !named.contains(".md"), "{named}");
    }
}
