//! What went wrong in an attempt, as data: where, which code, which words.

use std::fmt;
use std::time::Duration;

use super::path::escaped;

/// The conversation in which a fault arose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Asking for an API token.
    Token,
    /// Asking the WeChat API for a link.
    Link,
    /// Sending the bytes to the object store with PUT.
    Put,
    /// Sending the bytes to the object store as a form.
    Post,
    /// Any other call of the WeChat API (listing, site status).
    Api,
    /// Asking the desk's gateway for its token (`tokenByAkSk`).
    GatewayToken,
    /// Asking the desk for a session's token (`applyToken`).
    SessionToken,
    /// Opening a chat session, or closing it (`send` of CONNECT and DISCONNECT).
    Connect,
    /// Asking how far the queue for an agent is (`queryQueueInfo`).
    QueueInfo,
    /// Asking for messages (`poll`).
    Poll,
    /// Asking for earlier messages (`queryHistoryChatMessage`).
    History,
    /// Fetching a received file (`downloadFileStream`).
    Download,
    /// Handing a file over (`uploadFileStream`).
    Upload,
    /// Sending the message that carries a file (`send` of CHAT).
    Send,
    /// Putting a received file into the inbox.
    Deliver,
    /// Reading the file itself.
    Source,
}

/// The layer that reported the fault; codes are unique within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// No complete answer: `dns`, `connect`, `tls`, `timeout`, `reset`, `cut`, `too-large`, `stalled`,
    /// `redirect`, `address-refused`, `no-roots`.
    Transport,
    /// An answer that is only a status: `503`.
    Http,
    /// The `errcode` of an answer of the WeChat API, or `not-json`, `no-errcode`, `empty-link`.
    Errcode,
    /// The `Code` of the object store's error answer, or `checksum`.
    Cos,
    /// The `resultCode` or `returnCode` of an answer of `ccmessaging`, or `not-json`, `no-result`,
    /// `no-payload`, `corrupt`.
    Result,
    /// This machine: `changed`, `gone`, `unreadable`, `io`, `host-refused`, `bad-link`, `token-command`, …
    Local,
}

/// A failure of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// During what.
    pub call: Call,
    /// Reported by whom.
    pub layer: Layer,
    /// The code, as text.
    pub code: String,
    /// The HTTP status beside the code, where there was an answer.
    pub status: Option<u16>,
    /// The other side's words, escaped and cut at 200 characters; never a secret, never a link.
    pub message: String,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
}

/// The longest message kept of a fault, in characters.
pub const MESSAGE_CHARS_MAX: usize = 200;

impl Fault {
    /// A fault with a message from outside, made safe.
    pub fn new(call: Call, layer: Layer, code: impl Into<String>, message: &str) -> Self {
        let cut: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
        let code: String = code.into();
        Self {
            call,
            layer,
            code: escaped(code.chars().take(64).collect::<String>().as_bytes()),
            status: None,
            message: escaped(cut.as_bytes()),
            retry_after: None,
        }
    }

    /// A fault as it was written down; its words were made safe before.
    pub fn restored(call: Call, layer: Layer, code: &str, message: &str) -> Self {
        Self {
            call,
            layer,
            code: code.to_owned(),
            status: None,
            message: message.to_owned(),
            retry_after: None,
        }
    }

    /// The same with the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.message.is_empty() {
            write!(f, " ({})", self.message)?;
        }
        Ok(())
    }
}

/// The longest word of a message that is shown: tokens and signatures are longer.
const WORD_CHARS_MAX: usize = 48;

/// Words from a server without what could be a token or a signed link.
pub fn plain_words(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace().take(100) {
        if !out.is_empty() {
            out.push(' ');
        }
        let looks_secret = word.contains("://")
            || word.contains("q-signature")
            || word.contains("token=")
            || word.is_ascii() && word.len() > WORD_CHARS_MAX;
        out.push_str(if looks_secret { "***" } else { word });
    }
    out
}

macro_rules! words {
    ($type:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word that is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the stored word back.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

words!(Call {
    Token => "token", Link => "link", Put => "put", Post => "post", Api => "api",
    GatewayToken => "gateway-token", SessionToken => "session-token", Connect => "connect",
    QueueInfo => "queue-info", Poll => "poll", History => "history", Download => "download",
    Upload => "upload", Send => "send", Deliver => "deliver", Source => "source",
});
words!(Layer {
    Transport => "transport", Http => "http", Errcode => "errcode", Cos => "cos", Result => "result",
    Local => "local",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_from_outside_are_cut_and_escaped() {
        let fault = Fault::new(Call::Link, Layer::Errcode, "4\u{1b}0", &"\n".repeat(500));
        assert_eq!(fault.code, "4\\u{1b}0");
        assert_eq!(fault.message.len(), MESSAGE_CHARS_MAX * "\\u{a}".len());
    }
}
