//! PCI configuration space: see `nodedev_source_udev::fuzzing::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nodedev_source_udev::fuzzing::config(data));
