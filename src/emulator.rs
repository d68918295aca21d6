//! A stand-in for the clouds that runs on this machine: for the demo, for tests, for trying syncd out.
//!
//! It plays the WeChat token calls, the calls of static websites and of cloud storage and the object
//! store behind their links, and serves a deployed site to a browser; and it plays the desk of Huawei's
//! `ccmessaging`. It is written from the protocol notes alone and shares no code with the flows it
//! is used to check. It is strict: what the real cloud refuses is refused here, and what a client
//! should never do is recorded as a violation.
//!
//! Every emulator has its own thread, runtime and ports, so many can run in one test process.
//! Another cloud joins as a file of its own beside `ccmessaging.rs` and a line in `routes.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "the emulator is a server of its own: it has its own clock, files and chance"
)]

mod answer;
mod api;
mod ccmessaging;
mod clock;
mod cloud;
mod cloud_storage;
mod connection;
mod control;
mod cos;
mod cos_error;
mod cos_post;
mod cos_put;
mod exchange;
mod faults;
mod form_reader;
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

pub use ccmessaging::{
    AgentFile, Base64Form, Delivery, DeskControl, DeskCredentials, DeskDialect, DeskFileOptions,
    DeskHistoryOptions, DeskOptions, DeskPollOptions, DeskSessionOptions, DeskTokenOptions,
    ExpiredClient, FileIds, FilePlace, FileTypes, HangUp, KeepAlive, MediaContent, MessageCode,
    Nulls, Phase, PutFile, Queueing, Reception, SentMessage, UploadedObject,
};
pub use control::{Emulator, Running, StartError};
pub use faults::{Call, Effect, Fault, Times};
pub use objects::{Space, StoredObject};
pub use options::{
    Credentials, EmulatorOptions, LinkForm, ListOptions, ListedDigest, Marker, Observer,
    TokenOptions,
};
pub use record::{CompletedPut, HostKind, LoggedRequest, Outcome};
pub use script::ScriptError;
