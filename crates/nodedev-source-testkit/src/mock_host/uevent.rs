//! Events as udevd broadcasts them, sent to the sockets that stand for the kernel's.

use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// How long a receiver that does not read may hold a sender.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends an event to every monitor of every process on the host below this directory.
pub(super) fn broadcast(root: &Path, properties: &[(String, String)]) -> io::Result<()> {
    let packet = packet(properties);
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("event"));
        if !number.is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit())) {
            continue;
        }
        match socket.send_to(&packet, entry.path()) {
            Ok(_) => {}
            // Its process has ended or has just closed it.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The header of libudev's own protocol, then the properties.
fn packet(properties: &[(String, String)]) -> Vec<u8> {
    const MAGIC: u32 = 0xfeed_cafe;
    const HEADER: u32 = 40;
    let mut body = Vec::new();
    for (name, value) in properties {
        body.extend_from_slice(name.as_bytes());
        body.push(b'=');
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    let hash = |wanted: &str| {
        let value = properties.iter().find(|(name, _)| name == wanted);
        value.map_or(0, |(_, value)| murmur(value.as_bytes()))
    };
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut packet = b"libudev\0".to_vec();
    packet.extend(MAGIC.to_be_bytes());
    packet.extend(HEADER.to_ne_bytes());
    packet.extend(HEADER.to_ne_bytes());
    packet.extend(length.to_ne_bytes());
    packet.extend(hash("SUBSYSTEM").to_be_bytes());
    packet.extend(hash("DEVTYPE").to_be_bytes());
    // No tags: a filter of bloom bits.
    packet.extend([0; 8]);
    packet.extend(body);
    packet
}

/// MurmurHash2 with seed 0, by which libudev filters subsystems.
fn murmur(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut words = bytes.chunks_exact(4);
    for word in words.by_ref() {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_murmur_2() {
        for (text, hash) in
            [("", 0), ("net", 0xa74d_3cc8), ("block", 0xf003_1db7), ("usb_device", 0x27f8_f50c)]
        {
            assert_eq!(murmur(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn a_packet_has_header_and_body() {
        let properties = [("ACTION".to_owned(), "add".to_owned())];
        let packet = packet(&properties);
        assert_eq!(packet.len(), 40 + "ACTION=add\0".len());
        assert_eq!(&packet[8..12], &[0xfe, 0xed, 0xca, 0xfe]);
    }
}
