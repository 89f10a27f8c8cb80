//! Interfaces that come, change and go meanwhile.

use std::io::Write as _;
use std::process::{Child, Stdio};

use nodedev_mutants::Random;

use crate::lab::Lab;

/// Most of them at a time.
const MOST: usize = 24;

/// Those that there are.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    names: Vec<String>,
    made: u32,
}

/// Changes on their way.
#[derive(Debug)]
pub(super) struct Changes(Child);

impl Interfaces {
    /// Begins with some changes, and does not wait for them.
    pub(super) fn change(&mut self, lab: &Lab, random: &mut Random) -> Changes {
        let lines: String = (0..1 + random.below(12)).map(|_| self.line(random)).collect();
        let mut ip = lab.command("ip");
        let mut ip = ip.args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        // The input ends with this, and a dozen lines wait in the pipe.
        ip.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        Changes(ip)
    }

    fn line(&mut self, random: &mut Random) -> String {
        if self.names.is_empty() || (self.names.len() < MOST && random.below(2) == 0) {
            self.made += 1;
            let name = format!("nd{}", self.made);
            let kind = ["ifb", "veth"][random.below(2)];
            let line = format!("link add {name} type {kind}\n");
            self.names.push(name);
            return line;
        }
        let which = random.below(self.names.len());
        let name = self.names[which].clone();
        match random.below(4) {
            0 => format!("link set {name} up\n"),
            1 => {
                self.made += 1;
                self.names[which] = format!("nr{}", self.made);
                format!("link set {name} down\nlink set {name} name {}\n", self.names[which])
            }
            _ => {
                self.names.swap_remove(which);
                format!("link del {name}\n")
            }
        }
    }
}

impl Changes {
    /// Waits until all are made.
    pub(super) fn end(mut self) {
        assert!(self.0.wait().unwrap().success(), "the interfaces cannot be changed");
    }
}
