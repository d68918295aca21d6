//! Drives `tests/fuzz/messages.rs`.
#![no_main]

#[path = "../../tests/fuzz/messages.rs"]
mod messages;

libfuzzer_sys::fuzz_target!(|input: &[u8]| messages::holds(input));
