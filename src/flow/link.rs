//! What is common to all signed links: how long one may be used, and what the URL type makes of its text.
//!
//! A link is asked for right before sending and lives only in the step that carries it.

use std::borrow::Cow;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::model::fault::{Call, Fault, Layer};
use crate::model::key::Key;
use crate::model::path::escaped;

/// A link's window where its text does not tell it (protocol notes 4.4).
const WINDOW_UNKNOWN: Duration = Duration::from_mins(1);

/// The fault of a link that cannot be used.
pub(super) fn bad_link(message: &str) -> Fault {
    Fault::new(Call::Link, Layer::Local, "bad-link", message)
}

/// The fault of an answer that lacks what a link is made of.
pub(super) fn empty_link(message: &str) -> Fault {
    Fault::new(Call::Link, Layer::Errcode, "empty-link", message)
}

/// Reads the address of a link.
///
/// # Errors
/// `bad-link`.
pub(super) fn parse(link: &str) -> Result<Url, Fault> {
    Url::parse(link).map_err(|_| bad_link("it is not an address"))
}

/// Checks that a link leads to `key` once its path is decoded (protocol notes 4.5).
///
/// # Errors
/// `bad-link`.
pub(super) fn check_leads_to(url: &Url, key: &Key) -> Result<(), Fault> {
    let path: Cow<'_, [u8]> = percent_decode_str(url.path()).into();
    match path.strip_suffix(key.as_str().as_bytes()) {
        Some(before) if before.ends_with(b"/") => Ok(()),
        _ => Err(bad_link(
            "it leads to another object than the one asked for",
        )),
    }
}

/// What the URL type changed about the link, by part, in words; the query is a signature and is never
/// shown.
pub(super) fn difference(link: &str, url: &Url) -> Option<String> {
    if url.as_str() == link {
        return None;
    }
    let before_query = link.split(['?', '#']).next().unwrap_or_default();
    let address = before_query
        .split_once("://")
        .map_or(before_query, |(_, rest)| rest);
    let path = address
        .find('/')
        .and_then(|at| address.get(at..))
        .unwrap_or_default();
    let shown = |text: &str| escaped(text.chars().take(200).collect::<String>().as_bytes());
    Some(if path == url.path() {
        "The link is sent with its host or its signature written in another way than it came"
            .to_owned()
    } else {
        format!(
            "The link came with the path \"{}\" and is sent as \"{}\"",
            shown(path),
            shown(url.path())
        )
    })
}

/// How long a link may be used; `signed` is whatever carries its signature: the query of the link, or the
/// authorization beside it.
pub(super) fn usable_window_of(signed: &str) -> Duration {
    usable_window(signed_window(signed).unwrap_or(WINDOW_UNKNOWN))
}

/// The window of a signature: `q-sign-time=START;END`, plain or inside a percent-encoded `sign` (protocol
/// notes 4.4); `None` where it cannot be read.
fn signed_window(signed: &str) -> Option<Duration> {
    let (_, from) = signed.split_once(SIGN_TIME)?;
    let near: String = from.chars().take(TIMES_CHARS_MAX).collect();
    if let Some(window) = window_in(&near) {
        return Some(window);
    }
    let decoded = percent_decode_str(&near).decode_utf8().ok()?;
    // Once more for a separator that was encoded inside the encoded value.
    let twice = percent_decode_str(&decoded).decode_utf8().ok()?;
    window_in(&decoded).or_else(|| window_in(&twice))
}

/// What the two times follow.
const SIGN_TIME: &str = "q-sign-time";
/// They are not looked for any further, however they are escaped.
const TIMES_CHARS_MAX: usize = 64;

fn window_in(text: &str) -> Option<Duration> {
    let (start, rest) = text.strip_prefix('=')?.split_once(';')?;
    let end = rest
        .split(|character: char| !character.is_ascii_digit())
        .next()?;
    let span = end.parse::<u64>().ok()?.checked_sub(start.parse().ok()?)?;
    (span > 0).then(|| Duration::from_secs(span.min(WINDOW_SECONDS_MAX)))
}

/// No link is trusted for longer than a day.
const WINDOW_SECONDS_MAX: u64 = 86_400;

/// The part of a window that is used: less a tenth, between 5 and 10 seconds, at most a quarter
/// (protocol notes 4.4).
fn usable_window(window: Duration) -> Duration {
    let margin = (window / 10)
        .clamp(Duration::from_secs(5), Duration::from_secs(10))
        .min(window / 4);
    window.saturating_sub(margin)
}

#[cfg(test)]
mod tests;
