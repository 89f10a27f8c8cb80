//! `nodedev graph` on a mock host: what it draws is what other programs can read.

use std::io::Write as _;
use std::process::{Command, Stdio};

use nodedev_tests::command::{Ran, run};
use nodedev_tests::mock::Mock;
use nodedev_tests::require::{mock_hosts, programs, require, root};

/// What the program says of this text.
fn read_by(program: &str, args: &[&str], text: &str) -> Ran {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // A program that has seen enough need not read the rest.
    let _ = writing.join().unwrap();
    Ran {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: output.status.code(),
    }
}

#[test]
fn drawings_are_read_by_others() {
    require!(root());
    require!(programs(&["unshare", "xmllint", "dot"]));
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let names = run(&mut mock.nodedev(&["list", "--all"])).ok();
    let card = "pci_0000_00_02_0";
    for words in [&["graph"][..], &["graph", card]] {
        let svg = run(&mut mock.nodedev(words)).ok();
        let linted = read_by("xmllint", &["--noout", "--nonet", "-"], &svg);
        assert_eq!((linted.status, linted.stderr.as_str()), (Some(0), ""), "{svg}");
        assert_eq!(svg, run(&mut mock.nodedev(words)).ok(), "the same each time");

        let dot = run(&mut mock.nodedev(&[words, &["--format", "dot"]].concat())).ok();
        let parsed = read_by("dot", &["-Tplain"], &dot);
        assert_eq!((parsed.status, parsed.stderr.as_str()), (Some(0), ""), "{dot}");
        let nodes = parsed.stdout.lines().filter(|line| line.starts_with("node ")).count();
        assert_eq!(nodes, svg.matches("<g class=").count(), "{dot}");
        if words.len() == 1 {
            assert_eq!(nodes, names.lines().count());
            let is_drawn = |name: &str| svg.contains(&format!(">{name}</text>"));
            assert!(names.lines().all(is_drawn), "{svg}");
        } else {
            for part in ["i915-GVTg_V5_8", "drm_card0", "computer", "0 available"] {
                assert!(svg.contains(part) && dot.contains(part), "{part}: {svg}");
            }
        }
    }
    let absent = run(&mut mock.nodedev(&["graph", "absent"]));
    assert_eq!((absent.status, absent.stdout.as_str()), (Some(3), ""), "{absent:?}");
}
