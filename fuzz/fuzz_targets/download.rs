//! Drives `tests/fuzz/download.rs`.
#![no_main]

#[path = "../../tests/fuzz/download.rs"]
mod download;

libfuzzer_sys::fuzz_target!(|input: &[u8]| download::holds(input));
