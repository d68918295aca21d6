//! The fields of a request, read as strictly as the tables of the documentation are written: all of
//! them are strings at the top level (protocol notes 0).

use serde_json::{Map, Value};

/// A JSON object.
pub(super) struct Fields(Map<String, Value>);

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Absent, `null` or empty.
    Missing,
    /// Not a string.
    Kind,
}

impl Fields {
    /// Reads a body; `None` if it is not a JSON object.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Some(Self(fields)),
            _ => None,
        }
    }

    /// A text that must be there.
    pub(super) fn text(&self, name: &str) -> Result<&str, Wrong> {
        self.optional(name)?
            .filter(|text| !text.is_empty())
            .ok_or(Wrong::Missing)
    }

    /// A text that may be absent, `null` or empty.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&str>, Wrong> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Wrong::Kind),
        }
    }

    /// Whether a field is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl Wrong {
    /// What is wrong, in words.
    pub(super) fn about(self, name: &str) -> String {
        match self {
            Self::Missing => format!("{name} is missing"),
            Self::Kind => format!("{name} is not a string"),
        }
    }
}

/// Whether a text is made of digits alone.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
