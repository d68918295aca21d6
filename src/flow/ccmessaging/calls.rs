//! The calls of the desk: their paths, bodies, headers and bounds (desk notes 0, 3.1, 4.1, 5.1, 6, 7).

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::access::{SESSION_HEADER, bearer_header};
use crate::flow::{CONTROL_DEADLINE, CONTROL_REPLY_BYTES_MAX, query_value, transfer_deadline};
use crate::model::desk::DeskSpec;
use crate::model::fault::Call;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;
use crate::port::transport::{Body, Method, Peer, Request};

use super::offer::DownloadArgs;

/// How long a poll may take; the server holds it for about 5 s (desk notes 3.3).
pub const POLL_DEADLINE: Duration = Duration::from_secs(30);
/// The longest page of messages that is read, in bytes.
pub const POLL_REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What an answer to a download may hold besides the file, in bytes (desk notes 4.3).
pub const ENVELOPE_BYTES_MAX: u64 = 64 * 1024;
/// An empty answer sooner than this means that the server does not hold polls (desk notes 3.3).
pub const POLL_HELD_MIN: Duration = Duration::from_secs(1);

pub(super) const APP_KEY: &str = "x-app-key";
const CHANNEL: &str = "WEB";

/// A call of the desk, to be sent as often as its tokens have to be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskCall {
    /// Which conversation it belongs to.
    pub call: Call,
    /// Method.
    pub method: Method,
    /// Path below the account's origin, with the leading `/`, and query.
    pub path_and_query: String,
    /// JSON; empty for GET.
    pub body: Bytes,
    /// How long it may take.
    pub deadline: Duration,
    /// The longest reply that is read, in bytes.
    pub reply_bytes_max: usize,
}

/// What a message of our own is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat<'a> {
    /// `IMAGE`, `AUDIO`, `VIDEO` or `FILE`.
    pub media_type: &'static str,
    /// The key of the file, or its description (desk notes 6.2).
    pub content: &'a str,
    /// Our own id, 32 hex digits.
    pub message_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SendBody<'a> {
    channel: &'static str,
    control_type: &'static str,
    media_type: &'static str,
    content: &'a str,
    from: &'a str,
    to: &'a str,
    source_type: &'static str,
    sender_nickname: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QueueInfoBody<'a> {
    user_id: &'a str,
    channel_config_id: &'a str,
    channel: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryBody<'a> {
    channel_id: &'a str,
    user_id: &'a str,
    limit: String,
    offset: String,
    channel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DownloadBody<'a> {
    file_id: &'a str,
    channel: &'static str,
    file_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_media: Option<&'static str>,
}

impl DeskCall {
    /// Opens a chat session (desk notes 6.3).
    pub fn connect(desk: &DeskSpec, now: Timestamp) -> Self {
        Self::control(desk, "CONNECT", now)
    }

    /// Asks for an agent in place of a robot (desk notes 8).
    pub fn transfer(desk: &DeskSpec, now: Timestamp) -> Self {
        Self::control(desk, "TRANS2AGENT", now)
    }

    /// Ends the chat session.
    pub fn disconnect(desk: &DeskSpec, now: Timestamp) -> Self {
        Self::control(desk, "DISCONNECT", now)
    }

    fn control(desk: &DeskSpec, control_type: &'static str, now: Timestamp) -> Self {
        let body = SendBody {
            control_type,
            ..send_body(desk, now)
        };
        Self::post(Call::Connect, "send", &body)
    }

    /// Sends the message that carries a file.
    pub fn send_file(desk: &DeskSpec, chat: &Chat<'_>, now: Timestamp) -> Self {
        let body = SendBody {
            media_type: chat.media_type,
            content: chat.content,
            message_id: Some(chat.message_id),
            ..send_body(desk, now)
        };
        Self::post(Call::Send, "send", &body)
    }

    /// Asks for messages; the server holds the call until there is one, or for some seconds.
    pub fn poll(desk: &DeskSpec) -> Self {
        let user = query_value(&desk.user_id);
        Self {
            call: Call::Poll,
            method: Method::Get,
            path_and_query: format!("{}?receiverId={user}&channel={CHANNEL}", path("poll")),
            body: Bytes::new(),
            deadline: POLL_DEADLINE,
            reply_bytes_max: POLL_REPLY_BYTES_MAX,
        }
    }

