//! Running commands: ours and others, with their output and status.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The built `nodedev`.
pub fn nodedev() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("nodedev-cli", "nodedev")).clone()
}

/// The built `nodedevd`.
pub fn nodedevd() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("nodedev-driver", "nodedevd")).clone()
}

/// The built daemon whose sources misbehave when they are told to.
pub fn faulty_nodedevd() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("nodedev-tests", "faulty-nodedevd")).clone()
}

/// A program of the workspace, where `NODEDEV_PROGRAMS` has it. Built here if a filtered test run has not done so.
fn built(package: &str, program: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("NODEDEV_PROGRAMS") {
        return PathBuf::from(folder).join(program);
    }
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "{program} could not be built");
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join(program)
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Standard error, the same way.
    pub stderr: String,
    /// Exit status, unless a signal ended it.
    pub status: Option<i32>,
}

/// Runs the command to its end.
pub fn run(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Ran {
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        status: status.code(),
    }
}

impl Ran {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self.stdout
    }
}
