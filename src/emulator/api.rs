//! The API host: what holds for every call, and which file plays which path.
//!
//! Refusals are errcodes in a reply with HTTP status 200 (protocol notes 0).

use axum::http::{Method, header};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::{Answer, text_reply};
use super::exchange::Exchange;
use super::faults::Call;
use super::tokens::{Kind, Standing, TOKEN_MARK};
use super::{cloud_storage, static_website, token_calls};

/// A request of the API is never this long.
const BODY_BYTES_MAX: usize = 64 * 1024;
const JSON: &str = "application/json; encoding=utf-8";

/// Why a call was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) errcode: i64,
    pub(super) errmsg: String,
}

impl Refusal {
    pub(super) fn new(errcode: i64, errmsg: impl Into<String>) -> Self {
        Self {
            errcode,
            errmsg: errmsg.into(),
        }
    }
}

/// The fields of a request.
pub(super) type Fields = Map<String, Value>;

/// Which call a path is.
pub(super) fn call_of(path: &str) -> Call {
    match path {
        "/cgi-bin/token"
        | "/cgi-bin/stable_token"
        | "/cgi-bin/component/api_component_token"
        | "/cgi-bin/component/api_authorizer_token"
        | "/token" => Call::Token,
        "/componenttcb/staticuploadfile" | "/tcb/uploadfile" | "/componenttcb/uploadfile" => {
            Call::Link
        }
        "/componenttcb/staticfilelist" => Call::List,
        "/componenttcb/describestaticstore" => Call::Describe,
        _ => Call::Any,
    }
}

/// Answers a call.
pub(super) async fn answer(exchange: &mut Exchange) -> Answer {
    let Some(body) = exchange.whole_body(BODY_BYTES_MAX).await else {
        return Answer::Cut;
    };
    exchange.key = named_key(&body);
    report_breaches(exchange, &body);
    exchange.strike().await;
    if exchange.effect.cut_request_at.is_some() {
        return Answer::Cut;
    }
    if let Some(answer) = exchange.common_fault().or_else(|| scripted(exchange)) {
        return answer;
    }
    let answer = match perform(exchange, &body) {
        Ok(value) => Answer::success(text_reply(200, JSON, value.to_string())),
        Err(refusal) => refused(exchange, 200, &refusal),
    };
    answer.dropped_if(exchange.effect.commit_then_drop)
}

fn perform(exchange: &Exchange, body: &Bytes) -> Result<Value, Refusal> {
    match exchange.head.uri.path() {
        "/cgi-bin/token" => token_calls::classic(exchange),
        "/cgi-bin/stable_token" => token_calls::stable(exchange, body),
        "/cgi-bin/component/api_component_token" => token_calls::component(exchange, body),
        "/cgi-bin/component/api_authorizer_token" => token_calls::authorizer(exchange, body),
        "/token" => Ok(token_calls::held(exchange)),
        "/componenttcb/staticuploadfile" => static_website::upload_link(exchange, body),
        "/tcb/uploadfile" => cloud_storage::upload_link(exchange, body, Kind::App),
        "/componenttcb/uploadfile" => cloud_storage::upload_link(exchange, body, Kind::Component),
        "/componenttcb/staticfilelist" => static_website::list(exchange, body),
        "/componenttcb/describestaticstore" => static_website::describe(exchange, body),
        _ => Err(Refusal::new(40066, "invalid url")),
    }
}

/// The fields of a POST, if it is one and its body is as the API wants it.
pub(super) fn fields(exchange: &Exchange, body: &Bytes) -> Result<Fields, Refusal> {
    if exchange.head.method != Method::POST {
        return Err(Refusal::new(43002, "require POST method"));
    }
    if body.is_empty() {
        return Err(Refusal::new(44002, "empty post data"));
    }
    if has_unicode_escape(body) {
        return Err(Refusal::new(
            40033,
            "invalid charset: \\u escapes are not accepted",
        ));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::new(47001, "data format error")),
    }
}

