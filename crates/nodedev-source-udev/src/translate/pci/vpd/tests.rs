use nodedev_types::fields::pci;

use super::*;
use crate::scratch::Scratch;
use crate::translate::pci::tests::function;
use crate::translate::tests::read;

const PATH: &str = "/sys/bus/pci/devices/0000:00:1f.2/vpd";

fn parsed(bytes: &[u8]) -> Result<PciVpd, String> {
    let mut source = |offset: usize, len: usize| {
        Ok(bytes.iter().copied().skip(offset).take(len).collect::<Vec<u8>>())
    };
    parse(&mut source).map_err(|malformed| malformed.to_string())
}

fn large(tag: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).expect("a short body").to_le_bytes();
    [&[tag], &len[..], body].concat()
}

fn field(keyword: &str, value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(value.len()).expect("a short value");
    [keyword.as_bytes(), &[len], value].concat()
}

fn name(text: &str) -> Vec<u8> {
    large(IDENTIFIER, text.as_bytes())
}

/// What comes before, then a read-only section whose checksum is right.
fn with_readonly(before: &[u8], fields: &[Vec<u8>]) -> Vec<u8> {
    let body = [&fields.concat()[..], b"RV\x02\0\0"].concat();
    let mut bytes = [before, &large(READ_ONLY, &body)].concat();
    let sum = bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
    let at = bytes.len() - 2;
    bytes[at] = sum.wrapping_neg();
    bytes
}

fn ended(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(0x78);
    bytes
}

fn index(fields: &[PciVpdField]) -> Vec<(char, &str)> {
    fields.iter().map(|field| (field.index, field.value.as_str())).collect()
}

#[test]
fn every_field_has_its_place() {
    let readonly: Vec<_> = ["PN", "EC", "MN", "SN", "FG", "VB", "V0", "Va", "YA", "ZZ", "pn"]
        .map(|keyword| field(keyword, keyword.as_bytes()))
        .to_vec();
    let readwrite = ["YA", "V1", "YB", "Y0", "PN", "Y_"];
    let mut readwrite = readwrite.map(|keyword| field(keyword, keyword.as_bytes())).concat();
    readwrite.extend(field("RW", b"junk"));
    let bytes = with_readonly(&name("My <NIC> "), &readonly);
    let vpd = parsed(&ended([bytes, large(READ_WRITE, &readwrite)].concat())).unwrap();
    assert_eq!(vpd.name.as_deref(), Some("My <NIC>"));
    let section = vpd.readonly.unwrap();
    assert_eq!(section.change_level.as_deref(), Some("EC"));
    assert_eq!(section.manufacture_id.as_deref(), Some("MN"));
    assert_eq!(section.part_number.as_deref(), Some("PN"));
    assert_eq!(section.serial_number.as_deref(), Some("SN"));
    assert_eq!(index(&section.vendor_fields), [('B', "VB"), ('0', "V0")]);
    let section = vpd.readwrite.unwrap();
    assert_eq!(section.asset_tag.as_deref(), Some("YA"));
    assert_eq!(index(&section.vendor_fields), [('1', "V1")]);
    assert_eq!(index(&section.system_fields), [('B', "YB"), ('0', "Y0")]);
}

#[test]
fn a_field_that_comes_again_takes_the_place_of_the_first() {
    let fields = [
        field("V1", b"a"),
        field("V0", b"b"),
        field("V1", b"c"),
        field("PN", b"1"),
        field("PN", b"2"),
        field("PN", b"\x01"),
    ];
    let section = parsed(&ended(with_readonly(b"", &fields))).unwrap().readonly.unwrap();
    assert_eq!(index(&section.vendor_fields), [('1', "c"), ('0', "b")]);
    assert_eq!(section.part_number.as_deref(), Some("2"));
}

#[test]
fn a_text_is_printable_ascii_up_to_a_nul() {
    for (bytes, expected) in [
        (&b" \t PN-1 \r\n"[..], Some("PN-1")),
        (b" a \0 ", Some("a")),
        (b"a\0\x01", Some("a")),
        (b"\x0ca\x0c", Some("a")),
        (b"", Some("")),
        (b"\0x", Some("")),
        (b"a b", Some("a b")),
        (b"a\tb", None),
        (b"\x0ba", None),
        (b"a\x7f", None),
        (b"\xc3\xa9", None),
    ] {
        assert_eq!(text(bytes).as_deref(), expected, "{bytes:?}");
        let data = ended(with_readonly(&large(IDENTIFIER, bytes), &[field("PN", bytes)]));
        let name = parsed(&data).ok().and_then(|vpd| vpd.name);
        assert_eq!(name.as_deref(), expected, "{bytes:?}");
    }
}

