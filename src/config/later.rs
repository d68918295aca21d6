//! What the configuration can say, and this version cannot do yet: refused where it is written.
//!
//! A version that learns one of these things deletes its row, and nothing else here.

use serde_json::Value as Json;

use super::keys::Kind;
use super::problem::Place;
use super::reader::{Reader, Setting};

/// When a row holds.
enum When {
    /// The key is written at all.
    Written,
    /// It has this value.
    Is(&'static str),
    /// It has any other value.
    IsNot(&'static str),
}
use When::{Is, IsNot, Written};

/// Key, condition, and what to do instead.
const ROWS: &[(Kind, &str, When, &str)] = &[
    (Kind::Top, "http", Written, "take it out"),
    (Kind::Top, "inbox", Written, "take it out"),
    (Kind::Limits, "bandwidth", Written, "take it out"),
    (
        Kind::Token,
        "component",
        Written,
        "use another token source",
    ),
    (
        Kind::Token,
        "authorizer",
        Written,
        "use another token source",
    ),
    (Kind::Wechat, "ticket_receiver", Written, "take it out"),
    (
        Kind::Folder,
        "flow",
        Is("cloud-storage"),
        "use \"static-website\"",
    ),
    (
        Kind::Folder,
        "flow",
        Is("ccmessaging"),
        "use \"static-website\"",
    ),
    (Kind::Folder, "delete", IsNot("keep"), "use \"keep\""),
    (Kind::Folder, "verify", IsNot("off"), "use \"off\""),
    (Kind::Folder, "keep_releases", IsNot("0"), "use 0"),
];

/// Reports every setting that is for a later version.
pub(super) fn refuse(reader: &Reader<'_>) {
    for setting in reader.settings() {
        let row = ROWS
            .iter()
            .find(|row| row.0 == setting.kind && row.1 == setting.key && holds(&row.2, &setting));
        if let Some((_, key, _, instead)) = row
            && (setting.value.is_none() || !reader.has_problem_at(&setting.place))
        {
            let words = match &setting.value {
                Some(value) if !matches!(value, Json::Object(_) | Json::Array(_)) => {
                    format!("`{key} = {value}`")
                }
                _ if *key == "http" => "`[http]`".to_owned(),
                _ if *key == "inbox" => "`[[inbox]]`".to_owned(),
                _ => format!("`{key}`"),
            };
            reader.report(
                &setting.place,
                format!("{words} is not in this version of syncd yet; {instead}"),
            );
        }
    }
}

fn holds(when: &When, setting: &Setting) -> bool {
    if setting.place == Place::Default {
        return false;
    }
    let is = |word: &str| match &setting.value {
        Some(Json::String(text)) => text == word,
        Some(Json::Number(number)) => number.to_string() == word,
        _ => false,
    };
    match when {
        Written => true,
        Is(word) => is(word),
        IsNot(word) => !is(word),
    }
}
