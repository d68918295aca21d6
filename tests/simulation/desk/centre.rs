//! A contact centre as its contract describes it, without input or output: it is told what is asked at
//! which moment, and answers. Where the contract leaves something open, its manners decide.
//!
//! It shares no code with the flows or with the emulator.

mod chat;
mod files;
mod history;
mod mail;
mod tokens;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use syncd::model::digest::Sha256;
use syncd::port::transport::Reply;

use super::mix::Manners;
use crate::story::EPOCH_MS;

pub use chat::HangUp;
pub use mail::{Letter, Message};
pub use tokens::is_older;

use chat::Chat;
use files::Stored;
use history::Entry;
use tokens::Tokens;

/// What is asked, of the business calls and of the two that give tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Bearer { life_s: u64 },
    Apply,
    Poll,
    Send(Said),
    Queue,
    History(Look),
    Download(Wanted),
    Upload { file_type: String, bytes: Vec<u8> },
}

/// What `send` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub control: String,
    pub media: String,
    pub content: String,
    pub message_id: Option<String>,
}

/// A look into the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub limit: usize,
    pub offset: usize,
    pub since: Option<i64>,
}

/// A file that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub file_id: String,
    pub file_type: String,
    pub from_library: bool,
}

/// What a request shows at the door.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pass {
    pub bearer: String,
    pub session: String,
}

/// A message that an agent has seen.
#[derive(Debug, Clone)]
pub struct Sent {
    pub at_ms: u64,
    pub message_id: String,
    pub digest: Sha256,
    /// With its size, where the message tells it.
    pub name: Option<(String, usize)>,
    /// A robot got it.
    pub to_robot: bool,
}

/// See the module.
pub struct Centre {
    pub manners: Manners,
    /// How far its clock is ahead.
    ahead_ms: i64,
    rng: fastrand::Rng,
    number: u64,
    tokens: Tokens,
    chat: Option<Chat>,
    pub messages: Vec<Message>,
    mailbox: VecDeque<usize>,
    /// What was said without a chat, for the next one.
    kept: Vec<usize>,
    files: BTreeMap<String, Stored>,
    uploads: BTreeMap<String, (Sha256, String)>,
    history: Vec<Entry>,
    pub sent: Vec<Sent>,
}

/// A reply, and what else comes of a call.
pub struct Answer {
    pub reply: Reply,
    /// The messages that it hands out.
    pub handed: Vec<usize>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let handed = Vec::new();
        Self { reply, handed }
    }
}

impl Centre {
    pub fn new(manners: Manners, mut rng: fastrand::Rng) -> Self {
        Self {
            manners,
            ahead_ms: rng.i64(-300_000..300_000),
            number: 0,
            tokens: Tokens::default(),
            chat: None,
            messages: Vec::new(),
            mailbox: VecDeque::new(),
            kept: Vec::new(),
            files: BTreeMap::new(),
            uploads: BTreeMap::new(),
            history: Vec::new(),
            sent: Vec::new(),
            rng,
        }
    }

    /// Its own clock.
    fn clock_ms(&self, now: u64) -> i64 {
        EPOCH_MS + now.cast_signed() + self.ahead_ms
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// A number as text, as most servers have it, or as a number.
    fn scalar(&self, text: &str) -> Value {
        match text.parse::<i64>() {
            Ok(number) if self.manners.numbers_for_texts => json!(number),
            _ => json!(text),
        }
    }

    /// A reply of the gateway or of a business call.
    pub fn reply(&self, now: u64, status: u16, body: impl Into<Bytes>) -> Reply {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if self.manners.tells_time {
            let moment = jiff::Timestamp::from_millisecond(self.clock_ms(now)).unwrap();
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            let date = printer.timestamp_to_rfc9110_string(&moment).unwrap();
            headers.push(("date".to_owned(), date));
        }
        let body = body.into();
        Reply {
            status,
            headers,
            body,
        }
    }

    /// HTTP 200 with this body.
    pub fn says(&self, now: u64, body: &Value) -> Reply {
        self.reply(now, 200, body.to_string())
    }

    /// HTTP 200 with a result code.
    pub fn result(&self, now: u64, code: &str, words: &str) -> Reply {
        let body = json!({"resultCode": self.scalar(code), "resultDesc": words});
        self.says(now, &body)
    }

    /// Lets a call in, perhaps with a newer session token; or answers that it may not come in.
    pub fn enter(&mut self, now: u64, asked: &Asked, pass: &Pass) -> Result<Option<String>, Reply> {
        self.end_stale_chat(now);
        match asked {
            Asked::Bearer { .. } => Ok(None),
            Asked::Apply => self.admit_to_apply(now, &pass.bearer),
            _ => self.admit(now, asked, pass),
        }
    }

    /// What a call that was let in comes to; none where a poll finds nothing.
    pub fn answer(&mut self, now: u64, asked: &Asked) -> Option<Answer> {
        self.end_stale_chat(now);
        Some(match asked {
            Asked::Bearer { life_s } => self.give_bearer(now, *life_s).into(),
            Asked::Apply => self.apply(now).into(),
            Asked::Poll => self.poll(now)?,
            Asked::Send(said) => self.hear(now, said).into(),
            Asked::Queue => self.tell_queue(now).into(),
            Asked::History(look) => self.look_back(now, look).into(),
            Asked::Download(wanted) => self.hand_over(now, wanted).into(),
            Asked::Upload { file_type, bytes } => self.take(now, file_type, bytes).into(),
        })
    }

    /// The answer of a poll that was held for long enough.
    pub fn nothing_new(&self, now: u64) -> Reply {
        self.page(now, Vec::new())
    }

    /// A file that an agent may send.
    pub fn new_file(&mut self, bytes: Vec<u8>, file_type: &str, in_library: bool) -> String {
        let number = self.next_number();
        let is_plain = !(self.manners.is_old && self.rng.bool());
        let name = if in_library && is_plain {
            format!("117000000000{number:07}")
        } else if self.rng.bool() {
            format!("00000000-aaaa-4bbb-8ccc-{number:012}")
        } else {
            format!("2026/11/{number}/f")
        };
        let stored = Stored {
            bytes: Arc::new(bytes),
            file_type: file_type.to_owned(),
            in_library,
        };
        self.files.insert(name.clone(), stored);
        name
    }
}

/// A newer session token goes out with an answer.
pub fn announce(reply: &mut Reply, token: String) {
    let header = ("ccmessaging-token".to_owned(), token);
    reply.headers.push(header);
}

/// Whether an answer says that nothing was done.
pub fn is_refusal(reply: &Reply) -> bool {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body.get("resultCode").or(body.get("returnCode"));
    reply.status != 200 || code.is_some_and(|code| code != "0" && code != 0)
}
