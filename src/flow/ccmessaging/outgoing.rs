//! One file of an outbox on its way to the agent: upload, then the message that names it. A message
//! whose answer was lost is looked for before it is sent again (desk notes 6.5).

use std::time::Duration;

use super::access::{Access, access};
use super::calls::{Chat, DeskCall};
use super::chat::read_sent;
use super::history::read_history;
use super::upload::{Kind, ObjectKey, read_upload};
use crate::model::desk::{DeskSpec, MediaContent};
use crate::model::digest::Sha256;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::job::Receipt;
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::transport::{Reply, TransportKind};

/// A key this old is not sent any more; the file is uploaded again (desk notes 5.3).
pub const KEY_AGE_MAX: Duration = Duration::from_mins(10);
/// The code of a message that may or may not have been sent.
pub const MAYBE_SENT: &str = "maybe-sent";

/// How many messages a page of the history is asked to hold when our own is looked for …
const LOOK_LIMIT: u64 = 100;
/// … and how many messages are looked at; without any moment to begin at, whose form is not documented.
const LOOK_MESSAGES_MAX: u64 = 5000;
/// The longest file name that is told to the agent, in characters.
const NAME_CHARS_MAX: usize = 100;

/// What was written down about a file that is being sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sending {
    /// The key of an upload, and how long ago it was handed out.
    pub object_key: Option<(ObjectKey, Duration)>,
    /// Our id of the message.
    pub message_id: Option<String>,
    /// How often the message may have gone out without an answer.
    pub sends: u32,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxFile {
    /// Its path below the outbox; the agent is told its last part.
    pub path: RelPath,
    /// Its length in bytes.
    pub len: u64,
    /// The most bytes of a file of this outbox, where it is not the desk's own bound.
    pub max_file: Option<u64>,
    /// Its identity.
    pub digest: Sha256,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Upload the file as this kind; then [`Outgoing::next`] with the reply.
    Upload(Kind),
    /// Write down [`Outgoing::key`], [`Outgoing::message_id`] and [`Outgoing::sends`]; then
    /// [`Outgoing::kept`].
    KeepKey,
    /// Write down that the message is being sent; then [`Outgoing::kept`].
    BeginSend,
    /// Make the call; then [`Outgoing::next`] with the reply.
    Call(DeskCall),
    /// The agent has it.
    Finish(Receipt),
    /// The attempt failed. If [`Outgoing::is_overstated`], the same is written down as with
    /// [`Self::KeepKey`].
    Stop(Fault),
}

/// What came of a call.
pub enum Arrival {
    /// A complete reply.
    Reply(Reply),
    /// No reply, or one that was read to be a failure. A fault of another call than the one that was to be
    /// made means that it was not made.
    Fault(Fault),
}

/// Where one file stands.
#[derive(Debug, Clone)]
pub struct Outgoing {
    file: OutboxFile,
    kind: Kind,
    message_id: String,
    key: Option<ObjectKey>,
    key_is_fresh: bool,
    /// How often the message may have been sent, …
    sends: u32,
    /// … and how often it was written down that it may.
    written: u32,
    last_page: Option<Sha256>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Uploading,
    KeepingKey,
    KeepingMessage,
    Sending,
    LookingBack { offset: u64 },
    Ended,
}

/// So often a message is sent, over all attempts, unless a person wants it once more (desk notes 6.5).
const SENDS_MAX: u32 = 2;

impl Outgoing {
    /// Begins an attempt. `fresh_id` is 32 hex digits, used if no id was written down before.
    ///
    /// # Errors
    /// The desk does not take such a file.
    pub fn begin(
        desk: &DeskSpec,
        file: OutboxFile,
        stored: Sending,
        fresh_id: String,
    ) -> Result<(Self, Step), Fault> {
        let kind = Kind::of(&file.path, file.len, file.max_file)?;
        let (key, age) = stored.object_key.unzip();
        let mut outgoing = Self {
            file,
            kind,
            sends: stored.sends,
            written: stored.sends,
            message_id: stored.message_id.unwrap_or(fresh_id),
            key,
            key_is_fresh: age.is_some_and(|age| age <= KEY_AGE_MAX),
            last_page: None,
            state: State::Ended,
        };
        let step = if outgoing.sends > 0 {
            outgoing.look_back(desk, 0)
        } else {
            outgoing.upload_or_send()
        };
        Ok((outgoing, step))
    }

