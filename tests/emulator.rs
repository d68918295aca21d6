//! The emulator, driven by a client that was written from the protocol notes alone.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test client of its own, apart from syncd's adapters"
)]

#[path = "emulator/client.rs"]
mod client;
#[path = "emulator/desk/client.rs"]
mod desk_client;
#[path = "emulator/desk/controls.rs"]
mod desk_controls;
#[path = "emulator/desk/conversations.rs"]
mod desk_conversations;
#[path = "emulator/desk/files.rs"]
mod desk_files;
#[path = "emulator/desk/rules.rs"]
mod desk_rules;
#[path = "emulator/desk/tokens.rs"]
mod desk_tokens;
#[path = "emulator/desk/troubles.rs"]
mod desk_troubles;
#[path = "emulator/faults.rs"]
mod faults;
#[path = "emulator/rules.rs"]
mod rules;
#[path = "emulator/serving.rs"]
mod serving;
#[path = "emulator/storage.rs"]
mod storage;
#[path = "emulator/uploads.rs"]
mod uploads;