    /// Asks how far the queue for an agent is.
    pub fn queue_info(desk: &DeskSpec) -> Self {
        let body = QueueInfoBody {
            user_id: &desk.user_id,
            channel_config_id: &desk.channel_id,
            channel: CHANNEL,
        };
        Self::post(Call::QueueInfo, "queryQueueInfo", &body)
    }

    /// Asks for `limit` earlier messages from the `offset`th on, of those since a moment.
    pub fn history(desk: &DeskSpec, offset: u64, limit: u64, since: Option<Timestamp>) -> Self {
        let body = HistoryBody {
            channel_id: &desk.channel_id,
            user_id: &desk.user_id,
            limit: limit.to_string(),
            offset: offset.to_string(),
            channel: CHANNEL,
            start_time: since.map(|since| since.0.to_string()),
        };
        Self {
            reply_bytes_max: POLL_REPLY_BYTES_MAX,
            ..Self::post(Call::History, "queryHistoryChatMessage", &body)
        }
    }

    /// Fetches a file of at most `max_file` bytes.
    pub fn download(args: &DownloadArgs, max_file: u64) -> Self {
        let body = DownloadBody {
            file_id: &args.file_id,
            channel: CHANNEL,
            file_type: &args.file_type,
            multi_media: args.from_library.then_some("multiMedia"),
        };
        let most = download_reply_bytes_max(max_file);
        Self {
            deadline: transfer_deadline(most),
            reply_bytes_max: usize::try_from(most).unwrap_or(usize::MAX),
            ..Self::post(Call::Download, "downloadFileStream", &body)
        }
    }

    fn post(call: Call, name: &str, body: &impl Serialize) -> Self {
        // Texts and numbers in plain structs are always written.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self {
            call,
            method: Method::Post,
            path_and_query: path(name),
            body: body.into(),
            deadline: CONTROL_DEADLINE,
            reply_bytes_max: CONTROL_REPLY_BYTES_MAX,
        }
    }

    /// The request with both tokens.
    pub fn request(&self, desk: &DeskSpec, bearer: &Secret, session: &Secret) -> Request {
        let mut headers = vec![
            (SESSION_HEADER.to_owned(), session.clone()),
            (APP_KEY.to_owned(), Secret::new(desk.app_key.as_str())),
            bearer_header(bearer),
        ];
        let body = if self.method == Method::Get {
            Body::Empty
        } else {
            headers.push(json_type());
            Body::Held(self.body.clone())
        };
        Request {
            peer: Peer::Api,
            method: self.method,
            url: Secret::new(format!("{}{}", desk.base_url, self.path_and_query)).into(),
            headers,
            body,
            deadline: self.deadline,
            reply_bytes_max: self.reply_bytes_max,
            allowed_hosts: Vec::new(),
        }
    }
}

/// The request of an upload; its body is made by [`super::upload::Parcel`], and made anew for each
/// repeat.
pub fn upload_request(desk: &DeskSpec, bearer: &Secret, session: &Secret, body: Body) -> Request {
    let len = match &body {
        Body::Empty => 0,
        Body::Held(bytes) => bytes.len() as u64,
        Body::Streamed { len, .. } => *len,
    };
    let call = DeskCall {
        deadline: transfer_deadline(len),
        ..DeskCall::post(Call::Upload, "uploadFileStream", &())
    };
    Request {
        body,
        ..call.request(desk, bearer, session)
    }
}

/// The longest answer to a download of a file of `max_file` bytes: Base64, an eighth of it for line
/// breaks and escapes, and an envelope.
pub fn download_reply_bytes_max(max_file: u64) -> u64 {
    let base64 = max_file.div_ceil(3).saturating_mul(4);
    base64
        .saturating_add(base64 / 8)
        .saturating_add(ENVELOPE_BYTES_MAX)
}

fn send_body(desk: &DeskSpec, now: Timestamp) -> SendBody<'_> {
    SendBody {
        channel: CHANNEL,
        control_type: "CHAT",
        media_type: "TEXT",
        content: "",
        from: &desk.user_id,
        to: &desk.channel_id,
        source_type: "CUSTOMER",
        sender_nickname: &desk.user_name,
        timestamp: now.0.to_string(),
        message_id: None,
    }
}

fn path(name: &str) -> String {
    format!("/apiaccess/ccmessaging/{name}")
}

pub(super) fn json_type() -> (String, Secret) {
    let value = Secret::new("application/json; charset=UTF-8");
    ("content-type".to_owned(), value)
}
