//! `[alerts]`: whom to tell when something needs a person.

use std::time::Duration;

use super::address;
use super::keys::Kind;
use super::problem::Place;
use super::reader::Section;
use super::secret::{self, Plain};
use super::unit;
use super::value::{Content, Value};
use crate::model::alert::AlertSpec;
use crate::model::secret::Secret;

const DAY: Duration = Duration::from_hours(24);

/// The table; `None` where there is none.
pub(super) fn read(top: &Section<'_, '_>) -> Option<AlertSpec> {
    let section = top.child("alerts", Kind::Alerts)?;
    if !section.has("url") && !section.has("heartbeat_url") {
        let message = "[alerts] tells nobody; write `url` or `heartbeat_url` in it";
        section.reader.report(&section.place, message);
    }
    if section.has("secret") && !section.has("url") {
        section.report(
            "secret",
            "`secret` signs what is sent to `url`, and there is none; add it",
        );
    }
    let span = |name| {
        let read = |value: &Value<'_>| unit::duration(value, &(Duration::from_secs(1)..=DAY * 7));
        section.read(name, read).map(|span| span.value)
    };
    let (lag, heartbeat) = (span("lag"), span("heartbeat"));
    Some(AlertSpec {
        url: url(&section, "url"),
        secret: secret::read(&section, "secret"),
        lag: lag?,
        heartbeat_url: url(&section, "heartbeat_url"),
        heartbeat: heartbeat?,
    })
}

/// An address, which may be kept like a secret because its path or query is one.
fn url(section: &Section<'_, '_>, name: &'static str) -> Option<Secret> {
    let value = section.raw(name)?;
    let url = secret::from_value(section, name, &value, Plain::Anywhere)?;
    let text = Value {
        content: Content::Text(url.expose()),
        place: Place::Whole,
    };
    match address::full_url(&text) {
        Ok(url) => Some(Secret::new(url)),
        Err(wrong) => {
            section.report(name, format!("`{name}` {wrong}"));
            None
        }
    }
}
