//! The one reader of the desk's answers: lenient where its documents disagree with each other, strict
//! where a guess could turn a failure into a success (desk notes 10, D6 to D9).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::flow::wire::http_fault;
use crate::model::fault::{Call, Fault, Layer, MESSAGE_CHARS_MAX, plain_words};
use crate::port::transport::Reply;

/// The code of an answer whose result cannot be told.
pub(super) const NO_RESULT: &str = "no-result";
/// The code of an answer that reports success and has nothing to show for it.
pub(super) const NO_PAYLOAD: &str = "no-payload";
/// The code of an answer that is not a JSON object.
pub(super) const NOT_JSON: &str = "not-json";

/// A field that may be a text or a number, or not there at all.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) enum Scalar {
    /// The field is missing.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// A text, a number or a truth value, as text.
    Text(String),
    /// A list or an object.
    Strange,
}

impl Scalar {
    /// The text without the blanks around it; `None` if there is none.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The text, to be kept.
    pub(super) fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// Whether it is missing or `null`.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // May hold a token.
        f.write_str("Scalar(***)")
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                // `0.0` must not read as the `0` that means success.
                Ok(Scalar::Text(format!("{value:?}")))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_string()))
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Strange)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
                while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Strange)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// What every answer may say about its own outcome.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    result_code: Scalar,
    #[serde(default)]
    return_code: Scalar,
    #[serde(default)]
    result_desc: Scalar,
    #[serde(default)]
    exception_info: Scalar,
}

impl Head {
    /// The first code that is present (D6); one that is no word is an unknown failure.
    fn code(&self) -> Option<&str> {
        let first = [&self.result_code, &self.return_code]
            .into_iter()
            .find(|code| !code.is_none())?;
        Some(first.text().unwrap_or(NO_RESULT))
    }

    fn words(&self) -> String {
        plain_words(self.result_desc.text().unwrap_or_default())
    }
}

/// The payload of an answer that has none, or whose payload is read apart.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// An answer that did not report a failure.
pub(super) struct Answer<T> {
    /// What it carries.
    pub(super) payload: T,
    /// Whether it said `0`; else it said nothing, and only a payload makes it a success.
    pub(super) said_success: bool,
}

impl<T> Answer<T> {
    /// The fault of an answer without the payload that is its whole point.
    pub(super) fn without_payload(&self, call: Call) -> Fault {
        if self.said_success {
            let message = "the answer reports success but has nothing in it";
            result(call, NO_PAYLOAD, message)
        } else {
            no_result(call)
        }
    }
}

/// Reads an answer with status 200 whose code is `0` or missing.
///
/// # Errors
/// See [`failure`] for another status; `not-json`, `no-result`, or the answer's own code.
pub(super) fn read<T: DeserializeOwned>(call: Call, reply: &Reply) -> Result<Answer<T>, Fault> {
    if reply.status != 200 {
        return Err(failure(call, reply));
    }
    let head: Head = object(call, &reply.body)?;
    let said_success = match head.code() {
        None => false,
        Some("0") => true,
        Some(code) => return Err(result(call, code, &head.words()).with_status(reply.status)),
    };
    let payload = object(call, &reply.body)?;
    Ok(Answer {
        payload,
        said_success,
    })
}

/// The fault of a reply with another status than 200. A body may know better what a 400 or a 500 is
/// about (desk notes 9); all other statuses are the gateway's own.
pub fn failure(call: Call, reply: &Reply) -> Fault {
    let head: Option<Head> = object(call, &reply.body).ok();
    let code = head.as_ref().and_then(Head::code);
    match (&head, code) {
        (Some(head), Some(code)) if matches!(reply.status, 400 | 500) && code != "0" => {
            result(call, code, &head.words()).with_status(reply.status)
        }
        (head, _) => {
            let info = head.as_ref().and_then(|head| head.exception_info.text());
            let words = plain_words(info.unwrap_or_default());
            let bare = http_fault(call, reply);
            let named = Fault::new(call, Layer::Http, bare.code.clone(), &words);
            Fault {
                message: named.message,
                ..bare
            }
        }
    }
}

/// The result code of a body, as text, where it has one: for logs and metrics.
pub fn result_code(body: &[u8]) -> Option<String> {
    let head: Head = object(Call::Poll, body).ok()?;
    head.code()
        .map(|code| code.chars().take(MESSAGE_CHARS_MAX).collect())
}

/// A fault by the desk's own code.
pub(super) fn result(call: Call, code: &str, message: &str) -> Fault {
    Fault::new(call, Layer::Result, code, message)
}

/// The fault of an answer that neither reports success nor shows it.
pub(super) fn no_result(call: Call) -> Fault {
    let message = "the answer says neither success nor failure";
    result(call, NO_RESULT, message)
}

/// The fault of an answer that is no JSON object.
pub(super) fn not_json(call: Call) -> Fault {
    result(call, NOT_JSON, "the answer is not a JSON object")
}

/// Reads a JSON object, and nothing but an object. Serde's reader bounds its depth; the transport
/// bounded its length.
pub(super) fn object<'a, T: Deserialize<'a>>(call: Call, body: &'a [u8]) -> Result<T, Fault> {
    // A derived struct would also be read from a list.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(not_json(call));
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => result(
            call,
            NO_RESULT,
            "the answer has a field twice, or one of a strange kind",
        ),
        _ => not_json(call),
    })
}

/// A body as text. Bytes that are no UTF-8 are replaced, so that a single spoilt text does not take the
/// rest of the answer with it.
pub(super) fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}
