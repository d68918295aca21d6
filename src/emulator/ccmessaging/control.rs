//! The hold on a running desk: what its agents do, what goes wrong, and what arrived.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::desk::{Desk, HeldFile, SentMessage, UploadedObject};
use super::message::{HangUp, library_id, uuid};
use super::options::{DeskCredentials, FileIds};
use super::user::Phase;
use crate::emulator::cloud::Cloud;
use crate::emulator::objects::Incoming;

/// A file that an agent sends to a user (protocol notes 3.4 and 3.5).
#[derive(Debug, Clone)]
pub struct AgentFile {
    /// Its bytes.
    pub bytes: Bytes,
    /// The `mediaFileType`; `null` if `None`.
    pub file_type: Option<String>,
    /// The `mediaType`.
    pub media_type: String,
    /// Where it lies.
    pub place: FilePlace,
    /// Its name in the message's `content`; made up if `None`. May be anything.
    pub id: Option<String>,
    /// The `messageCode`.
    pub message_code: MessageCode,
    /// The `timestamp` in milliseconds since 1970; now, if `None`.
    pub timestamp_ms: Option<i64>,
}

/// Where a file of an agent lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePlace {
    /// In the store of agents' own files.
    Local,
    /// In the multimedia library.
    Library,
}

/// The code of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageCode {
    /// A new one.
    Fresh,
    /// `null`.
    Absent,
    /// This one.
    Given(String),
}

impl AgentFile {
    /// An agent's own file of this type.
    pub fn local(file_type: &str, bytes: impl Into<Bytes>) -> Self {
        let media_type = match file_type {
            "jpg" | "jpeg" | "png" | "bmp" | "bpm" => "IMAGE",
            "mp3" | "aac" => "AUDIO",
            "mp4" => "VIDEO",
            _ => "DOCUMENT",
        };
        Self {
            bytes: bytes.into(),
            file_type: Some(file_type.to_owned()),
            media_type: media_type.to_owned(),
            place: FilePlace::Local,
            id: None,
            message_code: MessageCode::Fresh,
            timestamp_ms: None,
        }
    }

    /// The same from the multimedia library.
    pub fn library(file_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self {
            place: FilePlace::Library,
            ..Self::local(file_type, bytes)
        }
    }
}

/// A file that was put into a mailbox.
#[derive(Debug, Clone)]
pub struct PutFile {
    /// The message as it is handed out.
    pub message: Value,
    /// SHA-256 of the file, hex.
    pub sha256: String,
}

/// The desk of a running emulator. Every call takes effect at once.
#[derive(Clone, Copy)]
pub struct DeskControl<'a> {
    cloud: &'a Cloud,
}

impl<'a> DeskControl<'a> {
    pub(in crate::emulator) fn new(cloud: &'a Cloud) -> Self {
        Self { cloud }
    }

    fn desk(self) -> &'a Desk {
        &self.cloud.desk
    }

    fn now_ms(self) -> i64 {
        self.cloud.clock.now_ms()
    }

    /// The account that it knows.
    pub fn credentials(self) -> &'a DeskCredentials {
        &self.desk().options.credentials
    }
}

