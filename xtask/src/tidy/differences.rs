//! The page of differences from libvirt: every row names tests, and every test that it names exists.

use std::collections::BTreeSet;

use super::tree::TextFile;
use super::{Problem, find};

const PAGE: &str = "docs/differences.md";

/// The rows of the page.
pub(crate) fn check(files: &[TextFile]) -> Vec<Problem> {
    let Some(page) = find(files, PAGE) else {
        return Vec::new();
    };
    let functions = functions(files);
    let mut problems = Vec::new();
    for (number, row) in rows(&page.text) {
        let names = names(row);
        let subject = format!("{PAGE}:{number}");
        if names.is_empty() {
            problems.push(Problem::new(&subject, "names no test"));
        }
        for name in names.iter().filter(|name| !functions.contains(*name)) {
            problems.push(Problem::new(&subject, format!("names `{name}`, which is no function")));
        }
    }
    problems
}

/// The rows of tables below their heads, with the number of their line.
fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let below_a_head = lines.skip_while(|(_, line)| !line.starts_with("| ---")).skip(1);
    below_a_head.filter(|(_, line)| line.starts_with('|'))
}

/// The code in the last cell.
fn names(row: &str) -> Vec<&str> {
    let row = row.trim_end().trim_end_matches('|');
    let last = row.rsplit('|').next().unwrap_or_default();
    last.split('`').skip(1).step_by(2).collect()
}

/// The functions of all Rust files, those included that a macro makes of `fn name(`.
fn functions(files: &[TextFile]) -> BTreeSet<&str> {
    let rust = files.iter().filter(|file| file.is_rust());
    let lines = rust.flat_map(|file| file.text.lines());
    lines.filter_map(function).collect()
}

fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_code = before.split_whitespace().all(|word| !word.starts_with("//"));
    let (name, _) = after.split_once('(')?;
    is_code.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(page: &str) -> Vec<String> {
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let code = "mod tests {\n    async fn it_works(host) {}\n    // fn it_did() {}\n}\n";
        let files = [file(PAGE, page), file("crates/a/src/lib.rs", code)];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_name_tests_that_exist() {
        let row = |tests: &str| format!("| a | shown by |\n| --- | --- |\n| `x` | {tests} |\n");
        assert_eq!(problems(&row("`it_works`")), [""; 0]);
        assert_eq!(problems(&row("by hand")), ["docs/differences.md:3: names no test"]);
        assert_eq!(
            problems(&row("`it_works`, `it_did`")),
            ["docs/differences.md:3: names `it_did`, which is no function"]
        );
    }
}
