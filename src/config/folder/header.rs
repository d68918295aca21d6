//! `[[folder.header]]`: headers that are stored with the files.

use super::origin;
use crate::config::account::is_header_name;
use crate::config::keys::Kind;
use crate::config::problem::{Place, shown};
use crate::config::reader::{Section, Setting};
use crate::config::unit;
use crate::config::value::{Placed, Value, Wrong};
use crate::model::folder::{FlowKind, HeaderRule, Pattern};

/// Headers that belong to the transfer, or that syncd sets itself.
const RESERVED: [&str; 19] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "content-range",
    "cookie",
    "date",
    "etag",
    "expect",
    "host",
    "keep-alive",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// What a form to the cloud storage may carry besides the file (protocol notes 2.2).
const OF_STORAGE: [&str; 2] = ["cache-control", "content-type"];

/// The cloud keeps at most this much of `x-cos-meta-…` (protocol notes 4.6).
const META_BYTES_MAX: usize = 2048;

/// The folder's rules; without any, a static website's pages are not cached. Cloud storage has no default.
pub(super) fn read_all(
    folder: &Section<'_, '_>,
    flow: Option<FlowKind>,
) -> Option<Vec<HeaderRule>> {
    let sections = folder.children("header", Kind::Header);
    if !folder.has("header") && flow == Some(FlowKind::StaticWebsite) {
        let rule = default_rule();
        note_default(folder, &rule);
        return Some(vec![rule]);
    }
    // Collected first, so that every wrong rule is reported.
    let rules: Vec<Option<HeaderRule>> =
        sections.iter().map(|section| read(section, flow)).collect();
    rules.into_iter().collect()
}

/// The rule of a static website without rules.
fn default_rule() -> HeaderRule {
    HeaderRule {
        pattern: Pattern {
            text: "*.html".to_owned(),
            origin: "default".to_owned(),
        },
        set: vec![("cache-control".to_owned(), "no-cache".to_owned())],
    }
}

/// `show` prints the rule as if it had been written.
fn note_default(folder: &Section<'_, '_>, rule: &HeaderRule) {
    let set: serde_json::Map<_, _> = rule
        .set
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    for (key, value) in [
        ("match", rule.pattern.text.as_str().into()),
        ("set", set.into()),
    ] {
        folder.reader.note(Setting {
            kind: Kind::Header,
            section: format!("{}.header.0", folder.path),
            key,
            value: Some(value),
            place: Place::Default,
        });
    }
}

fn read(section: &Section<'_, '_>, flow: Option<FlowKind>) -> Option<HeaderRule> {
    let pattern = section.read("match", |value| {
        let text = unit::pattern(value)?;
        match text.strip_prefix('!') {
            Some(_) => Err("cannot begin with `!` here; rules are tried in order".to_owned()),
            None => Ok(text),
        }
    });
    let set = headers(section, flow);
    let pattern = pattern?;
    Some(HeaderRule {
        pattern: Pattern {
            origin: origin(section, &pattern.place),
            text: pattern.value,
        },
        set: set?,
    })
}

fn headers(section: &Section<'_, '_>, flow: Option<FlowKind>) -> Option<Vec<(String, String)>> {
    let entries = section.entries("set")?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut all_good = true;
    for (name, value) in entries {
        match header(&name, &value, flow) {
            Ok((lower, _)) if pairs.iter().any(|(known, _)| *known == lower) => {
                let message = format!("header `{lower}` is set twice; keep one");
                section.reader.report(&name.place, message);
                all_good = false;
            }
            Ok(pair) => pairs.push(pair),
            Err((place, wrong)) => {
                section.reader.report(&place, wrong);
                all_good = false;
            }
        }
    }
    let meta_bytes: usize = pairs
        .iter()
        .filter(|(name, _)| name.starts_with("x-cos-meta-"))
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if meta_bytes > META_BYTES_MAX {
        section.report(
            "set",
            "the x-cos-meta- headers are longer than 2 KiB; shorten them",
        );
        all_good = false;
    }
    pairs.sort();
    all_good.then_some(pairs)
}

fn header(
    name: &Placed<&str>,
    value: &Value<'_>,
    flow: Option<FlowKind>,
) -> Result<(String, String), (Place, String)> {
    let lower = header_name(name.value, flow).map_err(|wrong| {
        let message = format!("header {} {wrong}", shown(name.value));
        (name.place.clone(), message)
    })?;
    let text = header_value(value)
        .map_err(|wrong| (value.place.clone(), format!("header `{lower}` {wrong}")))?;
    Ok((lower, text))
}

fn header_name(name: &str, flow: Option<FlowKind>) -> Result<String, Wrong> {
    if !is_header_name(name) {
        return Err("is not a header name; use letters, digits and `-`".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    if let Some(own) = lower.strip_prefix("x-cos-meta-") {
        if own.is_empty() || own.contains('_') {
            return Err("needs a name without `_` after x-cos-meta-; rename it".to_owned());
        }
        if own == "fileid" {
            return Err("is set by syncd itself; take it out".to_owned());
        }
        return of_flow(lower, flow);
    }
    let is_reserved = RESERVED.contains(&lower.as_str())
        || ["x-cos-", "proxy-", "sec-", "if-"]
            .iter()
            .any(|start| lower.starts_with(start));
    if is_reserved {
        return Err("belongs to the transfer itself and cannot be set; take it out".to_owned());
    }
    of_flow(lower, flow)
}

/// A form of the cloud storage takes fewer headers than a website's PUT.
fn of_flow(name: String, flow: Option<FlowKind>) -> Result<String, Wrong> {
    if flow == Some(FlowKind::CloudStorage) && !OF_STORAGE.contains(&name.as_str()) {
        return Err(format!(
            "cannot be kept by cloud storage, which takes only {}; take it out",
            OF_STORAGE.join(" and ")
        ));
    }
    Ok(name)
}

fn header_value(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    if text.contains(['\r', '\n']) {
        return Err("has a line break in its value; take it out".to_owned());
    }
    if !text.chars().all(|one| one == ' ' || one.is_ascii_graphic()) {
        return Err("has a character that headers cannot carry; use plain ASCII".to_owned());
    }
    if text.trim().is_empty() {
        return Err("has an empty value; leave the header out".to_owned());
    }
    Ok(text.trim().to_owned())
}
