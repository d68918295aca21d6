//! Huawei's `ccmessaging`: a contact-centre desk, seen by its customers (protocol-ccmessaging.md).
//!
//! This file says which call is which and what holds for all of them. Numbers such as "protocol
//! notes 3.4" in this folder are sections of that page.

mod base64_stream;
mod content;
mod control;
mod control_http;
mod desk;
mod fields;
mod files;
mod gate;
mod look_ups;
mod mailbox;
mod message;
mod options;
mod poll;
mod reply;
mod scripted;
mod send;
mod token_calls;
mod tokens;
mod user;

pub use control::{AgentFile, DeskControl, FilePlace, MessageCode, PutFile};
pub use desk::{SentMessage, UploadedObject};
pub use message::HangUp;
pub use options::{
    Base64Form, Delivery, DeskCredentials, DeskDialect, DeskFileOptions, DeskHistoryOptions,
    DeskOptions, DeskPollOptions, DeskSessionOptions, DeskTokenOptions, ExpiredClient, FileIds,
    FileTypes, KeepAlive, MediaContent, Nulls, Queueing, Reception,
};
pub use user::Phase;

pub(super) use control_http::{answer as control, plays as is_control};
pub(super) use desk::Desk;

use std::sync::Arc;

use axum::http::{HeaderValue, Method};
use bytes::{Bytes, BytesMut};

use self::base64_stream::padded_length;
use self::fields::Fields;
use self::gate::{Visitor, admit, check_gateway, report_breaches};
use self::reply::{Refusal, Reply};
use super::answer::Answer;
use super::exchange::{Exchange, Piece};
use super::faults::Call;

/// A request without a file in it is never this long.
const BODY_BYTES_MAX: u64 = 64 * 1024;
/// Room for the other fields of an upload, and for files a little too large to be told so in the
/// upload's own words.
const UPLOAD_ROOM_BYTES: u64 = 1024 * 1024;
/// Where business calls are.
const BUSINESS: &str = "/apiaccess/ccmessaging/";

/// Whether a path is the desk's.
pub(super) fn plays(path: &str) -> bool {
    path.starts_with("/apigovernance/") || path.starts_with("/apiaccess/")
}

/// Which call a path is.
pub(super) fn call_of(path: &str) -> Call {
    if path == "/apigovernance/api/oauth/tokenByAkSk" {
        return Call::DeskLogin;
    }
    match path.strip_prefix(BUSINESS).unwrap_or_default() {
        "applyToken" => Call::DeskApply,
        "send" | "sendAsync" => Call::DeskSend,
        "poll" => Call::DeskPoll,
        "downloadFileStream" => Call::DeskDownload,
        "uploadFileStream" => Call::DeskUpload,
        "queryQueueInfo" => Call::DeskQueue,
        "queryHistoryChatMessage" => Call::DeskHistory,
        _ => Call::Any,
    }
}

/// Answers a call.
pub(super) async fn answer(exchange: &mut Exchange) -> Answer {
    let cloud = Arc::clone(&exchange.cloud);
    let dialect = &cloud.desk.options.dialect;
    let body = match whole_body(exchange).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    exchange.key = named_key(exchange.call, &body);
    report_breaches(exchange, &body);
    exchange.strike().await;
    cloud.desk.until_answering().await;
    if exchange.effect.cut_request_at.is_some() {
        return Answer::Cut;
    }
    if let Some(answer) = exchange.common_fault() {
        return answer;
    }
    let visitor = match exchange.call {
        Call::DeskLogin | Call::DeskApply | Call::Any => None,
        _ => Some(admit(exchange)),
    };
    let token = match &visitor {
        Some(Ok(visitor)) => Some(visitor.token.clone()),
        _ => None,
    };
    let answer = match scripted::answer(exchange) {
        Some(answer) => answer,
        None => match perform(exchange, visitor, &body).await {
            Ok(reply) => reply.into_answer(dialect, exchange.call),
            Err(refusal) => {
                if let Some(what) = refusal.violation() {
                    exchange.violate(what);
                }
                refusal.into_answer(dialect, exchange.call)
            }
        },
    };
    let answer = match token {
        Some(token) => rotated(exchange, &token, answer),
        None => answer,
    };
    answer.dropped_if(exchange.effect.commit_then_drop)
}

