//! `[accounts.NAME]` with `provider = "ccmessaging"`: a user of a contact-centre desk.

use crate::config::address;
use crate::config::problem::Place;
use crate::config::reader::Section;
use crate::config::secret;
use crate::config::unit;
use crate::config::value::{Value, Wrong};
use crate::model::desk::{DeskSpec, MediaContent};

/// Where `tokenByAkSk` is below `base_url`, unless `token_url` says otherwise: some installations have it
/// on another port.
const TOKEN_PATH: &str = "/apigovernance/api/oauth/tokenByAkSk";

pub(super) fn read(
    name: &str,
    section: &Section<'_, '_>,
    base_url: Option<String>,
) -> Option<DeskSpec> {
    let token_url = token_url(section, base_url.as_deref());
    let app_key = section.read("app_key", unit::line);
    let app_secret = secret::read(section, "app_secret");
    let channel_id = section.read("channel_id", channel_id);
    let user_id = section.read("user_id", |value| {
        unit::identifier(value, 24, "A-Z a-z 0-9 _ -")
    });
    let user_name = section.read("user_name", unit::line);
    let locale = section.read("locale", unit::line);
    let media_content = section.read("media_content", |value| {
        value.word(&[
            ("plain", MediaContent::Plain),
            ("with_ext", MediaContent::WithExt),
        ])
    });
    Some(DeskSpec {
        name: name.to_owned(),
        base_url: base_url?,
        token_url: token_url?,
        app_key: app_key?.value,
        app_secret: app_secret?,
        channel_id: channel_id?.value,
        user_id: user_id?.value,
        user_name: user_name?.value,
        locale: locale?.value,
        media_content: media_content?.value,
    })
}

fn token_url(section: &Section<'_, '_>, base_url: Option<&str>) -> Option<String> {
    if section.has("token_url") {
        return Some(section.read("token_url", address::full_url)?.value);
    }
    let url = format!("{}{TOKEN_PATH}", base_url?);
    section.note_json("token_url", Some(url.as_str().into()), Place::Default);
    Some(url)
}

/// The ids look like numbers, but are longer than TOML's.
fn channel_id(value: &Value<'_>) -> Result<String, Wrong> {
    value
        .text()
        .map_err(|wrong| format!("{wrong}; put it in quotes"))?;
    unit::line(value)
}
