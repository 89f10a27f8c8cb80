//! The command as a user meets it: help, statuses, JSON, the closed pipe.

use std::process::Command;

use nodedev_tests::command::{nodedev, run};
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

#[test]
fn every_sub_command_has_help_with_examples() {
    let overview = run(Command::new(nodedev()).arg("--help")).ok();
    let documented = [
        "list", "dump", "explain", "watch", "sources", "define", "create", "update", "record",
        "replay", "graph", "explore",
    ];
    for command in documented {
        assert!(overview.contains(command), "{overview}");
        let help = run(Command::new(nodedev()).args([command, "--help"])).ok();
        assert!(help.contains("Examples:"), "{help}");
    }
}

#[test]
fn each_kind_of_failure_has_its_status() {
    assert_eq!(run(Command::new(nodedev()).args(["list", "--cap", "nets"])).status, Some(2));
    assert_eq!(run(Command::new(nodedev()).args(["dump"])).status, Some(2));
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl"]));
    let lab = Lab::start();
    let missing = run(&mut lab.nodedev(&["dump", "computer", "no_such_device"]));
    assert_eq!(missing.status, Some(3), "{missing:?}");
    assert!(missing.stderr.contains("`no_such_device`"), "{missing:?}");
    assert!(missing.stdout.contains("<name>computer</name>"), "the others are there: {missing:?}");
    assert_eq!(run(&mut lab.nodedev(&["explain", "no_such_device"])).status, Some(3));

    let failing = lab.folder().join("failing");
    std::fs::write(&failing, "#!/bin/sh\necho broken >&2\nexit 1\n").unwrap();
    lab.run("chmod", &["+x", failing.to_str().unwrap()]);
    let failed = run(&mut lab.nodedev(&["list", "--mdevctl", failing.to_str().unwrap()]));
    assert_eq!(failed.status, Some(4), "{failed:?}");
    assert!(failed.stdout.contains("computer"), "the others are there: {failed:?}");
    assert!(failed.stderr.contains("mdevctl"), "{failed:?}");
    assert!(failed.stderr.contains("broken"), "{failed:?}");

    let mistyped = run(&mut lab.nodedev(&["list", "--mdevctl", "/no/such/mdevctl"]));
    assert_eq!(mistyped.status, Some(1), "{mistyped:?}");
    assert!(mistyped.stderr.contains("/no/such/mdevctl"), "{mistyped:?}");
    let absent = run(&mut lab.nodedev(&["list", "--mdevctl", "no-such-mdevctl"]));
    assert_eq!(absent.status, Some(0), "a host without mdevctl is ordinary: {absent:?}");
    let sources = run(&mut lab.nodedev(&["sources", "--mdevctl", "no-such-mdevctl"])).ok();
    assert!(sources.contains("not installed"), "{sources}");
}