/// The same for a call that wants a token of this kind in its query.
pub(super) fn authorised_fields(
    exchange: &Exchange,
    body: &Bytes,
    wanted: Kind,
) -> Result<Fields, Refusal> {
    if exchange.head.method != Method::POST {
        return Err(Refusal::new(43002, "require POST method"));
    }
    check_token(exchange, exchange.parameter("access_token"), wanted)?;
    fields(exchange, body)
}

/// A text that must be there.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) | None => {
            Err(Refusal::new(40101, format!("missing parameter: {name}")))
        }
        Some(_) => Err(Refusal::new(40097, format!("invalid parameter: {name}"))),
    }
}

/// A text that may be left out.
pub(super) fn optional_text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Refusal::new(40097, format!("invalid parameter: {name}"))),
    }
}

/// Whether a token from the query is good for a call that wants this kind.
pub(super) fn check_token(
    exchange: &Exchange,
    token: Option<String>,
    wanted: Kind,
) -> Result<(), Refusal> {
    let options = &exchange.cloud.options.tokens;
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Err(Refusal::new(41001, "access_token missing"));
    };
    let now_ms = exchange.cloud.clock.now_ms();
    let standing = exchange.cloud.tokens().standing(&token, now_ms);
    match standing {
        Standing::Valid(kind) if kind == wanted => Ok(()),
        // An account's own token and the one that its platform got for it open the same doors.
        Standing::Valid(Kind::Authorizer) if wanted == Kind::App => Ok(()),
        Standing::Valid(Kind::App) if options.accept_app_token => Ok(()),
        Standing::Valid(kind) => Err(Refusal::new(
            options.wrong_kind_errcode,
            format!("access_token is {}, not {}", kind.words(), wanted.words()),
        )),
        Standing::Expired => Err(Refusal::new(42001, "access_token expired")),
        Standing::Superseded => Err(Refusal::new(
            40001,
            "invalid credential, access_token is invalid or not latest",
        )),
        Standing::Unknown => Err(Refusal::new(40014, "invalid access_token")),
    }
}

/// The answer that a fault puts in place of the real one.
fn scripted(exchange: &Exchange) -> Option<Answer> {
    let effect = &exchange.effect;
    let refusal = Refusal {
        errcode: effect.errcode?,
        errmsg: effect
            .errmsg
            .clone()
            .unwrap_or_else(|| "emulated fault".to_owned()),
    };
    Some(refused(exchange, effect.status.unwrap_or(200), &refusal))
}

fn refused(exchange: &Exchange, status: u16, refusal: &Refusal) -> Answer {
    let errmsg = format!("{} rid: {}", refusal.errmsg, exchange.cloud.request_id());
    let body = json!({ "errcode": refusal.errcode, "errmsg": errmsg });
    let reply = text_reply(status, JSON, body.to_string());
    Answer::refusal(reply, refusal.errcode.to_string())
}

/// What a client should never do, whatever the answer is.
fn report_breaches(exchange: &Exchange, body: &Bytes) {
    if String::from_utf8_lossy(body).contains(TOKEN_MARK) {
        exchange.violate("a token is in the body; it belongs in the query");
    }
    let mut values = exchange.head.headers.values();
    if values.any(|value| String::from_utf8_lossy(value.as_bytes()).contains(TOKEN_MARK)) {
        exchange.violate("a token is in a header; it belongs in the query");
    }
    if exchange.head.method == Method::POST && !body.is_empty() {
        let kind = exchange
            .header(header::CONTENT_TYPE.as_str())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            exchange.violate("the Content-Type of a JSON body is not application/json");
        }
    }
}

fn named_key(body: &Bytes) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let key = value.get("filename").or_else(|| value.get("path"))?;
    key.as_str().map(str::to_owned)
}

/// Whether a JSON text writes a letter as `\uXXXX`.
fn has_unicode_escape(body: &[u8]) -> bool {
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' && bytes.next() == Some(&b'u') {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_unicode_escapes_are_found() {
        assert!(has_unicode_escape(br#"{"a":"\u4e2d"}"#));
        assert!(has_unicode_escape(br#"{"a":"\\\u4e2d"}"#));
        assert!(!has_unicode_escape(br#"{"a":"\\u4e2d"}"#));
        assert!(!has_unicode_escape("{\"a\":\"中\\n\"}".as_bytes()));
    }
}
