//! One message of the desk, read from its own bytes, so that a journaled one reads again as it did the
//! first time (desk notes 3.4 to 3.7).

use serde::Deserialize;

use super::offer::Offer;
use super::wire::{self, Scalar};
use crate::model::digest::{IdentityHasher, Sha256};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::time::Timestamp;

/// The longest message code that is taken as an identity, in bytes; documented are 64.
const CODE_BYTES_MAX: usize = 128;
/// The longest file reference that is believed, in bytes.
const CONTENT_BYTES_MAX: usize = 4096;
/// The longest file type that is believed, in bytes.
const TYPE_BYTES_MAX: usize = 64;

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its JSON, byte by byte.
    pub raw: Vec<u8>,
    /// What tells it from others: its code, or `h-` and a digest of its fields (desk notes 3.6).
    pub identity: String,
    /// Digest of the fields that make it what it is: two messages of one identity and different
    /// digests contradict each other.
    pub fields: Sha256,
    /// The server's code for it.
    pub code: Option<String>,
    /// Our own id, in a message that we sent.
    pub message_id: Option<String>,
    /// When it was sent, by the server's clock.
    pub sent_at: Option<Timestamp>,
    /// Who sent it.
    pub sender: Sender,
    /// `IMAGE`, `TEXT`, …
    pub media_type: Option<String>,
    /// What there is to do about it.
    pub carries: Carries,
}

/// Who sent a message, as it says itself. Remote text: to be escaped where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Sender {
    /// Normally the channel.
    pub from: Option<String>,
    /// `AGENT`, `ROBOT`, `SYSTEM`; `CUSTOMER` is ourselves.
    pub kind: Option<String>,
    /// A display name.
    pub nickname: Option<String>,
}

/// What there is to do about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carries {
    /// A file to be fetched.
    File(Offer),
    /// A file that cannot be asked for, or a message that cannot be understood; a person has to know.
    Unfetchable(Fault),
    /// Nothing for the inbox: text, a notice, a message of our own.
    Nothing,
    /// The other side hung up.
    HangUp {
        /// Whether it said that we may go on sending.
        may_go_on: Option<bool>,
    },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    content: Scalar,
    from: Scalar,
    to: Scalar,
    control_type: Scalar,
    media_type: Scalar,
    media_file_type: Scalar,
    content_type: Scalar,
    source_type: Scalar,
    sender_nickname: Scalar,
    message_code: Scalar,
    message_id: Scalar,
    timestamp: Scalar,
    is_offline_status: Scalar,
}

impl Received {
    /// Reads one message. What cannot be understood stays visible as [`Carries::Unfetchable`].
    pub fn from_raw(raw: &[u8]) -> Self {
        match wire::object::<Fields>(Call::Poll, raw) {
            Ok(fields) => Self::of(raw, &fields),
            Err(_) => Self::unread(raw),
        }
    }

    /// Whether this user sent it.
    pub fn is_from(&self, user_id: &str) -> bool {
        self.sender.from.as_deref() == Some(user_id)
    }

    fn of(raw: &[u8], fields: &Fields) -> Self {
        let digest = fields.digest();
        let code = fields.message_code.owned();
        let identity = match &code {
            Some(code) if is_identity(code) => code.clone(),
            _ => format!("h-{digest}"),
        };
        Self {
            raw: raw.to_vec(),
            identity,
            fields: digest,
            code,
            message_id: fields.message_id.owned(),
            sent_at: fields.sent_at(),
            sender: Sender {
                from: fields.from.owned(),
                kind: fields.source_type.owned(),
                nickname: fields.sender_nickname.owned(),
            },
            media_type: fields.media_type.owned(),
            carries: fields.carries(),
        }
    }

    fn unread(raw: &[u8]) -> Self {
        let digest = Sha256::of(raw);
        Self {
            raw: raw.to_vec(),
            identity: format!("h-{digest}"),
            fields: digest,
            code: None,
            message_id: None,
            sent_at: None,
            sender: Sender::default(),
            media_type: None,
            carries: unfetchable(
                "message-unread",
                "a message of the desk cannot be understood",
            ),
        }
    }
}

fn is_identity(code: &str) -> bool {
    code.len() <= CODE_BYTES_MAX && code.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unfetchable(code: &str, message: &str) -> Carries {
    Carries::Unfetchable(Fault::new(Call::Download, Layer::Local, code, message))
}

impl Fields {
    /// Digest of the fields of desk notes 3.6; each with its length, so that none runs into the next.
    fn digest(&self) -> Sha256 {
        let mut hasher = IdentityHasher::default();
        let fields = [
            &self.from,
            &self.to,
            &self.timestamp,
            &self.control_type,
            &self.media_type,
            &self.content,
        ];
        for field in fields {
            match field.text() {
                None => hasher.update(b"-"),
                Some(text) => {
                    hasher.update(format!("{}:", text.len()).as_bytes());
                    hasher.update(text.as_bytes());
                }
            }
        }
        hasher.finish()
    }

    fn sent_at(&self) -> Option<Timestamp> {
        let milliseconds: i64 = self.timestamp.text()?.parse().ok()?;
        (milliseconds > 0).then_some(Timestamp(milliseconds))
    }

    fn carries(&self) -> Carries {
        let control = upper(&self.control_type);
        match control.as_deref() {
            _ if upper(&self.source_type).as_deref() == Some("CUSTOMER") => Carries::Nothing,
            Some("DISCONNECT") => Carries::HangUp {
                may_go_on: truth(&self.is_offline_status),
            },
            None | Some("CHAT") => self.file(),
            Some(_) => Carries::Nothing,
        }
    }

    /// The file of a message, if it carries one (desk notes 3.5, D16).
    fn file(&self) -> Carries {
        let is_local = self.content_type.text() == Some("1");
        let fallback = match upper(&self.media_type).as_deref() {
            Some("IMAGE" | "FILE_IMAGE") => Some("jpg"),
            Some("VIDEO" | "FILE_VIDEO") => Some("mp4"),
            Some("AUDIO") => Some("mp3"),
            Some("DOCUMENT" | "FILE") => None,
            Some("TEXT" | "LOCATE" | "WEBCARD") | None => return Carries::Nothing,
            Some(_) if is_local => None,
            Some(_) => return Carries::Nothing,
        };
        let Some(content) = self.content.text() else {
            return unfetchable(
                "no-content",
                "the message announces a file but does not say which",
            );
        };
        let Some(file_type) = self.media_file_type.text().or(fallback) else {
            return unfetchable(
                "no-file-type",
                "the message does not say of which type its file is",
            );
        };
        if content.len() > CONTENT_BYTES_MAX || file_type.len() > TYPE_BYTES_MAX {
            return unfetchable(
                "message-unread",
                "the message's reference to its file is too long",
            );
        }
        let says_nothing = self.content_type == Scalar::Absent;
        let stored = if is_local {
            Some(false)
        } else {
            let is_null = self.content_type.text().is_none();
            (is_null && !says_nothing).then_some(true)
        };
        Carries::File(Offer::new(content, file_type, stored))
    }
}

fn upper(field: &Scalar) -> Option<String> {
    field.text().map(str::to_ascii_uppercase)
}

fn truth(field: &Scalar) -> Option<bool> {
    match field.text()?.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