    /// How often the message may have been sent.
    pub fn sends(&self) -> u32 {
        self.sends
    }

    /// Whether it is known by now to have been sent less often than was written down.
    pub fn is_overstated(&self) -> bool {
        self.written > self.sends
    }

    /// The server's key of the file, once there is one.
    pub fn key(&self) -> Option<&ObjectKey> {
        self.key.as_ref()
    }

    /// Our own id of the message.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The step after something was written down.
    pub fn kept(&mut self, desk: &DeskSpec, now: Timestamp) -> Step {
        match self.state {
            State::KeepingKey => {
                self.written = self.sends;
                self.announce()
            }
            State::KeepingMessage => self.send(desk, now),
            _ => self.stop(ended()),
        }
    }

    /// The step after what came of a call.
    pub fn next(&mut self, desk: &DeskSpec, arrival: Arrival) -> Step {
        match self.state {
            State::Uploading => self.uploaded(arrival),
            State::Sending => self.sent(desk, arrival),
            State::LookingBack { offset } => self.looked_back(desk, offset, arrival),
            State::KeepingKey | State::KeepingMessage | State::Ended => self.stop(ended()),
        }
    }

    fn upload_or_send(&mut self) -> Step {
        if self.key.is_some() && self.key_is_fresh {
            return self.announce();
        }
        self.state = State::Uploading;
        Step::Upload(self.kind)
    }

    fn uploaded(&mut self, arrival: Arrival) -> Step {
        let key = match arrival {
            Arrival::Reply(reply) => read_upload(&reply),
            Arrival::Fault(fault) => Err(fault),
        };
        match key {
            Ok(key) => {
                self.key = Some(key);
                self.key_is_fresh = true;
                self.state = State::KeepingKey;
                Step::KeepKey
            }
            Err(fault) => self.respell(fault),
        }
    }

    /// A server that refuses a type may know it by another spelling (D3).
    fn respell(&mut self, fault: Fault) -> Step {
        let refuses_type =
            (fault.call, fault.layer, fault.code.as_str()) == (Call::Upload, Layer::Result, "3");
        // `bpm` would be spelt back to `bmp`.
        let first = self.kind.file_type != "bpm";
        match self.kind.respelt().filter(|_| refuses_type && first) {
            Some(kind) => {
                self.kind = kind;
                Step::Upload(kind)
            }
            None => self.stop(fault),
        }
    }

    fn announce(&mut self) -> Step {
        self.state = State::KeepingMessage;
        Step::BeginSend
    }

    fn send(&mut self, desk: &DeskSpec, now: Timestamp) -> Step {
        let Some(key) = &self.key else {
            return self.stop(ended());
        };
        let content = content(desk.media_content, self.kind, &self.file, key);
        let chat = Chat {
            media_type: self.kind.media_type,
            content: &content,
            message_id: &self.message_id,
        };
        let call = DeskCall::send_file(desk, &chat, now);
        self.sends += 1;
        self.written += 1;
        self.state = State::Sending;
        Step::Call(call)
    }

    fn sent(&mut self, desk: &DeskSpec, arrival: Arrival) -> Step {
        let fault = match arrival {
            Arrival::Reply(reply) => match read_sent(Call::Send, &reply) {
                Ok(()) => return self.finish(),
                Err(fault) => fault,
            },
            Arrival::Fault(fault) => fault,
        };
        if fault.call == Call::Send && is_ambiguous(&fault) {
            self.last_page = None;
            return self.look_back(desk, 0);
        }
        // Refused: this time it did not go out.
        self.sends -= 1;
        self.stop(fault)
    }

    fn look_back(&mut self, desk: &DeskSpec, offset: u64) -> Step {
        self.state = State::LookingBack { offset };
        Step::Call(DeskCall::history(desk, offset, LOOK_LIMIT, None))
    }

