//! Drives `tests/fuzz/link.rs`.
#![no_main]

#[path = "../../tests/fuzz/link.rs"]
mod link;

libfuzzer_sys::fuzz_target!(|input: &[u8]| link::holds(input));
