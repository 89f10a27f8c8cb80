//! Who may come in when the real polkit decides, on a bus of its own with actions of its own.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};

use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

use crate::clients::C;
use crate::clients_polkit::{assert_listed, assert_refused, lists, start};

const POLKITD: &str = "/usr/lib/polkit-1/polkitd";

/// A bus that lets everybody talk to everybody. It listens at `@`.
const BUS: &str = r#"<busconfig>
  <type>system</type>
  <listen>unix:path=@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true"/>
    <allow receive_type="method_call"/>
    <allow receive_requested_reply="true"/>
  </policy>
</busconfig>
"#;

/// Anybody may look. For who may change something `@` stands.
const ACTIONS: &str = r#"<?xml version="1.0"?>
<policyconfig>
  <action id="org.libvirt.unix.monitor">
    <description>look</description>
    <message>look</message>
    <defaults>
      <allow_any>yes</allow_any>
      <allow_inactive>yes</allow_inactive>
      <allow_active>yes</allow_active>
    </defaults>
  </action>
  <action id="org.libvirt.unix.manage">
    <description>change</description>
    <message>change</message>
    <defaults>
      <allow_any>@</allow_any>
      <allow_inactive>@</allow_inactive>
      <allow_active>@</allow_active>
    </defaults>
  </action>
</policyconfig>
"#;

/// Becomes the bus, without which polkit ends. Run as `bash -c RUN run FOLDER POLKITD`.
const RUN: &str = r#"
set -e
mount --bind "$1/actions" /usr/share/polkit-1/actions
export DBUS_SYSTEM_BUS_ADDRESS="unix:path=$1/bus"
( while [ ! -S "$1/bus" ]; do read -t 0.05 _ </dev/zero || :; done; exec "$2" 2>&1 ) &
exec dbus-daemon --nofork --nosyslog --config-file="$1/bus.conf" >/dev/null
"#;

/// A running polkit with its bus; both end when dropped.
struct Polkit {
    bus: Child,
    address: String,
}

impl Polkit {
    /// Starts it and waits until it can be asked.
    fn start(lab: &Lab, manage: &str) -> Self {
        let folder = lab.folder();
        let bus = folder.join("bus").display().to_string();
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(folder.join("actions")).unwrap();
        fs::write(folder.join("actions/test.policy"), ACTIONS.replace('@', manage)).unwrap();
        fs::write(folder.join("bus.conf"), BUS.replace('@', &bus)).unwrap();
        let mut command = lab.command("bash");
        command.args(["-c", RUN, "run"]).arg(folder).arg(POLKITD);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut polkit = Self { bus: child, address: format!("unix:path={bus}") };
        let mut said = BufReader::new(polkit.bus.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("Acquired the name")), "it does not start");
        polkit
    }
}

impl Drop for Polkit {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

fn polkitd() -> Result<(), String> {
    Path::new(POLKITD).exists().then_some(()).ok_or_else(|| "polkitd is not installed".to_owned())
}

#[test]
fn the_real_polkit_decides_by_its_actions() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "dbus-daemon", "setpriv"]));
    require!(polkitd());
    require!(C.available());
    for (manage, refusal) in [
        ("no", Some("error 45 domain 60 level 2: authentication failed: ")),
        // A person should be asked, and there is nobody to ask.
        ("auth_admin", Some("error 94 domain 60 level 2: authentication unavailable: ")),
        ("yes", None),
    ] {
        let lab = Lab::start();
        let polkit = Polkit::start(&lab, manage);
        let daemon = start(&lab, &polkit.address);
        assert_listed(&lists(&lab, &daemon.read_only_socket()));
        let answer = lists(&lab, &daemon.socket());
        match refusal {
            Some(error) => assert_refused(&answer, error),
            None => assert_listed(&answer),
        }
    }
}
