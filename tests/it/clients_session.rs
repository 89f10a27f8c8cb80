//! A user's own daemon, which the client itself starts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_tests::command::{Ran, nodedevd, run};
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

const NOBODY: u32 = 65534;

/// Who is at the other end of a socket. Run as `python3 -c PEER SOCKET`.
const PEER: &str = "
import socket, struct, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
print(*struct.unpack('3i', peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))
";

/// A user's folders, and the daemon under the name by which clients look for it.
fn prepare(lab: &Lab) {
    let folder = |name: &str| {
        let folder = lab.folder().join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    let readable = Permissions::from_mode(0o755);
    fs::set_permissions(lab.folder(), readable.clone()).unwrap();
    let runtime = folder("runtime");
    chown(&runtime, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&runtime, Permissions::from_mode(0o700)).unwrap();
    let programs = folder("sbin");
    let copy = programs.join("nodedevd");
    fs::copy(nodedevd(), &copy).unwrap();
    fs::set_permissions(&copy, readable).unwrap();
    symlink(&copy, programs.join("virtnodedevd")).unwrap();
}

fn virsh(lab: &Lab, args: &[&str]) -> Ran {
    let place =
        |name: &str, folder: &str| format!("{name}={}", lab.folder().join(folder).display());
    let mut command = lab.command("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    command.args(["env", &place("XDG_RUNTIME_DIR", "runtime"), &place("HOME", "runtime")]);
    command.args([&place("VIRTD_PATH", "sbin"), &place("LIBVIRTD_PATH", "sbin")]);
    run(command.args(["virsh", "-c", "nodedev:///session?mode=direct"]).args(args))
}

/// The process that listens there, and its user.
fn listener(socket: &Path) -> (i32, u32) {
    let told = run(Command::new("/usr/bin/python3").args(["-c", PEER]).arg(socket)).ok();
    let mut numbers = told.split_whitespace();
    let pid = numbers.next().unwrap().parse().unwrap();
    (pid, numbers.next().unwrap().parse().unwrap())
}

#[test]
fn a_users_client_starts_the_users_own_daemon() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "virsh", "setpriv"]));
    let lab = Lab::start();
    prepare(&lab);
    let listed = virsh(&lab, &["nodedev-list"]).ok();
    let socket = lab.folder().join("runtime/libvirt/virtnodedevd-sock");
    let (pid, user) = listener(&socket);
    assert!(listed.contains("computer\n"), "{listed}");
    assert_eq!(user, NOBODY);
    let mode = fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    assert_eq!(virsh(&lab, &["-r", "nodedev-list"]).ok(), listed);
    assert_eq!(listener(&socket).0, pid, "the same daemon answers");
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
}