    fn looked_back(&mut self, desk: &DeskSpec, offset: u64, arrival: Arrival) -> Step {
        let history = match arrival {
            Arrival::Reply(reply) => read_history(&reply),
            Arrival::Fault(fault) => Err(fault),
        };
        // Whoever cannot look back does not send again: the next attempt looks first.
        let history = match history {
            Ok(history) => history,
            Err(fault) if never_tells(&fault) => {
                return self.maybe_sent(&format!("the history cannot be read: {fault}"));
            }
            Err(fault) => return self.stop(fault),
        };
        let Some(key) = &self.key else {
            return self.stop(ended());
        };
        if history.tells_of(&self.message_id, key) {
            return self.finish();
        }
        // A server may hold its pages shorter than it was asked to: only an empty page is the end, or
        // the same one again.
        let page = history.digest();
        let is_end = history.messages.is_empty() || self.last_page.replace(page) == Some(page);
        let seen = offset + history.messages.len() as u64;
        if !is_end && seen < LOOK_MESSAGES_MAX {
            return self.look_back(desk, seen);
        }
        if is_end && self.sends < SENDS_MAX {
            return self.upload_or_send();
        }
        self.maybe_sent("the history does not show it")
    }

    fn maybe_sent(&mut self, why: &str) -> Step {
        let message = format!("its answer was lost, and {why}");
        self.stop(Fault::new(Call::Send, Layer::Local, MAYBE_SENT, &message))
    }

    fn finish(&mut self) -> Step {
        self.state = State::Ended;
        Step::Finish(Receipt {
            bytes: self.file.len,
            digest: self.file.digest,
            remote_id: Some(self.message_id.clone()),
            object_key: self.key.as_ref().map(|key| key.as_str().to_owned()),
            etag: None,
            verified: false,
        })
    }

    fn stop(&mut self, fault: Fault) -> Step {
        self.state = State::Ended;
        Step::Stop(fault)
    }
}

fn ended() -> Fault {
    let message = "an answer came that nothing waited for";
    Fault::new(Call::Send, Layer::Local, "ended", message)
}

/// Whether a fault of `send` leaves open if the message went out: no answer, an answer of the gateway
/// in its place, or one that cannot be understood.
fn is_ambiguous(fault: &Fault) -> bool {
    let never_left = [
        TransportKind::Dns,
        TransportKind::Connect,
        TransportKind::Tls,
        TransportKind::NoRoots,
    ];
    match fault.layer {
        Layer::Transport => !never_left.iter().any(|kind| kind.as_str() == fault.code),
        Layer::Http => !fault.code.starts_with('4') || fault.code == "408",
        Layer::Result => matches!(fault.code.as_str(), "not-json" | "no-result"),
        Layer::Errcode | Layer::Cos | Layer::Local => false,
    }
}

/// Whether a fault is the history's own refusal, which no new token and no waiting mends: codes of six digits
/// are those of the platform behind it.
fn never_tells(fault: &Fault) -> bool {
    let code = fault.code.as_str();
    let refused = match fault.layer {
        Layer::Http => code.starts_with('4') && !matches!(code, "401" | "408" | "425" | "429"),
        Layer::Result => code.len() < 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    fault.call == Call::History && refused && access(fault) == Access::Fine
}

/// The content of the message that names a file (desk notes 6.2).
fn content(form: MediaContent, kind: Kind, file: &OutboxFile, key: &ObjectKey) -> String {
    let key = key.as_str();
    match kind.media_type {
        "FILE" => {
            let name = told_name(&file.path);
            format!("{name},{},{key},{}", file.len, kind.file_type)
        }
        _ => match form {
            MediaContent::Plain => key.to_owned(),
            MediaContent::WithExt => format!("{key},{}", kind.file_type),
        },
    }
}

/// The file's name as the agent is told it: no commas, which part the content, nor control characters.
fn told_name(path: &RelPath) -> String {
    let name = String::from_utf8_lossy(path.file_name());
    let plain = name.chars().map(|character| match character {
        ',' => '_',
        other if other.is_control() => '_',
        other => other,
    });
    let name: Vec<char> = plain.collect();
    let too_long = name.len().saturating_sub(NAME_CHARS_MAX);
    // The end is kept: it has the extension.
    name.into_iter().skip(too_long).collect()
}
