//! Deciders: pure functions and small state machines. No clock, no file, no network, no chance; what
//! they need of the world is handed to them.

pub mod account;
pub mod backoff;
pub mod concurrency;
pub mod filter;
pub mod place;
pub mod plan;
pub mod publish;
pub mod remedy;
pub mod settle;
