//! The host's `pci.ids`, plain or compressed: parsed once into an index of ranges of its own text.
//!
//! The rules are libpciaccess', found by trying it with odd files.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::bufread::MultiGzDecoder;

use super::PciNames;

/// Where the file may lie, below the root. The first one that is there counts, even if it is empty.
const CANDIDATES: [&str; 4] = [
    "usr/share/misc/pci.ids.gz",
    "usr/share/misc/pci.ids",
    "usr/share/hwdata/pci.ids.gz",
    "usr/share/hwdata/pci.ids",
];

/// The real one has 1.5 MB.
const LARGEST: u64 = 64 << 20;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What libpciaccess reads of a line at once; what is behind is a line of its own.
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
    let mut file = BufReader::new(File::open(path).ok()?);
    let mut text = Vec::new();
    // Of a damaged file counts what comes before the damage.
    let _ = if file.fill_buf().is_ok_and(|start| start.starts_with(&GZIP_MAGIC)) {
        MultiGzDecoder::new(file).take(LARGEST).read_to_end(&mut text)
    } else {
        file.take(LARGEST).read_to_end(&mut text)
    };
    Some(text)
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
pub(crate) struct PciIds {
    text: Vec<u8>,
    vendors: Vec<(u16, Range<u32>)>,
    devices: Vec<(u32, Range<u32>)>,
}

impl PciIds {
    /// Vendors stand at the line start, their devices behind one tab, subsystems behind two. Any
    /// other line is as if it were not there: the classes at the end have too few digits.
    pub(crate) fn parse(text: Vec<u8>) -> Self {
        let mut ids = Self::default();
        let mut vendor = None;
        let mut start = 0;
        for whole in text.split(|&b| b == b'\n') {
            let mut at = start;
            for line in whole.chunks(LONGEST_LINE) {
                ids.line(line, at, &mut vendor);
                at += line.len();
            }
            start += whole.len() + 1;
        }
        // Stable sorts: of two entries with one id the first counts.
        ids.vendors.sort_by_key(|(id, _)| *id);
        ids.devices.sort_by_key(|(id, _)| *id);
        ids.text = text;
        ids
    }

    /// A line that starts there, among those of that vendor.
    fn line(&mut self, line: &[u8], start: usize, vendor: &mut Option<u16>) {
        let end = line.iter().position(|&b| b == 0).unwrap_or(line.len());
        let line = &line[..end];
        match line.strip_prefix(b"\t") {
            None => {
                if let Some((id, name)) = entry(line, start) {
                    *vendor = Some(id);
                    self.vendors.push((id, name));
                }
            }
            Some(line) => {
                if let (Some(vendor), Some((id, name))) = (*vendor, entry(line, start + 1)) {
                    self.devices.push((key(vendor, id), name));
                }
            }
        }
    }

    pub(crate) fn vendor(&self, vendor: u16) -> Option<String> {
        self.name(&self.vendors, vendor)
    }

    pub(crate) fn device(&self, vendor: u16, device: u16) -> Option<String> {
        self.name(&self.devices, key(vendor, device))
    }

