//! Documents: see `laws::document`.
#![forbid(unsafe_code)]
#![no_main]

#[path = "../../../crates/nodedev-xml/tests/it/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::document(data));
