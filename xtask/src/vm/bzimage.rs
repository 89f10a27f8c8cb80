//! The kernel inside a `vmlinuz`: where it is, and how it is packed.
//!
//! Pure. QEMU starts an unpacked kernel at once; a packed one unpacks itself first, which takes long
//! on an emulated processor. The layout is told in the kernel's `Documentation/arch/x86/boot.rst`.

/// The packed kernel in an image, and the program that unpacks it.
///
/// # Errors
///
/// A word on what is wrong with the image.
pub(super) fn payload(image: &[u8]) -> Result<(&'static str, &[u8]), String> {
    let signature = image.get(0x202..0x206);
    if signature != Some(b"HdrS") {
        return Err("no header of the x86 boot protocol".to_owned());
    }
    let setup_sectors = match image[0x1f1] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = number(image, 0x248)? + (setup_sectors + 1) * 512;
    // The last four bytes are the unpacked size.
    let end = (start + number(image, 0x24c)?).saturating_sub(4);
    let packed = image.get(start..end).ok_or("the packed kernel is cut off")?;
    Ok((unpacker(packed)?, packed))
}

fn number(image: &[u8], at: usize) -> Result<usize, String> {
    let bytes = image.get(at..at + 4).ok_or("the header is cut off")?;
    let bytes = bytes.try_into().expect("four bytes were taken");
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn unpacker(packed: &[u8]) -> Result<&'static str, String> {
    let known: [(&[u8], _); 3] =
        [(b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x1f\x8b", "gzip")];
    let found = known.iter().find(|(magic, _)| packed.starts_with(magic));
    found.map(|(_, program)| *program).ok_or_else(|| {
        let start = &packed[..packed.len().min(4)];
        format!("the kernel is packed in a way that begins with {start:02x?}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(packed: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 1024 + 16];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248] = 16;
        image[0x24c] = u8::try_from(packed.len() + 4).unwrap();
        image.extend(packed);
        image.extend([9, 9, 9, 9, 7, 7]);
        image
    }

    #[test]
    fn the_payload_lies_where_the_header_says() {
        let packed = b"\xfd7zXZ\0rest";
        assert_eq!(payload(&image(packed)), Ok(("xz", &packed[..])));
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        assert!(payload(b"short").unwrap_err().contains("no header"));
        assert!(payload(&image(b"BZh9")).unwrap_err().contains("[42, 5a, 68, 39]"));
        let mut cut = image(b"\x1f\x8bxxxx");
        cut.truncate(1044);
        assert!(payload(&cut).unwrap_err().contains("cut off"));
    }
}
