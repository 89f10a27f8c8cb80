//! Messages of rtnetlink about network links, taken apart. Pure; what is cut or makes no sense ends
//! where it does.

use super::message::{Attributes, number_16, number_32};

const NEW_LINK: u16 = 16;
const DELETED_LINK: u16 = 17;
/// Header of a message.
const HEADER: usize = 16;
/// Header of a message and of a link.
const HEADERS: usize = HEADER + 16;
/// Messages about links as parts of something else, as the ports of a bridge, have other families.
const LINK_ITSELF: u8 = 0;

const ADDRESS: u16 = 1;
const NAME: u16 = 3;
const OPERSTATE: u16 = 16;
const EVENT: u16 = 44;
/// The event that tells of offload features.
const FEATURES_CHANGED: u32 = 2;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkMessage {
    /// A link is so now.
    Is(Link),
    /// The link of that index has gone.
    Gone(u32),
}

/// A link. What a message leaves out is as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: Option<String>,
    pub(crate) address: Option<Vec<u8>>,
    /// RFC 2863's number of the state.
    pub(crate) state: Option<u8>,
    /// Its offload features have changed.
    pub(crate) features: bool,
}

/// The messages of links in what was received at once.
pub(crate) fn link_messages(mut bytes: &[u8]) -> impl Iterator<Item = LinkMessage> {
    std::iter::from_fn(move || {
        loop {
            let length = number_32(bytes.get(..4)?)? as usize;
            // The kernel cuts what does not fit; the attributes that count come first.
            let message = bytes.get(..length).unwrap_or(bytes);
            bytes = bytes.get(length.max(HEADER).next_multiple_of(4)..).unwrap_or_default();
            if let Some(message) = link_message(message) {
                return Some(message);
            }
        }
    })
}

fn link_message(message: &[u8]) -> Option<LinkMessage> {
    let kind = number_16(message.get(4..6)?)?;
    let index = number_32(message.get(HEADER + 4..HEADER + 8)?)?;
    if *message.get(HEADER)? != LINK_ITSELF {
        return None;
    }
    match kind {
        NEW_LINK => Some(LinkMessage::Is(link(index, Attributes::new(message.get(HEADERS..)?)))),
        DELETED_LINK => Some(LinkMessage::Gone(index)),
        _ => None,
    }
}

fn link(index: u32, attributes: Attributes<'_>) -> Link {
    let mut link = Link { index, ..Link::default() };
    for (kind, payload) in attributes {
        match kind {
            ADDRESS => link.address = Some(payload.bytes().to_owned()),
            NAME => link.name = payload.text().map(str::to_owned),
            OPERSTATE => link.state = payload.bytes().first().copied(),
            EVENT => link.features = number_32(payload.bytes()) == Some(FEATURES_CHANGED),
            _ => {}
        }
    }
    link
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A message as the kernel would send it.
    pub(in crate::network) fn message(
        kind: u16,
        family: u8,
        index: u32,
        attributes: &[(u16, &[u8])],
    ) -> Vec<u8> {
        let mut bytes = vec![0; HEADERS];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[HEADER] = family;
        bytes[HEADER + 4..HEADER + 8].copy_from_slice(&index.to_ne_bytes());
        for (kind, payload) in attributes {
            let length = u16::try_from(payload.len() + 4).unwrap();
            bytes.extend(length.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*payload);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes
    }

    /// A link with an address and a state.
    pub(in crate::network) fn new_link(index: u32, name: &str, address: u8, state: u8) -> Vec<u8> {
        let name = format!("{name}\0");
        let address = [2, 0, 0, 0, 0, address];
        let attributes: [(u16, &[u8]); 3] =
            [(NAME, name.as_bytes()), (OPERSTATE, &[state]), (ADDRESS, &address)];
        message(NEW_LINK, LINK_ITSELF, index, &attributes)
    }

    pub(in crate::network) fn gone(index: u32) -> Vec<u8> {
        message(DELETED_LINK, LINK_ITSELF, index, &[])
    }

    /// A message without address and state, as wireless extensions send them.
    pub(in crate::network) fn wireless(index: u32) -> Vec<u8> {
        message(NEW_LINK, LINK_ITSELF, index, &[(NAME, b"wlan0\0"), (11, &[0; 8])])
    }

    pub(in crate::network) fn features(index: u32) -> Vec<u8> {
        let event = FEATURES_CHANGED.to_ne_bytes();
        message(NEW_LINK, LINK_ITSELF, index, &[(NAME, b"eth0\0"), (EVENT, &event)])
    }

    fn parsed(bytes: &[u8]) -> Vec<LinkMessage> {
        link_messages(bytes).collect()
    }

    #[test]
    fn a_link_has_a_name_an_address_and_a_state() {
        let eth0 = Link {
            index: 7,
            name: Some("eth0".to_owned()),
            address: Some(vec![2, 0, 0, 0, 0, 9]),
            state: Some(6),
            features: false,
        };
        let two = [new_link(7, "eth0", 9, 6), gone(8)].concat();
        assert_eq!(parsed(&two), [LinkMessage::Is(eth0), LinkMessage::Gone(8)]);
        let [LinkMessage::Is(link)] = &parsed(&features(7))[..] else { panic!() };
        assert!(link.features && link.address.is_none());
    }

    #[test]
    fn ports_of_a_bridge_and_other_messages_say_nothing_of_links() {
        const BRIDGE: u8 = 7;
        let removed_port = message(DELETED_LINK, BRIDGE, 7, &[]);
        let route = message(24, LINK_ITSELF, 7, &[]);
        let all = [removed_port, route, gone(7)].concat();
        assert_eq!(parsed(&all), [LinkMessage::Gone(7)]);
    }

    #[test]
    fn a_damaged_message_ends_where_it_is_damaged() {
        let whole = [new_link(7, "eth0", 9, 6), new_link(8, "eth1", 9, 6)].concat();
        for end in 0..whole.len() {
            assert!(parsed(&whole[..end]).len() <= 2);
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 4, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                // A length of 0 neither repeats a message nor goes on for ever.
                assert!(parsed(&damaged).len() <= whole.len() / HEADER);
            }
        }
    }
}
