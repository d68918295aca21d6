//! The memory of syncd: what was seen, what was acknowledged, what is to be done.
//!
//! SQL stands only here, and the engine speaks to the store in domain words, so that another
//! database can stand behind the same calls. Every write happens on one connection, in the order
//! it was asked for; writes that wait together are committed together, with `synchronous=FULL`,
//! before any of them is answered; only who claims is told ahead. Times come from the caller: the
//! store has no clock.

mod accounts;
mod beside;
mod claim;
mod dossier;
mod error;
mod folders;
mod hooks;
mod inboxes;
mod local;
mod messages;
mod open;
mod queue;
mod reader;
mod received;
mod record;
mod recover;
mod releases;
mod report;
mod rows;
mod sending;
mod settle;
#[cfg(test)]
mod tests;
mod types;
mod writer;

pub use claim::CRASHES_MAX;
pub use error::StoreError;
pub use open::{SCHEMA_VERSION, sqlite_version};
pub use reader::Reader;
pub use settle::LATE_MAX;
pub use types::*;
pub use writer::{Hesitate, InlineDatabase, Store};
