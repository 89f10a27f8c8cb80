//! Processes that see a mock host: umockdev's preload library, in namespaces of their own.
//!
//! The library shows `/sys` and `/dev`; `/run/udev` it does not, so that is bound in an own mount
//! namespace. An own network namespace hides the real interfaces from what reads them by ioctl.

#![allow(
    clippy::disallowed_methods,
    reason = "the one module that starts processes on a mock host; those that could hang have a deadline"
)]
#![expect(clippy::print_stderr, reason = "it hands on what a test printed in its own process")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

use crate::require::{missing, say};

/// Seconds after which a test on a mock host is killed, unless the environment says otherwise.
const DEADLINE: &str = "300";
const DEADLINE_VARIABLE: &str = "NODEDEV_MOCK_HOST_DEADLINE";
const PRELOAD: &str = "libumockdev-preload.so.0";
/// Set in processes that were started by [`alone`].
const INSIDE: &str = "NODEDEV_MOCK_HOST";
/// Set where nobody outside looks at the host: it may lie in memory.
const IN_MEMORY: &str = "NODEDEV_MOCK_HOST_IN_MEMORY";
/// Binds the mock's `/run/udev` and becomes the command.
const ENTER: &str = "\
if [ -n \"$NODEDEV_MOCK_HOST_IN_MEMORY\" ]; then
  mount -t tmpfs none \"$UMOCKDEV_DIR\" && mkdir -p \"$UMOCKDEV_DIR/run/udev\" || exit 125
fi
[ -d /run/udev ] || mkdir -p /run/udev || { mount -t tmpfs none /run && mkdir /run/udev; }
mount --bind \"$UMOCKDEV_DIR/run/udev\" /run/udev || exit 125
preload=$1; shift
LD_PRELOAD=$preload exec \"$@\"";

/// Why mock hosts cannot be had here, if they cannot.
pub fn unavailable() -> Option<&'static str> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    REASON.get_or_init(probe).as_deref()
}

fn probe() -> Option<String> {
    let loaded = Command::new("true").env("LD_PRELOAD", PRELOAD).output();
    match loaded {
        Ok(output) if output.stderr.is_empty() => {}
        Ok(_) => return Some(format!("{PRELOAD} is not installed")),
        Err(error) => return Some(format!("cannot run `true`: {error}")),
    }
    let mut unshare = unshare();
    let entered = unshare.args(["mount", "-t", "tmpfs", "none", "/tmp"]).output();
    match entered {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "no namespaces of our own: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(format!("cannot run `unshare`: {error}")),
    }
}

/// `unshare` with mount and network namespaces, as root of a user namespace where need be.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--propagation", "private"]);
    let may_mount = Command::new("unshare").args(["--mount", "true"]).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        command.arg("--map-root-user");
    }
    command
}

/// The same command on the mock host in that directory.
#[must_use]
pub fn wrap(command: &Command, root: &Path) -> Command {
    let mut wrapped = unshare();
    wrapped.args(["sh", "-c", ENTER, "sh", PRELOAD]);
    wrapped.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped.env("UMOCKDEV_DIR", root);
    wrapped
}

/// Whether this process was started by [`alone`].
#[must_use]
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs the body of a test on an empty mock host of its own.
///
/// Outside, it starts the test binary again under [`wrap`] for just that test and reports how it
/// went; inside, it runs the body, which finds the host by
/// [`MockHost::of_this_process`](super::MockHost::of_this_process). `module` is the test's
/// `module_path!()`. It has five minutes, or `NODEDEV_MOCK_HOST_DEADLINE` seconds. Where mock hosts
/// cannot be had, it says so on standard error and passes, unless `NODEDEV_REQUIRE_ALL` is set.
///
/// # Panics
///
/// When the test fails, or cannot be run where everything is required.
pub fn alone(module: &str, test: &str, body: impl FnOnce()) {
    if is_inside() {
        return body();
    }
    let name = match module.split_once("::") {
        Some((_, inner)) => format!("{inner}::{test}"),
        None => test.to_owned(),
    };
    if let Some(reason) = unavailable() {
        return missing(&format!("{name}: {reason}"));
    }
    let output = ScratchRoot::make().and_then(|root| run_inside(&name, &root.0));
    match output {
        Ok(output) => judge(&name, &output),
        Err(error) => panic!("{name}: cannot start a process for it: {error}"),
    }
}

fn run_inside(name: &str, root: &Path) -> io::Result<Output> {
    let mut command = Command::new("timeout");
    let deadline = env::var(DEADLINE_VARIABLE).unwrap_or_else(|_| DEADLINE.to_owned());
    command.args(["--kill-after=5", &deadline]).arg(env::current_exe()?);
    command.args(["--exact", name, "--nocapture", "--include-ignored"]);
    command.env(INSIDE, "1").env(IN_MEMORY, "1");
    wrap(&command, root).output()
}

fn judge(name: &str, output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name}, on a mock host: {}\n{printed}\n{errors}",
        output.status
    );
    assert!(printed.contains("1 passed"), "{name} was not run on the mock host:\n{printed}");
    for line in errors.lines() {
        if line.starts_with("skipped: ") {
            say(line);
        } else {
            // Through the runner's capture, as the test itself would have printed it.
            eprintln!("{line}");
        }
    }
}

/// A directory that goes with this value.
struct ScratchRoot(PathBuf);

impl ScratchRoot {
    fn make() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("nodedev-mock-{}-{number}", std::process::id());
        // Short: the library makes sockets in it.
        let root = env::temp_dir().join(name);
        fs::create_dir_all(&root)?;
        Ok(Self(root))
    }
}

impl Drop for ScratchRoot {
    fn drop(&mut self) {
        // What stays in the temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
