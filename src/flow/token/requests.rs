//! How tokens are asked for, and what the answers look like.

use std::time::Duration;

use serde::Deserialize;

use super::FetchedToken;
use crate::flow::wire::{self, Answer, Errcode, Text};
use crate::flow::{CONTROL_DEADLINE, json_content_type, query_value};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::folder::{Platform, TokenSource};
use crate::model::secret::Secret;
use crate::port::transport::{Body, Method, Peer, Reply, Request};

/// The longest token that is believed, and the longest output of a provider, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The query parameter a token of this source travels in (protocol notes 1.1).
pub fn query_name(source: &TokenSource) -> &'static str {
    match source {
        TokenSource::CloudbaseFile(_) => "cloudbase_access_token",
        _ => "access_token",
    }
}

#[derive(serde::Serialize)]
struct StableTokenRequest<'a> {
    grant_type: &'a str,
    appid: &'a str,
    secret: &'a str,
    /// Always false: the forced mode kills the token of everybody else (protocol notes 1.3).
    force_refresh: bool,
}

/// `POST /cgi-bin/stable_token` in its normal mode (protocol notes 1.3).
///
/// # Errors
/// The request cannot be written as JSON.
pub fn stable_token_request(
    base_url: &str,
    appid: &str,
    secret: &Secret,
) -> Result<Request, Fault> {
    let request = StableTokenRequest {
        grant_type: "client_credential",
        appid,
        secret: secret.expose(),
        force_refresh: false,
    };
    let url = format!("{base_url}/cgi-bin/stable_token");
    post(Secret::new(url), &request)
}

#[derive(serde::Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the names on the wire")]
struct ComponentTokenRequest<'a> {
    component_appid: &'a str,
    component_appsecret: &'a str,
    component_verify_ticket: &'a str,
}

/// `POST /cgi-bin/component/api_component_token` (protocol notes 1.4).
///
/// # Errors
/// The request cannot be written as JSON.
pub fn component_token_request(
    base_url: &str,
    platform: &Platform,
    ticket: &Secret,
) -> Result<Request, Fault> {
    let url = format!("{base_url}/cgi-bin/component/api_component_token");
    let request = ComponentTokenRequest {
        component_appid: &platform.appid,
        component_appsecret: platform.secret.expose(),
        component_verify_ticket: ticket.expose(),
    };
    post(Secret::new(url), &request)
}

#[derive(serde::Serialize)]
struct AuthorizerTokenRequest<'a> {
    component_appid: &'a str,
    authorizer_appid: &'a str,
    authorizer_refresh_token: &'a str,
}

/// `POST /cgi-bin/component/api_authorizer_token` (protocol notes 1.5).
///
/// # Errors
/// The request cannot be written as JSON.
pub fn authorizer_token_request(
    base_url: &str,
    platform: (&Platform, &Secret),
    appid: &str,
    refresh_token: &Secret,
) -> Result<Request, Fault> {
    let (platform, token) = platform;
    let url = format!(
        "{base_url}/cgi-bin/component/api_authorizer_token?component_access_token={}",
        query_value(token.expose())
    );
    let request = AuthorizerTokenRequest {
        component_appid: &platform.appid,
        authorizer_appid: appid,
        authorizer_refresh_token: refresh_token.expose(),
    };
    post(Secret::new(url), &request)
}

fn post(url: Secret, request: &impl serde::Serialize) -> Result<Request, Fault> {
    let body = serde_json::to_vec(request).map_err(|_| {
        Fault::new(
            Call::Token,
            Layer::Local,
            "io",
            "the request cannot be written",
        )
    })?;
    Ok(Request {
        method: Method::Post,
        headers: vec![json_content_type()],
        body: Body::Held(body.into()),
        ..get(url)
    })
}

/// `GET /cgi-bin/token` (protocol notes 1.2).
pub fn classic_token_request(base_url: &str, appid: &str, secret: &Secret) -> Request {
    get(Secret::new(format!(
        "{base_url}/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
        query_value(appid),
        query_value(secret.expose()),
    )))
}

/// GET of a token holder's own address.
pub fn url_token_request(url: &str, headers: &[(String, Secret)]) -> Request {
    Request {
        headers: headers.to_vec(),
        ..get(Secret::new(url))
    }
}

