//! The protocol of the contact centre's desk (`ccmessaging`): a customer's client that receives the
//! agents' files with `poll` and `downloadFileStream`, and sends its own with `uploadFileStream` and
//! `send` (desk notes 0).
//!
//! Invariants: what is not understood is never success; no message of a page is lost to another one;
//! a status of 200 says nothing before the body's code does.

pub mod access;
pub mod calls;
pub mod chat;
pub mod download;
pub mod history;
pub mod mend;
pub mod message;
pub mod offer;
pub mod outgoing;
pub mod poll;
pub mod upload;
mod wire;

pub use wire::{failure, result_code};

#[cfg(test)]
mod tests;
