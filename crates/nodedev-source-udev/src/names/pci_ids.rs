//! The host's `pci.ids`: parsed once into an index of ranges of its own text.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::PciNames;

/// Where the file may lie, below the root. The first one that is there counts.
const CANDIDATES: [&str; 2] = ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"];

/// What libpciaccess reads of a line; names are cut there.
const LONGEST_LINE: usize = 127;

/// The database of the host below a root, loaded at the first question.
#[derive(Debug)]
pub(crate) struct HostPciIds {
    root: PathBuf,
    ids: OnceLock<PciIds>,
}

impl HostPciIds {
    pub(crate) const fn new(root: PathBuf) -> Self {
        Self { root, ids: OnceLock::new() }
    }

    fn ids(&self) -> &PciIds {
        self.ids.get_or_init(|| {
            let contents =
                CANDIDATES.iter().find_map(|candidate| read_regular(&self.root.join(candidate)));
            PciIds::parse(contents.unwrap_or_default())
        })
    }
}

/// A host without the file is an ordinary host: its devices have no names.
fn read_regular(path: &Path) -> Option<Vec<u8>> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    fs::read(path).ok()
}

impl PciNames for HostPciIds {
    fn vendor(&self, vendor: u16) -> Option<String> {
        self.ids().vendor(vendor)
    }

    fn device(&self, vendor: u16, device: u16) -> Option<String> {
        self.ids().device(vendor, device)
    }
}

/// A parsed `pci.ids`.
#[derive(Debug, Default)]
struct PciIds {
    text: Vec<u8>,
    vendors: Vec<(u16, Range<u32>)>,
    devices: Vec<(u32, Range<u32>)>,
}

impl PciIds {
    /// Vendors stand at the line start, their devices behind one tab, subsystems behind two. The
    /// classes at the end start with `C` and a blank, so their lines do not look like vendors, but
    /// the lines below them would look like devices.
    fn parse(text: Vec<u8>) -> Self {
        let mut ids = Self::default();
        let mut vendor = None;
        let mut start = 0;
        for line in text.split(|&b| b == b'\n') {
            let next = start + line.len() + 1;
            let line = &line[..line.len().min(LONGEST_LINE)];
            let end = start + line.len();
            match line.iter().take_while(|&&b| b == b'\t').count() {
                0 => {
                    if let Some((id, name)) = entry(line, start, end) {
                        vendor = Some(id);
                        ids.vendors.push((id, name));
                    } else if line.first().is_some_and(|&b| b != b'#') {
                        vendor = None;
                    }
                }
                1 => {
                    let device = entry(&line[1..], start + 1, end);
                    if let (Some(vendor), Some((id, name))) = (vendor, device) {
                        ids.devices.push((key(vendor, id), name));
                    }
                }
                _ => {}
            }
            start = next;
        }
        // Stable sorts: of two entries with one id the first counts.
        ids.vendors.sort_by_key(|(id, _)| *id);
        ids.devices.sort_by_key(|(id, _)| *id);
        ids.text = text;
        ids
    }

    fn vendor(&self, vendor: u16) -> Option<String> {
        self.name(&self.vendors, vendor)
    }

    fn device(&self, vendor: u16, device: u16) -> Option<String> {
        self.name(&self.devices, key(vendor, device))
    }

    fn name<K: Ord + Copy>(&self, index: &[(K, Range<u32>)], id: K) -> Option<String> {
        let at = index.partition_point(|(key, _)| *key < id);
        let (_, range) = index.get(at).filter(|(key, _)| *key == id)?;
        let name = self.text.get(range.start as usize..range.end as usize)?;
        Some(String::from_utf8_lossy(name).into_owned())
    }
}

const fn key(vendor: u16, device: u16) -> u32 {
    (vendor as u32) << 16 | device as u32
}

/// Four hexadecimal digits, two blanks, and the name to the end of the line, even an empty one.
fn entry(line: &[u8], start: usize, end: usize) -> Option<(u16, Range<u32>)> {
    const NAME: usize = 6;
    let digits = line.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let id = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let name_at = (start + NAME).min(end);
    Some((id, u32::try_from(name_at).ok()?..u32::try_from(end).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# comment\n\n\
        001c  PEAK-System Technik GmbH\n\
        \t0001  PCAN-PCI CAN-Bus controller\n\
        \t\t001c 0004  2 Channel CAN Bus SJC1000\n\
        8086  Intel Corporation\n\
        # in between\n\
        \t1237  440FX - 82441FX PMC [Natoma]\n\
        \t12\n\
        8087\n\
        \t0002  \n\
        C 02  Network controller\n\
        \t00  Ethernet controller\n\
        \t0001  not a device";

    #[test]
    fn vendors_and_devices_are_found_and_nothing_else_is() {
        let ids = PciIds::parse(TEXT.into());
        assert_eq!(ids.vendor(0x8086).as_deref(), Some("Intel Corporation"));
        assert_eq!(ids.device(0x8086, 0x1237).as_deref(), Some("440FX - 82441FX PMC [Natoma]"));
        assert_eq!(ids.device(0x001c, 1).as_deref(), Some("PCAN-PCI CAN-Bus controller"));
        assert_eq!(ids.device(0x8086, 1), None);
        assert_eq!(ids.device(0x001c, 0x0004), None);
        assert_eq!(ids.vendor(0xffff), None);
        assert_eq!(ids.vendor(0x8087).as_deref(), Some(""));
        assert_eq!(ids.device(0x8087, 2).as_deref(), Some(""));
    }

    #[test]
    fn a_long_line_is_cut() {
        let name = "n".repeat(200);
        let ids = PciIds::parse(format!("8086  {name}\n\t0001  {name}\n\t0002  b").into());
        assert_eq!(ids.vendor(0x8086).as_deref(), Some(&name[..121]));
        assert_eq!(ids.device(0x8086, 1).as_deref(), Some(&name[..120]));
        assert_eq!(ids.device(0x8086, 2).as_deref(), Some("b"));
    }

    #[test]
    fn the_first_candidate_below_the_root_counts_and_none_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let without = HostPciIds::new(root.path().to_owned());
        assert_eq!(without.vendor(0x8086), None);
        for (candidate, text) in CANDIDATES.iter().zip(["8086  First\n", "8086  Second\n"]) {
            let path = root.path().join(candidate);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let with = HostPciIds::new(root.path().to_owned());
        assert_eq!(with.vendor(0x8086).as_deref(), Some("First"));
    }
}
