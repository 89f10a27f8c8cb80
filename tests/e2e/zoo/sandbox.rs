//! The service as it is shipped, under systemd, on devices of every kind: what its sandbox might cost.

use std::fs;
use std::process::Stdio;

use nodedev_tests::command::{Ran, run};
use nodedev_tests::systemd::System;

use crate::device::MTTY;
use crate::kernel;

#[test]
fn the_sandboxed_service_knows_every_device_and_makes_mediated_ones() {
    kernel::load("mtty");
    let system = System::boot(&[]);
    system.expect_same_with_and_without_sandbox();

    fs::write(system.shared().join("device.xml"), MTTY.document()).unwrap();
    let name = MTTY.name();
    let virsh = |words: &str| -> Ran {
        run(system.command("virsh").args(["-q", "-c", "nodedev:///system", words]))
    };
    virsh("nodedev-define /run/lab/device.xml").ok();
    virsh(&format!("nodedev-start {name}")).ok();
    assert!(kernel::runs(MTTY.uuid), "{}", system.log());
    virsh(&format!("nodedev-autostart {name}")).ok();
    let info = virsh(&format!("nodedev-info {name}")).ok();
    let told: Vec<_> = info.split_whitespace().collect();
    assert!(
        told.ends_with(&["Active:", "yes", "Persistent:", "yes", "Autostart:", "yes"]),
        "{info}"
    );
    system.expect_same_with_and_without_sandbox();

    // Of who holds it, the daemon is told by /proc, which shows it processes only.
    let node = kernel::group_of(MTTY.uuid);
    let mut holder = system.command("bash");
    let script = format!("exec 3<>'{}'; echo open; read -r _", node.display());
    let mut holder = Holder(
        holder.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap(),
    );
    holder.wait_for_a_line();
    let refused = virsh(&format!("nodedev-destroy {name}"));
    assert!(refused.stderr.contains(" is open by bash (pid "), "{refused:?}");
    drop(holder);

    virsh(&format!("nodedev-destroy {name}")).ok();
    virsh(&format!("nodedev-undefine {name}")).ok();
    assert!(!kernel::runs(MTTY.uuid));
    let listed = virsh("nodedev-list --all").ok();
    assert!(!listed.contains(&name), "{listed}");
    drop(system);
    kernel::unload("mtty");
}

/// A process that ends when its input does.
struct Holder(std::process::Child);

impl Holder {
    fn wait_for_a_line(&mut self) {
        use std::io::{BufRead as _, BufReader};
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