async fn perform(
    exchange: &mut Exchange,
    visitor: Option<Result<Visitor, Refusal>>,
    body: &Bytes,
) -> Result<Reply, Refusal> {
    let wanted = match exchange.call {
        Call::Any => return Err(Refusal::gateway(404, "no such path").breach()),
        Call::DeskPoll => Method::GET,
        _ => Method::POST,
    };
    if exchange.head.method != wanted {
        return Err(Refusal::gateway(400, format!("this call is a {wanted}")).breach());
    }
    if exchange.call == Call::DeskApply {
        check_gateway(exchange)?;
    }
    let fields = || {
        Fields::parse(body)
            .ok_or_else(|| Refusal::gateway(400, "the body is no JSON object").breach())
    };
    let Some(visitor) = visitor else {
        return match exchange.call {
            Call::DeskLogin => token_calls::log_in(exchange, &fields()?),
            _ => token_calls::apply(exchange, &fields()?),
        };
    };
    let visitor = visitor?;
    match exchange.call {
        Call::DeskPoll => poll::poll(exchange, &visitor).await,
        Call::DeskDownload => files::download(exchange, &fields()?),
        Call::DeskUpload => files::upload(exchange, &visitor, body),
        Call::DeskQueue => look_ups::queue(exchange, &visitor, &fields()?),
        Call::DeskHistory => look_ups::history(exchange, &visitor, &fields()?),
        _ if exchange.head.uri.path().ends_with("sendAsync") => {
            send::send_later(exchange, &visitor, &fields()?)
        }
        _ => send::send(exchange, &visitor, &fields()?),
    }
}

/// The answer with a new client token in its head, if there is one now (protocol notes 2.4).
fn rotated(exchange: &Exchange, token: &str, mut answer: Answer) -> Answer {
    let now_ms = exchange.cloud.clock.now_ms();
    let is_forced = exchange.effect.rotate_token;
    let fresh = exchange.cloud.desk.rotation(token, is_forced, now_ms);
    let fresh = fresh.and_then(|fresh| HeaderValue::from_str(&fresh).ok());
    if let (Some(fresh), Answer::Reply { response, .. }) = (fresh, &mut answer) {
        response.headers_mut().insert("ccmessaging-token", fresh);
    }
    answer
}

/// The body; without it, how the request ends.
async fn whole_body(exchange: &mut Exchange) -> Result<Bytes, Answer> {
    let files = &exchange.cloud.desk.options.files;
    let most = match exchange.call {
        Call::DeskUpload => {
            let largest = files.upload_bytes_max.max(files.video_bytes_max);
            padded_length(largest) + UPLOAD_ROOM_BYTES
        }
        _ => BODY_BYTES_MAX,
    };
    let mut body = BytesMut::new();
    loop {
        match exchange.piece().await {
            Piece::More(bytes) => body.extend_from_slice(&bytes),
            Piece::End => return Ok(body.freeze()),
            Piece::Broken => return Err(Answer::Cut),
        }
        if body.len() as u64 > most {
            drop(body);
            exchange.drain().await;
            let refusal = Refusal::gateway(413, "the request is too large");
            let dialect = &exchange.cloud.desk.options.dialect;
            return Err(refusal.into_answer(dialect, exchange.call));
        }
    }
}

/// What a call is about, for faults and the log: the kind of a message, the id of a file.
fn named_key(call: Call, body: &Bytes) -> Option<String> {
    let name = match call {
        Call::DeskSend => "controlType",
        Call::DeskDownload => "fileId",
        _ => return None,
    };
    let fields = Fields::parse(body)?;
    fields.optional(name).ok()?.map(str::to_owned)
}
