//! `nodedev explore` in a real terminal: tmux is one, and tells what is on it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nodedev_source_testkit::mock_host::{Record, wrap};
use nodedev_tests::command::{nodedev, run};
use nodedev_tests::daemon::Daemon;
use nodedev_tests::mock::Mock;
use nodedev_tests::require::{mock_hosts, programs, require, root};

const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal of 80 by 24 in which a command runs, then says how it ended.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    /// `setting` is for the environment of the command.
    fn start(mock: &Mock, setting: &str, words: &str) -> Self {
        let folder = mock.folder();
        let terminal = Self { socket: folder.join("tmux") };
        let script = format!(
            "stty -g >{0}/before; env RUST_BACKTRACE=0 {setting} {1} {words}; echo \"ended with $?\"; stty -g >{0}/after; \
             touch {0}/ended; exec cat",
            folder.display(),
            nodedev().display()
        );
        let size = ["-x", "80", "-y", "24"];
        terminal.tmux(&[&["-f", "/dev/null", "new-session", "-d"], &size[..], &[&script]].concat());
        terminal
    }

    fn tmux(&self, words: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.env("LANG", "C.UTF-8").env_remove("TMUX").args(["-u", "-S"]).arg(&self.socket);
        run(tmux.args(words)).ok()
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// tmux does not tell what changes, so it is asked until it is so.
    #[track_caller]
    fn until(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if so(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "not so, that {what}:\n{screen}");
        }
    }

    #[track_caller]
    fn until_it_shows(&self, text: &str) -> String {
        self.until(&format!("it shows {text}"), |screen| screen.contains(text))
    }

    /// The process that explores.
    fn process(&self) -> String {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let child = run(Command::new("ps").args(["--ppid", shell.trim(), "-o", "pid="])).ok();
        child.trim().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}

/// It ended, with this status, and the terminal is as it was.
#[track_caller]
fn expect_given_back(mock: &Mock, terminal: &Terminal, status: &str) -> String {
    let screen = terminal.until_it_shows(&format!("ended with {status}"));
    terminal.until("the terminal is looked at", |_| mock.folder().join("ended").exists());
    let setting = |name: &str| fs::read_to_string(mock.folder().join(name)).unwrap();
    assert_eq!(setting("before"), setting("after"));
    assert!(!screen.contains("? help"), "the old screen is back: {screen}");
    let cursor = terminal.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
    assert_eq!(cursor.trim(), "0 1", "the usual screen, with a cursor");
    screen
}

fn daemon(mock: &Mock) -> Daemon {
    let root = mock.host().root().to_owned();
    Daemon::start(&mock.folder().join("daemon"), |program| wrap(&Command::new(program), &root))
}

#[test]
fn a_source_that_fails_is_seen_until_it_no_longer_does() {
    require!(root());
    require!(programs(&["unshare", "tmux", "ps"]));
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let works = mock.mdevctl("[]", "[]");
    let repaired = mock.folder().join("repaired");
    let mdevctl = mock.folder().join("failing");
    let script = format!(
        "#!/bin/sh\n[ -e {} ] || {{ echo it broke >&2; exit 1; }}\nexec {works} \"$@\"\n",
        repaired.display()
    );
    fs::write(&mdevctl, script).unwrap();
    run(Command::new("chmod").arg("+x").arg(&mdevctl)).ok();
    let root = mock.host().root().to_owned();
    let daemon = Daemon::start(&mock.folder().join("daemon"), |program| {
        wrap(Command::new(program).arg("--mdevctl").arg(&mdevctl), &root)
    });
    let words = format!("--connect {} explore", daemon.varlink_socket().display());
    let terminal = Terminal::start(&mock, "LANG=C.UTF-8", &words);
    let screen = terminal.until_it_shows("mdevctl degraded: ");
    assert!(screen.contains("nodedev sources)"), "{screen}");
    fs::write(&repaired, "").unwrap();
    terminal.until("the warning is gone", |screen| !screen.contains("degraded"));
    terminal.press(&["q"]);
    expect_given_back(&mock, &terminal, "0");
}

