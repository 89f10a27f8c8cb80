//! What bash completes on the command line of `nodedev`, by the script that the command itself gives it.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use nodedev_tests::command::{Ran, nodedev, run};
use nodedev_tests::daemon::Daemon;
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

const STOPPED: &str = "mdev_11111111_2222_4333_8444_555555555555_0000_99_00_0";

/// Run as `bash -c SCRIPT complete NODEDEV WORDS…`: what bash offers for the last word, as it asks when the user
/// presses the key.
const SCRIPT: &str = r#"
source <(COMPLETE=bash "$1")
complete -p nodedev >/dev/null
shift
COMP_WORDS=(nodedev "$@")
COMP_CWORD=$#
COMP_TYPE=9
_clap_complete_nodedev nodedev "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

fn completed(words: &[impl AsRef<OsStr>]) -> Ran {
    run(Command::new("bash").args(["-c", SCRIPT, "complete"]).arg(nodedev()).args(words))
}

/// What bash offers besides options, which it offers too where nothing is typed yet; it is told nothing else.
#[track_caller]
fn offered(words: &[impl AsRef<OsStr>]) -> Vec<String> {
    let ran = completed(words);
    assert_eq!(ran.stderr, "");
    let wants_options =
        words.last().is_some_and(|word| word.as_ref().as_encoded_bytes().starts_with(b"-"));
    let told = ran.ok();
    let words = told.lines().map(str::trim).filter(|word| !word.is_empty());
    words.filter(|word| wants_options || !word.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn commands_options_and_capabilities_are_completed_without_a_daemon() {
    require!(programs(&["bash"]));
    assert_eq!(offered(&["autos"]), ["autostart"]);
    assert!(offered(&["list", "--in"]).contains(&"--inactive".to_owned()));
    assert_eq!(offered(&["list", "--cap", "mdev_"]), ["mdev_types"]);
    assert_eq!(offered(&["--connect", "/no/such/socket", "dump", ""]), [""; 0]);
    assert_eq!(offered(&["--connect", "none", "dump", ""]), [""; 0]);
}

#[test]
fn names_of_devices_come_from_the_daemon_and_suit_the_command() {
    require!(root());
    require!(programs(&["bash", "unshare", "systemd-udevd", "mdevctl"]));
    let lab = Lab::start();
    let uuid = "11111111-2222-4333-8444-555555555555";
    lab.run("mdevctl", &["define", "--type", "t", "--uuid", uuid, "--parent", "0000:99:00.0"]);
    let daemon = Daemon::start(&lab.folder().join("daemon"), |program| lab.command(program));
    let socket = daemon.varlink_socket();
    let with = |words: &[&str]| {
        let words =
            ["--connect", socket.to_str().unwrap()].into_iter().chain(words.iter().copied());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    for command in ["dump", "explain", "graph"] {
        assert_eq!(offered(&with(&[command, "compu"])), ["computer"], "{command}");
    }
    assert_eq!(offered(&with(&["dump", "computer", "mdev_1"])), [STOPPED]);
    for command in ["start", "undefine", "autostart", "update"] {
        assert_eq!(offered(&with(&[command, ""])), [STOPPED], "{command}");
    }
    assert_eq!(offered(&with(&["stop", ""])), [""; 0], "nothing runs");

    // One that does not answer costs a moment, and says nothing.
    lab.run("kill", &["-STOP", &daemon.process().to_string()]);
    let began = Instant::now();
    let nothing = completed(&with(&["dump", "compu"]));
    let took = began.elapsed();
    lab.run("kill", &["-CONT", &daemon.process().to_string()]);
    assert_eq!((nothing.stdout.trim(), nothing.stderr.as_str()), ("", ""));
    assert!(took > Duration::from_millis(900), "the daemon was not asked: {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}
