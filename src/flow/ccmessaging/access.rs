//! The two tokens of every call: the gateway's (`tokenByAkSk`) and the session's (`applyToken`), and
//! the newer one that any answer may hand out (desk notes 1, 2).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::calls::{APP_KEY, json_type};
use super::wire::{self, NO_PAYLOAD, Scalar};
use crate::flow::CONTROL_DEADLINE;
use crate::flow::token::{FetchedToken, TOKEN_BYTES_MAX};
use crate::model::desk::DeskSpec;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::secret::Secret;
use crate::port::transport::{Body, Method, Peer, Reply, Request};

/// The header a session's token travels in, both ways.
pub const SESSION_HEADER: &str = "ccmessaging-token";
/// The lifetime that is asked of the gateway, in seconds: the longest it grants.
const GATEWAY_SECONDS: u64 = 3600;
/// How long a session's token lives …
const SESSION_LIFE: Duration = Duration::from_hours(1);
/// … and when it is replaced if no answer handed out a newer one.
const SESSION_RENEWAL: Duration = Duration::from_mins(50);

/// Which of the tokens a fault calls invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// None.
    Fine,
    /// The gateway's.
    Bearer,
    /// The session's.
    Session,
    /// One of them, without saying which.
    Either,
}

#[derive(Serialize)]
struct GatewayTokenRequest<'a> {
    app_key: &'a str,
    app_secret: &'a str,
}

#[derive(Deserialize)]
struct GatewayTokenAnswer {
    #[serde(default, rename = "AccessToken")]
    access_token: Scalar,
    #[serde(default, rename = "Expires")]
    expires: Scalar,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionTokenRequest<'a> {
    user_id: &'a str,
    user_name: &'a str,
    channel_id: &'a str,
    locale: &'a str,
}

#[derive(Deserialize)]
struct SessionTokenAnswer {
    #[serde(default)]
    token: Scalar,
}

/// `tokenByAkSk` (desk notes 1).
///
/// # Errors
/// The request cannot be written as JSON.
pub fn gateway_token_request(desk: &DeskSpec) -> Result<Request, Fault> {
    let body = GatewayTokenRequest {
        app_key: &desk.app_key,
        app_secret: desk.app_secret.expose(),
    };
    let lifetime = Secret::new(GATEWAY_SECONDS.to_string());
    let headers = vec![
        ("content-type".to_owned(), Secret::new("application/json")),
        ("x-token-expire".to_owned(), lifetime),
    ];
    post(Call::GatewayToken, desk.token_url.clone(), headers, &body)
}

/// `applyToken` (desk notes 2.1, 2.2).
///
/// # Errors
/// The request cannot be written as JSON.
pub fn session_token_request(desk: &DeskSpec, bearer: &Secret) -> Result<Request, Fault> {
    let body = SessionTokenRequest {
        user_id: &desk.user_id,
        user_name: &desk.user_name,
        channel_id: &desk.channel_id,
        locale: &desk.locale,
    };
    let headers = vec![
        json_type(),
        (APP_KEY.to_owned(), Secret::new(desk.app_key.as_str())),
        bearer_header(bearer),
    ];
    let url = format!("{}/apiaccess/ccmessaging/applyToken", desk.base_url);
    post(Call::SessionToken, url, headers, &body)
}

/// `Authorization: Bearer …`, with exactly one blank (desk notes 0).
pub(super) fn bearer_header(bearer: &Secret) -> (String, Secret) {
    let value = Secret::new(format!("Bearer {}", bearer.expose()));
    ("authorization".to_owned(), value)
}

fn post(
    call: Call,
    url: String,
    headers: Vec<(String, Secret)>,
    body: &impl Serialize,
) -> Result<Request, Fault> {
    let body = serde_json::to_vec(body)
        .map_err(|_| Fault::new(call, Layer::Local, "io", "the request cannot be written"))?;
    Ok(Request {
        peer: Peer::Api,
        method: Method::Post,
        url: Secret::new(url).into(),
        headers,
        body: Body::Held(body.into()),
        deadline: CONTROL_DEADLINE,
        reply_bytes_max: 4 * TOKEN_BYTES_MAX,
        allowed_hosts: Vec::new(),
    })
}

