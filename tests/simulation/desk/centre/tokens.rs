//! The two tokens: the gateway's and the session's, which is replaced at the door.

use serde_json::json;
use syncd::port::transport::Reply;

use super::{Asked, Centre, Pass, announce};
use crate::desk::mix::CANARY;

#[derive(Default)]
pub struct Tokens {
    bearers: Vec<(String, u64)>,
    sessions: Vec<Session>,
}

struct Session {
    value: String,
    expires_ms: u64,
    replaced_ms: Option<u64>,
}

const REFUSED: &str = "auth fail! illegal or expired token info. please apply or refresh the access \
    token from the server!";

impl Centre {
    pub(super) fn give_bearer(&mut self, now: u64, life_s: u64) -> Reply {
        let life_s = life_s.min(self.manners.bearer_life_s);
        let value = format!("{CANARY}-at-{}", self.next_number());
        self.tokens
            .bearers
            .push((value.clone(), now + life_s * 1000));
        let body = json!({
            "AccessToken": value, "ApplyType": "Bearer", "Scope": "s", "UserID": "Anonymous",
            "CreateTime": self.scalar(&(self.clock_ms(now) / 1000).to_string()),
            "Expires": self.scalar(&life_s.to_string()),
        });
        self.says(now, &body)
    }

    fn knows_bearer(&self, now: u64, bearer: &str) -> bool {
        let mut known = self.tokens.bearers.iter();
        known.any(|(value, expires_ms)| value == bearer && now < *expires_ms)
    }

    fn refuse_bearer(&self, now: u64) -> Reply {
        if self.manners.says_403 {
            let body = json!({"errorCode": "0", "exceptionInfo": REFUSED});
            return self.reply(now, 403, body.to_string());
        }
        self.reply(now, 401, "{}")
    }

    pub(super) fn admit_to_apply(&self, now: u64, bearer: &str) -> Result<Option<String>, Reply> {
        if self.knows_bearer(now, bearer) {
            Ok(None)
        } else {
            Err(self.refuse_bearer(now))
        }
    }

    pub(super) fn apply(&mut self, now: u64) -> Reply {
        let token = self.replace_session(now);
        if self.manners.apply_ends_chat {
            self.chat = None;
        }
        let token = if self.manners.quotes_token {
            format!("\"{token}\"")
        } else {
            token
        };
        let mut body = json!({"token": token});
        if !self.manners.is_old {
            body["resultCode"] = self.scalar("0");
        }
        self.says(now, &body)
    }

    /// Another session token takes the place of the last.
    fn replace_session(&mut self, now: u64) -> String {
        for session in &mut self.tokens.sessions {
            session.replaced_ms = session.replaced_ms.or(Some(now));
        }
        let value = format!("{CANARY}-ct-{}%3D", self.next_number());
        self.tokens.sessions.push(Session {
            value: value.clone(),
            expires_ms: now + self.manners.session_life_ms,
            replaced_ms: None,
        });
        value
    }

    /// Lets a call in, perhaps with a newer session token; or refuses it.
    pub(super) fn admit(
        &mut self,
        now: u64,
        asked: &Asked,
        pass: &Pass,
    ) -> Result<Option<String>, Reply> {
        if !self.knows_bearer(now, &pass.bearer) {
            return Err(self.refuse_bearer(now));
        }
        let session = self
            .tokens
            .sessions
            .iter()
            .find(|s| s.value == pass.session);
        let grace = self.manners.grace_ms;
        match session {
            Some(session) => match session.replaced_ms {
                Some(at) if now < at + grace => {
                    Ok(self.tokens.sessions.last().map(|s| s.value.clone()))
                }
                None if now < session.expires_ms => Ok(None),
                None if self.manners.rotates && self.chat.is_some() => {
                    Ok(Some(self.replace_session(now)))
                }
                Some(_) | None => Err(self.refuse_session(now, asked)),
            },
            None => Err(self.refuse_session(now, asked)),
        }
    }

    fn refuse_session(&self, now: u64, asked: &Asked) -> Reply {
        if !self.manners.session_by_code {
            return self.reply(now, 401, "{}");
        }
        match asked {
            Asked::Queue => self.result(now, "3", "token error"),
            Asked::Download(_) => {
                self.result(now, "2", "param channelId or userId or tenantId is null")
            }
            Asked::Poll | Asked::Send(_) => self.result(now, "160028", "token error"),
            _ => self.reply(now, 401, "{}"),
        }
    }

    /// Hands out a newer session token with an answer that went well.
    pub fn rotate(&mut self, now: u64, reply: &mut Reply) {
        let already = reply.header("ccmessaging-token").is_some();
        if reply.status == 200 && !already && !self.tokens.sessions.is_empty() {
            let token = self.replace_session(now);
            announce(reply, token);
        }
    }

    pub fn revoke_bearers(&mut self) {
        self.tokens.bearers.clear();
    }

    pub fn revoke_sessions(&mut self) {
        self.tokens.sessions.clear();
    }
}

/// Which of two session tokens was given out first.
pub fn is_older(one: &str, other: &str) -> bool {
    let number = |token: &str| -> u64 {
        let digits = token.trim_matches('"').trim_end_matches("%3D");
        let number = digits
            .rsplit('-')
            .next()
            .and_then(|digits| digits.parse().ok());
        number.unwrap_or(0)
    };
    number(one) < number(other)
}
