//! Who may come in: both tokens, the app key, and what a client should never do with them
//! (protocol notes 0, 2.4 and 2.5).

use axum::http::{Method, header};
use bytes::Bytes;

use super::options::ExpiredClient;
use super::reply::Refusal;
use crate::emulator::exchange::Exchange;
use crate::emulator::faults::Call;
use crate::emulator::tokens::TOKEN_MARK;

/// The gateway's words for an access token that is unknown or expired.
const AUTH_FAIL: &str = "auth fail! illegal or expired token info. please apply or refresh the access \
                         token from the server!";

/// Somebody who was let in.
#[derive(Debug)]
pub(super) struct Visitor {
    /// The user behind the client token.
    pub(super) user: String,
    /// The client token.
    pub(super) token: String,
}

/// The gateway's part: the app key and the access token.
pub(super) fn check_gateway(exchange: &Exchange) -> Result<(), Refusal> {
    let refused = |text: &str| Refusal::gateway(401, text).breach();
    let options = &exchange.cloud.desk.options;
    let Some(authorization) = exchange.header("authorization") else {
        return Err(refused("Authorization is missing"));
    };
    let token = authorization
        .strip_prefix("Bearer ")
        .filter(|token| !token.is_empty() && !token.contains(char::is_whitespace))
        .ok_or_else(|| refused("Authorization is not \"Bearer\", one blank and a token"))?;
    match exchange.header("x-app-key") {
        None => return Err(refused("x-app-key is missing")),
        Some(key) if key != options.credentials.app_key => {
            return Err(refused("x-app-key is unknown"));
        }
        Some(_) => {}
    }
    let now_ms = exchange.cloud.clock.now_ms();
    let is_valid = exchange
        .cloud
        .desk
        .state()
        .tokens
        .is_access_valid(token, now_ms);
    if is_valid {
        Ok(())
    } else {
        let status = options.tokens.expired_access_status;
        Err(Refusal::gateway(status, AUTH_FAIL))
    }
}

/// Both parts: who comes, or why he may not.
pub(super) fn admit(exchange: &Exchange) -> Result<Visitor, Refusal> {
    check_gateway(exchange)?;
    let desk = &exchange.cloud.desk;
    let Some(token) = exchange.header("ccmessaging-token") else {
        return Err(Refusal::gateway(401, "ccmessaging-token is missing").breach());
    };
    let now_ms = exchange.cloud.clock.now_ms();
    if let Some(user) = desk.visitor(token, now_ms) {
        return Ok(Visitor {
            user,
            token: token.to_owned(),
        });
    }
    Err(match (desk.options.tokens.expired_client, exchange.call) {
        (ExpiredClient::Status, _) => Refusal::gateway(401, "illegal ccmessaging-token"),
        (ExpiredClient::Code, Call::DeskQueue) => Refusal::code("3", "token error"),
        (ExpiredClient::Code, _) => Refusal::code("160028", "token error"),
    })
}

/// What a client should never do, whatever the answer is.
pub(super) fn report_breaches(exchange: &Exchange, body: &Bytes) {
    let holds = |bytes: &[u8], text: &str| {
        let text = text.as_bytes();
        !text.is_empty() && bytes.windows(text.len()).any(|window| window == text)
    };
    let query = exchange.head.uri.query().unwrap_or_default();
    // A file may hold anything.
    let has_file = exchange.call == Call::DeskUpload;
    if holds(query.as_bytes(), TOKEN_MARK) || !has_file && holds(body, TOKEN_MARK) {
        exchange.violate("a token is in the query or the body; it belongs in a header");
    }
    let secret = &exchange.cloud.desk.options.credentials.app_secret;
    let has_secret = !has_file && exchange.call != Call::DeskLogin && holds(body, secret);
    let mut values = exchange.head.headers.values();
    if has_secret || values.any(|value| holds(value.as_bytes(), secret)) {
        exchange.violate("the app secret is sent where it does not belong");
    }
    if exchange.head.method == Method::GET && !body.is_empty() {
        exchange.violate("a GET with a body");
    }
    if exchange.head.method == Method::POST {
        let kind = exchange
            .header(header::CONTENT_TYPE.as_str())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            exchange.violate("the Content-Type of a JSON body is not application/json");
        }
    }
}
