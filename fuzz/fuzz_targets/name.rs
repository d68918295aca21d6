//! Drives `tests/fuzz/name.rs`.
#![no_main]

#[path = "../../tests/fuzz/name.rs"]
mod name;

libfuzzer_sys::fuzz_target!(|input: &[u8]| name::holds(input));
