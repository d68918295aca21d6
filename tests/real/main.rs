//! The real program against the emulator, over real HTTP, on real files.
//!
//! What the cloud has is compared with an independent walk of the folder; nothing here trusts syncd's own
//! word for it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a test that cannot be set up has failed or says why it was skipped, and it touches real \
              files by name"
)]

mod alerts;
mod centre;
mod contact;
mod container;
mod crash;
mod deploy;
mod desk;
mod doctor;
mod faults;
mod hostile;
mod http;
mod inbox;
mod live;
mod outbox;
mod owner;
mod planted;
mod platform;
mod power;
mod program;
mod report;
mod secrets;
mod service;
mod signals;
mod storage;
mod threads;
mod trouble;
mod watch;
