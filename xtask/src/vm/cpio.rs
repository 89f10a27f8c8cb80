//! Archives of the kind that the kernel unpacks as its first file system (cpio, format `newc`).
//!
//! Pure: from entries to bytes. The format is told in the kernel's
//! `Documentation/driver-api/early-userspace/buffer-format.rst`.

/// An archive in the making.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const FOLDER: u32 = 0o040_755;
const LINK: u32 = 0o120_777;
const PROGRAM: u32 = 0o100_755;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// The entry after which the kernel looks for another archive.
const END: &str = "TRAILER!!!";

impl Archive {
    pub(super) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER, &[], (0, 0));
    }

    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.entry(path, LINK, target.as_bytes(), (0, 0));
    }

    /// A file that may be executed.
    pub(super) fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, PROGRAM, content, (0, 0));
    }

    pub(super) fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE, &[], (major, minor));
    }

    /// The archive's bytes; another archive may follow them.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry(END, 0, &[], (0, 0));
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8], (major, minor): (u32, u32)) {
        self.entries += 1;
        let size = u32::try_from(content.len()).expect("a file of an archive is below 4 GiB");
        let name_size = u32::try_from(path.len() + 1).expect("a path is short");
        let numbers = [
            self.entries,
            mode,
            0, // owner
            0, // group
            1, // links
            0, // time of change
            size,
            0, // device that the file is on
            0,
            major,
            minor,
            name_size,
            0, // checksum, which this format leaves out
        ];
        self.bytes.extend(b"070701");
        for number in numbers {
            self.bytes.extend(format!("{number:08X}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_header_a_name_and_padded_content() {
        let mut archive = Archive::default();
        archive.file("init", b"12345");
        let bytes = archive.bytes;
        assert_eq!(&bytes[..22], b"07070100000001000081ED");
        assert_eq!(&bytes[54..62], b"00000005", "the size of the content");
        assert_eq!(&bytes[94..102], b"00000005", "the size of the name with its end");
        // 110 bytes of header and 5 of name make 115, filled up to 116.
        assert_eq!(&bytes[110..], b"init\0\x0012345\0\0\0");
    }

    #[test]
    fn the_end_is_marked() {
        let mut archive = Archive::default();
        archive.folder("vm");
        archive.link("bin/sh", "busybox");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("TRAILER!!!\0"), "{text}");
        assert!(text.contains("bin/sh\0\0\0\0busybox"), "{text}");
    }
}
