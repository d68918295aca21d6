//! The shapes of the WeChat API's answers, read leniently where the documents disagree and strictly
//! where a guess could turn a failure into a success.

use std::fmt;
use std::time::Duration;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::model::fault::{Call, Fault, Layer, plain_words};
use crate::port::transport::Reply;

/// The longest wait a server may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// An answer that can report an error of its own.
pub trait Answer: DeserializeOwned {
    /// The error code, 0 if there was none.
    fn errcode(&self) -> i64;
    /// The words beside it.
    fn errmsg(&self) -> &str;
}

/// Reads the JSON object of a reply whose `errcode` is 0 or missing (protocol notes 0).
///
/// # Errors
/// The status is not 200 (`Http`), the body is not a JSON object (`not-json`), its fields cannot be
/// trusted (`no-errcode`), or the API reports an error (its `errcode`).
pub fn read<T: Answer>(call: Call, reply: &Reply) -> Result<T, Fault> {
    if reply.status != 200 {
        return Err(http_fault(call, reply));
    }
    let answer: T = read_object(call, &reply.body)?;
    match answer.errcode() {
        0 => Ok(answer),
        code => Err(Fault::new(
            call,
            Layer::Errcode,
            code.to_string(),
            &plain_words(answer.errmsg()),
        )
        .with_status(reply.status)),
    }
}

/// Reads a JSON object, and nothing but an object.
///
/// # Errors
/// `not-json` or `no-errcode`.
pub fn read_object<T: DeserializeOwned>(call: Call, body: &[u8]) -> Result<T, Fault> {
    let not_json = || {
        Fault::new(
            call,
            Layer::Errcode,
            "not-json",
            "the answer is not a JSON object",
        )
    };
    // A derived struct would also be read from an array.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(not_json());
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Fault::new(
            call,
            Layer::Errcode,
            "no-errcode",
            "the answer has a field twice, or an errcode that is no number",
        ),
        _ => not_json(),
    })
}

/// The fault of an answer that is only a status.
pub fn http_fault(call: Call, reply: &Reply) -> Fault {
    let mut fault =
        Fault::new(call, Layer::Http, reply.status.to_string(), "").with_status(reply.status);
    fault.retry_after = retry_after(reply);
    fault
}

/// How long the server asked to wait: seconds only, at most [`RETRY_AFTER_MAX`]. A date would depend on
/// two clocks, so it is not read.
pub fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.header("retry-after")?.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = text.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// An `errcode`: an integer, or an integer in a string; anything else is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errcode(pub i64);

impl<'de> Deserialize<'de> for Errcode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Errcode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Errcode, E> {
                Ok(Errcode(value))
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Errcode, E> {
                i64::try_from(value).map(Errcode).map_err(E::custom)
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Errcode, E> {
                let digits = value.strip_prefix('-').unwrap_or(value);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(E::custom("not a whole number"));
                }
                value.parse().map(Errcode).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A text field: a string, or a number written as one; whatever else stands there reads as empty, and
/// an empty field is never taken for an answer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // May hold a link or a token.
        f.write_str("Text(***)")
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E>(self, value: &str) -> Result<Text, E> {
                Ok(Text(value.to_owned()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
                Ok(Text::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
                Ok(Text::default())
            }
            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Text, A::Error> {
                while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
