//! Under which name a received file is put into the inbox. The name is made of syncd's own template;
//! whatever of it comes from the other side is cut down to harmless characters first.

use jiff::tz::TimeZone;
use unicode_normalization::UnicodeNormalization as _;

use crate::model::digest::Sha256;
use crate::model::path::{PathError, RelPath};
use crate::model::template::{Field, Part, Template};
use crate::model::time::Timestamp;

/// The longest component of a name that is made, in bytes; a sidecar's is a little longer.
pub const COMPONENT_BYTES_MAX: usize = 200;
/// What a sidecar's name has behind the file's.
pub const SIDECAR_ENDING: &str = ".json";

/// The longest ending that is kept when a name is cut, in bytes with its dot.
const ENDING_BYTES_MAX: usize = 32;
/// How much of a digest stands for a message without a code, in characters.
const DIGEST_CHARS: usize = 16;
/// The extension of a file whose type says nothing.
const EXT_UNKNOWN: &str = "bin";

/// What a template is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields<'a> {
    /// When the message was sent; where it does not say, when it was received.
    pub at: Timestamp,
    /// The message's code: remote text.
    pub code: Option<&'a str>,
    /// Digest of the message's fields: stands for a code that is missing.
    pub digest: Sha256,
    /// The file's type: remote text.
    pub file_type: &'a str,
}

/// The name of a received file. The same fields give the same name.
///
/// # Errors
/// Never for a [`Template`]; the type of a path demands it.
pub fn place(template: &Template, fields: &Fields<'_>) -> Result<RelPath, PathError> {
    let components: Vec<String> = template
        .components()
        .iter()
        .map(|parts| {
            let filled: String = parts.iter().map(|part| filled(part, fields)).collect();
            sanitised(&filled, &short(fields.digest))
        })
        .collect();
    RelPath::from_bytes(components.join("/").into_bytes())
}

/// The `n`th name to try, from 1: `name.ext`, `name-2.ext`, `name-3.ext`, … All differ.
///
/// # Errors
/// Never for a path; the type of a path demands it.
pub fn numbered(path: &RelPath, n: u64) -> Result<RelPath, PathError> {
    if n <= 1 {
        return Ok(path.clone());
    }
    let name = String::from_utf8_lossy(path.file_name()).into_owned();
    let (stem, ending) = split(&name);
    let number = format!("-{n}");
    let most = COMPONENT_BYTES_MAX.saturating_sub(ending.len() + number.len());
    let mut kept = cut(stem, most);
    if stem.strip_prefix(kept) == Some(number.as_str()) {
        // It fills its room and has this number already.
        kept = cut(stem, most.saturating_sub(1));
    }
    let name = format!("{kept}{number}{ending}");
    RelPath::child(path.parent().as_ref(), name.as_bytes())
}

/// The name of the sidecar beside a file.
///
/// # Errors
/// Never for a path; the type of a path demands it.
pub fn sidecar(path: &RelPath) -> Result<RelPath, PathError> {
    RelPath::from_bytes([path.as_bytes(), SIDECAR_ENDING.as_bytes()].concat())
}

fn filled(part: &Part, fields: &Fields<'_>) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::Field(Field::Date) => moment(fields.at, "%Y-%m-%d"),
        Part::Field(Field::Time) => moment(fields.at, "%H%M%S"),
        Part::Field(Field::Message) => match fields.code.map(plain) {
            Some(code) if !code.is_empty() => code,
            _ => short(fields.digest),
        },
        Part::Field(Field::Ext) => ext(fields.file_type),
    }
}

fn moment(at: Timestamp, format: &str) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    moment.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

fn short(digest: Sha256) -> String {
    digest.to_string().chars().take(DIGEST_CHARS).collect()
}

/// Remote text with everything replaced that is not a letter, a digit, `.`, `_` or `-` of ASCII.
fn plain(text: &str) -> String {
    text.chars()
        .take(COMPONENT_BYTES_MAX)
        .map(|character| match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-' => character,
            _ => '_',
        })
        .collect()
}

/// An extension of letters and digits alone.
fn ext(file_type: &str) -> String {
    let ext: String = file_type
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(ENDING_BYTES_MAX / 2)
        .collect();
    if ext.is_empty() {
        EXT_UNKNOWN.to_owned()
    } else {
        ext.to_ascii_lowercase()
    }
}

/// A text made into one component that any file system takes: NFC, at most [`COMPONENT_BYTES_MAX`]
/// bytes with its ending kept, nothing hidden, no device's name; `file-ID` where nothing is left.
pub fn sanitised(text: &str, id: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|c| !is_hidden(*c)).nfc().collect();
    let trimmed = trimmed(&visible);
    let (stem, ending) = split(trimmed);
    let most = COMPONENT_BYTES_MAX - ending.len();
    let mut name = format!("{}{ending}", cut(stem, most));
    name.truncate(self::trimmed(&name).len());
    if name.is_empty() {
        return format!("file-{id}");
    }
    if is_device(&name) {
        name.replace_range(..1, "_");
    }
    name
}

/// Without what hides a file, looks like an option, or gets lost at an end.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches(|c: char| c == '.' || c == '-' || c.is_whitespace())
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// A name and its ending with the dot, where it has a short one.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.').map(|dot| name.split_at(dot)) {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= ENDING_BYTES_MAX => {
            (stem, ending)
        }
        _ => (name, ""),
    }
}

/// At most `most` bytes, cut at a character.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// Control, zero-width and direction characters, and what could part a path.
fn is_hidden(character: char) -> bool {
    const HIDDEN: [std::ops::RangeInclusive<char>; 11] = [
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{61c}'..='\u{61c}',
        '\u{115f}'..='\u{1160}',
        '\u{17b4}'..='\u{17b5}',
        '\u{180b}'..='\u{180f}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{e0000}'..='\u{e007f}',
    ];
    character.is_control() || HIDDEN.iter().any(|range| range.contains(&character))
}

/// A name that Windows takes for a device, whatever its ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let upper = stem.to_ascii_uppercase();
    let numbered = upper
        .strip_prefix("COM")
        .or_else(|| upper.strip_prefix("LPT"))
        .is_some_and(|rest| {
            let mut digits = rest.chars();
            matches!(
                (digits.next(), digits.next()),
                (Some('0'..='9' | '¹' | '²' | '³'), None)
            )
        });
    numbered
        || matches!(
            upper.as_str(),
            "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
        )
}

#[cfg(test)]
mod tests;
