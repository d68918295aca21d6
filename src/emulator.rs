//! A stand-in for the clouds that runs on this machine: for the demo, for tests, for trying syncd out.
//!
//! It plays the WeChat token calls, the static-website calls and the object store behind their
//! links, and serves what was deployed to a browser. It is written from the protocol notes alone and
//! shares no code with the flows it is used to check. It is strict: what the real cloud refuses
//! is refused here, and what a client should never do is recorded as a violation.
//!
//! Every emulator has its own thread, runtime and ports, so many can run in one test process.
//! Another cloud joins as a file of its own beside `static_website.rs` and a line in `routes.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "the emulator is a server of its own: it has its own clock, files and chance"
)]

mod answer;
mod api;
mod clock;
mod cloud;
mod connection;
mod control;
mod cos;
mod cos_error;
mod cos_put;
mod exchange;
mod faults;
mod links;
mod objects;
mod options;
mod record;
mod routes;
mod script;
pub mod serve;
mod site;
mod spool;
mod static_website;
mod token_calls;
mod tokens;

pub use control::{Emulator, Running, StartError};
pub use faults::{Call, Effect, Fault, Times};
pub use objects::StoredObject;
pub use options::{
    Credentials, EmulatorOptions, LinkForm, ListOptions, ListedDigest, Marker, Observer,
    TokenOptions,
};
pub use record::{CompletedPut, HostKind, LoggedRequest, Outcome};
pub use script::ScriptError;
