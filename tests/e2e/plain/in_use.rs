//! A device that a process uses is not stopped: mdevctl would wait for that process.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::device::{MTTY, State};
use crate::guest::Guest;
use crate::kernel::group_of;

#[test]
fn a_device_in_use_is_not_stopped_and_its_user_is_named() {
    let guest = Guest::start();
    guest.client().create(&MTTY).unwrap();
    let node = group_of(MTTY.uuid);
    let script = format!("exec 3<>'{}' && echo open && read -r _", node.display());
    let mut user = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(user.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "open\n");
    let refused = guest.client().act(&MTTY.name(), "destroy").unwrap_err();
    assert_eq!(refused.code, "INTERNAL_ERROR", "{refused:?}");
    let words = format!("device in use: {} is open by sh (pid {})", node.display(), user.id());
    assert!(refused.text.contains(&words), "{refused:?}");
    MTTY.expect(&guest, State::Transient);
    // It reads the end of its input, and leaves.
    drop(user.stdin.take());
    user.wait().unwrap();
    guest.client().act(&MTTY.name(), "destroy").unwrap();
    MTTY.expect(&guest, State::Absent);
}
