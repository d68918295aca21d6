//! Answers that a fault puts in place of the real one.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;

use super::reply::{self, Reply, json_response};
use crate::emulator::answer::Answer;
use crate::emulator::exchange::Exchange;
use crate::emulator::faults::Call;

const PIECE_BYTES: u64 = 64 * 1024;

/// The answer, if a fault wants one.
pub(super) fn answer(exchange: &Exchange) -> Option<Answer> {
    let effect = &exchange.effect;
    let dialect = &exchange.cloud.desk.options.dialect;
    if let Some(errcode) = effect.errcode {
        let text = effect.errmsg.as_deref().unwrap_or("emulated fault");
        let coded = (errcode.to_string(), text);
        let coded = (coded.0.as_str(), coded.1);
        return Some(reply::scripted(
            dialect,
            exchange.call,
            effect.status,
            coded,
        ));
    }
    if let Some(bytes) = effect.huge_answer {
        return Some(huge(exchange.call, bytes));
    }
    effect
        .empty_answer
        .then(|| empty(exchange).into_answer(dialect, exchange.call))
}

/// Success without what was asked for.
fn empty(exchange: &Exchange) -> Reply {
    let dialect = &exchange.cloud.desk.options.dialect;
    let list = |name| Reply::Coded {
        code: "0",
        text: None,
        fields: dialect.list(name, Vec::new()),
    };
    match exchange.call {
        Call::DeskPoll => list("downlinkMessages"),
        Call::DeskHistory => list("messageList"),
        Call::DeskApply => Reply::with(json!({ "token": "" })),
        Call::DeskDownload | Call::DeskUpload => Reply::with(json!({})),
        _ => Reply::Plain(reply::Fields::new()),
    }
}

/// Success with so many letters where a reasonable text belongs.
fn huge(call: Call, bytes: u64) -> Answer {
    let name = match call {
        Call::DeskLogin => "AccessToken",
        Call::DeskApply => "token",
        Call::DeskUpload => "objectKey",
        Call::DeskDownload => "fileStream",
        _ => "resultDesc",
    };
    let head = format!("{{\"resultCode\":\"0\",\"returnCode\":\"0\",\"{name}\":\"");
    let length = head.len() as u64 + bytes + 2;
    let piece = Bytes::from(vec![b'A'; usize::try_from(PIECE_BYTES).unwrap_or(0)]);
    let mut left = bytes;
    let middle = std::iter::from_fn(move || {
        let count = left.min(PIECE_BYTES);
        left -= count;
        let count = usize::try_from(count).ok().filter(|count| *count > 0)?;
        Some(piece.slice(..count))
    });
    let pieces = std::iter::once(Bytes::from(head))
        .chain(middle)
        .chain(std::iter::once(Bytes::from_static(b"\"}")));
    let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>)));
    let mut response = json_response(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Answer::success(response)
}
