//! What the laboratory itself says: the interfaces in its sysfs, and the sockets of its processes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::run;
use crate::lab::Lab;

/// An interface in sysfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) interface: String,
    pub(super) address: String,
}

impl Link {
    /// libvirt's name of it.
    pub(super) fn name(&self) -> String {
        format!("net_{}_{}", self.interface, self.address.replace(':', "_"))
    }
}

/// The interfaces in sysfs.
pub(super) fn links(lab: &Lab) -> Result<Vec<Link>> {
    let folder = lab.sysfs().join("class/net");
    let entries = fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    entries.map(|entry| link(&entry?.path())).collect()
}

fn link(path: &Path) -> Result<Link> {
    let interface = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let address = fs::read_to_string(path.join("address"))?.trim().to_owned();
    Ok(Link { interface, address })
}

/// The names that a list of the interfaces has.
pub(super) fn names(links: &[Link]) -> BTreeSet<String> {
    links.iter().map(Link::name).collect()
}

/// Does what the lines say.
pub(super) fn change(lab: &Lab, lines: &[String]) -> Result<()> {
    let file = lab.folder().join("burst");
    fs::write(&file, lines.join("\n") + "\n")?;
    let ran = run(lab.command("ip").arg("-batch").arg(&file));
    if ran.status != Some(0) {
        bail!("`ip` could not do what was asked of it: {}", ran.stderr.trim());
    }
    Ok(())
}

/// The socket by which a process hears of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    /// Bytes, as the kernel counts them: twice what was asked for.
    pub(super) buffer: u64,
    /// Messages that it had no room for.
    pub(super) dropped: u64,
}

/// The socket of a process, as the kernel shows it.
pub(super) fn socket(lab: &Lab, process: u32) -> Option<Socket> {
    let ran = run(lab.command("ss").args(["-f", "netlink", "-m"]));
    let owner = format!("/{process}");
    let is_its = |line: &&str| {
        let mut words = line.split_whitespace();
        words.any(|word| word.starts_with("uevent:") && word.ends_with(&owner))
    };
    let line = ran.stdout.lines().find(is_its)?;
    let memory = line.split_once("skmem:(")?.1.trim_end().trim_end_matches(')');
    let number =
        |key: &str| memory.split(',').find_map(|item| item.strip_prefix(key)?.parse().ok());
    Some(Socket { buffer: number("rb")?, dropped: number("d")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_interface_is_libvirts() {
        let link = Link { interface: "nd1".to_owned(), address: "02:aa:00:00:00:01".to_owned() };
        assert_eq!(link.name(), "net_nd1_02_aa_00_00_00_01");
    }
}
