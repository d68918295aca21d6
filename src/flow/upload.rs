//! One file to an object store: ask for a link, send the bytes to it, check the answer.
//!
//! The shape is the same for every cloud behind signed links; how a link is asked for and what is sent to
//! it is the protocol's own (`static_website`, `cloud_storage`).

use super::cloud_storage::{self, Door};
use super::{Arrival, Step, cos, static_website, transport_fault};
use crate::model::digest::Checksums;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::folder::FlowKind;
use crate::model::headers::ObjectHeaders;
use crate::model::key::Key;
use crate::port::transport::Reply;

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadInput {
    /// Environment id.
    pub env: String,
    /// Remote name.
    pub key: Key,
    /// Bytes of the file.
    pub len: u64,
    /// Known before sending where the bytes are held in memory; then they are declared to the cloud.
    pub checksums: Option<Checksums>,
    /// Stored with the object.
    pub headers: ObjectHeaders,
    /// By which call the account gets links for cloud storage, where that is known.
    pub door: Option<Door>,
    /// Chance for this upload alone: what parts of a form are told apart by.
    pub nonce: u128,
}

impl UploadInput {
    /// Names and values of the stored headers. Without a type the object store keeps none, and browsers
    /// download the page (protocol notes 4.6).
    pub(super) fn stored_headers(&self) -> Vec<(&str, &str)> {
        let mut stored: Vec<_> = self.headers.iter().collect();
        if self.headers.get("content-type").is_none() {
            stored.push(("content-type", "application/octet-stream"));
        }
        stored
    }
}

/// Where one upload stands.
pub struct Upload {
    protocol: Protocol,
    input: UploadInput,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    StaticWebsite,
    CloudStorage,
}

#[derive(Debug)]
enum State {
    /// With the refusal of the other door, where that was tried before.
    AwaitsLink {
        refused: Option<Fault>,
    },
    AwaitsAnswer {
        remote_id: Option<String>,
    },
    Ended,
}

impl Upload {
    /// Begins an upload by the protocol of the folder: the first step is always the call for a link.
    ///
    /// # Errors
    /// The folder's files do not go to an object store.
    pub fn begin(flow: FlowKind, input: UploadInput) -> Result<(Self, Step), Fault> {
        let protocol = match flow {
            FlowKind::StaticWebsite => Protocol::StaticWebsite,
            FlowKind::CloudStorage => Protocol::CloudStorage,
            FlowKind::Ccmessaging => {
                let message = "files of this folder do not go to an object store";
                return Err(Fault::new(Call::Link, Layer::Local, "no-store", message));
            }
        };
        let mut upload = Self {
            protocol,
            input,
            state: State::Ended,
        };
        let step = upload.ask(None);
        Ok((upload, step))
    }

    /// The step after what came of the last one.
    pub fn next(&mut self, arrival: Arrival) -> Step {
        let state = std::mem::replace(&mut self.state, State::Ended);
        match (state, arrival) {
            (State::AwaitsLink { .. }, Arrival::Failed(failed)) => {
                Step::Stop(transport_fault(Call::Link, &failed))
            }
            (State::AwaitsLink { refused }, Arrival::Reply(reply) | Arrival::Sent(reply, _)) => {
                self.link_answered(&reply, refused)
            }
            (State::AwaitsAnswer { remote_id }, Arrival::Reply(reply)) => {
                self.check(&reply, remote_id, self.input.checksums)
            }
            (State::AwaitsAnswer { remote_id }, Arrival::Sent(reply, checksums)) => {
                self.check(&reply, remote_id, Some(checksums))
            }
            (State::AwaitsAnswer { .. }, Arrival::Failed(failed)) => {
                Step::Stop(transport_fault(self.sending(), &failed))
            }
            (State::Ended, _) => Step::Stop(Fault::new(
                self.sending(),
                Layer::Local,
                "ended",
                "an answer came after the upload had ended",
            )),
        }
    }

    /// By which call a link for cloud storage was got, once it was.
    pub fn proven_door(&self) -> Option<Door> {
        let proven = matches!(self.state, State::AwaitsAnswer { .. });
        self.input.door.filter(|_| proven)
    }

    /// The conversation in which the bytes are sent.
    pub fn sending(&self) -> Call {
        match self.protocol {
            Protocol::StaticWebsite => Call::Put,
            Protocol::CloudStorage => Call::Post,
        }
    }

    fn ask(&mut self, refused: Option<Fault>) -> Step {
        let call = match self.protocol {
            Protocol::StaticWebsite => static_website::link_call(&self.input),
            Protocol::CloudStorage => cloud_storage::link_call(&self.input),
        };
        match call {
            Ok(call) => {
                self.state = State::AwaitsLink { refused };
                Step::Call(call)
            }
            Err(fault) => Step::Stop(fault),
        }
    }

    fn link_answered(&mut self, reply: &Reply, refused: Option<Fault>) -> Step {
        let read = match self.protocol {
            Protocol::StaticWebsite => {
                static_website::read_link(&self.input, reply).map(|transfer| (transfer, None))
            }
            Protocol::CloudStorage => cloud_storage::read_link(&self.input, reply),
        };
        match read {
            Ok((transfer, remote_id)) => {
                if self.protocol == Protocol::CloudStorage {
                    self.input.door.get_or_insert(Door::App);
                }
                self.state = State::AwaitsAnswer { remote_id };
                Step::Send(Box::new(transfer))
            }
            Err(fault) => self.try_other_door(fault, refused),
        }
    }

    /// A bare token does not say whose it is, and the call for the other kind refuses it. So where the kind
    /// is not known the platform's call is tried too before the refusal is believed.
    fn try_other_door(&mut self, fault: Fault, refused: Option<Fault>) -> Step {
        let is_unknown = self.protocol == Protocol::CloudStorage && self.input.door.is_none();
        match refused {
            _ if !cloud_storage::may_be_wrong_kind(&fault) => Step::Stop(fault),
            Some(first) => Step::Stop(first),
            None if is_unknown => {
                self.input.door = Some(Door::Platform);
                self.ask(Some(fault))
            }
            None => Step::Stop(fault),
        }
    }

    fn check(
        &self,
        reply: &Reply,
        remote_id: Option<String>,
        checksums: Option<Checksums>,
    ) -> Step {
        match cos::read_answer(self.sending(), reply, self.input.len, checksums) {
            Ok(mut receipt) => {
                receipt.remote_id = remote_id;
                Step::Finish(receipt)
            }
            Err(fault) => Step::Stop(fault),
        }
    }
}
