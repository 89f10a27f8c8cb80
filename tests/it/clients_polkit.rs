//! Who may come in when polkit decides, with a mock that gives every answer.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nodedev_tests::command::{Ran, nodedev, run};
use nodedev_tests::daemon::{Daemon, uri_of};
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

use crate::clients::C;

const MANAGE: &str = "org.libvirt.unix.manage";
const MONITOR: &str = "org.libvirt.unix.monitor";
const CONFIG: &str = "auth_unix_rw = \"polkit\"\nauth_unix_ro = \"polkit\"\n";

/// A bus with the mock on it; both end when dropped.
struct Mock {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Mock {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/polkit_mock.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = answers.next().unwrap().unwrap();
        Self { commands: child.stdin.take(), answers, address, child }
    }

    fn obey(&mut self, command: &str) {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        assert_eq!(self.answers.next().unwrap().unwrap(), "done");
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // It ends its bus when its input ends.
        drop(self.commands.take());
        let _ = self.child.wait();
    }
}

/// A client of another user.
pub(crate) fn lists(lab: &Lab, socket: &Path) -> Ran {
    let mut command = lab.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    run(command.arg(lab.folder().join("client")).args([&uri_of(socket), "list"]))
}

/// What varlink answers another user.
fn asks_varlink(lab: &Lab) -> Ran {
    let socket = lab.folder().join("nodedev/io.nodedev.NodeDevice");
    let mut command = lab.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    run(command.arg(lab.folder().join("nodedev-client")).arg("--connect").arg(socket).arg("list"))
}

/// The daemon asks on that bus, and everybody may run the client.
pub(crate) fn start(lab: &Lab, bus: &str) -> Daemon {
    let everybody = Permissions::from_mode(0o755);
    fs::set_permissions(lab.folder(), everybody.clone()).unwrap();
    fs::copy(&C.words()[0], lab.folder().join("client")).unwrap();
    fs::set_permissions(lab.folder().join("client"), everybody.clone()).unwrap();
    fs::copy(nodedev(), lab.folder().join("nodedev-client")).unwrap();
    fs::set_permissions(lab.folder().join("nodedev-client"), everybody).unwrap();
    Daemon::with_config(&lab.folder().join("nodedev"), CONFIG, |program| {
        let mut command = lab.command("env");
        command.arg(format!("DBUS_SYSTEM_BUS_ADDRESS={bus}")).arg(program);
        command
    })
}

#[track_caller]
pub(crate) fn assert_listed(ran: &Ran) {
    assert!(ran.status == Some(0) && ran.stdout.contains("computer\n"), "{ran:?}");
}

#[track_caller]
pub(crate) fn assert_refused(ran: &Ran, error: &str) {
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with(error), "{ran:?}");
}

#[test]
fn polkits_answer_decides_who_comes_in() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "dbus-daemon", "setpriv"]));
    require!(C.available());
    require!(dbusmock());
    let mut mock = Mock::start();
    let lab = Lab::start();
    let daemon = start(&lab, &mock.address);
    let (read_write, read_only) = (daemon.socket(), daemon.read_only_socket());

    mock.obey(&format!("allow {MANAGE}"));
    assert_listed(&lists(&lab, &read_write));
    assert_refused(&lists(&lab, &read_only), "error 45 domain 60 ");
    let refused = asks_varlink(&lab);
    assert!(refused.status == Some(1) && refused.stderr.contains("ermission"), "{refused:?}");
    mock.obey(&format!("allow {MONITOR}"));
    assert_listed(&lists(&lab, &read_only));
    assert_listed(&asks_varlink(&lab));
    assert_refused(
        &lists(&lab, &read_write),
        "error 45 domain 60 level 2: authentication failed: ",
    );
    mock.obey("dismiss");
    assert_refused(
        &lists(&lab, &read_write),
        "error 79 domain 60 level 2: authentication cancelled: ",
    );
    mock.obey("challenge");
    assert_refused(
        &lists(&lab, &read_write),
        "error 94 domain 60 level 2: authentication unavailable: ",
    );
    // Root is never asked about.
    let by_root = lab.run(C.words()[0].to_str().unwrap(), &[&uri_of(&read_write), "list"]);
    assert!(by_root.contains("computer\n"), "{by_root}");
}

fn dbusmock() -> Result<(), String> {
    let probe = run(Command::new("/usr/bin/python3").args(["-c", "import dbusmock"]));
    (probe.status == Some(0)).then_some(()).ok_or_else(|| "dbusmock is not installed".to_owned())
}
