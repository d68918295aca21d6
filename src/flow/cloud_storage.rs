//! Cloud storage: how a link is asked for, and the form that is posted to it (protocol notes 2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::form::Form;
use super::upload::UploadInput;
use super::wire::{self, Answer, Errcode, Text};
use super::{ApiCall, Transfer, link};
use crate::model::address::Address;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::folder::TokenSource;
use crate::model::secret::Secret;
use crate::port::transport::{Method, Reply};

/// What an account with a token of this kind gets its links by (protocol notes 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `/tcb/…`: for the token of an app, or of an account that a platform acts for.
    App,
    /// `/componenttcb/…`: for the token of a platform.
    Platform,
}

impl Door {
    /// The door that a token from this source opens; `None` where only the cloud can tell.
    pub fn of(source: &TokenSource) -> Option<Self> {
        match source {
            TokenSource::App { .. } | TokenSource::Authorizer { .. } => Some(Self::App),
            TokenSource::Component(_) => Some(Self::Platform),
            TokenSource::Command(_)
            | TokenSource::Url { .. }
            | TokenSource::File(_)
            | TokenSource::CloudbaseFile(_)
            | TokenSource::Value(_) => None,
        }
    }

    /// The call that answers a link (protocol notes 2.1, 2.5).
    fn link_path(self) -> &'static str {
        match self {
            Self::App => "/tcb/uploadfile",
            Self::Platform => "/componenttcb/uploadfile",
        }
    }
}

/// Codes that a token of the wrong kind is refused with; some of them say "expired" as well.
const WRONG_KIND: [&str; 5] = ["40001", "40014", "48001", "61014", "61015"];

/// Whether a refusal may mean that the token belongs to the other door (protocol notes 1.1).
pub(super) fn may_be_wrong_kind(fault: &Fault) -> bool {
    fault.layer == Layer::Errcode && WRONG_KIND.contains(&fault.code.as_str())
}

/// The longest `file_id` that is kept: a key, an environment and a bucket fit well.
const FILE_ID_BYTES_MAX: usize = 2048;

#[derive(Serialize)]
struct LinkRequest<'a> {
    env: &'a str,
    path: &'a str,
}

#[derive(Deserialize)]
struct LinkAnswer {
    #[serde(default)]
    errcode: Errcode,
    #[serde(default)]
    errmsg: Text,
    #[serde(default)]
    url: Text,
    #[serde(default, alias = "Token")]
    token: Text,
    #[serde(default)]
    authorization: Text,
    #[serde(default)]
    file_id: Text,
    #[serde(default)]
    cos_file_id: Text,
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
        path: input.key.as_str(),
    };
    let door = input.door.unwrap_or(Door::App);
    ApiCall::json(Call::Link, door.link_path(), &request)
}

/// Reads the link and makes the form that is posted to it; with the cloud's own name of the object, where
/// the answer has it.
///
/// # Errors
/// An errcode, `empty-link`, or `bad-link`.
pub(super) fn read_link(
    input: &UploadInput,
    reply: &Reply,
) -> Result<(Transfer, Option<String>), Fault> {
    let answer: LinkAnswer = wire::read(Call::Link, reply)?;
    let needed = [&answer.url, &answer.token, &answer.authorization];
    if needed.iter().any(|text| text.0.is_empty()) {
        let message = "the answer has no link, or lacks its token or its authorization";
        return Err(link::empty_link(message));
    }
    let values = [
        &answer.token,
        &answer.authorization,
        &answer.cos_file_id,
        &answer.file_id,
    ];
    if values
        .iter()
        .any(|value| value.0.chars().any(char::is_control))
    {
        return Err(link::bad_link("a part of it cannot be sent in a form"));
    }
    if answer.file_id.0.len() > FILE_ID_BYTES_MAX {
        return Err(link::bad_link("its file_id is too long"));
    }
    // Its path may name another object than the form does (protocol notes 7): the form's key counts.
    let url = link::parse(&answer.url.0)?;
    let form = form(input, &answer);
    let transfer = Transfer {
        call: Call::Post,
        method: Method::Post,
        window: link::usable_window_of(&answer.authorization.0),
        warning: link::difference(&answer.url.0, &url),
        url: Address::that_was_read(answer.url.0, url),
        headers: vec![("content-type".to_owned(), Secret::new(form.content_type()))],
        len: input.len,
        envelope: form.around_file(),
    };
    let file_id = answer.file_id.0;
    Ok((transfer, (!file_id.is_empty()).then_some(file_id)))
}

/// The fields in the documented order, their values as they came (protocol notes 2.2).
fn form(input: &UploadInput, answer: &LinkAnswer) -> Form {
    let mut form = Form::new(input.nonce);
    form.field("key", input.key.as_str());
    form.field("Signature", &answer.authorization.0);
    form.field("x-cos-security-token", &answer.token.0);
    if !answer.cos_file_id.0.is_empty() {
        form.field("x-cos-meta-fileid", &answer.cos_file_id.0);
    }
    for (name, value) in input.stored_headers() {
        form.field(&title_case(name), value);
    }
    if let Some(checksums) = input.checksums {
        form.field("Content-MD5", &BASE64.encode(checksums.md5.0));
    }
    form
}

/// A header's name as the notes write it: `content-type` becomes `Content-Type`.
fn title_case(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}
