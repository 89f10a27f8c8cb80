//! The database of PCI names: see `nodedev_source_udev::fuzzing::pci_ids`.
#![forbid(unsafe_code)]
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nodedev_source_udev::fuzzing::pci_ids(data));
