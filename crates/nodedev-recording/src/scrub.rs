//! Replaces what tells one machine from another of its kind: serial numbers, addresses, uuids, labels.
//!
//! The same value always becomes the same replacement, of the same form: names, parents and what two
//! streams say of one device still fit. Replacements are counted and not computed, so nothing leads back.

mod finds;

use std::collections::HashMap;

use serde_json::Value as Json;

use self::finds::{Find, Kind};

/// Fields whose whole text is a serial number or something like it.
const SERIALS: &[&str] = &[
    "system.hardware.serial",
    "storage.serial",
    "pci.vpd.readonly.serial_number",
    "pci.vpd.readonly.vendor_fields.value",
    "pci.vpd.readwrite.asset_tag",
    "pci.vpd.readwrite.vendor_fields.value",
    "pci.vpd.readwrite.system_fields.value",
];

/// The field whose text is what somebody called a medium.
const LABEL: &str = "storage.media_label";

/// Shorter serial numbers are not looked for in other texts, nor are those without a digit: too much would
/// be found.
const TELLING: usize = 6;

/// Members outside of the fields that are words of the format, or names that other lines refer to.
const WORDS: &[&str] = &["source", "stream", "kind", "call", "presence", "severity"];

/// Folders below `/dev` whose links are named after what is in a device.
const TELLING_LINKS: &[&str] =
    &["/by-id/", "/by-uuid/", "/by-label/", "/by-partuuid/", "/by-partlabel/", "/by-diskseq/"];

/// Replaces values in the lines of one recording, and remembers for what.
#[derive(Debug, Default)]
pub struct Scrubber {
    replaced: HashMap<(Kind, String), String>,
    counts: HashMap<Kind, u64>,
    /// Serial numbers with their replacements, the longest first.
    known: Vec<(String, String)>,
}

impl Scrubber {
    /// Replaces what is to be replaced in a line.
    pub fn scrub(&mut self, line: &mut Json) {
        // First what other texts of the same line may hold too.
        self.learn(line, None);
        self.walk_line(line);
    }

    /// A line or one of the messages of a batch, whose `message` is which kind it is of.
    fn walk_line(&mut self, line: &mut Json) {
        let Json::Object(members) = line else { return self.walk(line, None) };
        for (name, value) in members {
            match value {
                Json::Array(messages) if name == "messages" => {
                    messages.iter_mut().for_each(|message| self.walk_line(message));
                }
                _ if name == "message" => {}
                value => self.walk_member(name, value, None),
            }
        }
    }

    fn learn(&mut self, value: &Json, place: Option<&str>) {
        match value {
            Json::String(text) if place.is_some_and(|place| SERIALS.contains(&place)) => {
                self.serial(text);
            }
            Json::Array(items) => items.iter().for_each(|item| self.learn(item, place)),
            Json::Object(members) => {
                for (name, value) in members {
                    self.learn(value, below(place, name).as_deref());
                }
            }
            _ => {}
        }
    }

    fn walk(&mut self, value: &mut Json, place: Option<&str>) {
        match value {
            Json::String(text) => *text = self.text(text, place),
            Json::Array(items) => items.iter_mut().for_each(|item| self.walk(item, place)),
            Json::Object(members) => {
                members.iter_mut().for_each(|(name, value)| self.walk_member(name, value, place));
            }
            _ => {}
        }
    }

    fn walk_member(&mut self, name: &str, value: &mut Json, place: Option<&str>) {
        let is_word = match place {
            None => WORDS.contains(&name),
            Some(place) => place.is_empty() && name == "capability",
        };
        if !is_word {
            self.walk(value, below(place, name).as_deref());
        }
    }

    fn text(&mut self, text: &str, place: Option<&str>) -> String {
        match place {
            Some(place) if SERIALS.contains(&place) => return self.serial(text),
            Some(LABEL) => return self.replacement(Kind::Label, text),
            _ => {}
        }
        if let Some((folder, name)) = telling_link(text) {
            return format!("{folder}{}", self.link(name));
        }
        let mut text = text.to_owned();
        for (known, replacement) in &self.known {
            text = replace_word(text, known, replacement);
        }
        let mut scrubbed = String::with_capacity(text.len());
        let mut from = 0;
        for find in finds::all(&text) {
            let Find { kind, at, ref value } = find;
            scrubbed.push_str(&text[from..at.start]);
            from = at.end;
            let replacement = self.replacement(kind, value);
            scrubbed.push_str(&finds::like(&text[at], &replacement));
        }
        scrubbed.push_str(&text[from..]);
        scrubbed
    }

