//! Other functions that a function belongs with: its physical or virtual ones, its IOMMU group.

use std::io::ErrorKind;

use nodedev_types::PciAddress;
use nodedev_types::fields::pci;

use crate::files::FileError;
use crate::number;
use crate::reading::{Reading, Refusal, shown};

const MAX_COUNT: &str = "sriov_totalvfs";
/// The longest contents of that file that libvirt takes.
const MAX_COUNT_LONGEST: usize = 16;
const GROUP: &str = "iommu_group";

pub(super) fn translate(reading: &mut Reading<'_>, own: PciAddress) -> Result<(), Refusal> {
    let physical = physical_function(reading);
    // A virtual function has none itself (`sriov_pf_attrs_are_visible` in the kernel).
    let (most, virtual_ones) = match physical {
        Some(_) => (None, Vec::new()),
        None => (max_count(reading)?, virtual_functions(reading)?),
    };
    let group = group(reading, own)?;
    let fields = &mut reading.fields;
    fields.set_opt(pci::PHYS_FUNCTION, physical);
    fields.set_opt(pci::VIRT_FUNCTIONS_MAX_COUNT, most.map(u64::from).filter(|&most| most > 0));
    fields.set_opt(pci::VIRT_FUNCTIONS, Some(virtual_ones).filter(|all| !all.is_empty()));
    if let Some((number, addresses)) = group {
        fields.set(pci::IOMMU_GROUP, number);
        fields.set(pci::IOMMU_GROUP_ADDRESSES, addresses);
    }
    Ok(())
}

/// The function that a virtual one belongs to. A link that leads nowhere is none.
fn physical_function(reading: &mut Reading<'_>) -> Option<PciAddress> {
    let path = reading.path_of("physfn");
    let name = reading.files.link_name(&path);
    if name.is_none() && !reading.files.exists(&path) {
        return None;
    }
    let found = name.as_deref().and_then(address);
    if found.is_none() {
        let message = name.map_or_else(
            || "is no link".to_owned(),
            |name| format!("not a PCI address: `{}`", shown(&name)),
        );
        reading.warn("physfn", message);
    }
    found
}

