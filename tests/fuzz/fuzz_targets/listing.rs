//! mdevctl's listings: see `nodedev_source_mdevctl::fuzzing::listing`.
#![forbid(unsafe_code)]
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nodedev_source_mdevctl::fuzzing::listing(data));
