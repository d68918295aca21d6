//! `send` and `sendAsync`: what the customer says and does (protocol notes 6).

use serde_json::json;

use super::content::{self, Content};
use super::desk::{SentMessage, State};
use super::fields::{Fields, Wrong, is_number};
use super::gate::Visitor;
use super::message::uuid;
use super::options::{KeepAlive, MediaContent};
use super::reply::{Refusal, Reply};
use crate::emulator::exchange::Exchange;

const CONTROL_TYPES: [&str; 6] = [
    "CONNECT",
    "CHAT",
    "TRANS2AGENT",
    "INPUT",
    "DISCONNECT",
    "READ",
];
/// Fields that need not be there and have no rules but to be texts.
const FREE_FIELDS: [&str; 3] = ["senderNickname", "userAgent", "transData"];

/// A request that keeps the rules.
struct Sent<'a> {
    control_type: &'a str,
    media_type: &'a str,
    content: &'a str,
    message_id: Option<&'a str>,
}

/// Answers when it is done.
pub(super) fn send(
    exchange: &Exchange,
    visitor: &Visitor,
    fields: &Fields,
) -> Result<Reply, Refusal> {
    let sent = check(exchange, visitor, fields)?;
    let writing = exchange.cloud.desk.options.files.media_content;
    act(exchange, visitor, &sent, writing).map(Reply::done)
}

/// Answers that it will be done, whatever comes of it.
pub(super) fn send_later(
    exchange: &Exchange,
    visitor: &Visitor,
    fields: &Fields,
) -> Result<Reply, Refusal> {
    let sent = check(exchange, visitor, fields)?;
    let _nobody_is_told = act(exchange, visitor, &sent, MediaContent::WithType);
    Ok(Reply::done("send sendMessageForOpenApiAsync success."))
}

/// A request that breaks a rule; only a client that is wrong sends one.
fn bad(text: impl Into<String>) -> Refusal {
    Refusal::code("160000", text).breach()
}

/// The rules of protocol notes 6.1.
fn check<'a>(
    exchange: &Exchange,
    visitor: &Visitor,
    fields: &'a Fields,
) -> Result<Sent<'a>, Refusal> {
    let text = |name: &str| fields.text(name).map_err(|wrong| bad(wrong.about(name)));
    let optional = |name: &str| {
        fields
            .optional(name)
            .map_err(|wrong: Wrong| bad(wrong.about(name)))
    };
    if text("channel")? != "WEB" {
        return Err(bad("channel is not WEB"));
    }
    let control_type = text("controlType")?;
    if !CONTROL_TYPES.contains(&control_type) {
        return Err(bad("controlType is none that exists"));
    }
    let media_type = text("mediaType")?;
    if !content::MEDIA_TYPES.contains(&media_type) {
        return Err(bad("mediaType is none that exists"));
    }
    let from = text("from")?;
    if from.chars().count() > 24 {
        return Err(bad("from is longer than 24 characters"));
    }
    if from != visitor.user {
        return Err(Refusal::code("160009", "from is not the token's user").breach());
    }
    if text("to")? != exchange.cloud.desk.options.credentials.channel_id {
        return Err(bad("to is not the channel"));
    }
    if text("sourceType")? != "CUSTOMER" {
        return Err(bad("sourceType is not CUSTOMER"));
    }
    if optional("timestamp")?.is_some_and(|text| !is_number(text)) {
        return Err(bad("timestamp is no number of milliseconds"));
    }
    if optional("senderAvatar")?.is_some_and(|text| text.chars().count() > 1024) {
        return Err(bad("senderAvatar is longer than 1024 characters"));
    }
    for name in FREE_FIELDS {
        optional(name)?;
    }
    let message_id = optional("messageId")?;
    if message_id.is_some_and(|id| id.chars().count() > 32 || id.contains(',')) {
        return Err(bad("messageId is longer than 32 characters or has a comma"));
    }
    Ok(Sent {
        control_type,
        media_type,
        content: optional("content")?.unwrap_or_default(),
        message_id,
    })
}

/// Does what is asked; gives the text of success.
fn act(
    exchange: &Exchange,
    visitor: &Visitor,
    sent: &Sent<'_>,
    writing: MediaContent,
) -> Result<&'static str, Refusal> {
    let desk = &exchange.cloud.desk;
    let now_ms = exchange.cloud.clock.now_ms();
    let rules = &desk.options.session;
    let mut state = desk.state();
    let is_open = state.is_open;
    let is_repeat = desk.settled(&mut state, &visitor.user, now_ms, |user| {
        user.keep_alive(rules, KeepAlive::Send, now_ms);
        let id = sent.message_id;
        id.is_some_and(|id| user.message_ids.contains(id))
    });
    if is_repeat && desk.options.drop_repeats {
        return Ok("sendUserMessage successfully.");
    }
    let text = desk.settled(&mut state, &visitor.user, now_ms, |user| {
        match sent.control_type {
            "CONNECT" => user.connect(rules, is_open, now_ms),
            "TRANS2AGENT" => user.transfer(rules, is_open, now_ms),
            "DISCONNECT" => user.leave(),
            _ => user.chat(),
        }
    })?;
    let object_key = match sent.control_type {
        "CHAT" => content_of(&state, visitor, sent, writing)?,
        _ => None,
    };
    record(exchange, visitor, sent, &mut state, object_key);
    // A poll that is held has to notice that the session is over.
    desk.news.notify_waiters();
    Ok(text)
}

/// The uploaded file that a message names, if it names one; what it says must be true of it.
fn content_of(
    state: &State,
    visitor: &Visitor,
    sent: &Sent<'_>,
    writing: MediaContent,
) -> Result<Option<String>, Refusal> {
    match content::read(sent.media_type, sent.content, writing)? {
        Content::Words => Ok(None),
        Content::File(file) => {
            let uploaded = state
                .uploads
                .iter()
                .find(|uploaded| uploaded.object_key == file.object_key)
                .filter(|uploaded| uploaded.user == visitor.user)
                .ok_or_else(|| {
                    Refusal::code("13", "sendUserMessage failed: objectKey was never uploaded")
                        .breach()
                })?;
            content::compare(sent.media_type, &file, uploaded)?;
            Ok(Some(file.object_key.to_owned()))
        }
    }
}

fn record(
    exchange: &Exchange,
    visitor: &Visitor,
    sent: &Sent<'_>,
    state: &mut State,
    object_key: Option<String>,
) {
    let desk = &exchange.cloud.desk;
    let now_ms = exchange.cloud.clock.now_ms();
    let mut past = json!({
        "channel": "WEB",
        "from": visitor.user,
        "to": desk.options.credentials.channel_id,
        "controlType": sent.control_type,
        "sourceType": "CUSTOMER",
        "mediaType": sent.media_type,
        "content": sent.content,
        "messageCode": uuid(),
        "timestamp": now_ms,
    });
    if desk.options.history.has_message_ids {
        past["messageId"] = json!(sent.message_id);
    }
    let user = state.users.entry(visitor.user.clone()).or_default();
    user.message_ids.extend(sent.message_id.map(str::to_owned));
    if sent.control_type == "CHAT" {
        user.history.push((now_ms, past));
    }
    state.sent.push(SentMessage {
        user: visitor.user.clone(),
        control_type: sent.control_type.to_owned(),
        media_type: sent.media_type.to_owned(),
        content: sent.content.to_owned(),
        message_id: sent.message_id.map(str::to_owned),
        object_key,
        taken_at_ms: now_ms,
    });
}