    /// What the device calls itself: the part before the first `-` is the bus, `-partN` a partition.
    fn link(&mut self, name: &str) -> String {
        let (name, part) = match name.rsplit_once("-part") {
            Some((name, part)) if part.bytes().all(|b| b.is_ascii_digit()) => (name, Some(part)),
            _ => (name, None),
        };
        let bus = name.split_once('-').map(|(bus, _)| bus);
        let bus = bus.filter(|bus| bus.len() < 8 && bus.bytes().all(|b| b.is_ascii_lowercase()));
        let replacement = self.replacement(Kind::Link, name);
        let bus = bus.map(|bus| format!("{bus}-")).unwrap_or_default();
        let part = part.map(|part| format!("-part{part}")).unwrap_or_default();
        format!("{bus}{replacement}{part}")
    }

    fn serial(&mut self, text: &str) -> String {
        let is_new = !self.replaced.contains_key(&(Kind::Serial, text.to_owned()));
        let replacement = self.replacement(Kind::Serial, text);
        let tells = text.len() >= TELLING && text.contains(|c: char| c.is_ascii_digit());
        if is_new && tells {
            let shorter = self.known.partition_point(|(known, _)| known.len() >= text.len());
            self.known.insert(shorter, (text.to_owned(), replacement.clone()));
        }
        replacement
    }

    fn replacement(&mut self, kind: Kind, value: &str) -> String {
        // Nothing, zeros and ones tell nothing.
        let tells = |byte: u8| !matches!(byte, b'0' | b'f' | b'F' | b'-' | b' ');
        if value.is_empty() || kind.is_number() && !value.bytes().any(tells) {
            return value.to_owned();
        }
        if let Some(replacement) = self.replaced.get(&(kind, value.to_owned())) {
            return replacement.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let replacement = kind.replacement(*count, value.len());
        self.replaced.insert((kind, value.to_owned()), replacement.clone());
        replacement
    }
}

/// The text with another word for this one. Within a longer word it stays.
fn replace_word(text: String, word: &str, other: &str) -> String {
    if !text.contains(word) {
        return text;
    }
    let joins = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
    let (mut replaced, mut from) = (String::with_capacity(text.len()), 0);
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        if !joins(text[..at].chars().next_back()) && !joins(text[end..].chars().next()) {
            replaced.push_str(&text[from..at]);
            replaced.push_str(other);
            from = end;
        }
    }
    replaced.push_str(&text[from..]);
    replaced
}

/// The place of a member among the fields, by the parts of its name.
fn below(place: Option<&str>, name: &str) -> Option<String> {
    match place {
        None => (name == "fields").then(String::new),
        Some("") => Some(name.to_owned()),
        Some(place) => Some(format!("{place}.{name}")),
    }
}

