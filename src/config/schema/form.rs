//! The form of each key's value. A key without a row here may have any value, which a test does not let
//! pass.

use serde_json::{Value as Json, json};

use crate::config::keys::{Key, Kind};

/// What the definition of a table is called below `$defs`.
pub(in crate::config) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Top => "top",
        Kind::Log => "log",
        Kind::Http => "http",
        Kind::Alerts => "alerts",
        Kind::Network => "network",
        Kind::Limits => "limits",
        Kind::Wechat => "wechat",
        Kind::Ccmessaging => "ccmessaging",
        Kind::Token => "token",
        Kind::App => "app",
        Kind::Component => "component",
        Kind::Authorizer => "authorizer",
        Kind::Cos => "cos",
        Kind::TicketReceiver => "ticket_receiver",
        Kind::Folder => "folder",
        Kind::Header => "header",
        Kind::Inbox => "inbox",
        Kind::Secret => "secret",
    }
}

/// The form of a key's value.
pub(super) fn of(key: &Key) -> Json {
    if key.is_secret() && key.name != "header" {
        return secret();
    }
    match key.kind {
        Kind::Top => top(key.name),
        Kind::Log | Kind::Http | Kind::Alerts | Kind::Network | Kind::Limits => {
            general(key.kind, key.name)
        }
        Kind::Folder | Kind::Header => folder(key.name),
        Kind::Inbox => inbox(key.name),
        Kind::Token => token(key.name),
        _ => account(key.kind, key.name),
    }
}

fn top(name: &str) -> Json {
    match name {
        "state_dir" => path(),
        "log" => table(Kind::Log),
        "http" => table(Kind::Http),
        "alerts" => table(Kind::Alerts),
        "network" => table(Kind::Network),
        "limits" => table(Kind::Limits),
        "accounts" => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z0-9._-]{1,64}$" },
            "additionalProperties": {
                "if": {
                    "properties": { "provider": { "const": "ccmessaging" } },
                    "required": ["provider"],
                },
                "then": table(Kind::Ccmessaging),
                "else": table(Kind::Wechat),
            },
        }),
        "folder" => list(&table(Kind::Folder)),
        "inbox" => list(&table(Kind::Inbox)),
        _ => json!({}),
    }
}

fn general(kind: Kind, name: &str) -> Json {
    match (kind, name) {
        (Kind::Log, "level") => words(&["error", "warn", "info", "debug", "trace"]),
        (Kind::Log, "format") => words(&["auto", "text", "json", "journald"]),
        (Kind::Http, "listen") => line(),
        (Kind::Http, "allow_public") => truth(),
        (Kind::Alerts, "lag" | "heartbeat") => duration(),
        (Kind::Network, "proxy") => url(),
        (Kind::Network, "ca_file") => path(),
        (Kind::Limits, "concurrency") => json!({ "anyOf": [words(&["auto"]), whole(1, 512)] }),
        (Kind::Limits, "bandwidth") => json!({
            "anyOf": [
                { "type": "string", "pattern": "^[0-9.]+ *[A-Za-z]* */s$" },
                { "type": ["array", "object"] },
            ],
        }),
        (Kind::Limits, "attempts") => whole(1, 100),
        (Kind::Limits, "memory") => size(32 * 1024 * 1024),
        _ => json!({}),
    }
}

fn account(kind: Kind, name: &str) -> Json {
    match (kind, name) {
        (Kind::Wechat, "provider") => words(&["wechat"]),
        (Kind::Ccmessaging, "provider") => words(&["ccmessaging"]),
        (_, "base_url" | "token_url") => url(),
        (_, "upload_hosts") => json!({ "type": "array", "items": line(), "minItems": 1 }),
        (_, "token") => table(Kind::Token),
        (_, "cos") => table(Kind::Cos),
        (_, "ticket_receiver") => table(Kind::TicketReceiver),
        (_, "requests_per_second") => whole(0, 10_000),
        (Kind::App, "mode") => words(&["stable", "classic"]),
        (_, "appid") => matching("^[A-Za-z0-9_-]{1,64}$"),
        (Kind::Authorizer, "component") => table(Kind::Component),
        (_, "user_id") => matching("^[A-Za-z0-9_-]{1,24}$"),
        (_, "media_content") => words(&["plain", "with_ext"]),
        (_, "listen" | "app_key" | "channel_id" | "user_name" | "locale" | "env") => line(),
        (Kind::Secret, "credential") => matching("^[A-Za-z0-9._@:-]{1,255}$"),
        (Kind::Secret, "file") => path(),
        _ => json!({}),
    }
}

fn token(name: &str) -> Json {
    match name {
        "app" => table(Kind::App),
        "component" => table(Kind::Component),
        "authorizer" => table(Kind::Authorizer),
        "command" => program(),
        "url" => url(),
        "header" => json!({ "type": "object", "additionalProperties": secret() }),
        "file" | "cloudbase_file" => path(),
        _ => json!({}),
    }
}

fn folder(name: &str) -> Json {
    match name {
        "name" => entry_name(),
        "path" => path(),
        "flow" => words(&["static-website", "cloud-storage", "ccmessaging"]),
        "account" | "match" => line(),
        "env" => matching("^[A-Za-z0-9_-]{1,64}$"),
        "prefix" => matching(r"^([^/\\].*)?$"),
        "exclude" | "protect" | "last" => list(&line()),
        "settle" | "settle_max" | "rescan" | "delete_after" => duration(),
        "watch" => words(&["auto", "native", "poll", "off"]),
        "delete" => words(&["keep", "mirror", "tombstone"]),
        "delete_limit" => json!({
            "anyOf": [whole(0, i64::MAX), matching("^0*([0-9]|[1-9][0-9]|100)%$")],
        }),
        "verify" => json!({ "anyOf": [words(&["off"]), duration()] }),
        "keep_releases" => whole(0, 1000),
        "header" => list(&table(Kind::Header)),
        "max_file" => size(1),
        "set" => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        _ => json!({}),
    }
}

fn inbox(name: &str) -> Json {
    match name {
        "name" => entry_name(),
        "path" => path(),
        "account" | "file_name" => line(),
        "max_file" => size(1),
        "sidecar" => truth(),
        "on_receive" => program(),
        _ => json!({}),
    }
}

fn table(kind: Kind) -> Json {
    json!({ "$ref": format!("#/$defs/{}", name(kind)) })
}

fn list(items: &Json) -> Json {
    json!({ "type": "array", "items": items })
}

fn words(words: &[&str]) -> Json {
    json!({ "enum": words })
}

fn whole(least: i64, most: i64) -> Json {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

fn truth() -> Json {
    json!({ "type": "boolean" })
}

fn matching(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern })
}

fn line() -> Json {
    json!({ "type": "string", "minLength": 1 })
}

fn path() -> Json {
    matching("^/")
}

fn url() -> Json {
    matching("^[Hh][Tt][Tt][Pp][Ss]?://.")
}

fn entry_name() -> Json {
    matching("^[a-z0-9-]{1,32}$")
}

fn duration() -> Json {
    matching("^[0-9]+ *(ms|s|m|h|d)$")
}

/// A number of bytes from `least`, or a text.
fn size(least: i64) -> Json {
    json!({ "anyOf": [whole(least, i64::MAX), matching("^[0-9.]+ *[A-Za-z]*$")] })
}

/// A program's path and its arguments.
fn program() -> Json {
    json!({ "type": "array", "items": { "type": "string" } })
}

/// A secret: where it is kept, or itself.
fn secret() -> Json {
    json!({ "anyOf": [line(), table(Kind::Secret)] })
}
