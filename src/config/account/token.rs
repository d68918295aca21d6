//! `token`: where the API token of an account comes from.

use crate::config::address;
use crate::config::keys::Kind;
use crate::config::problem::shown;
use crate::config::program;
use crate::config::reader::{Secrets, Section};
use crate::config::secret::{self, Plain};
use crate::config::unit;
use crate::config::value::{Value, Wrong};
use crate::model::folder::{Platform, TokenSource};
use crate::model::secret::Secret;

/// The sources, of which one is taken. `header` belongs to `url`.
const SOURCES: [&str; 8] = [
    "app",
    "component",
    "authorizer",
    "command",
    "url",
    "file",
    "cloudbase_file",
    "value",
];

/// The token source; `None` where something is wrong or this version cannot do it.
pub(super) fn read(account: &Section<'_, '_>) -> Option<TokenSource> {
    let section = account.child("token", Kind::Token)?;
    let written: Vec<&str> = SOURCES
        .into_iter()
        .filter(|source| section.has(source))
        .collect();
    if section.has("header") && !section.has("url") {
        section.report("header", "`header` is for `url` only; take it out");
    }
    let source = match written.as_slice() {
        [] => {
            let sources = SOURCES.join(", ");
            let message = format!("`token` says not where it comes from; write one of {sources}");
            section.reader.report(&section.place, message);
            return None;
        }
        [source] => *source,
        [first, second, ..] => {
            let message = format!("`token` has both `{first}` and `{second}`; keep one");
            section.report(second, message);
            return None;
        }
    };
    match source {
        "app" => app(&section.child("app", Kind::App)?),
        "component" => {
            platform(&section.child("component", Kind::Component)?).map(TokenSource::Component)
        }
        "authorizer" => authorizer(&section.child("authorizer", Kind::Authorizer)?),
        "command" => program::read(&section, "command").map(TokenSource::Command),
        "url" => url(&section),
        "file" => guarded_file(&section, "file").map(TokenSource::File),
        "cloudbase_file" => {
            guarded_file(&section, "cloudbase_file").map(TokenSource::CloudbaseFile)
        }
        _ => secret::read(&section, "value").map(TokenSource::Value),
    }
}

fn app(section: &Section<'_, '_>) -> Option<TokenSource> {
    let appid = section.read("appid", appid);
    let secret = secret::read(section, "secret");
    let classic = section.read("mode", |value| {
        value.word(&[("stable", false), ("classic", true)])
    });
    Some(TokenSource::App {
        appid: appid?.value,
        secret: secret?,
        classic: classic?.value,
    })
}

fn appid(value: &Value<'_>) -> Result<String, Wrong> {
    unit::identifier(value, 64, "A-Z a-z 0-9 _ -")
}

fn platform(section: &Section<'_, '_>) -> Option<Platform> {
    let appid = section.read("appid", appid);
    let secret = secret::read(section, "secret");
    let ticket = secret::read_rotating(section, "ticket");
    Some(Platform {
        appid: appid?.value,
        secret: secret?,
        ticket: ticket?,
    })
}

fn authorizer(section: &Section<'_, '_>) -> Option<TokenSource> {
    let component = section.child("component", Kind::Component);
    let platform = component.and_then(|component| platform(&component));
    let appid = section.read("appid", appid);
    let refresh_token = secret::read_rotating(section, "refresh_token");
    Some(TokenSource::Authorizer {
        platform: platform?,
        appid: appid?.value,
        refresh_token: refresh_token?,
    })
}

fn url(section: &Section<'_, '_>) -> Option<TokenSource> {
    let url = section.read("url", address::full_url);
    let headers = if section.has("header") {
        headers(section)
    } else {
        Some(Vec::new())
    };
    Some(TokenSource::Url {
        url: url?.value,
        headers: headers?,
    })
}

fn headers(section: &Section<'_, '_>) -> Option<Vec<(String, Secret)>> {
    let entries = section.entries("header")?;
    let read = entries.into_iter().map(|(name, value)| {
        if !is_header_name(name.value) {
            let message = format!("{} is not a header name; mend it", shown(name.value));
            section.reader.report(&name.place, message);
            return None;
        }
        let lower = name.value.to_ascii_lowercase();
        let sounds_secret = ["auth", "cookie", "token", "key", "secret", "password"]
            .iter()
            .any(|word| lower.contains(word));
        let plain = if sounds_secret {
            Plain::Closed
        } else {
            Plain::Anywhere
        };
        let secret = secret::from_value(section, name.value, &value, plain)?;
        Some((lower, secret))
    });
    // Collected first, so that every wrong header is reported.
    let read: Vec<Option<(String, Secret)>> = read.collect();
    let is_left = section.reader.secrets == Secrets::Leave;
    if is_left {
        None
    } else {
        read.into_iter().collect()
    }
}

/// A header name by the letter of HTTP.
pub(in crate::config) fn is_header_name(name: &str) -> bool {
    unit::is_identifier(name, 128, "A-Z a-z 0-9 ! # $ % & ' * + - . ^ _ ` | ~")
}

fn guarded_file(section: &Section<'_, '_>, name: &'static str) -> Option<std::path::PathBuf> {
    let path = section.read(name, unit::absolute_path)?;
    section.reader.guard("a token's file", &path.value);
    Some(path.value)
}
