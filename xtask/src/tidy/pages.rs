//! The written pages: what they link to exists, and so do the commands that they name.

use std::collections::BTreeSet;

use clap::CommandFactory as _;

use super::tree::TextFile;
use super::{Problem, find};
use crate::Arguments;

/// A page whose code is taken from files that are compiled or run, and tested.
struct Excerpts {
    page: &'static str,
    /// How a block of it begins.
    fence: &'static str,
    from: &'static [&'static str],
}

const EXCERPTS: &[Excerpts] = &[
    Excerpts {
        page: "docs/adding-a-source.md",
        fence: "```rust\n",
        from: &[
            "crates/nodedev-source/examples/static_source.rs",
            "crates/nodedev-source-testkit/tests/static_source.rs",
        ],
    },
    Excerpts {
        page: "docs/exec-source.md",
        fence: "```python\n",
        from: &["crates/nodedev-source-exec/examples/mounts.py"],
    },
];

/// All pages.
pub(crate) fn check(files: &[TextFile]) -> Vec<Problem> {
    let mut problems = excerpts(files);
    for page in files.iter().filter(|file| file.is_page()) {
        for target in links(&page.text) {
            if !exists(files, &page.path, target) {
                problems.push(Problem::new(
                    &page.path,
                    format!("links to `{target}`, which is not there"),
                ));
            }
        }
        for task in words_after(&page.text, "cargo xtask ") {
            if Arguments::command().find_subcommand(task).is_none() {
                problems.push(Problem::new(
                    &page.path,
                    format!("names `cargo xtask {task}`, which is not there"),
                ));
            }
        }
    }
    problems
}

/// The sub-commands of `nodedev` that stand in code on a page.
pub(crate) fn nodedev_subcommands(files: &[TextFile]) -> BTreeSet<String> {
    let pages = files.iter().filter(|file| file.is_page());
    let commands = pages.flat_map(|page| {
        ["`nodedev ", "$ nodedev ", "cargo xtask run -- "]
            .into_iter()
            .flat_map(|start| words_after(&page.text, start))
    });
    commands.map(str::to_owned).collect()
}

/// Every block of code on these pages stands in one of the files it is taken from.
fn excerpts(files: &[TextFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for Excerpts { page, fence, from } in EXCERPTS {
        let Some(text) = find(files, page).map(|page| &page.text) else {
            continue;
        };
        let sources = from.iter().filter_map(|path| find(files, path));
        let sources: Vec<_> = sources.map(|file| unformatted(&file.text)).collect();
        for block in text.split(fence).skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            let excerpt = unformatted(block);
            let excerpt = excerpt.trim_end_matches(',');
            if !sources.iter().any(|source| source.contains(excerpt)) {
                let line = block.lines().next().unwrap_or_default().trim();
                let message = format!("the excerpt `{line}` is no longer in {}", from.join(" or "));
                problems.push(Problem::new(*page, message));
            }
        }
    }
    problems
}

/// The code without what a formatter may change.
fn unformatted(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    code.replace(",}", "}").replace(",)", ")")
}

/// The word that follows each occurrence, if it is the name of a command.
fn words_after<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(start).filter_map(move |(at, _)| {
        let rest = &text[at + start.len()..];
        let is_of_it = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let end = rest.find(|c: char| !is_of_it(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        word.starts_with(|c: char| c.is_ascii_lowercase()).then_some(word)
    })
}

/// The targets of `[text](target)` that are files of the checkout.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, _)| {
        let target = text[at + 2..].split(')').next()?;
        let path = target.split('#').next()?;
        let outside = path.contains("://") || path.is_empty() || path.contains(char::is_whitespace);
        (!outside).then_some(path)
    })
}

fn exists(files: &[TextFile], page: &str, target: &str) -> bool {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let below = format!("{path}/");
    files.iter().any(|file| file.path == path || file.path.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> [TextFile; 2] {
        ["docs/page.md", "crates/a/src/lib.rs"]
            .map(|path| TextFile { path: path.to_owned(), text: text.to_owned() })
    }

    fn problems(text: &str) -> Vec<String> {
        check(&page(text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_lead_somewhere() {
        let good =
            "[a](page.md) [b](../crates/a/) [c](#top) [d](https://example.org) [e](page.md#x)";
        assert_eq!(problems(good), [""; 0]);
        assert_eq!(
            problems("[a](gone.md)"),
            ["docs/page.md: links to `gone.md`, which is not there"]
        );
        assert_eq!(problems("[a](../../outside.md)").len(), 1);
    }

    #[test]
    fn named_tasks_exist() {
        assert_eq!(problems("`cargo xtask test --only fmt`, `cargo xtask e2e`"), [""; 0]);
        assert_eq!(
            problems("`cargo xtask dance`"),
            ["docs/page.md: names `cargo xtask dance`, which is not there"]
        );
        assert_eq!(problems("`cargo xtask --help`"), [""; 0]);
    }

    #[test]
    fn excerpts_are_parts_of_the_code() {
        let file =
            |path: &str, text: &str| TextFile { path: path.to_owned(), text: text.to_owned() };
        let Excerpts { page, from, .. } = EXCERPTS[0];
        let code = file(from[0], "fn a() {\n    b();\n}\n");
        let good = file(page, "so:\n```rust\nfn a() { b(); }\n```\nand:\n```rust\nb();},\n```\n");
        let stale = file(page, "so:\n```rust\n    c();\n```\n");
        assert_eq!(check(&[good, code.clone()]), []);
        let found = check(&[stale, code]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.starts_with("the excerpt `c();` is no longer in"));
    }

    #[test]
    fn commands_are_taken_from_code_only() {
        let text = "nodedev is\n$ nodedev list --tree\n`nodedev explain X` `cargo xtask run -- watch`\n`nodedev --version`";
        let found: Vec<_> = nodedev_subcommands(&page(text)).into_iter().collect();
        assert_eq!(found, ["explain", "list", "watch"]);
    }
}
