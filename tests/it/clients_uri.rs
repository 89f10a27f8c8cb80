//! The ways by which clients come to the daemon: each ends in the same list.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nodedev_tests::command::{nodedevd, run};
use nodedev_tests::daemon::{Daemon, uri_of};
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

use crate::clients::C;

/// Our daemon in a laboratory.
struct Served {
    // Dropped in order: the laboratory last.
    daemon: Daemon,
    lab: Lab,
}

const CONFIG: &str = "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n";

impl Served {
    fn start(settings: &str) -> Self {
        let lab = Lab::start();
        let config = format!("{CONFIG}{settings}");
        let folder = lab.folder().join("nodedev");
        let daemon = Daemon::with_config(&folder, &config, |program| lab.command(program));
        Self { daemon, lab }
    }

    /// What a client prints.
    fn client(&self, args: &[&str]) -> String {
        let [program] = &C.words()[..] else { panic!("a built client is one word") };
        run(self.lab.command(program).args(args)).stdout
    }

    #[track_caller]
    fn lists_over(&self, uri: &str) {
        let direct = self.client(&[&uri_of(&self.daemon.socket()), "list"]);
        assert!(direct.contains("computer\n"), "{direct}");
        assert_eq!(self.client(&[uri, "list"]), direct, "{uri}");
        assert_eq!(self.client(&["-r", uri, "list"]), direct, "-r {uri}");
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        script(&self.lab.folder().join(name), text)
    }
}

fn script(file: &Path, text: &str) -> PathBuf {
    fs::write(file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
    file.to_owned()
}

fn tools() -> Result<(), String> {
    root()?;
    programs(&["unshare", "systemd-udevd", "virsh", "nc"])?;
    C.available()
}

/// Stands for ssh: notes who is called where, and runs the command here.
const SSH: &str = r#"
echo "$@" > "$0.called"
while [ "$1" != -- ]; do shift; done
shift 2
exec sh -c "$*""#;

#[test]
fn every_way_over_a_unix_socket_leads_to_the_same_list() {
    require!(tools());
    let served = Served::start("");
    let socket = served.daemon.socket();
    served.lists_over(&uri_of(&socket));
    served.lists_over(&uri_of(&served.daemon.read_only_socket()));
    served.lists_over(&format!("nodedev+unix:///system?socket={}", socket.display()));

    let name = format!("@nodedev-test-{}", std::process::id());
    let further = ["--socket-dir", &name, "--mdevctl", "no-such-mdevctl", "--config"];
    let config = served.lab.folder().join("nodedev/nodedevd.conf");
    let mut command = served.lab.command(nodedevd());
    let mut daemon = command.args(further).arg(config).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(daemon.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("clients can connect")));
    served.lists_over(&format!("nodedev:///system?socket={name}/virtnodedevd-sock"));
    daemon.kill().unwrap();
    daemon.wait().unwrap();

    let pipe = served.script("pipe", &format!("exec nc -U {}", socket.display()));
    served.lists_over(&format!("nodedev+ext://somewhere/system?command={}", pipe.display()));

    let ssh = served.script("ssh", SSH);
    let command = format!("command={}", ssh.display());
    served.lists_over(&format!(
        "nodedev+ssh://somebody@somewhere/system?{command}&socket={}",
        socket.display()
    ));
    let called = fs::read_to_string(served.lab.folder().join("ssh.called")).unwrap();
    assert!(called.contains("somebody") && called.contains("somewhere"), "{called}");

    // The laboratory has a /run/libvirt of its own, to which /var/run/libvirt leads as well.
    let folder = served.lab.folder().join("nodedev").display().to_string();
    served.lab.run("mount", &["--bind", &folder, "/run/libvirt"]);
    served.lists_over("nodedev:///system");
    served.lists_over("nodedev+unix:///system?mode=direct");
    if programs(&["virt-ssh-helper"]).is_ok() {
        served.lists_over(&format!("nodedev+ssh://somewhere/system?{command}&proxy=native"));
    }
}

#[test]
fn a_client_that_asks_for_another_driver_or_path_is_refused() {
    require!(tools());
    let served = Served::start("");
    let socket = served.daemon.socket();
    let open = |uri: &str| served.client(&[uri, "list"]);
    let session = open(&format!("nodedev:///session?socket={}", socket.display()));
    assert!(session.starts_with("error 1 domain 0 level 2: internal error: "), "{session}");
    let other = open(&format!("qemu:///system?socket={}", socket.display()));
    assert!(other.starts_with("error 5 domain 0 level 2: "), "{other}");
}

#[test]
fn tcp_leads_to_the_same_list() {
    require!(tools());
    let served = Served::start(
        "listen_tcp = 1\nlisten_addr = \"127.0.0.1\"\nauth_tcp = \"none\"\ntcp_port = \"16599\"\n",
    );
    let uri = "nodedev+tcp://127.0.0.1:16599/system";
    served.lists_over(uri);
    let connection = served.client(&[uri, "connection"]);
    assert!(connection.contains("virConnectIsSecure() = 0\n"), "{connection}");
    let told = served.client(&["-r", uri, "calls", "computer"]);
    assert!(told.contains("error 29 domain 22"), "{told}");
}
