//! The conformance suite of the store: every call in domain words, on a file and in memory. Another
//! database behind the same calls must pass it too.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: a failure is a panic, and files are damaged on purpose"
)]

#[path = "store/change.rs"]
mod change;
#[path = "store/files.rs"]
mod files;
#[path = "store/inbox.rs"]
mod inbox;
#[path = "store/life.rs"]
mod life;
#[path = "store/migration.rs"]
mod migration;
#[path = "store/order.rs"]
mod order;
#[path = "store/property.rs"]
mod property;
#[path = "store/sending.rs"]
mod sending;
#[path = "store/world.rs"]
mod world;
