//! `tokenByAkSk` (protocol notes 1) and `applyToken` (protocol notes 2).

use std::time::Duration;

use serde_json::json;

use super::desk::after;
use super::fields::{Fields, Wrong, is_number};
use super::reply::{Refusal, Reply, into_fields};
use crate::emulator::exchange::Exchange;

/// The lifetime in seconds where the client wishes for none.
const LIFETIME_SECONDS: u64 = 600;

/// A new access token. It has no code, and its refusals are the gateway's.
pub(super) fn log_in(exchange: &Exchange, fields: &Fields) -> Result<Reply, Refusal> {
    let options = &exchange.cloud.desk.options;
    let known = &options.credentials;
    for (name, wanted) in [
        ("app_key", &known.app_key),
        ("app_secret", &known.app_secret),
    ] {
        let given = fields
            .text(name)
            .map_err(|wrong| Refusal::gateway(400, wrong.about(name)).breach())?;
        if given != wanted {
            return Err(Refusal::gateway(
                401,
                "auth fail! wrong app_key or app_secret",
            ));
        }
    }
    let wish = exchange.header("x-token-expire");
    let seconds = match wish {
        None => LIFETIME_SECONDS,
        Some(wish) if is_number(wish) => wish.parse().unwrap_or(u64::MAX),
        Some(_) => return Err(Refusal::gateway(400, "X-Token-Expire is no number").breach()),
    };
    let longest = options.tokens.access_lifetime_max.as_secs();
    if seconds > longest {
        exchange.violate("X-Token-Expire is above the maximum");
    }
    let seconds = seconds.min(longest);
    let now_ms = exchange.cloud.clock.now_ms();
    let expires_ms = after(now_ms, Duration::from_secs(seconds));
    let token = exchange.cloud.desk.state().tokens.mint_access(expires_ms);
    let dialect = &options.dialect;
    Ok(Reply::Plain(into_fields(json!({
        "AccessToken": token,
        "ApplyType": "Bearer",
        "CreateTime": dialect.number_word(&(now_ms / 1000).to_string()),
        "Expires": dialect.number_word(&seconds.to_string()),
        "Scope": "scope-emulated",
        "AppKey": known.app_key,
        "UserID": "Anonymous",
    }))))
}

/// A client token for a user of the channel.
pub(super) fn apply(exchange: &Exchange, fields: &Fields) -> Result<Reply, Refusal> {
    let desk = &exchange.cloud.desk;
    let refused = |text: String| Refusal::code("1", text);
    let text = |name: &'static str| {
        fields
            .text(name)
            .map_err(|wrong: Wrong| refused(wrong.about(name)).breach())
    };
    let user = text("userId")?;
    if user.chars().count() > 32 {
        return Err(refused("userId is longer than 32 characters".to_owned()).breach());
    }
    text("userName")?;
    if !is_locale(text("locale")?) {
        return Err(refused("locale is no language".to_owned()).breach());
    }
    if text("channelId")? != desk.options.credentials.channel_id {
        return Err(refused("the channel does not exist".to_owned()));
    }
    let now_ms = exchange.cloud.clock.now_ms();
    let rules = &desk.options.tokens;
    desk.with_user(user, now_ms, |user| {
        if !rules.apply_keeps_session {
            user.vanish();
        }
    });
    let expires_ms = after(now_ms, rules.client_lifetime);
    let token = desk.state().tokens.mint_client(user, expires_ms);
    let token = if desk.options.dialect.quoted_token {
        format!("\"{token}\"")
    } else {
        token
    };
    Ok(Reply::with(json!({ "token": token })))
}

/// A language of two letters, perhaps with a country: `en`, `en_US`.
fn is_locale(text: &str) -> bool {
    let (language, country) = text.split_once('_').unwrap_or((text, "XX"));
    language.len() == 2
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_a_language_perhaps_with_a_country() {
        for (text, is_one) in [
            ("en", true),
            ("zh_CN", true),
            ("eng", false),
            ("en_us", false),
            ("EN", false),
            ("en_", false),
        ] {
            assert_eq!(is_locale(text), is_one, "{text}");
        }
    }
}
