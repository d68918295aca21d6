//! How the desk's answers are written: a code in the body of HTTP 200, or the gateway's own shape.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value, json};

use super::options::{DeskDialect, Nulls};
use crate::emulator::answer::{Answer, text_reply};
use crate::emulator::faults::Call;

const JSON: &str = "application/json;charset=UTF-8";

/// The fields of an answer.
pub(super) type Fields = Map<String, Value>;

/// An answer that is not a refusal.
pub(super) enum Reply {
    /// These fields, a code, and perhaps a text.
    Coded {
        code: &'static str,
        text: Option<&'static str>,
        fields: Fields,
    },
    /// These fields as they are.
    Plain(Fields),
    /// A body that is made while it is sent.
    Streamed(Response<Body>),
}

impl Reply {
    /// Success, with a text.
    pub(super) fn done(text: &'static str) -> Self {
        Self::Coded {
            code: "0",
            text: Some(text),
            fields: Fields::new(),
        }
    }

    /// Success, with these fields and no text.
    pub(super) fn with(fields: Value) -> Self {
        Self::Coded {
            code: "0",
            text: None,
            fields: into_fields(fields),
        }
    }
}

/// The fields of an object; none of anything else.
pub(super) fn into_fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// Why a call was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    shape: Shape,
    text: String,
    /// Whether a client should never have asked so.
    is_breach: bool,
}

#[derive(Debug)]
enum Shape {
    /// HTTP status, `errorCode` and `exceptionInfo` (protocol notes 1).
    Gateway(u16),
    /// A code in the body of HTTP 200.
    Code(&'static str),
}

impl Refusal {
    /// A refusal of the gateway's.
    pub(super) fn gateway(status: u16, text: impl Into<String>) -> Self {
        Self {
            shape: Shape::Gateway(status),
            text: text.into(),
            is_breach: false,
        }
    }

    /// A code in the body.
    pub(super) fn code(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            shape: Shape::Code(code),
            text: text.into(),
            is_breach: false,
        }
    }

    /// The same, for what a client should never do: it is recorded as a violation.
    pub(super) fn breach(self) -> Self {
        Self {
            is_breach: true,
            ..self
        }
    }

    /// The text, if it is a violation.
    pub(super) fn violation(&self) -> Option<&str> {
        self.is_breach.then_some(self.text.as_str())
    }

    pub(super) fn into_answer(self, dialect: &DeskDialect, call: Call) -> Answer {
        match self.shape {
            Shape::Gateway(status) => gateway_answer(status, "0", &self.text),
            Shape::Code(code) => {
                let fields = coded(dialect, call, (code, Some(&self.text)), Fields::new());
                Answer::refusal(text_reply(200, JSON, fields.to_string()), code)
            }
        }
    }
}

/// A code as a fault script gives it: the gateway's shape if a status is given too, or if the call
/// has no codes of its own.
pub(super) fn scripted(
    dialect: &DeskDialect,
    call: Call,
    status: Option<u16>,
    (code, text): (&str, &str),
) -> Answer {
    if status.is_some() || call == Call::DeskLogin {
        return gateway_answer(status.unwrap_or(200), code, text);
    }
    let fields = coded(dialect, call, (code, Some(text)), Fields::new());
    Answer::refusal(text_reply(200, JSON, fields.to_string()), code)
}

impl Reply {
    pub(super) fn into_answer(self, dialect: &DeskDialect, call: Call) -> Answer {
        match self {
            Self::Streamed(response) => Answer::success(response),
            Self::Plain(fields) => success(&Value::Object(fields)),
            Self::Coded {
                code: "0",
                text,
                fields,
            } => success(&coded(dialect, call, ("0", text), fields)),
            Self::Coded { code, text, fields } => {
                let body = coded(dialect, call, (code, text), fields);
                Answer::refusal(text_reply(200, JSON, body.to_string()), code)
            }
        }
    }
}

fn success(body: &Value) -> Answer {
    Answer::success(text_reply(200, JSON, body.to_string()))
}

/// The head of a body that is streamed.
pub(super) fn json_response(body: Body) -> Response<Body> {
    let mut response = text_reply(200, JSON, String::new());
    *response.body_mut() = body;
    response
}

fn gateway_answer(status: u16, code: &str, text: &str) -> Answer {
    let body = json!({ "errorCode": code, "exceptionInfo": text });
    let name = format!("gateway {code}");
    Answer::refusal(text_reply(status, JSON, body.to_string()), name)
}

/// The fields with their code and text, written in the dialect.
pub(super) fn coded(
    dialect: &DeskDialect,
    call: Call,
    (code, text): (&str, Option<&str>),
    mut fields: Fields,
) -> Value {
    let is_code_left_out = code == "0"
        && (call == Call::DeskApply && dialect.omit_apply_code
            || call == Call::DeskDownload && dialect.omit_download_code);
    let name = if call == Call::DeskUpload && !dialect.upload_result_code {
        "returnCode"
    } else {
        "resultCode"
    };
    if !is_code_left_out {
        fields.insert(name.to_owned(), dialect.number_word(code));
    }
    match text {
        Some(text) => {
            fields.insert("resultDesc".to_owned(), json!(text));
        }
        None if dialect.nulls == Nulls::Everywhere => {
            fields.insert("resultDesc".to_owned(), Value::Null);
        }
        None => {}
    }
    Value::Object(fields)
}

impl DeskDialect {
    /// Digits: a string, or a number where scalars are swapped.
    pub(super) fn number_word(&self, digits: &str) -> Value {
        match digits.parse::<i64>() {
            Ok(number) if self.swapped_scalars => json!(number),
            _ => json!(digits),
        }
    }

    /// A list that may be empty.
    pub(super) fn list(&self, name: &str, list: Vec<Value>) -> Fields {
        let mut fields = Fields::new();
        match self.nulls {
            Nulls::Everywhere if list.is_empty() => fields.insert(name.to_owned(), Value::Null),
            Nulls::Nowhere if list.is_empty() => None,
            _ => fields.insert(name.to_owned(), Value::Array(list)),
        };
        fields
    }

    /// A message as `poll` and the history write it (doubts D8 and D9). What is no object goes
    /// out as it is.
    pub(super) fn message(&self, message: &Value) -> Value {
        let Value::Object(fields) = message else {
            return message.clone();
        };
        let mut fields = fields.clone();
        if self.nulls == Nulls::Nowhere {
            fields.retain(|_, value| !value.is_null());
        }
        if self.swapped_scalars {
            for name in ["timestamp", "isOfflineStatus"] {
                if let Some(value) = fields.get_mut(name).filter(|value| !value.is_null()) {
                    *value = json!(value.to_string());
                }
            }
        }
        Value::Object(fields)
    }
}