    /// Every entry: its vendor, its device where it is one, its name as it stands in the file.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn all(&self) -> impl Iterator<Item = (u16, Option<u16>, &[u8])> {
        let name = |range: &Range<u32>| &self.text[range.start as usize..range.end as usize];
        let vendors = self.vendors.iter().map(move |(id, range)| (*id, None, name(range)));
        let devices = self.devices.iter().map(move |(id, range)| {
            let [high, low] = [id >> 16, id & 0xffff].map(|half| u16::try_from(half).unwrap_or(0));
            (high, Some(low), name(range))
        });
        vendors.chain(devices)
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

/// Four hexadecimal digits, two characters of any kind, and the name to the end, even an empty one.
fn entry(line: &[u8], start: usize) -> Option<(u16, Range<u32>)> {
    const NAME: usize = 6;
    let digits = line.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let id = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let end = start + line.len();
    Some((id, u32::try_from((start + NAME).min(end)).ok()?..u32::try_from(end).ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
        \t\t0001  not a device";

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

    /// Each as libvirt 11.3 with libpciaccess 0.17 shows it.
    #[test]
    fn odd_lines_are_read_as_libpciaccess_reads_them() {
        const ODD: &[u8] = b"8086  ok\nzzzz  bad\n\t1237  after zzzz\nAB12  upper\n\tabCD  mixed\n\
            8088 one blank\n\t0001\ttab\n808a  crlf\r\n\t0001  crlf\r\n\n\t0002  blank \n\
            808b  first\n\t0001  first\n808b  second\n\t0001  second\n\t0002  other\n\
            808c  v\nC 02  x\n\t0001  after C\n 8089  blank first\n\t0002\t\tname\n\
            808d  a\0b\n\t0001  c\0d\n\0\n\t0002\n\t000g  no\n\t\t\t0003  tabs\n\
            808e  caf\xe9\nffff  no device\n\t0001  has no vendor";
        let ids = PciIds::parse(ODD.into());
        let vendors: [(u16, Option<&str>); 10] = [
            (0x8086, Some("ok")),
            (0xab12, Some("upper")),
            (0x8088, Some("ne blank")),
            (0x808a, Some("crlf\r")),
            (0x808b, Some("first")),
            (0x808c, Some("v")),
            (0x8089, None),
            (0x808d, Some("a")),
            (0x808e, Some("caf\u{fffd}")),
            (0xffff, Some("no device")),
        ];
        for (vendor, name) in vendors {
            assert_eq!(ids.vendor(vendor).as_deref(), name, "{vendor:x}");
        }
        let devices: [(u16, u16, Option<&str>); 13] = [
            (0x8086, 0x1237, Some("after zzzz")),
            (0xab12, 0xabcd, Some("mixed")),
            (0x8088, 1, Some("ab")),
            (0x808a, 1, Some("crlf\r")),
            (0x808a, 2, Some("blank ")),
            (0x808b, 1, Some("first")),
            (0x808b, 2, Some("other")),
            (0x808c, 1, Some("after C")),
            (0x808c, 2, Some("name")),
            (0x808d, 1, Some("c")),
            (0x808d, 2, Some("")),
            (0x808d, 3, None),
            (0xffff, 1, Some("has no vendor")),
        ];
        for (vendor, device, name) in devices {
            assert_eq!(ids.device(vendor, device).as_deref(), name, "{vendor:x}:{device:x}");
        }
    }

    #[test]
    fn what_is_behind_a_long_line_is_a_line_of_its_own() {
        let filled = "b".repeat(119);
        let text = format!("8096  a\n\t0001  {filled}EEEEEEEEEE\tx\n\t0002  true\n");
        let ids = PciIds::parse(text.into());
        assert_eq!(ids.device(0x8096, 1), Some(format!("{filled}E")));
        assert_eq!(ids.device(0x8096, 2), None);
        assert_eq!(ids.device(0xeeee, 2).as_deref(), Some("true"));
    }

    fn names_of(files: &[(&str, &[u8])]) -> HostPciIds {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("usr/share/misc");
        fs::create_dir_all(&folder).unwrap();
        files.iter().for_each(|(name, contents)| fs::write(folder.join(name), contents).unwrap());
        let ids = HostPciIds::new(root.path().to_owned());
        // Now, while the files are there.
        let _ = ids.vendor(0);
        ids
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_compressed_file_is_read_and_comes_before_a_plain_one() {
        let members = [gzip(b"8086  compressed\n"), gzip(b"\t0001  second member\n")].concat();
        let both = names_of(&[("pci.ids.gz", &members), ("pci.ids", b"8086  plain\n")]);
        assert_eq!(both.vendor(0x8086).as_deref(), Some("compressed"));
        assert_eq!(both.device(0x8086, 1).as_deref(), Some("second member"));
        // By what is in it, not by its name.
        let misnamed = names_of(&[("pci.ids", &members)]);
        assert_eq!(misnamed.vendor(0x8086).as_deref(), Some("compressed"));
        let plain = names_of(&[("pci.ids.gz", b"8086  plain\n")]);
        assert_eq!(plain.vendor(0x8086).as_deref(), Some("plain"));
        let empty = names_of(&[("pci.ids.gz", b""), ("pci.ids", b"8086  plain\n")]);
        assert_eq!(empty.vendor(0x8086), None);
    }

    #[test]
    fn of_a_damaged_compressed_file_counts_what_comes_before() {
        let mut text = b"8086  first\n".to_vec();
        // Noise, so that half of the file is about half of the text.
        let mut number = 1_u32;
        for _ in 0..50_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.extend(format!("\t{:04x}  {number:x}\n", number >> 16).bytes());
        }
        text.extend(b"8087  last\n");
        let whole = gzip(&text);
        let half = names_of(&[("pci.ids.gz", &whole[..whole.len() / 2])]);
        assert_eq!(half.vendor(0x8086).as_deref(), Some("first"));
        assert_eq!(half.vendor(0x8087), None);
        let whole = names_of(&[("pci.ids.gz", &whole)]);
        assert_eq!(whole.vendor(0x8087).as_deref(), Some("last"));
    }

    #[test]
    fn the_first_candidate_below_the_root_counts_and_none_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let without = HostPciIds::new(root.path().to_owned());
        assert_eq!(without.vendor(0x8086), None);
        for (candidate, text) in CANDIDATES.iter().zip(["8086  First\n", "8086  Second\n", "", ""])
        {
            let path = root.path().join(candidate);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let with = HostPciIds::new(root.path().to_owned());
        assert_eq!(with.vendor(0x8086).as_deref(), Some("First"));
    }
}
