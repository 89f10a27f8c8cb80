//! What a program prints: see `nodedev_source_exec::fuzzing::exec`.
#![forbid(unsafe_code)]
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nodedev_source_exec::fuzzing::exec(data));
