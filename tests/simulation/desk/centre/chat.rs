//! The chat session: a robot first, perhaps; then a queue; then an agent. It ends by either side, or with
//! time.

use serde_json::{Value, json};
use syncd::port::transport::Reply;

use super::{Centre, Said, Sent};
use crate::desk::mix::{CHANNEL, Robot, USER};

pub struct Chat {
    with: With,
    kept_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Robot,
    /// An agent, from then on.
    Agent(u64),
}

/// How a chat ends from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    Agent,
    TimeOut,
    TimeOutButGoOn,
    /// Nobody is told.
    Silently,
}

impl Centre {
    fn is_working(&self, now: u64) -> bool {
        let hours = self.manners.hours;
        hours.is_none_or(|(day, working)| now % day < working)
    }

    pub(super) fn keep_chat(&mut self, now: u64, by_poll: bool) {
        if let Some(chat) = &mut self.chat
            && by_poll == self.manners.kept_by_polls
        {
            chat.kept_ms = now;
        }
    }

    pub(super) fn end_stale_chat(&mut self, now: u64) {
        let life = self.manners.chat_life_ms;
        let is_stale = |chat: &Chat| life > 0 && now > chat.kept_ms + life;
        if self.chat.as_ref().is_some_and(is_stale) {
            let how = if self.manners.silent {
                HangUp::Silently
            } else {
                HangUp::TimeOut
            };
            self.hang_up(now, how);
        }
    }

    /// The other side ends the chat, if there is one.
    pub fn hang_up(&mut self, now: u64, how: HangUp) {
        if self.chat.take().is_none() || how == HangUp::Silently {
            return;
        }
        let mut message = json!({
            "channel": "WEB", "from": CHANNEL, "to": USER, "controlType": "DISCONNECT",
            "sourceType": "SYSTEM", "mediaType": Value::Null, "content": Value::Null,
            "simQuestions": Value::Null,
        });
        match how {
            HangUp::Agent => message["sourceType"] = json!("AGENT"),
            HangUp::TimeOutButGoOn => {
                message["mediaType"] = json!("TEXT");
                message["content"] = json!("You may leave a message.");
                message["isOfflineStatus"] = json!(true);
            }
            HangUp::TimeOut | HangUp::Silently => {}
        }
        self.post(now, message, None);
    }

    /// The chat is gone, and nobody was told.
    pub fn lose_chat(&mut self) {
        self.chat = None;
    }

    pub fn has_chat(&self) -> bool {
        self.chat.is_some()
    }

    /// `send`.
    pub(super) fn hear(&mut self, now: u64, said: &Said) -> Reply {
        self.keep_chat(now, false);
        match said.control.as_str() {
            "CONNECT" => self.connect(now),
            "TRANS2AGENT" => self.transfer(now),
            "DISCONNECT" => match self.chat.take() {
                Some(_) => self.result(now, "0", "disconnect successfully"),
                None => self.result(now, "13", "disconnect failed"),
            },
            _ => self.hear_chat(now, said),
        }
    }

    fn connect(&mut self, now: u64) -> Reply {
        if !self.is_working(now) {
            let words = "The current time is not within the working time of the service agents";
            return self.result(now, "12", words);
        }
        if self.chat.is_some() && self.rng.bool() {
            let code = match self.chat.as_ref().map(|chat| chat.with) {
                Some(With::Robot) => "160022",
                Some(With::Agent(from)) if from <= now => "160021",
                _ => "160013",
            };
            return self.result(now, code, "there is a session already");
        }
        if self.chat.is_none() {
            let with = match self.manners.robot {
                Robot::Never => With::Agent(now + self.wait_ms()),
                Robot::First => With::Robot,
            };
            self.chat = Some(Chat { with, kept_ms: now });
            self.mailbox.extend(std::mem::take(&mut self.kept));
        }
        self.result(now, "0", "connect to robot successfully")
    }

    fn wait_ms(&mut self) -> u64 {
        match self.manners.queue_ms {
            0 => 0,
            most => self.rng.u64(0..=most),
        }
    }

    fn transfer(&mut self, now: u64) -> Reply {
        if !self.is_working(now) {
            return self.result(now, "12", "not within the working time");
        }
        let wait_ms = self.wait_ms();
        match &mut self.chat {
            Some(Chat { with, .. }) if *with == With::Robot => {
                *with = With::Agent(now + wait_ms);
                self.result(now, "0", "transfer to agent successfully")
            }
            Some(_) => self.result(now, "13", "The session is already with an agent"),
            None => self.result(now, "160004", "session not found"),
        }
    }

    fn hear_chat(&mut self, now: u64, said: &Said) -> Reply {
        let to_robot = match self.chat.as_ref().map(|chat| chat.with) {
            None if self.rng.bool() => return self.result(now, "13", "sendUserMessage failed"),
            None => return self.result(now, "160004", "session not found"),
            Some(With::Agent(from)) if now < from => {
                return self.result(now, "160013", "the call is queueing");
            }
            Some(with) => with == With::Robot,
        };
        let id = said.message_id.clone().unwrap_or_default();
        let known = self.sent.iter().any(|sent| sent.message_id == id);
        if !known || !self.manners.dedups {
            let Some((key, name)) = parts(said) else {
                return self.result(now, "160000", "bad request parameter");
            };
            let Some((digest, _)) = self.uploads.get(key) else {
                return self.result(now, "13", "sendUserMessage failed");
            };
            let digest = *digest;
            self.sent.push(Sent {
                at_ms: now,
                message_id: id,
                digest,
                name,
                to_robot,
            });
            self.note_own(now, said);
        }
        self.result(now, "0", "sendUserMessage successfully.")
    }

    /// `queryQueueInfo`.
    pub(super) fn tell_queue(&mut self, now: u64) -> Reply {
        match self.chat.as_ref().map(|chat| chat.with) {
            None if self.rng.bool() => self.result(now, "5", "session ended"),
            None => self.result(now, "160004", "session not found"),
            Some(With::Robot) => self.result(now, "160022", "call in IVR"),
            Some(With::Agent(from)) if from <= now => self.result(now, "160021", "not queueing"),
            Some(With::Agent(from)) => {
                let seconds = (from - now) / 1000;
                let body = json!({"resultCode": self.scalar("0"), "position": 1,
                    "estimateWaitTime": seconds, "configMaxcWaitTime": 600});
                self.says(now, &body)
            }
        }
    }
}

/// The key of the file in a message, and what it is called, if it is.
fn parts(said: &Said) -> Option<(&str, Option<(String, usize)>)> {
    if said.media != "FILE" {
        return Some((&said.content, None));
    }
    let parts: Vec<&str> = said.content.split(',').collect();
    let [name, size, key, _] = parts.as_slice() else {
        return None;
    };
    Some((key, Some(((*name).to_owned(), size.parse().ok()?))))
}
