//! The nouns of syncd: plain values that every layer above may use.
//!
//! Nothing here reads a clock, a file, the network or a random number.

pub mod address;
pub mod alert;
pub mod desk;
pub mod digest;

pub mod folder;
pub mod headers;

pub mod event;
pub mod fault;
pub mod job;
pub mod key;
pub mod message;
pub mod observation;
pub mod path;
pub mod record;
pub mod secret;
pub mod template;
pub mod time;
