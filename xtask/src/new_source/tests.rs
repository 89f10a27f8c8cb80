use std::collections::BTreeMap;

use super::*;

fn root() -> PathBuf {
    crate::workspace_root()
}

fn made(name: &str) -> BTreeMap<String, String> {
    let files = make(&root(), name).unwrap();
    files.into_iter().map(|(path, text)| (path.to_str().unwrap().to_owned(), text)).collect()
}

#[test]
fn the_name_is_in_every_form_and_the_template_in_none() {
    let files = made("big-box");
    let manifest = &files["crates/nodedev-source-big-box/Cargo.toml"];
    assert!(manifest.contains("name = \"nodedev-source-big-box\""), "{manifest}");
    assert!(!manifest.contains("publish"), "{manifest}");
    let source = &files["crates/nodedev-source-big-box/src/source.rs"];
    assert!(source.contains("pub struct BigBoxSource") && source.contains("\"big-box\""));
    let tests = &files["crates/nodedev-source-big-box/tests/conformance.rs"];
    assert!(tests.contains("use nodedev_source_big_box::BigBoxSource;"), "{tests}");
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("crates/")) {
        assert!(!text.to_lowercase().contains(TEMPLATE), "{path} is still the template's");
    }
}

#[test]
fn what_lists_the_crates_knows_the_new_one() {
    let files = made("acme");
    for (file, expected) in [
        (
            "Cargo.toml",
            "    \"crates/nodedev-source-acme\",\n    \"crates/nodedev-source-template\",\n",
        ),
        (
            "xtask/src/tidy/edges.rs",
            "(\"nodedev-source-acme\", &[\"nodedev-source\", \"nodedev-types\"]),",
        ),
        ("xtask/src/tidy/edges.rs", "(\"nodedev-source-acme\", &[\"nodedev-source-testkit\"]),"),
        ("docs/SUMMARY.md", "- [nodedev-source-acme](../crates/nodedev-source-acme/README.md)\n"),
        ("CHANGELOG.md", "### Added\n\n- `nodedev-source-acme`, a source of node devices.\n- "),
    ] {
        assert!(files[file].contains(expected), "{file}");
    }
}

#[test]
fn a_name_that_cannot_be_one_is_refused() {
    for name in ["", "1a", "Acme", "a_b", "a-", "a--b", "mdev", "template", "udev", "exec"] {
        assert!(make(&root(), name).is_err(), "{name}");
    }
}

/// The crate by itself in a workspace with the rest of this one beside it. The template is tested in
/// every run, so this only looks whether the names fit.
#[test]
fn what_is_made_compiles() {
    let scratch = tempfile::tempdir().unwrap();
    let root = root();
    for (path, text) in made("big-box") {
        if let Some(path) = path.strip_prefix("crates/nodedev-source-big-box/") {
            let path = scratch.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let manifest = scratch.path().join("Cargo.toml");
    let package = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{package}\n{}", workspace(&root))).unwrap();
    fs::copy(root.join("Cargo.lock"), scratch.path().join("Cargo.lock")).unwrap();
    fs::copy(root.join("rustfmt.toml"), scratch.path().join("rustfmt.toml")).unwrap();
    let target = root.join("target");
    let check = ["check", "--quiet", "--offline", "--all-targets"];
    let check = Command::cargo(scratch.path()).args(check);
    check.env("CARGO_TARGET_DIR", target.to_str().unwrap()).run().unwrap();
}

/// The tables of the workspace's manifest that members inherit from, with paths from anywhere.
fn workspace(root: &Path) -> String {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let tables = manifest.split_once("[workspace.package]").unwrap().1;
    let paths = tables.replace("path = \"", &format!("path = \"{}/", root.display()));
    format!("[workspace]\n\n[workspace.package]{paths}")
}
