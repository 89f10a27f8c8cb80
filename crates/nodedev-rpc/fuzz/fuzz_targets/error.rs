//! Errors: see `entries::error`.
#![forbid(unsafe_code)]
#![no_main]

#[expect(dead_code, reason = "each target has one entry")]
#[path = "../../tests/it/entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::error(data));