/// How many virtual functions there can be: the number that the file begins with, 32 bits of it.
fn max_count(reading: &Reading<'_>) -> Result<Option<u32>, Refusal> {
    let bytes = match reading.files.contents(&reading.path_of(MAX_COUNT)) {
        Ok(bytes) => bytes,
        Err(FileError::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(reading.unreadable(MAX_COUNT, error.to_string())),
    };
    let text = String::from_utf8_lossy(&bytes);
    match number::leading_long(&text) {
        #[expect(clippy::cast_possible_truncation, reason = "libvirt keeps 32 bits of it")]
        #[expect(clippy::cast_sign_loss, reason = "as libvirt does")]
        Some(number) if bytes.len() <= MAX_COUNT_LONGEST => Ok(Some(number as u32)),
        _ => Err(reading.not_a("decimal number", MAX_COUNT, &text)),
    }
}

/// From 0 up to the first number that has no link.
fn virtual_functions(reading: &Reading<'_>) -> Result<Vec<PciAddress>, Refusal> {
    let mut functions = Vec::new();
    loop {
        let link = format!("virtfn{}", functions.len());
        let path = reading.path_of(&link);
        let Some(name) = reading.files.link_name(&path) else {
            // A dangling link is no link; anything else of that name is nothing that can be told.
            if reading.files.exists(&path) && !reading.files.is_link(&path) {
                return Err(reading.unreadable(&link, "is no link"));
            }
            return Ok(functions);
        };
        match address(&name) {
            Some(address) => functions.push(address),
            None => return Err(reading.not_a("PCI address", &link, &name)),
        }
    }
}

/// The number of the group and its functions in the directory's own order, where it has any.
fn group(
    reading: &mut Reading<'_>,
    own: PciAddress,
) -> Result<Option<(u64, Vec<PciAddress>)>, Refusal> {
    let path = reading.path_of(GROUP);
    let Some(name) = reading.files.link_text_name(&path) else {
        if reading.files.exists(&path) {
            reading.warn(GROUP, "is no link");
        }
        return Ok(None);
    };
    let members = members(reading)?;
    if members.is_none() && !reading.files.exists(&path) {
        return Err(reading.unreadable(GROUP, "leads nowhere"));
    }
    let number = number::unsigned(&name, 10).filter(|&number| number != u32::MAX);
    let Some(number) = number else {
        return Err(reading.not_a("number of a group", GROUP, &name));
    };
    let addresses = members.unwrap_or_else(|| vec![own]);
    // To libvirt it is a number with a sign, and a negative one means that there is no group.
    let number = Some(number).filter(|&number| i32::try_from(number).is_ok());
    Ok(number.filter(|_| !addresses.is_empty()).map(|number| (u64::from(number), addresses)))
}

fn members(reading: &Reading<'_>) -> Result<Option<Vec<PciAddress>>, Refusal> {
    let directory = format!("{GROUP}/devices");
    let Some(names) = reading.files.entries(&reading.path_of(&directory)) else {
        return Ok(None);
    };
    let parse =
        |name: &String| address(name).ok_or_else(|| reading.not_a("PCI address", &directory, name));
    names.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

/// An address as libvirt reads it from the name of a directory: four numbers, whatever follows.
fn address(name: &str) -> Option<PciAddress> {
    let (domain, rest) = number::leading(name, 16)?;
    let (bus, rest) = number::leading(rest.strip_prefix(':')?, 16)?;
    let (slot, rest) = number::leading(rest.strip_prefix(':')?, 16)?;
    let (function, _) = number::leading(rest.strip_prefix('.')?, 16)?;
    let byte = |number: u32| u8::try_from(number).ok();
    Some(PciAddress { domain, bus: byte(bus)?, slot: byte(slot)?, function: byte(function)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::pci::tests::function;
    use crate::translate::tests::{read, unreadable};

    fn shown(addresses: Option<&[PciAddress]>) -> Vec<String> {
        addresses.unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn virtual_functions_end_at_the_first_missing_number() {
        let scratch = function()
            .attribute(MAX_COUNT, "8\n")
            .link("virtfn0", "../0000:00:1e.7")
            .link("virtfn1", "../0000:00:1e.0")
            .link("virtfn3", "../0000:00:1e.3");
        let fields = read(&scratch).unwrap();
        assert_eq!(fields.get(pci::VIRT_FUNCTIONS_MAX_COUNT), Some(8));
        let functions = shown(fields.get(pci::VIRT_FUNCTIONS));
        assert_eq!(functions, ["0000:00:1e.7", "0000:00:1e.0"]);
        assert_eq!(fields.get(pci::PHYS_FUNCTION), None);

        let of_another = scratch.link("physfn", "../0000:00:1e.0");
        let fields = read(&of_another).unwrap();
        assert_eq!(fields.get(pci::VIRT_FUNCTIONS_MAX_COUNT), None);
        assert_eq!(fields.get(pci::VIRT_FUNCTIONS), None);

        let unlinked = function().attribute("virtfn0", "x");
        assert!(unreadable(&unlinked).contains("virtfn0"));
        let elsewhere = function().link("virtfn0", "../somewhere");
        assert!(unreadable(&elsewhere).contains("`somewhere`"));
    }

    #[test]
    fn the_most_virtual_functions_are_a_short_number_at_the_beginning() {
        let most = |text: &str| read(&function().attribute(MAX_COUNT, text));
        for (text, expected) in [
            ("8", Some(8)),
            ("\n8 x\n", Some(8)),
            ("\u{b}8\n", Some(8)),
            ("010\n", Some(10)),
            ("0x8\n", None),
            ("0\n", None),
            ("-1\n", Some(u64::from(u32::MAX))),
            ("4294967296\n", None),
            ("99999999999999", Some(276_447_231)),
            ("8              \n", Some(8)),
        ] {
            let fields = most(text).unwrap();
            assert_eq!(fields.get(pci::VIRT_FUNCTIONS_MAX_COUNT), expected, "{text:?}");
        }
        for bad in ["", "\n", "x\n", "--8\n", "- 8\n", "\0", "8               \n"] {
            assert!(most(bad).is_err(), "{bad:?}");
        }
        let refused = function().failing(MAX_COUNT, ErrorKind::PermissionDenied);
        assert!(unreadable(&refused).contains(MAX_COUNT));
    }

    #[test]
    fn a_physical_function_that_makes_no_sense_is_none() {
        let physical = |name: &str| {
            let fields = read(&function().link("physfn", &format!("../{name}"))).unwrap();
            fields.get(pci::PHYS_FUNCTION).map(|address| address.to_string())
        };
        assert_eq!(physical("10000:e1:1f.7").as_deref(), Some("10000:e1:1f.7"));
        assert_eq!(physical("0x0:0:+1.0x").as_deref(), Some("0000:00:01.0"));
        for bad in ["devices", "0000:00:00", "100000000:00:00.0", "0000:00:00:0", ":00:00.0"] {
            assert_eq!(physical(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_group_keeps_the_order_of_its_directory() {
        let scratch = function()
            .link("iommu_group", "../../../kernel/iommu_groups/0")
            .directory("iommu_group/devices", &["0000:00:1f.2", "0000:00:1f.0"]);
        let fields = read(&scratch).unwrap();
        assert_eq!(fields.get(pci::IOMMU_GROUP), Some(0));
        let members = shown(fields.get(pci::IOMMU_GROUP_ADDRESSES));
        assert_eq!(members, ["0000:00:1f.2", "0000:00:1f.0"]);
    }

    #[test]
    fn a_group_that_cannot_be_listed_has_the_function_alone_and_an_empty_one_is_none() {
        let linked = || function().link("iommu_group", "../../../kernel/iommu_groups/7");
        let fields = read(&linked()).unwrap();
        assert_eq!(shown(fields.get(pci::IOMMU_GROUP_ADDRESSES)), ["0000:00:1f.2"]);
        let fields = read(&linked().directory("iommu_group/devices", &[])).unwrap();
        assert_eq!(fields.get(pci::IOMMU_GROUP), None);
        let strange = linked().directory("iommu_group/devices", &["0000:00:1f.2", "pl.0"]);
        assert!(unreadable(&strange).contains("`pl.0`"));
    }

    #[test]
    fn a_group_is_a_number_and_a_negative_one_is_none() {
        let group = |name: &str| read(&function().link("iommu_group", &format!("/x/{name}")));
        let number = |name: &str| group(name).unwrap().get(pci::IOMMU_GROUP);
        assert_eq!(number("007"), Some(7));
        assert_eq!(number("2147483647"), Some(2_147_483_647));
        assert_eq!(number("2147483648"), None);
        assert_eq!(number("-2"), None);
        for bad in ["abc", "12x", "0x1", "-1", "4294967295", "4294967296"] {
            assert!(group(bad).is_err(), "{bad}");
        }
        let dangling = function().dangling("iommu_group");
        assert!(unreadable(&dangling).contains("leads nowhere"));
        let fields = read(&function().dangling("virtfn0").dangling("physfn")).unwrap();
        assert_eq!(fields.get(pci::VIRT_FUNCTIONS), None);
    }

    #[test]
    fn a_directory_in_the_place_of_a_group_is_no_group() {
        let directory: Scratch = function().directory("iommu_group", &[]);
        assert_eq!(read(&directory).unwrap().get(pci::IOMMU_GROUP), None);
    }
}
