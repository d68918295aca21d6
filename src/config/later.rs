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
    /// It has another value than this.
    IsNot(&'static str),
}
use When::{IsNot, Written};

/// Key, condition, and what to do instead.
const ROWS: &[(Kind, &str, When, &str)] = &[
    (Kind::Limits, "bandwidth", Written, "take it out"),
    (Kind::Wechat, "ticket_receiver", Written, "take it out"),
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
        IsNot(word) => !is(word),
    }
}