#[test]
fn a_section_is_there_with_any_field_that_libvirt_knows() {
    let readonly = |keyword: &str, value: &[u8]| {
        let data = ended(with_readonly(&name("x"), &[field(keyword, value)]));
        parsed(&data).unwrap().readonly.is_some()
    };
    assert!(readonly("CP", b"\x01") && readonly("YA", b"") && readonly("PN", b"x"));
    assert!(!readonly("PN", b"\x01") && !readonly("FG", b"x") && !readonly("Va", b"x"));
}

#[test]
fn data_that_is_malformed_anywhere_is_none() {
    let good = with_readonly(&name("x"), &[field("PN", b"p")]);
    let with = |resource: Vec<u8>| ended([good.clone(), resource].concat());
    let mut wrong_sum = good.clone();
    wrong_sum[3] = b'y';
    let unchecked = large(READ_ONLY, &field("PN", b"p"));
    for (bytes, problem) in [
        (vec![], "ends within a resource at 0x0"),
        (good.clone(), "ends within a resource at 0x10"),
        (ended(wrong_sum), "the checksum at 0xb is wrong"),
        (ended(unchecked), "the section at 0x3 has no checksum"),
        (ended(large(READ_ONLY, b"RV\0")), "the checksum at 0x3 is wrong"),
        (ended(large(READ_ONLY, b"")), "the section at 0x3 has no checksum"),
        (ended(name("x")), "has no read-only section"),
        (ended(large(READ_ONLY, b"RW\0RV\x01\0")), "the field at 0x3 does not belong there"),
        (ended(large(READ_ONLY, b"RV\x01\0V0\0")), "the field at 0x3 does not belong there"),
        (with(large(READ_WRITE, b"RV\x01\0")), "the field at 0x13 does not belong there"),
        (with(large(READ_WRITE, b"RW\0RW\0")), "the field at 0x13 does not belong there"),
        (with(large(READ_WRITE, b"YA\x02a")), "the field at 0x13 does not fit its section"),
        (with(large(READ_WRITE, b"Y")), "the field at 0x13 does not fit its section"),
        (
            [good.clone(), large(READ_WRITE, b"YA")[..4].to_vec()].concat(),
            "ends within a resource at 0x13",
        ),
        (with(large(IDENTIFIER, b"\x01")), "the name is no text"),
    ] {
        assert_eq!(parsed(&bytes).unwrap_err(), problem, "{bytes:02x?}");
    }
}

#[test]
fn what_is_not_known_is_passed_over_and_not_summed() {
    let mut data = b"\x23xyz".to_vec();
    data.extend(with_readonly(b"\x23", &[field("PN", b"p")]).split_off(1));
    data.extend(large(0x84, b"abc"));
    assert!(parsed(&ended(data)).is_ok());
    let summed = with_readonly(b"\x23xyz", &[field("PN", b"p")]);
    assert!(parsed(&ended(summed)).is_err());
}

#[test]
fn the_end_lies_within_what_can_be_addressed() {
    let good = with_readonly(b"", &[field("PN", b"p")]);
    let ending_at = |last: usize| {
        let filler = vec![0; last - good.len() - 3];
        parsed(&ended([good.clone(), large(0x84, &filler)].concat()))
    };
    assert!(ending_at(0x7fff).is_ok());
    assert_eq!(ending_at(0x8000).unwrap_err(), "has no end");
}

#[test]
fn no_bytes_make_it_panic() {
    let good = ended(with_readonly(&name("x"), &[field("PN", b"p"), field("V0", b"")]));
    for at in 0..good.len() {
        for byte in 0..=u8::MAX {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let _ = parsed(&bytes);
        }
        assert!(parsed(&good[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn malformed_data_costs_nothing_but_itself_and_is_named() {
    let diagnostics = |scratch: &Scratch| {
        let mut reading = Reading::new(&scratch.device, scratch, &crate::scratch::NoNames);
        translate(&mut reading, "0000:00:1f.2".parse().unwrap()).unwrap();
        assert_eq!(reading.fields.get(pci::VPD), None);
        reading.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let zeros = diagnostics(&function().bytes(PATH, &[0; 64]));
    let device = "/sys/devices/pci0000:00/0000:00:1f.2";
    assert_eq!(zeros, [format!("{device}: {PATH}: ends within a resource at 0x40")]);
    assert!(diagnostics(&function()).is_empty());
    assert!(diagnostics(&function().failing(PATH, ErrorKind::PermissionDenied)).is_empty());
    assert_eq!(diagnostics(&function().failing(PATH, ErrorKind::Other)).len(), 1);
    let good = ended(with_readonly(&name("x"), &[]));
    let fields = read(&function().bytes(PATH, &good)).unwrap();
    assert_eq!(fields.get(pci::VPD).unwrap().name.as_deref(), Some("x"));
}
