//! One file to a static website: ask for a link, PUT the bytes to it, check the answer.
//!
//! The link is asked for right before sending and lives only in the step that carries it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::wire::{self, Answer, Errcode, Text};
use super::{ApiCall, Arrival, Step, Transfer, cos, transport_fault};
use crate::model::digest::Checksums;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::headers::ObjectHeaders;
use crate::model::key::Key;
use crate::model::path::escaped;
use crate::model::secret::Secret;
use crate::port::transport::{Method, Reply};

/// The call that answers a link (protocol notes 3.1).
pub const LINK_PATH: &str = "/componenttcb/staticuploadfile";

/// A link's window where its text does not tell it (protocol notes 4.4).
pub const WINDOW_UNKNOWN: Duration = Duration::from_mins(1);

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadInput {
    /// Environment id.
    pub env: String,
    /// Remote name.
    pub key: Key,
    /// Bytes of the body.
    pub len: u64,
    /// Known before sending where the bytes are held in memory; then they are declared to the cloud.
    pub checksums: Option<Checksums>,
    /// Stored with the object.
    pub headers: ObjectHeaders,
}

/// Where one upload stands.
pub struct StaticUpload {
    input: UploadInput,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AwaitsLink,
    AwaitsAnswer,
    Ended,
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

#[derive(serde::Serialize)]
struct LinkRequest<'a> {
    env: &'a str,
    filename: &'a str,
}

impl StaticUpload {
    /// Begins an upload: the first step is always the call for a link.
    pub fn begin(input: UploadInput) -> (Self, Step) {
        let request = LinkRequest {
            env: &input.env,
            filename: input.key.as_str(),
        };
        let step = match serde_json::to_vec(&request) {
            Ok(body) => Step::Call(ApiCall {
                call: Call::Link,
                path: LINK_PATH,
                body: body.into(),
            }),
            Err(error) => Step::Stop(Fault::new(
                Call::Link,
                Layer::Local,
                "io",
                &error.to_string(),
            )),
        };
        (
            Self {
                input,
                state: State::AwaitsLink,
            },
            step,
        )
    }

    /// The step after what came of the last one.
    pub fn next(&mut self, arrival: Arrival) -> Step {
        let state = std::mem::replace(&mut self.state, State::Ended);
        match (state, arrival) {
            (State::AwaitsLink, Arrival::Reply(reply) | Arrival::Sent(reply, _)) => {
                match self.read_link(&reply) {
                    Ok(transfer) => {
                        self.state = State::AwaitsAnswer;
                        Step::Send(Box::new(transfer))
                    }
                    Err(fault) => Step::Stop(fault),
                }
            }
            (State::AwaitsAnswer, Arrival::Reply(reply)) => {
                self.check(&reply, self.input.checksums)
            }
            (State::AwaitsAnswer, Arrival::Sent(reply, checksums)) => {
                self.check(&reply, Some(checksums))
            }
            (State::AwaitsLink, Arrival::Failed(failed)) => {
                Step::Stop(transport_fault(Call::Link, &failed))
            }
            (State::AwaitsAnswer, Arrival::Failed(failed)) => {
                Step::Stop(transport_fault(Call::Put, &failed))
            }
            (State::Ended, _) => Step::Stop(Fault::new(
                Call::Put,
                Layer::Local,
                "ended",
                "an answer came after the upload had ended",
            )),
        }
    }

    fn check(&self, reply: &Reply, checksums: Option<Checksums>) -> Step {
        match cos::read_put_answer(reply, self.input.len, checksums) {
            Ok(receipt) => Step::Finish(receipt),
            Err(fault) => Step::Stop(fault),
        }
    }

