//! The token calls (protocol notes 1.2 to 1.4), and a stand-in for a platform's token holder.

use axum::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Fields, Refusal, check_token, fields};
use super::exchange::Exchange;
use super::tokens::{Issued, Kind};

/// `GET /cgi-bin/token`.
pub(super) fn classic(exchange: &Exchange) -> Result<Value, Refusal> {
    if exchange.head.method != Method::GET {
        return Err(Refusal::new(40066, "invalid url: this call is a GET"));
    }
    let parameter = |name: &str| exchange.parameter(name).unwrap_or_default();
    check_app(
        exchange,
        &parameter("grant_type"),
        &parameter("appid"),
        &parameter("secret"),
    )?;
    let now_ms = exchange.cloud.clock.now_ms();
    Ok(reply(
        "access_token",
        &exchange.cloud.tokens().classic(now_ms),
    ))
}

/// `POST /cgi-bin/stable_token`.
pub(super) fn stable(exchange: &Exchange, body: &Bytes) -> Result<Value, Refusal> {
    let fields = fields(exchange, body)?;
    check_app(
        exchange,
        given(&fields, "grant_type"),
        given(&fields, "appid"),
        given(&fields, "secret"),
    )?;
    let forced = match fields.get("force_refresh") {
        None => false,
        Some(Value::Bool(forced)) => *forced,
        Some(_) => return Err(Refusal::new(40097, "invalid parameter: force_refresh")),
    };
    let now_ms = exchange.cloud.clock.now_ms();
    let mut tokens = exchange.cloud.tokens();
    let issued = if forced {
        tokens.stable_forced(now_ms)
    } else {
        tokens.stable(now_ms)
    };
    Ok(reply("access_token", &issued))
}

/// `POST /cgi-bin/component/api_component_token`.
pub(super) fn component(exchange: &Exchange, body: &Bytes) -> Result<Value, Refusal> {
    let fields = fields(exchange, body)?;
    let known = &exchange.cloud.options.tokens.credentials;
    match given(&fields, "component_appid") {
        "" => return Err(Refusal::new(41018, "component_appid missing")),
        appid if appid != known.component_appid => {
            return Err(Refusal::new(40013, "invalid appid"));
        }
        _ => {}
    }
    match given(&fields, "component_appsecret") {
        "" => return Err(Refusal::new(41004, "appsecret missing")),
        secret if secret != known.component_secret => {
            return Err(Refusal::new(40125, "invalid appsecret"));
        }
        _ => {}
    }
    if given(&fields, "component_verify_ticket") != known.ticket {
        return Err(Refusal::new(61006, "component ticket is invalid"));
    }
    let now_ms = exchange.cloud.clock.now_ms();
    let issued = exchange.cloud.tokens().component(now_ms);
    Ok(reply("component_access_token", &issued))
}

/// `POST /cgi-bin/component/api_authorizer_token`.
pub(super) fn authorizer(exchange: &Exchange, body: &Bytes) -> Result<Value, Refusal> {
    let known = &exchange.cloud.options.tokens.credentials;
    check_token(
        exchange,
        exchange.parameter("component_access_token"),
        Kind::Component,
    )?;
    let fields = fields(exchange, body)?;
    match given(&fields, "component_appid") {
        "" => return Err(Refusal::new(41018, "component_appid missing")),
        appid if appid != known.component_appid => {
            return Err(Refusal::new(61011, "invalid component"));
        }
        _ => {}
    }
    if given(&fields, "authorizer_appid") != known.authorizer_appid {
        return Err(Refusal::new(
            61003,
            "component is not authorized by this account",
        ));
    }
    let refresh_token = given(&fields, "authorizer_refresh_token");
    let next = known.next_refresh_token.as_deref();
    if refresh_token != known.refresh_token && Some(refresh_token) != next {
        return Err(Refusal::new(61023, "refresh_token is invalid"));
    }
    let now_ms = exchange.cloud.clock.now_ms();
    let issued = exchange.cloud.tokens().authorizer(now_ms);
    let mut reply = reply("authorizer_access_token", &issued);
    let next = next.unwrap_or(&known.refresh_token);
    reply["authorizer_refresh_token"] = json!(next);
    Ok(reply)
}

/// `GET /token`: what an operator's own holder of the platform's token would answer. Not WeChat's.
pub(super) fn held(exchange: &Exchange) -> Value {
    let now_ms = exchange.cloud.clock.now_ms();
    let issued = exchange.cloud.tokens().held_component(now_ms);
    reply("access_token", &issued)
}

fn check_app(exchange: &Exchange, grant: &str, appid: &str, secret: &str) -> Result<(), Refusal> {
    let known = &exchange.cloud.options.tokens.credentials;
    if grant != "client_credential" {
        return Err(Refusal::new(40002, "invalid grant_type"));
    }
    if appid.is_empty() {
        return Err(Refusal::new(41002, "appid missing"));
    }
    if secret.is_empty() {
        return Err(Refusal::new(41004, "appsecret missing"));
    }
    if appid == known.component_appid {
        return Err(Refusal::new(
            61024,
            "must use api_component_token for this appid",
        ));
    }
    if appid != known.appid {
        return Err(Refusal::new(40013, "invalid appid"));
    }
    if secret != known.secret {
        return Err(Refusal::new(40125, "invalid appsecret"));
    }
    Ok(())
}

fn given<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Without an errcode, as the token calls answer (protocol notes 0).
fn reply(name: &str, issued: &Issued) -> Value {
    json!({ name: issued.text, "expires_in": issued.expires_in_seconds })
}