fn get(url: Secret) -> Request {
    Request {
        peer: Peer::Api,
        method: Method::Get,
        url: url.into(),
        headers: Vec::new(),
        body: Body::Empty,
        deadline: CONTROL_DEADLINE,
        reply_bytes_max: TOKEN_BYTES_MAX,
        allowed_hosts: Vec::new(),
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    errcode: Errcode,
    #[serde(default)]
    errmsg: Text,
    #[serde(
        default,
        alias = "component_access_token",
        alias = "authorizer_access_token"
    )]
    access_token: Text,
    #[serde(default)]
    expires_in: Text,
    #[serde(default)]
    authorizer_refresh_token: Text,
}

impl Answer for TokenAnswer {
    fn errcode(&self) -> i64 {
        self.errcode.0
    }
    fn errmsg(&self) -> &str {
        &self.errmsg.0
    }
}

/// Reads the answer of a token call: success is a token, not an errcode (protocol notes 0).
///
/// # Errors
/// An errcode, or `no-token`.
pub fn token_answer(reply: &Reply) -> Result<FetchedToken, Fault> {
    checked(&wire::read(Call::Token, reply)?)
}

/// Reads the answer of `api_authorizer_token`: the token, and the refresh token for the next time where
/// there is one.
///
/// # Errors
/// An errcode, or `no-token`.
pub fn authorizer_token_answer(reply: &Reply) -> Result<(FetchedToken, Option<Secret>), Fault> {
    let answer: TokenAnswer = wire::read(Call::Token, reply)?;
    let next = answer.authorizer_refresh_token.0.trim();
    let next = (!next.is_empty()).then(|| Secret::new(next));
    Ok((checked(&answer)?, next))
}

/// Whether a token call was refused for the platform's token that it was made with (protocol notes 1.8).
pub fn blames_platform_token(fault: &Fault) -> bool {
    fault.layer == Layer::Errcode && ["40001", "40014", "42001"].contains(&fault.code.as_str())
}

/// A secret that a file holds: one line.
///
/// # Errors
/// `no-token`.
pub fn secret_line(bytes: &[u8]) -> Result<Secret, Fault> {
    bare(bytes.trim_ascii(), None).map(|fetched| fetched.value)
}

/// Reads the answer of a token holder's address: a JSON object or the bare token.
///
/// # Errors
/// Another status than 200, an errcode, or `no-token`.
pub fn provider_token_reply(reply: &Reply) -> Result<FetchedToken, Fault> {
    match reply.body.trim_ascii_start().first() {
        Some(b'{') => token_answer(reply),
        _ if reply.status != 200 => Err(wire::http_fault(Call::Token, reply)),
        _ => provider_token(&reply.body),
    }
}

/// Reads what a program or a file gave: the bare token, or `{"access_token", "expires_in"}`.
///
/// # Errors
/// An errcode, or `no-token`.
pub fn provider_token(bytes: &[u8]) -> Result<FetchedToken, Fault> {
    let text = bytes.trim_ascii();
    if text.first() != Some(&b'{') {
        return bare(text, None);
    }
    let answer: TokenAnswer = wire::read_object(Call::Token, text)?;
    match answer.errcode() {
        0 => checked(&answer),
        code => Err(Fault::new(
            Call::Token,
            Layer::Errcode,
            code.to_string(),
            &crate::model::fault::plain_words(answer.errmsg()),
        )),
    }
}

fn checked(answer: &TokenAnswer) -> Result<FetchedToken, Fault> {
    let expires_in = match answer.expires_in.0.as_str() {
        "" => None,
        text => match text.parse::<u64>() {
            Ok(seconds @ 1..) => Some(Duration::from_secs(seconds)),
            _ => return Err(no_token("the token has already expired")),
        },
    };
    bare(answer.access_token.0.as_bytes(), expires_in)
}

fn bare(text: &[u8], expires_in: Option<Duration>) -> Result<FetchedToken, Fault> {
    if text.is_empty() {
        return Err(no_token("the answer has no token"));
    }
    if text.len() > TOKEN_BYTES_MAX || text.starts_with(b"<") {
        return Err(no_token("the answer is not a token"));
    }
    match std::str::from_utf8(text) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(FetchedToken {
            value: Secret::new(text),
            expires_in,
            recheck: None,
        }),
        _ => Err(no_token("the answer is not one word")),
    }
}

fn no_token(message: &str) -> Fault {
    Fault::new(Call::Token, Layer::Errcode, "no-token", message)
}
