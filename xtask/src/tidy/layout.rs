//! Sizes and beginnings of the source files.

use super::Problem;
use super::tree::TextFile;

/// No source file is longer, but for these.
const MAX_LINES: usize = 700;
const LONG: &[(&str, &str)] = &[("crates/nodedev-types/src/fields.rs", "one table")];

/// The driver only wires things up; what grows there belongs elsewhere. A third of it is the
/// daemon's tables of settings and the reading of the files, another third tests.
const DRIVER: &str = "crates/nodedev-driver/src/";
const DRIVER_LINES: usize = 4400;

/// All source files.
pub(crate) fn check(files: &[TextFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        if lines > MAX_LINES && !LONG.iter().any(|(path, _)| *path == file.path) {
            let message = format!(
                "{lines} lines; more than {MAX_LINES} need two files, or a word in tidy/layout.rs"
            );
            problems.push(Problem::new(&file.path, message));
        }
        if is_module(&file.path) && !has_module_docs(&file.text) {
            let message = "does not begin with `//!`: what lives here, what may it touch, what does it never do";
            problems.push(Problem::new(&file.path, message));
        }
    }
    let driver = files.iter().filter(|file| file.is_rust() && file.path.starts_with(DRIVER));
    let lines: usize = driver.map(|file| file.text.lines().count()).sum();
    if lines > DRIVER_LINES {
        let message = format!("{lines} lines; the driver's budget is {DRIVER_LINES}");
        problems.push(Problem::new(DRIVER, message));
    }
    problems
}

/// A module `tests` says by its name what it is.
fn is_module(path: &str) -> bool {
    if path.ends_with("/tests.rs") {
        return false;
    }
    let in_crate = path.starts_with("crates/") && path.contains("/src/");
    in_crate || path.starts_with("xtask/src/") || path.starts_with("tests/src/")
}

fn has_module_docs(text: &str) -> bool {
    text.starts_with("//!") || text.starts_with("#![doc = include_str!(")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        check(&[file]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_module_says_what_it_is() {
        assert_eq!(problems("crates/a/src/b.rs", "//! Things.\n"), [""; 0]);
        assert_eq!(
            problems("crates/a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n"),
            [""; 0]
        );
        assert_eq!(problems("crates/a/tests/it/main.rs", "mod x;\n"), [""; 0]);
        assert_eq!(problems("crates/a/src/b/tests.rs", "use super::*;\n"), [""; 0]);
        assert_eq!(problems("crates/a/src/b.rs", "use std::fmt;\n").len(), 1);
    }

    #[test]
    fn long_files_are_refused_but_for_the_listed() {
        let long = "//! x\n".repeat(MAX_LINES + 1);
        assert_eq!(problems("crates/a/src/b.rs", &long).len(), 1);
        assert_eq!(problems(LONG[0].0, &long), [""; 0]);
        assert_eq!(problems("crates/a/src/b.rs", &"//! x\n".repeat(MAX_LINES)), [""; 0]);
    }

    #[test]
    fn the_driver_stays_small() {
        let file = |number: usize| TextFile {
            path: format!("{DRIVER}{number}.rs"),
            text: "//! x\n".repeat(DRIVER_LINES / 8),
        };
        let files: Vec<_> = (0..9).map(file).collect();
        assert_eq!(check(&files[..8]), []);
        assert_eq!(check(&files).len(), 1);
    }
}
