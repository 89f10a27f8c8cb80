//! Messages of generic netlink: requests are put together, answers taken apart. Pure; an answer that
//! is cut or makes no sense ends where it does. Attributes are those of every kind of netlink.

use std::sync::Arc;

/// The family that knows the others.
pub(super) const CONTROL: u16 = 16;
pub(super) const GET_FAMILY: u8 = 3;
pub(super) const FAMILY_ID: u16 = 1;
pub(super) const FAMILY_NAME: u16 = 2;

pub(super) const ETHTOOL_HEADER: u16 = 1;
pub(super) const ETHTOOL_DEVICE_NAME: u16 = 2;
const ETHTOOL_FLAGS: u16 = 3;
/// Bits as words, without their names, of which the kernel would write some sixty into each answer.
const COMPACT_BITSETS: u32 = 1;
const ETHTOOL_ACTIVE: u16 = 4;
const BITSET_VALUE: u16 = 4;

const STRSET_SETS: u16 = 2;
const STRINGSETS_SET: u16 = 1;
const STRINGSET_ID: u16 = 1;
const STRINGSET_STRINGS: u16 = 3;
const STRINGS_STRING: u16 = 1;
const STRING_INDEX: u16 = 1;
const STRING_VALUE: u16 = 2;
/// The set of the names of features (`ETH_SS_FEATURES`).
const FEATURE_NAMES: u32 = 4;
/// There are fewer, by far.
const MOST_FEATURES: u32 = 1024;

pub(super) const DEVLINK_BUS: u16 = 1;
pub(super) const DEVLINK_DEVICE: u16 = 2;
pub(super) const DEVLINK_ESWITCH_MODE: u16 = 25;

const REQUEST: u16 = 1;
const ERROR: u16 = 2;
const NESTED: u16 = 0x8000;
/// What of an attribute's type is its number.
const TYPE_MASK: u16 = 0x3fff;
/// Header of the message and of the family.
const HEADERS: usize = 16 + 4;

/// A request under construction.
#[derive(Debug)]
pub(super) struct Request {
    bytes: Vec<u8>,
    sequence: u32,
}

impl Request {
    pub(super) fn new(family: u16, command: u8, sequence: u32) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(family.to_ne_bytes());
        bytes.extend(REQUEST.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        // Every family asked here is in its first version.
        bytes.extend([command, 1, 0, 0]);
        Self { bytes, sequence }
    }

    pub(super) const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Adds a text.
    pub(super) fn text(&mut self, kind: u16, text: &str) {
        self.attribute(kind, |bytes| {
            bytes.bytes.extend(text.as_bytes());
            bytes.bytes.push(0);
        });
    }

    /// Adds a number.
    fn number(&mut self, kind: u16, number: u32) {
        self.attribute(kind, |bytes| bytes.bytes.extend(number.to_ne_bytes()));
    }

    /// Adds attributes within an attribute.
    pub(super) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.attribute(kind | NESTED, fill);
    }

    fn attribute(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        fill(self);
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The whole message.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes
    }
}

/// The attributes of the answer to that request. `None` for an error or the answer to another.
pub(crate) fn reply(bytes: &[u8], sequence: u32) -> Option<&[u8]> {
    let length = number_32(bytes.get(..4)?)? as usize;
    let kind = number_16(bytes.get(4..6)?)?;
    if kind == ERROR || self::sequence(bytes)? != sequence {
        return None;
    }
    bytes.get(HEADERS..length)
}

/// The number of the request that this answers.
pub(crate) fn sequence(bytes: &[u8]) -> Option<u32> {
    number_32(bytes.get(8..12)?)
}

/// The attributes in a piece of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes<'a>(&'a [u8]);

/// What an attribute holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The first attribute of that type.
    pub(super) fn find(self, kind: u16) -> Option<Payload<'a>> {
        self.all(kind).next()
    }

    /// All attributes of that type.
    fn all(self, kind: u16) -> impl Iterator<Item = Payload<'a>> {
        self.filter_map(move |(found, payload)| (found == kind).then_some(payload))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, Payload<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(number_16(self.0.get(..2)?)?);
        let kind = number_16(self.0.get(2..4)?)?;
        let payload = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind & TYPE_MASK, Payload(payload)))
    }
}

impl<'a> Payload<'a> {
    pub(super) fn number_16(self) -> Option<u16> {
        number_16(self.0)
    }

    pub(super) const fn bytes(self) -> &'a [u8] {
        self.0
    }

    const fn nested(self) -> Attributes<'a> {
        Attributes::new(self.0)
    }

    pub(super) fn text(self) -> Option<&'a str> {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).ok()
    }
}

pub(super) fn number_16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

pub(super) fn number_32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Asks for the features of an interface.
pub(super) fn ask_for_features(request: &mut Request, interface: &str) {
    request.nested(ETHTOOL_HEADER, |header| {
        header.text(ETHTOOL_DEVICE_NAME, interface);
        header.number(ETHTOOL_FLAGS, COMPACT_BITSETS);
    });
}

