//! Messages to the customer: handed out by polls, once each, or again.

use std::sync::Arc;

use serde_json::{Value, json};
use syncd::model::digest::Sha256;
use syncd::port::transport::Reply;

use super::{Answer, Centre};
use crate::desk::mix::{CHANNEL, USER};

/// A poll hands out no more.
const PAGE_MAX: usize = 10;

/// What an agent sends.
pub struct Letter {
    pub media: &'static str,
    /// Text, or the file's name in its store.
    pub content: String,
    pub file_type: Option<String>,
    /// The bytes and whether they are in the library, if it is about a file.
    pub file: Option<(Arc<Vec<u8>>, bool)>,
    /// Whether the inbox can get it.
    pub can_be_fetched: bool,
    pub is_uncoded: bool,
}

/// A message as it was made.
pub struct Message {
    pub value: Value,
    pub code: Option<String>,
    /// Milliseconds by the centre's clock; no two are the same.
    pub sent_at: i64,
    pub file: Option<Truth>,
    /// It was handed out with an answer that arrived whole.
    pub arrived: bool,
    /// It was put up to be handed out once more.
    doubled: bool,
}

/// What the file of a message is.
pub struct Truth {
    pub digest: Sha256,
    pub can_be_fetched: bool,
}

impl Centre {
    /// An agent says something; its number.
    pub fn say(&mut self, now: u64, letter: Letter) -> usize {
        let number = self.next_number();
        let code = format!("00000000-0000-4000-8000-{number:012}");
        let mut value = json!({
            "channel": "WEB", "from": CHANNEL, "to": USER, "controlType": "CHAT",
            "sourceType": "AGENT", "mediaType": letter.media, "content": letter.content,
            "senderNickname": "agent 7", "simQuestions": Value::Null,
        });
        if let Some(file_type) = &letter.file_type {
            value["mediaFileType"] = json!(file_type);
        }
        if let Some((_, in_library)) = &letter.file
            && !self.manners.is_old
        {
            let local = self.scalar("1");
            value["contentType"] = if *in_library { Value::Null } else { local };
        }
        if !letter.is_uncoded {
            value["messageCode"] = json!(code);
        }
        let can_be_fetched = letter.can_be_fetched;
        let truth = letter.file.map(|(bytes, _)| Truth {
            digest: Sha256::of(&bytes),
            can_be_fetched,
        });
        self.post(now, value, truth)
    }

    /// A message goes to the customer and into the history.
    pub(super) fn post(&mut self, now: u64, mut value: Value, file: Option<Truth>) -> usize {
        let last = self.messages.last().map_or(0, |message| message.sent_at);
        let sent_at = self.clock_ms(now).max(last + 1);
        value["timestamp"] = if self.manners.numbers_for_texts {
            json!(sent_at.to_string())
        } else {
            json!(sent_at)
        };
        let is_hang_up = value["controlType"] == "DISCONNECT";
        let number = self.messages.len();
        if self.manners.keeps_history {
            self.note(now, value.clone(), Some(number));
        }
        self.messages.push(Message {
            code: value["messageCode"].as_str().map(str::to_owned),
            value,
            sent_at,
            file,
            arrived: false,
            doubled: false,
        });
        if self.has_chat() || is_hang_up {
            self.mailbox.push_back(number);
        } else if self.manners.keeps_mail {
            self.kept.push(number);
        }
        number
    }

    /// `poll`; none where there is nothing to say.
    pub(super) fn poll(&mut self, now: u64) -> Option<Answer> {
        self.keep_chat(now, true);
        if self.mailbox.is_empty() {
            if self.has_chat() || self.manners.silent {
                return None;
            }
            return Some(self.result(now, "160004", "session not found").into());
        }
        let count = self.mailbox.len().min(PAGE_MAX);
        let handed: Vec<usize> = self.mailbox.drain(..count).collect();
        let page = handed
            .iter()
            .map(|number| self.messages[*number].value.clone());
        let reply = self.page(now, page.collect());
        for number in &handed {
            let doubles = !self.messages[*number].doubled && self.rng.f64() < self.manners.doubles;
            if doubles {
                self.messages[*number].doubled = true;
                self.mailbox.push_back(*number);
            }
        }
        Some(Answer { reply, handed })
    }

    pub(super) fn page(&self, now: u64, messages: Vec<Value>) -> Reply {
        let mut body = json!({
            "resultCode": self.scalar("0"), "resultDesc": "query user messages success.",
        });
        if messages.is_empty() && self.manners.is_old {
            body["downlinkMessages"] = Value::Null;
        } else {
            body["downlinkMessages"] = Value::Array(messages);
        }
        self.says(now, &body)
    }

    /// An answer with these did not arrive.
    pub fn undelivered(&mut self, handed: &[usize]) {
        if self.manners.redelivers {
            for number in handed.iter().rev() {
                self.mailbox.push_front(*number);
            }
        }
    }

    /// Whether a message can be had yet, by a poll or from the history.
    pub fn offers(&self, number: usize) -> bool {
        let waits = self.mailbox.contains(&number) || self.kept.contains(&number);
        waits || self.is_in_history(number)
    }
}
