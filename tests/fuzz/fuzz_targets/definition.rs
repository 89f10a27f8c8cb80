//! mdevctl's definition files: see `nodedev_source_mdevctl::fuzzing::definition`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nodedev_source_mdevctl::fuzzing::definition(data));