    fn read_link(&self, reply: &Reply) -> Result<Transfer, Fault> {
        let answer: LinkAnswer = wire::read(Call::Link, reply)?;
        let (link, token) = (answer.signed_url.0, answer.token.0);
        if link.is_empty() || token.is_empty() {
            let message = "the answer has no link or no token for it";
            return Err(Fault::new(
                Call::Link,
                Layer::Errcode,
                "empty-link",
                message,
            ));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad_link("its token cannot be sent in a header"));
        }
        let warning = check_link(&link, &self.input.key)?;
        let window = usable_window(signed_window(&link).unwrap_or(WINDOW_UNKNOWN));
        Ok(Transfer {
            method: Method::Put,
            url: Secret::new(link),
            headers: self.headers(token),
            len: self.input.len,
            window,
            warning,
        })
    }

    fn headers(&self, token: String) -> Vec<(String, Secret)> {
        let stored = &self.input.headers;
        let mut headers: Vec<(String, Secret)> = stored
            .iter()
            .map(|(name, value)| (name.to_owned(), Secret::new(value)))
            .collect();
        // Without a type the object store keeps none, and browsers download the page (4.6).
        if stored.get("content-type").is_none() {
            headers.push((
                "content-type".to_owned(),
                Secret::new("application/octet-stream"),
            ));
        }
        if let Some(checksums) = self.input.checksums {
            let md5 = BASE64.encode(checksums.md5.0);
            headers.push(("content-md5".to_owned(), Secret::new(md5)));
        }
        headers.push(("x-cos-security-token".to_owned(), Secret::new(token)));
        headers
    }
}

fn bad_link(message: &str) -> Fault {
    Fault::new(Call::Link, Layer::Local, "bad-link", message)
}

/// Checks that a link leads to `key` once its path is decoded (protocol notes 4.5), and says in words
/// what the URL type would change about it.
///
/// # Errors
/// `bad-link`.
fn check_link(link: &str, key: &Key) -> Result<Option<String>, Fault> {
    let url = url::Url::parse(link).map_err(|_| bad_link("it is not an address"))?;
    let path: Vec<u8> = percent_decode_str(url.path()).collect();
    let leads_to_key = path
        .strip_suffix(key.as_str().as_bytes())
        .is_some_and(|before| before.ends_with(b"/"));
    if !leads_to_key {
        return Err(bad_link(
            "it leads to another object than the one asked for",
        ));
    }
    Ok((url.as_str() != link).then(|| difference(link, &url)))
}

/// What the URL type changed, by part; the query is a signature and is never shown.
fn difference(link: &str, url: &url::Url) -> String {
    let before_query = link.split(['?', '#']).next().unwrap_or_default();
    let address = before_query
        .split_once("://")
        .map_or(before_query, |(_, rest)| rest);
    let path = address
        .find('/')
        .and_then(|at| address.get(at..))
        .unwrap_or_default();
    let shown = |text: &str| escaped(text.chars().take(200).collect::<String>().as_bytes());
    if path == url.path() {
        "The link is sent with its host or its signature written in another way than it came"
            .to_owned()
    } else {
        format!(
            "The link came with the path \"{}\" and is sent as \"{}\"",
            shown(path),
            shown(url.path())
        )
    }
}

/// The window of a link: `q-sign-time=START;END` in its query, plain or inside a percent-encoded `sign`
/// (protocol notes 4.4); `None` where it cannot be read.
pub fn signed_window(link: &str) -> Option<Duration> {
    let (_, query) = link.split_once('?')?;
    let decoded = percent_decode_str(query).decode_utf8().ok()?;
    // Once more for a separator that was encoded inside the encoded value.
    let twice = percent_decode_str(&decoded).decode_utf8().ok()?;
    window_in(&decoded).or_else(|| window_in(&twice))
}

fn window_in(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("q-sign-time=")?;
    let (start, rest) = rest.split_once(';')?;
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
pub fn usable_window(window: Duration) -> Duration {
    let margin = (window / 10)
        .clamp(Duration::from_secs(5), Duration::from_secs(10))
        .min(window / 4);
    window.saturating_sub(margin)
}

#[cfg(test)]
mod tests;