/// Reads the answer of `tokenByAkSk`. Its lifetime counts from now on our own clock, whatever the
/// server's says, and is used to four fifths (desk notes 1).
///
/// # Errors
/// The status, or `no-payload` where there is no token that can be sent.
pub fn gateway_token_answer(reply: &Reply) -> Result<FetchedToken, Fault> {
    let answer = wire::read::<GatewayTokenAnswer>(Call::GatewayToken, reply)?;
    let value = usable(Call::GatewayToken, answer.payload.access_token.text())?;
    let seconds = match answer.payload.expires.text().map(str::parse) {
        Some(Ok(seconds @ 1..)) => seconds,
        Some(_) => {
            return Err(no_token(
                Call::GatewayToken,
                "the token has already expired",
            ));
        }
        None => GATEWAY_SECONDS,
    };
    let lifetime = Duration::from_secs(seconds);
    Ok(FetchedToken {
        value,
        expires_in: Some(lifetime),
        recheck: Some(lifetime / 5 * 4),
    })
}

/// Reads the answer of `applyToken`: opaque but for the quotes that some servers leave around it (desk
/// notes 2.3).
///
/// # Errors
/// The status, the result code, or `no-payload`.
pub fn session_token_answer(reply: &Reply) -> Result<FetchedToken, Fault> {
    let answer = wire::read::<SessionTokenAnswer>(Call::SessionToken, reply)?;
    match answer.payload.token.text().map(unquoted) {
        None | Some("") => Err(answer.without_payload(Call::SessionToken)),
        token => usable(Call::SessionToken, token).map(session_token),
    }
}

/// The newer session token that an answer hands out, whatever its status (desk notes 2.4): to be given
/// to [`crate::flow::token::TokenState::rotated`].
pub fn rotated(headers: &[(String, String)]) -> Option<FetchedToken> {
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(SESSION_HEADER))?;
    let value = usable(Call::SessionToken, Some(unquoted(value.trim()))).ok()?;
    Some(session_token(value))
}

fn session_token(value: Secret) -> FetchedToken {
    FetchedToken {
        value,
        expires_in: Some(SESSION_LIFE),
        recheck: Some(SESSION_RENEWAL),
    }
}

/// One pair of quotes taken off.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// A token that can stand in a header.
fn usable(call: Call, token: Option<&str>) -> Result<Secret, Fault> {
    match token {
        None | Some("") => Err(no_token(call, "the answer has no token")),
        Some(text)
            if text.len() > TOKEN_BYTES_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Err(no_token(call, "the answer's token is not one word"))
        }
        Some(text) => Ok(Secret::new(text)),
    }
}

fn no_token(call: Call, message: &str) -> Fault {
    wire::result(call, NO_PAYLOAD, message)
}

/// Which token a fault calls invalid (desk notes 2.5). The code 401 in the body of a download never
/// does: it means the file.
pub fn access(fault: &Fault) -> Access {
    match (fault.layer, fault.code.as_str(), fault.call) {
        // A wrong key is no matter of age.
        (_, _, Call::GatewayToken) => Access::Fine,
        (Layer::Http, "401", Call::SessionToken) => Access::Bearer,
        (Layer::Http, "401", _) => Access::Either,
        (Layer::Http, "403", _) if speaks_of_token(&fault.message) => Access::Bearer,
        (Layer::Result, "160028" | "160030" | "160031", _)
        | (Layer::Result, "160029", Call::Send | Call::Connect)
        | (Layer::Result, "3", Call::QueueInfo)
        | (Layer::Result, "2", Call::Download) => Access::Session,
        _ => Access::Fine,
    }
}

fn speaks_of_token(message: &str) -> bool {
    message
        .to_ascii_lowercase()
        .contains("illegal or expired token")
}