/// The folder and the name of a link that is named after what is in a device.
fn telling_link(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with("/dev/") {
        return None;
    }
    let (folder, name) = text.split_at(text.rfind('/')? + 1);
    let is_telling = TELLING_LINKS.iter().any(|telling| folder.ends_with(telling));
    let is_network = folder.ends_with("/by-path/") && name.contains("-iscsi-");
    (is_telling || is_network).then_some((folder, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scrubbed(mut lines: Vec<Json>) -> Vec<Json> {
        let mut scrubber = Scrubber::default();
        lines.iter_mut().for_each(|line| scrubber.scrub(line));
        lines
    }

    #[test]
    fn the_same_value_becomes_the_same_everywhere() {
        let uuid = "C0FFEE00-1111-4222-8333-444455556666";
        let lines = scrubbed(vec![
            json!({"device": "/sys/devices/virtual/net/enx0242ac110002",
                   "fields": {"net": {"address": "02:42:ac:11:00:02", "interface": "enx0242ac110002"}}}),
            json!({"device": format!("mdev:{uuid}@0000:00:02.0"),
                   "fields": {"path": format!("/sys/devices/pci0000:00/0000:00:02.0/{uuid}")}}),
            json!({"diagnostic": {"subject": "net_enx0242ac110002_02_42_ac_11_00_02"}}),
        ]);
        assert_eq!(lines[0]["fields"]["net"]["address"], "02:00:00:00:00:01");
        assert_eq!(lines[0]["fields"]["net"]["interface"], "enx020000000001");
        assert_eq!(lines[0]["device"], "/sys/devices/virtual/net/enx020000000001");
        let new = "00000000-0000-4000-8000-000000000001";
        assert_eq!(lines[1]["device"], format!("mdev:{new}@0000:00:02.0"));
        assert_eq!(
            lines[1]["fields"]["path"],
            format!("/sys/devices/pci0000:00/0000:00:02.0/{new}")
        );
        let subject = &lines[2]["diagnostic"]["subject"];
        assert_eq!(subject, "net_enx020000000001_02_00_00_00_00_01");
    }

    #[test]
    fn serial_numbers_go_from_links_and_texts_too() {
        let lines = scrubbed(vec![json!({
            "device": "/sys/devices/x/block/sda",
            "fields": {
                "devlinks": ["/dev/disk/by-id/ata-QEMU_HARDDISK_QM00001-part2",
                             "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
                             "/dev/disk/by-path/pci-0000:00:1f.2-ata-1",
                             "/dev/disk/by-path/pci-0000:03:00.0-sas-0x5000c500a1b2c3d4-lun-0"],
                "storage": {"serial": "QM00001", "media_label": "holiday", "model": "QEMU HARDDISK"},
                "pci": {"vpd": {"readwrite": {"system_fields": [{"index": "A", "value": "xy"}]}}},
            },
            "diagnostic": {"message": "`QM00001` is odd"},
        })]);
        let fields = &lines[0]["fields"];
        assert_eq!(fields["storage"]["serial"], "SERIAL0002");
        assert_eq!(fields["storage"]["media_label"], "LABEL0001");
        assert_eq!(fields["storage"]["model"], "QEMU HARDDISK");
        assert_eq!(fields["pci"]["vpd"]["readwrite"]["system_fields"][0]["value"], "SERIAL0001");
        assert_eq!(lines[0]["diagnostic"]["message"], "`SERIAL0002` is odd");
        let links = fields["devlinks"].as_array().unwrap();
        assert_eq!(links[0], "/dev/disk/by-id/ata-LINK0001-part2");
        assert_eq!(links[1], "/dev/disk/by-id/wwn-LINK0002");
        assert_eq!(links[2], "/dev/disk/by-path/pci-0000:00:1f.2-ata-1");
        assert_eq!(links[3], "/dev/disk/by-path/pci-0000:03:00.0-sas-0x5000000000000001-lun-0");
    }

    #[test]
    fn a_serial_number_that_is_a_word_of_the_format_breaks_no_line() {
        let line = |device: &str, serial: &str| {
            json!({
                "at": 1, "source": "mdevctl2", "message": "observed", "stream": "mdevctl2/x",
                "device": device, "fields": {"capability": "storage", "storage": {"serial": serial}},
            })
        };
        let batch = json!({
            "at": 2, "source": "mdevctl2", "message": "batch",
            "messages": [{"message": "observed", "device": "a/mdevctl2"}],
            "error": {"kind": "mdevctl2", "message": "mdevctl2 xmdevctl2 mdevctl2y"},
        });
        let lines = scrubbed(vec![
            line("a/storage", "storage"),
            line("a/observed", "observed"),
            line("a/mdevctl2", "mdevctl2"),
            batch,
        ]);
        let serials: Vec<_> =
            lines[..3].iter().map(|line| &line["fields"]["storage"]["serial"]).collect();
        assert_eq!(serials, ["SERIAL0001", "SERIAL0002", "SERIAL0003"]);
        let expected = [
            line("a/storage", "SERIAL0001"),
            line("a/observed", "SERIAL0002"),
            line("a/SERIAL0003", "SERIAL0003"),
        ];
        assert_eq!(lines[..3], expected);
        assert_eq!(
            (&lines[3]["source"], &lines[3]["message"]),
            (&json!("mdevctl2"), &json!("batch"))
        );
        let message = json!({"message": "observed", "device": "a/SERIAL0003"});
        assert_eq!(lines[3]["messages"], json!([message]));
        let error = json!({"kind": "mdevctl2", "message": "SERIAL0003 xmdevctl2 mdevctl2y"});
        assert_eq!(lines[3]["error"], error);
    }

    #[test]
    fn what_tells_nothing_stays() {
        let line = json!({
            "at": 12, "device": "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0",
            "fields": {"net": {"address": "00:00:00:00:00:00"}, "storage": {"serial": ""},
                       "pci": {"iommu_group": {"addresses": ["0000:00:1f.2"]}},
                       "scsi_host": {"fc_host": {"wwnn": "ffffffffffffffff"}}},
        });
        assert_eq!(scrubbed(vec![line.clone()]), [line]);
    }
}
