//! Lines that must not be committed: unfinished work, silenced tests, paths of one machine; and one that must:
//! that a crate has no unsafe code, tests, benches, examples and fuzz targets included.

use std::path::Path;

use super::Problem;
use super::tree::TextFile;

/// Crates that cannot forbid unsafe code. The workspace's lints deny it there too, and a module that has some
/// says why.
const WITH_UNSAFE: &[&str] = &[
    // `memory.rs` counts what is allocated, and an allocator is unsafe by its nature.
    "crates/nodedev-registry/tests/sim/main.rs",
];

/// All texts, line by line. `machine_paths` are parts of paths that name one machine.
pub(crate) fn check(files: &[TextFile], machine_paths: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        let forbids = file.text.contains("\n#![forbid(unsafe_code)]\n");
        if is_crate_root(&file.path) && !forbids && !WITH_UNSAFE.contains(&file.path.as_str()) {
            problems.push(Problem::new(&file.path, "does not say `#![forbid(unsafe_code)]`"));
        }
        for (number, line) in file.text.lines().enumerate() {
            let mut found = Vec::new();
            if file.is_rust() {
                found.extend(unfinished(line));
            }
            found.extend(machine_path(line, machine_paths));
            let subject = || format!("{}:{}", file.path, number + 1);
            problems.extend(found.into_iter().map(|message| Problem::new(subject(), message)));
        }
    }
    problems
}

/// The first file of a library, a program, a test, a bench, an example or a fuzz target.
fn is_crate_root(path: &str) -> bool {
    let Some((_, below)) = path.rsplit_once("src/") else { return is_root_beside_sources(path) };
    ["lib.rs", "main.rs"].contains(&below) || below.strip_prefix("bin/").is_some_and(is_program)
}

/// `tests/it.rs` and `tests/it/main.rs` of whichever package, and so on.
fn is_root_beside_sources(path: &str) -> bool {
    let path = format!("/{path}");
    let folders = ["/tests/", "/benches/", "/examples/", "/fuzz_targets/"];
    let mut below = folders.iter().filter_map(|folder| path.split_once(folder));
    below.any(|(_, rest)| is_program(rest))
}

/// A file that is a program by itself, or the first of those that are one.
fn is_program(path: &str) -> bool {
    match path.split_once('/') {
        Some((_, rest)) => rest == "main.rs",
        None => path.ends_with(".rs"),
    }
}

/// What no text may name: homes, the folder of this checkout and the one around it.
pub(crate) fn machine_paths(root: &Path) -> Vec<String> {
    let mut paths: Vec<_> =
        ["home", "root", "Users"].iter().map(|folder| format!("/{folder}/")).collect();
    let home = std::env::home_dir();
    for folder in [Some(root), root.parent(), home.as_deref()].into_iter().flatten() {
        if !is_common(folder) {
            paths.push(format!("{}/", folder.display()));
        }
    }
    paths
}

/// Folders that every system has say nothing of a machine.
fn is_common(folder: &Path) -> bool {
    let common = ["/", "/build", "/home", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var/tmp"];
    common.iter().any(|path| Path::new(path) == folder)
}

fn machine_path(line: &str, machine_paths: &[String]) -> Option<String> {
    let path = machine_paths.iter().find(|path| {
        line.match_indices(path.as_str()).any(|(start, _)| {
            // `/devices/home/` is no home.
            !line[..start]
                .ends_with(|before: char| before.is_alphanumeric() || "._-}".contains(before))
        })
    })?;
    Some(format!("names `{path}`, a path of one machine"))
}

fn unfinished(line: &str) -> Option<String> {
    let code = line.trim_start();
    if code.starts_with("//") {
        return None;
    }
    // In two halves, so that this file does not accuse itself.
    for name in ["todo", "unimplemented"] {
        if code.contains(&format!("{name}!(")) {
            return Some(format!("`{name}!` is unfinished work"));
        }
    }
    let silenced = ["#[ignore]", "#[ignore = \"\"]"];
    silenced.contains(&code.trim_end()).then(|| "a test is ignored without a reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        let machine_paths = machine_paths(Path::new("/some/where/checkout"));
        check(&[file], &machine_paths).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unfinished_work_is_found() {
        let text = format!("fn a() {{\n    {}!(\"later\")\n}}\n", "todo");
        assert_eq!(problems("a.rs", &text), ["a.rs:2: `todo!` is unfinished work"]);
        assert_eq!(problems("a.rs", &format!("// {}!()\n", "todo")), [""; 0]);
    }

    #[test]
    fn the_first_file_of_a_crate_forbids_unsafe_code() {
        for root in [
            "a/src/lib.rs",
            "a/src/main.rs",
            "a/src/bin/b.rs",
            "a/src/bin/b/main.rs",
            "a/tests/b.rs",
            "a/tests/it/main.rs",
            "tests/it/main.rs",
            "tests/src/bin/b.rs",
            "a/benches/b.rs",
            "a/examples/b.rs",
            "a/fuzz/fuzz_targets/b.rs",
            "tests/fuzz/fuzz_targets/b.rs",
        ] {
            assert_eq!(problems(root, "//! X.\n").len(), 1, "{root}");
            assert_eq!(problems(root, "//! X.\n#![forbid(unsafe_code)]\n"), [""; 0], "{root}");
        }
        for other in [
            "a/src/b.rs",
            "a/src/b/lib.rs",
            "a/src/bin/b/c.rs",
            "a/src/b/tests.rs",
            "a/src/tests/b.rs",
            "a/tests/it/b.rs",
            "tests/it/b/c.rs",
            "tests/src/command.rs",
            "a/examples/b.py",
            WITH_UNSAFE[0],
        ] {
            assert_eq!(problems(other, "//! X.\n"), [""; 0], "{other}");
        }
    }

    #[test]
    fn an_ignored_test_gives_its_reason() {
        assert_eq!(problems("a.rs", "#[ignore]\n"), ["a.rs:1: a test is ignored without a reason"]);
        assert_eq!(problems("a.rs", "#[ignore = \"needs a GPU\"]\n"), [""; 0]);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let (home, around) = (format!("see {}/ann/x", "/home"), "`/some/where/shared/y`");
        assert_eq!(problems("a.md", &home).len(), 1);
        assert_eq!(problems("a.md", around).len(), 1);
        assert_eq!(problems("a.md", "/sys/devices/home/x and /etc/root"), [""; 0]);
    }

    #[test]
    fn a_checkout_in_a_common_folder_forbids_no_common_folder() {
        let paths = machine_paths(Path::new("/tmp/checkout"));
        assert!(paths.contains(&"/tmp/checkout/".to_owned()));
        assert!(!paths.contains(&"/tmp/".to_owned()));
    }
}
