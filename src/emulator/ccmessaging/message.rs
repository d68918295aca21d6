//! The messages that the desk's side writes (protocol notes 3.4 and 3.7).

use serde_json::{Value, json};

/// How a conversation is ended by the desk (protocol notes 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// The agent has hung up.
    Agent,
    /// It has timed out, and the client may not go on.
    TimeOut,
    /// It has timed out with the asynchronous switch on: the client may go on sending.
    Offline,
}

/// Whom a message is from and to, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) channel_id: &'a str,
    pub(super) user: &'a str,
    pub(super) at_ms: i64,
}

impl Envelope<'_> {
    /// A message with nothing in it.
    fn blank(self, control_type: &str, source_type: &str) -> Value {
        json!({
            "channel": "WEB",
            "from": self.channel_id,
            "to": self.user,
            "controlType": control_type,
            "sourceType": source_type,
            "mediaType": null,
            "content": null,
            "contentType": null,
            "mediaFileType": null,
            "messageCode": null,
            "timestamp": self.at_ms,
            "receiveTime": null,
            "callId": null,
            "senderNickname": null,
            "senderAvatar": null,
            "simQuestions": null,
        })
    }

    /// An agent's words.
    pub(super) fn text(self, words: &str) -> Value {
        let mut message = self.blank("CHAT", "AGENT");
        message["mediaType"] = json!("TEXT");
        message["content"] = json!(words);
        message["senderNickname"] = json!("agent 7");
        message["messageCode"] = json!(uuid());
        message
    }

    /// An agent's file.
    pub(super) fn file(self, media_type: &str, id: &str) -> Value {
        let mut message = self.text(id);
        message["mediaType"] = json!(media_type);
        message
    }

    /// The end of the conversation.
    pub(super) fn hang_up(self, how: HangUp) -> Value {
        match how {
            HangUp::Agent => self.blank("DISCONNECT", "AGENT"),
            HangUp::TimeOut => self.blank("DISCONNECT", "SYSTEM"),
            HangUp::Offline => {
                let mut message = self.blank("DISCONNECT", "SYSTEM");
                message["mediaType"] = json!("TEXT");
                message["content"] = json!("You can leave a message.");
                message["isOfflineStatus"] = json!(true);
                message
            }
        }
    }
}

/// A new message code or object key.
pub(super) fn uuid() -> String {
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// A new id of the multimedia library: digits.
pub(super) fn library_id() -> String {
    fastrand::u64(1_000_000_000_000_000_000..2_000_000_000_000_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_forms_of_the_samples() {
        let code = uuid();
        let lengths: Vec<usize> = code.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{code}");
        assert_ne!(code, uuid());
        let id = library_id();
        assert!(id.len() == 19 && id.bytes().all(|byte| byte.is_ascii_digit()));
    }
}