/// A recording may come from anybody: nothing of it may move the cursor of whoever reads on a terminal.
#[test]
fn what_a_recording_says_does_nothing_to_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile.jsonl");
    let lines = [
        r#"{"format":"nodedev-recording","version":1,"program":"p\u001b[1m","kernel":"k\u001b[2J","#,
        r#""sources":[{"name":"ac\u001b[31mme","version":"1\u001b[2J","streams":[{"id":"udev","#,
        r#""presence":"active","fields":["capability"]}]},"#,
        r#"{"name":"be\u0007ll","version":"2","streams":[{"id":"x\u001b[31m","presence":"nothing","#,
        r#""fields":[],"namespaces":["acme"]}]}]}"#,
        "\n",
        r#"{"at":1,"source":"ac\u001b[31mme","message":"listed","stream":"udev","device":"computer","#,
        r#""revision":1,"fields":{"capability":"system"}}"#,
        "\n",
        r#"{"at":2,"source":"ac\u001b[31mme","message":"snapshot","backend":"be\u001b[2Jx","listings":"#,
        r#"[{"stream":"udev","revision":1,"devices":1}],"diagnostics":[{"severity":"warning","#,
        r#""source":"ac\u001b[31mme","subject":"s\u001b[2J","message":"m\u001b[2J"}]}"#,
        "\n",
        r#"{"at":3,"source":"be\u0007ll","message":"listed","stream":"x\u001b[31m","device":"computer","#,
        r#""revision":1,"fields":{"extensions":{"acme":{"x\u001b[2J":"v\u001b[2J"}}}}"#,
        "\n",
        r#"{"at":4,"source":"be\u0007ll","message":"snapshot","listings":"#,
        r#"[{"stream":"x\u001b[31m","revision":1,"devices":1}]}"#,
        "\n",
        r#"{"at":5,"source":"be\u0007ll","message":"failed","call":"snapshot","#,
        r#""error":{"kind":"failed","message":"away\u001b[2J"}}"#,
        "\n",
    ];
    std::fs::write(&file, lines.concat()).unwrap();
    let connect = format!("--connect=replay:{}", file.display());
    for words in [&["sources"][..], &["explain", "computer"], &["list"], &["list", "--tree"]] {
        let ran = run(Command::new(nodedev()).arg(&connect).args(words));
        for text in [&ran.stdout, &ran.stderr] {
            let moves = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(moves), "{words:?}: {text:?}");
        }
        assert!(ran.stdout.contains("computer") || words == ["sources"], "{ran:?}");
        if words == ["sources"] {
            for shown in
                ["ac\\u{1b}[31mme 1\\u{1b}[2J", "be\\u{1b}[2Jx", "away\\u{1b}[2J", "x\\u{1b}[31m"]
            {
                assert!(ran.stdout.contains(shown), "{shown}: {ran:?}");
            }
        }
    }
}

#[test]
fn a_document_is_validated_where_that_is_wanted() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl"]));
    let lab = Lab::start();
    let file = lab.folder().join("device.xml");
    let document = "<device><parent>nosuch</parent><capability type='mdev'><tpye id='t'/>\
                    <type id='t'/></capability></device>";
    std::fs::write(&file, document).unwrap();
    let file = file.to_str().unwrap();
    for command in ["define", "create"] {
        let lax = run(&mut lab.nodedev(&[command, file]));
        assert_eq!(lax.status, Some(1), "{lax:?}");
        assert!(lax.stderr.contains("invalid parent device 'nosuch'"), "{lax:?}");
        let strict = run(&mut lab.nodedev(&[command, "--validate", file]));
        assert_eq!(strict.status, Some(1), "{strict:?}");
        let expected = "device/capability/tpye: the element is not allowed here, only `type`";
        assert!(strict.stderr.contains(expected), "{strict:?}");
    }
}

#[test]
fn json_and_text_tell_the_same() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl"]));
    let lab = Lab::start();
    let text = run(&mut lab.nodedev(&["list", "--all"])).ok();
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run(&mut lab.nodedev(args)).ok()).unwrap()
    };
    let listed = json(&["list", "--all", "--json"]);
    let names: Vec<_> = rows(&listed).iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), names);

    let tree = run(&mut lab.nodedev(&["list", "--all", "--tree"])).ok();
    let mut in_tree: Vec<_> = tree.lines().map(str::trim).collect();
    assert!(tree.starts_with("computer\n  "), "{tree}");
    in_tree.sort_unstable();
    assert_eq!(in_tree, names);

    let computer = json(&["dump", "computer", "--json"]);
    assert_eq!(rows(&computer).len(), 1);
    assert_eq!(rows(&computer)[0]["name"], "computer");
    let dumped = json(&["dump", "--all-devices", "--json"]);
    assert_eq!(rows(&dumped).len(), names.len());
    let explained = json(&["explain", "computer", "--json"]);
    assert_eq!(explained["device"]["name"], "computer");
    assert_eq!(json(&["sources", "--json"])["sources"].as_array().unwrap().len(), 2);
}

fn rows(document: &serde_json::Value) -> &[serde_json::Value] {
    assert_eq!(document["version"], 1);
    document["devices"].as_array().unwrap()
}

#[test]
fn a_closed_pipe_is_no_failure() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd"]));
    let lab = Lab::start();
    let shell =
        format!("{} dump --all-devices | head -c 1; echo ${{PIPESTATUS[0]}}", nodedev().display());
    let ran = run(lab.command("bash").args(["-c", &shell]));
    assert_eq!(ran.stdout, "<0\n", "{ran:?}");
    assert!(!ran.stderr.contains("error"), "{ran:?}");
}
