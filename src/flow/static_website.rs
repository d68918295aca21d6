//! A static website: how a link is asked for, and the PUT that it is for (protocol notes 3.1, 3.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::upload::UploadInput;
use super::wire::{self, Answer, Errcode, Text};
use super::{ApiCall, Envelope, Transfer, link};
use crate::model::address::Address;
use crate::model::fault::{Call, Fault};
use crate::model::secret::Secret;
use crate::port::transport::{Method, Reply};

/// The call that answers a link (protocol notes 3.1).
const LINK_PATH: &str = "/componenttcb/staticuploadfile";

#[derive(Serialize)]
struct LinkRequest<'a> {
    env: &'a str,
    filename: &'a str,
}

#[derive(Deserialize)]
struct LinkAnswer {
    #[serde(default)]
    errcode: Errcode,
    #[serde(default)]
    errmsg: Text,
    #[serde(default)]
    signed_url: Text,
    #[serde(default, alias = "Token")]
    token: Text,
}

impl Answer for LinkAnswer {
    fn errcode(&self) -> i64 {
        self.errcode.0
    }
    fn errmsg(&self) -> &str {
        &self.errmsg.0
    }
}

/// The call for a link.
pub(super) fn link_call(input: &UploadInput) -> Result<ApiCall, Fault> {
    let request = LinkRequest {
        env: &input.env,
        filename: input.key.as_str(),
    };
    ApiCall::json(Call::Link, LINK_PATH, &request)
}

/// Reads the link and makes the PUT that it is for.
///
/// # Errors
/// An errcode, `empty-link`, or `bad-link`.
pub(super) fn read_link(input: &UploadInput, reply: &Reply) -> Result<Transfer, Fault> {
    let answer: LinkAnswer = wire::read(Call::Link, reply)?;
    let (link, token) = (answer.signed_url.0, answer.token.0);
    if link.is_empty() || token.is_empty() {
        return Err(link::empty_link(
            "the answer has no link or no token for it",
        ));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(link::bad_link("its token cannot be sent in a header"));
    }
    let url = link::parse(&link)?;
    link::check_leads_to(&url, &input.key)?;
    let query = link.split_once('?').map_or("", |(_, query)| query);
    Ok(Transfer {
        call: Call::Put,
        method: Method::Put,
        window: link::usable_window_of(query),
        warning: link::difference(&link, &url),
        url: Address::that_was_read(link, url),
        headers: headers(input, token),
        len: input.len,
        envelope: Envelope::default(),
    })
}

fn headers(input: &UploadInput, token: String) -> Vec<(String, Secret)> {
    let stored = input.stored_headers().into_iter();
    let mut headers: Vec<(String, Secret)> = stored
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .collect();
    if let Some(checksums) = input.checksums {
        let md5 = BASE64.encode(checksums.md5.0);
        headers.push(("content-md5".to_owned(), Secret::new(md5)));
    }
    headers.push(("x-cos-security-token".to_owned(), Secret::new(token)));
    headers
}
