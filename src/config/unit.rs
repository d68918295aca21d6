//! Values with a form of their own: durations, sizes, names, paths, patterns.
//!
//! Each function understands one value; the words of an error follow the key's name.

use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use bytesize::ByteSize;
use ignore::gitignore::GitignoreBuilder;

use super::problem::shown;
use super::value::{Value, Wrong};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

const DURATION_UNITS: [(&str, Duration); 5] = [
    ("ms", Duration::from_millis(1)),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
    ("d", DAY),
];

/// `500ms`, `30s`, `5m`, `1h`, `1d`, within a range.
pub(super) fn duration(
    value: &Value<'_>,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, Wrong> {
    let form = "a duration like \"500ms\", \"30s\", \"5m\", \"1h\" or \"1d\"";
    let text = value
        .text()
        .map_err(|_| format!("must be {form}, not {}", value.type_words()))?;
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let unit = text.strip_prefix(digits).unwrap_or_default().trim();
    let amount: Option<u32> = digits.parse().ok();
    let factor = DURATION_UNITS.iter().find(|(name, _)| *name == unit);
    let (Some(amount), Some((_, factor))) = (amount, factor) else {
        return Err(format!("must be {form}, not {}", shown(text)));
    };
    let duration = factor.saturating_mul(amount);
    if range.contains(&duration) {
        Ok(duration)
    } else {
        let (least, most) = (range.start(), range.end());
        Err(format!(
            "must be from {} to {}",
            duration_words(*least),
            duration_words(*most)
        ))
    }
}

/// "30s".
pub(super) fn duration_words(duration: Duration) -> String {
    let unit = DURATION_UNITS.iter().rev().find(|(_, factor)| {
        duration >= *factor && duration.as_millis().is_multiple_of(factor.as_millis())
    });
    match unit {
        Some((name, factor)) => format!("{}{name}", duration.as_millis() / factor.as_millis()),
        None => "0s".to_owned(),
    }
}

/// `64 KiB`, `8 MB`, or a number of bytes; at least `least`.
pub(super) fn size(value: &Value<'_>, least: ByteSize) -> Result<u64, Wrong> {
    let form = "a size like \"64 KiB\" or \"8 MB\"";
    let size = match (value.integer(0..=i64::MAX), value.text()) {
        (Ok(bytes), _) => ByteSize::b(bytes.unsigned_abs()),
        (_, Ok(text)) => {
            ByteSize::from_str(text).map_err(|_| format!("must be {form}, not {}", shown(text)))?
        }
        _ => return Err(format!("must be {form}, not {}", value.type_words())),
    };
    if size < least {
        return Err(format!("must be at least {least}"));
    }
    Ok(size.as_u64())
}

/// A rate such as `8 MiB/s`.
pub(super) fn rate(value: &Value<'_>) -> Result<(), Wrong> {
    let Ok(text) = value.text() else {
        // A timetable.
        return match value.type_words() {
            "a list" | "a table" => Ok(()),
            wrong => Err(format!("must be a rate like \"8 MiB/s\", not {wrong}")),
        };
    };
    let amount = text.strip_suffix("/s").map(str::trim);
    match amount.and_then(|amount| ByteSize::from_str(amount).ok()) {
        Some(size) if size > ByteSize::b(0) => Ok(()),
        _ => Err(format!(
            "must be a rate like \"8 MiB/s\", not {}",
            shown(text)
        )),
    }
}

/// A number of things, or a share such as `10%`.
pub(super) fn count_or_percent(value: &Value<'_>) -> Result<(), Wrong> {
    let form = "must be a number of files or a share like \"10%\"";
    if value.integer(0..=i64::MAX).is_ok() {
        return Ok(());
    }
    let text = value.text().map_err(|_| form.to_owned())?;
    let percent = text
        .strip_suffix('%')
        .and_then(|number| number.parse().ok());
    match percent {
        Some(0..=100_u32) => Ok(()),
        _ => Err(format!("{form}, not {}", shown(text))),
    }
}

/// A text of given characters and length.
pub(super) fn identifier(
    value: &Value<'_>,
    len_max: usize,
    allowed: &str,
) -> Result<String, Wrong> {
    let text = value.text()?;
    if is_identifier(text, len_max, allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be 1 to {len_max} of {allowed}, not {}",
            shown(text)
        ))
    }
}

/// Whether `text` has only what `allowed` lists: `A-Z`, `a-z`, `0-9` and single characters.
pub(super) fn is_identifier(text: &str, len_max: usize, allowed: &str) -> bool {
    let is_allowed = |character: char| {
        allowed.split(' ').any(|item| match item {
            "A-Z" => character.is_ascii_uppercase(),
            "a-z" => character.is_ascii_lowercase(),
            "0-9" => character.is_ascii_digit(),
            single => single.contains(character),
        })
    };
    (1..=len_max).contains(&text.len()) && text.chars().all(is_allowed)
}

/// A text that is not empty and has no control characters.
pub(super) fn line(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    if text.trim().is_empty() {
        return Err("is empty; write a value".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character; take it out".to_owned());
    }
    Ok(text.to_owned())
}

/// An absolute path without `..`.
pub(super) fn absolute_path(value: &Value<'_>) -> Result<PathBuf, Wrong> {
    let text = value.text()?;
    let path = Path::new(text);
    if text.contains('\0') {
        return Err("has a NUL character; take it out".to_owned());
    }
    if !path.is_absolute() {
        let hint = match text {
            _ if text.starts_with('~') => " (`~` is not known here)",
            _ => "",
        };
        return Err(format!(
            "must be an absolute path, not {}{hint}; start it with `/`",
            shown(text)
        ));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err("has a `..` part; write the path without it".to_owned());
    }
    // Rebuilt from its parts: no `//`, no `/./`, no `/` at the end.
    Ok(path.components().collect())
}

/// A gitignore pattern.
pub(super) fn pattern(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    if text.trim().is_empty() {
        return Err("has an empty pattern, which matches nothing; take it out".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character in a pattern; take it out".to_owned());
    }
    if text.starts_with('#') {
        return Err(
            "has a pattern that `#` makes a comment; write `\\\\#` at its start".to_owned(),
        );
    }
    if has_open_class(text) {
        return Err(
            "has a pattern with `[` but no `]`, which matches nothing; close it, or write `\\\\[`"
                .to_owned(),
        );
    }
    let mut builder = GitignoreBuilder::new("/");
    let added = builder.add_line(None, text).map(drop);
    match added.and_then(|()| builder.build()) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!(
            "has a pattern that is not valid ({}); see gitignore(5)",
            pattern_words(error)
        )),
    }
}

/// Whether a `[` is never closed. The first character of a class may be `]` itself.
fn has_open_class(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '[' => {
                let rest = characters.as_str();
                let negated = rest.strip_prefix(['!', '^']).unwrap_or(rest);
                let body = negated.strip_prefix(']').unwrap_or(negated);
                let Some((_, after)) = body.split_once(']') else {
                    return true;
                };
                characters = after.chars();
            }
            _ => {}
        }
    }
    false
}

/// The reason without the pattern, which the position shows.
fn pattern_words(error: ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err,
        ignore::Error::WithLineNumber { err, .. } | ignore::Error::WithPath { err, .. } => {
            pattern_words(*err)
        }
        other => other.to_string(),
    }
}