/// What agents do. What comes before a session waits for it.
impl DeskControl<'_> {
    /// Puts a file into a user's mailbox.
    ///
    /// # Errors
    /// It is large and cannot be written to its file.
    pub fn put_file(self, user: &str, file: AgentFile) -> io::Result<PutFile> {
        let desk = self.desk();
        let mut incoming = Incoming::new(self.cloud.spool());
        incoming.push(&file.bytes)?;
        let now_ms = self.now_ms();
        let is_local = file.place == FilePlace::Local;
        let id = file
            .id
            .unwrap_or_else(|| if is_local { uuid() } else { library_id() });
        let object = Arc::new(incoming.finish(&id, BTreeMap::new(), now_ms));
        let at_ms = file.timestamp_ms.unwrap_or(now_ms);
        let mut message = desk.envelope(user, at_ms).file(&file.media_type, &id);
        message["mediaFileType"] = json!(file.file_type);
        message["contentType"] = if is_local { json!("1") } else { Value::Null };
        match file.message_code {
            MessageCode::Fresh => {}
            MessageCode::Absent => message["messageCode"] = Value::Null,
            MessageCode::Given(code) => message["messageCode"] = json!(code),
        }
        if let (FileIds::OneForm, Some(fields)) = (desk.options.files.ids, message.as_object_mut())
        {
            fields.remove("contentType");
        }
        let sha256 = object.sha256.clone();
        let held = HeldFile {
            object,
            file_type: file.file_type,
        };
        {
            let mut state = desk.state();
            let files = if is_local {
                &mut state.local
            } else {
                &mut state.library
            };
            files.insert(id, held);
        }
        desk.deliver(user, (at_ms, now_ms), message.clone());
        Ok(PutFile { message, sha256 })
    }

    /// Puts a text into a user's mailbox; gives the message.
    pub fn put_text(self, user: &str, words: &str) -> Value {
        let now_ms = self.now_ms();
        let message = self.desk().envelope(user, now_ms).text(words);
        self.desk().deliver(user, (now_ms, now_ms), message.clone());
        message
    }

    /// Puts a message into a user's mailbox as it is, be it ever so wrong.
    pub fn put_raw(self, user: &str, message: Value) {
        let now_ms = self.now_ms();
        let at_ms = message.get("timestamp").and_then(Value::as_i64);
        self.desk()
            .deliver(user, (at_ms.unwrap_or(now_ms), now_ms), message);
    }

    /// Makes a file one that cannot be fetched any more. `content` is that of its message.
    pub fn forget_file(self, content: &str) {
        let mut state = self.desk().state();
        state.local.remove(content);
        state.library.remove(content);
    }

    /// Ends a user's conversation (protocol notes 3.7).
    pub fn hang_up(self, user: &str, how: HangUp) {
        let now_ms = self.now_ms();
        let envelope = self.desk().envelope(user, now_ms);
        self.desk()
            .with_user(user, now_ms, |user| user.hang_up(how, envelope));
        self.desk().news.notify_waiters();
    }

    /// Loses a user's session without a word; the next call finds none.
    pub fn lose_session(self, user: &str) {
        self.desk()
            .with_user(user, self.now_ms(), super::user::User::vanish);
        self.desk().news.notify_waiters();
    }

    /// Opens or closes: outside of working hours nobody is connected to an agent.
    pub fn set_open(self, is_open: bool) {
        self.desk().state().is_open = is_open;
    }
}

/// What goes wrong. More does by faults.
impl DeskControl<'_> {
    /// Ends all access tokens.
    pub fn expire_access_tokens(self) {
        self.desk().state().tokens.expire_access(self.now_ms());
    }

    /// Lets the hour of all client tokens be over: during a session the next call brings a new
    /// one, else it is refused.
    pub fn expire_client_tokens(self) {
        self.desk().state().tokens.expire_client(self.now_ms());
    }

    /// Takes all client tokens back: they are refused, session or not.
    pub fn revoke_client_tokens(self) {
        self.desk().state().tokens.revoke_client();
    }

    /// Stops answering, or starts again: meanwhile requests are taken and left hanging.
    pub fn set_answering(self, answers: bool) {
        self.desk().set_answering(answers);
    }
}

/// What is there.
impl DeskControl<'_> {
    /// What the customers sent and was taken, in that order.
    pub fn sent(self) -> Vec<SentMessage> {
        self.desk().state().sent.clone()
    }

    /// What the customers uploaded, in that order.
    pub fn uploads(self) -> Vec<UploadedObject> {
        self.desk().state().uploads.clone()
    }

    /// Every token of both kinds that was handed out, for a search of places where none should be.
    pub fn tokens(self) -> Vec<String> {
        self.desk().state().tokens.all()
    }

    /// Where a user's conversation stands, if there is one.
    pub fn phase(self, user: &str) -> Option<Phase> {
        self.desk()
            .with_user(user, self.now_ms(), |user| user.phase())
    }

    /// How many messages wait for a user.
    pub fn waiting(self, user: &str) -> usize {
        self.desk()
            .with_user(user, self.now_ms(), |user| user.mailbox.len())
    }
}

impl std::fmt::Debug for DeskControl<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeskControl")
    }
}
