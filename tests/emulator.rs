//! The emulator, driven by a client that was written from the protocol notes alone.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test client of its own, apart from syncd's adapters"
)]

#[path = "emulator/client.rs"]
mod client;
#[path = "emulator/faults.rs"]
mod faults;
#[path = "emulator/rules.rs"]
mod rules;
#[path = "emulator/serving.rs"]
mod serving;
#[path = "emulator/uploads.rs"]
mod uploads;