#[test]
fn a_user_looks_around_while_things_happen() {
    require!(root());
    require!(programs(&["unshare", "tmux", "ps"]));
    require!(mock_hosts());
    let mut mock = Mock::every_kind();
    let first = daemon(&mock);
    let socket = first.varlink_socket();
    let words = format!("--connect {} explore", socket.display());
    let terminal = Terminal::start(&mock, "LANG=C.UTF-8", &words);
    let screen = terminal.until_it_shows("▾ computer");
    assert_eq!(screen.lines().count(), 24, "{screen}");
    assert!(screen.contains("? help  / search"), "{screen}");

    terminal.press(&["/"]);
    terminal.press(&["-l", "drm_card"]);
    terminal.press(&["Enter"]);
    terminal.until("the fields are those of what was found", |screen| {
        screen.contains("name  drm_card0") && screen.contains("1 found")
    });
    terminal.press(&["Tab", "G"]);
    terminal.until_it_shows("drm.type  primary  udev");
    terminal.press(&["Tab", "Tab", "?"]);
    terminal.until_it_shows("read the device again");
    terminal.press(&["?"]);

    let nic = Record::new("/sys/devices/virtual/net/live0", "net")
        .property("INTERFACE", "live0")
        .attribute("address", "52:54:00:00:00:77\n")
        .attribute("operstate", "down\n");
    mock.host_mut().add(nic).unwrap();
    terminal.until_it_shows("created   net_live0_52_54_00_00_00_77");
    terminal.press(&["/"]);
    terminal.press(&["-l", "live0"]);
    terminal.press(&["Enter"]);
    terminal.until_it_shows("name  net_live0_52_54_00_00_00_77");
    mock.host_mut().remove("/sys/devices/virtual/net/live0").unwrap();
    terminal.until_it_shows("deleted   net_live0_52_54_00_00_00_77");

    terminal.tmux(&["resize-window", "-x", "132", "-y", "40"]);
    terminal.until("it fills the larger terminal", |screen| {
        let last = screen.lines().nth(39).unwrap_or_default();
        last.starts_with("? help") && screen.lines().any(|line| line.chars().count() > 100)
    });

    drop(first);
    terminal.until_it_shows("waiting:");
    let _second = daemon(&mock);
    terminal.until_it_shows("answered again");
    terminal.until("it is as before", |screen| !screen.contains("waiting:"));
    terminal.press(&["g"]);
    terminal.until_it_shows("system.hardware.uuid");

    terminal.press(&["q"]);
    expect_given_back(&mock, &terminal, "0");
}

#[test]
fn the_terminal_is_given_back_whatever_happens() {
    require!(root());
    require!(programs(&["unshare", "tmux", "ps"]));
    require!(mock_hosts());
    for end in ["C-c", "TERM", "HUP", "panic"] {
        let mock = Mock::every_kind();
        let daemon = daemon(&mock);
        let words = format!("--connect {} explore", daemon.varlink_socket().display());
        let terminal = Terminal::start(&mock, "LANG=C.UTF-8", &words);
        terminal.until_it_shows("▾ computer");
        let status = match end {
            "C-c" => {
                terminal.press(&["C-c"]);
                "0"
            }
            // Only a build for tests knows this key.
            "panic" => {
                terminal.press(&["C-x"]);
                "101"
            }
            signal => {
                let kill = ["-s", signal, &terminal.process()];
                run(Command::new("kill").args(kill)).ok();
                "0"
            }
        };
        let screen = expect_given_back(&mock, &terminal, status);
        assert_eq!(screen.contains("a panic was asked for"), end == "panic", "{end}: {screen}");
    }
}

#[test]
fn colour_is_left_out_where_it_is_not_wanted() {
    require!(root());
    require!(programs(&["unshare", "tmux"]));
    require!(mock_hosts());
    for (setting, has_color) in [("TERM=screen-256color", true), ("NO_COLOR=1", false)] {
        let mock = Mock::every_kind();
        let daemon = daemon(&mock);
        let words = format!("--connect {} explore", daemon.varlink_socket().display());
        let terminal = Terminal::start(&mock, setting, &words);
        terminal.until_it_shows("system.hardware.uuid");
        // Foreground colours, as the terminal keeps them.
        let screen = terminal.tmux(&["capture-pane", "-p", "-e"]);
        let colors = ["\u{1b}[36m", "\u{1b}[38;5;6m", ";36m", ";38;5;6m"];
        assert_eq!(colors.iter().any(|color| screen.contains(color)), has_color, "{screen:?}");
    }
}

#[test]
fn without_a_terminal_it_is_the_tree() {
    require!(root());
    require!(programs(&["unshare"]));
    require!(mock_hosts());
    let mock = Mock::every_kind();
    let tree = run(&mut mock.nodedev(&["list", "--tree", "--all"])).ok();
    assert_eq!(run(&mut mock.nodedev(&["explore"])).ok(), tree);
}
