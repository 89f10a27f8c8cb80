//! Properties, attributes and links of a device: see `nodedev_source_udev::fuzzing::device`.
#![forbid(unsafe_code)]
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nodedev_source_udev::fuzzing::device(data));
