//! Vital product data: see `nodedev_source_udev::fuzzing::vpd`.
#![forbid(unsafe_code)]
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nodedev_source_udev::fuzzing::vpd(data));