/// Asks for the names of all features.
pub(super) fn ask_for_feature_names(request: &mut Request) {
    request.nested(ETHTOOL_HEADER, |_| ());
    request.nested(STRSET_SETS, |sets| {
        sets.nested(STRINGSETS_SET, |set| set.number(STRINGSET_ID, FEATURE_NAMES));
    });
}

/// The numbers of the features that are on.
pub(crate) fn active_features(attributes: &[u8]) -> impl Iterator<Item = u32> {
    let active = Attributes::new(attributes).find(ETHTOOL_ACTIVE);
    let value = active.and_then(|active| active.nested().find(BITSET_VALUE));
    let words = value.map_or(&[][..], Payload::bytes).as_chunks::<4>().0.iter();
    (0..).zip(words).flat_map(|(at, word)| {
        let word = u32::from_ne_bytes(*word);
        (0..u32::BITS)
            .filter(move |bit| word & (1 << bit) != 0)
            .map(move |bit| at * u32::BITS + bit)
    })
}

/// The names of all features, each at its number.
pub(crate) fn feature_names(attributes: &[u8]) -> Vec<Arc<str>> {
    let sets = Attributes::new(attributes).find(STRSET_SETS);
    let set = sets.and_then(|sets| sets.nested().find(STRINGSETS_SET));
    let strings = set.and_then(|set| set.nested().find(STRINGSET_STRINGS));
    let strings = strings.into_iter().flat_map(|strings| strings.nested().all(STRINGS_STRING));
    let mut names = Vec::new();
    for (index, name) in strings.filter_map(string).filter(|(index, _)| *index < MOST_FEATURES) {
        let index = index as usize;
        if names.len() <= index {
            names.resize(index + 1, Arc::from(""));
        }
        names[index] = name;
    }
    names
}

fn string(string: Payload<'_>) -> Option<(u32, Arc<str>)> {
    let string = string.nested();
    let index = number_32(string.find(STRING_INDEX)?.0)?;
    Some((index, string.find(STRING_VALUE)?.text()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer about features as the kernel would give it.
    fn answer(sequence: u32) -> Vec<u8> {
        let mut answer = Request::new(20, 11, sequence);
        answer.nested(ETHTOOL_HEADER, |header| header.text(ETHTOOL_DEVICE_NAME, "lo"));
        answer.nested(ETHTOOL_ACTIVE, |active| {
            active.attribute(1, |_| ());
            active.number(2, 64);
            active.attribute(BITSET_VALUE, |value| {
                value.bytes.extend(0x4001_u32.to_ne_bytes());
                value.bytes.extend(0x8000_0000_u32.to_ne_bytes());
            });
        });
        answer.finish()
    }

    /// An answer about names.
    fn names() -> Vec<u8> {
        let mut answer = Request::new(20, 2, 7);
        answer.nested(STRSET_SETS, |sets| {
            sets.nested(STRINGSETS_SET, |set| {
                set.number(STRINGSET_ID, FEATURE_NAMES);
                set.nested(STRINGSET_STRINGS, |strings| {
                    for (index, name) in [(2, "rx-gro"), (0, "tx-scatter-gather"), (5000, "none")] {
                        strings.nested(STRINGS_STRING, |string| {
                            string.number(STRING_INDEX, index);
                            string.text(STRING_VALUE, name);
                        });
                    }
                });
            });
        });
        answer.finish()
    }

    fn active(attributes: &[u8]) -> Vec<u32> {
        active_features(attributes).collect()
    }

    #[test]
    fn features_that_are_on_are_found_by_number() {
        let answer = answer(7);
        assert_eq!(active(reply(&answer, 7).unwrap()), [0, 14, 63]);
        assert_eq!(reply(&answer, 8), None, "the answer to another request");
    }

    #[test]
    fn names_lie_at_their_numbers() {
        let names = feature_names(reply(&names(), 7).unwrap());
        assert_eq!(names, ["tx-scatter-gather", "", "rx-gro"].map(Arc::from));
    }

    #[test]
    fn an_error_is_no_answer() {
        let mut error = answer(7);
        error[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        assert_eq!(reply(&error, 7), None);
    }

    #[test]
    fn a_damaged_answer_ends_where_it_is_damaged() {
        for whole in [answer(7), names()] {
            for end in 0..whole.len() {
                assert_eq!(reply(&whole[..end], 7), None, "it says that it is longer");
                look_at(&whole[HEADERS.min(end)..end]);
            }
            for at in 0..whole.len() {
                for byte in [0, 1, 4, 0x7f, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] = byte;
                    if let Some(attributes) = reply(&damaged, 7) {
                        look_at(attributes);
                    }
                }
            }
        }
        assert!(
            Attributes::new(&[0; 64]).next().is_none(),
            "a length of 0 does not go on for ever"
        );
    }

    /// Whatever it holds, it is no more than what has come.
    fn look_at(attributes: &[u8]) {
        assert!(active_features(attributes).count() <= attributes.len() * 8);
        assert!(feature_names(attributes).len() <= MOST_FEATURES as usize);
    }
}
