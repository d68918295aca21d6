//! Deliveries under every crash: a file is put into the inbox exactly once, whole, and after its
//! sidecar, whichever effects the process, the power or the disk ends at, and whatever readers do.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "the suite of inboxes uses the rest")]
#[path = "simulation/inbox.rs"]
mod inbox;

#[path = "delivery/crashes.rs"]
mod crashes;
#[path = "delivery/names.rs"]
mod names;
#[path = "delivery/world.rs"]
mod world;
