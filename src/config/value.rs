//! One value of the configuration: what it is, and where it was written.

use std::ops::RangeInclusive;

use toml::de::{DeInteger, DeValue};

use super::problem::{Place, shown, suggestion};

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// What was written in the file, in a variable, or in the table of defaults.
#[derive(Debug, Clone)]
pub(super) enum Content<'d> {
    Node(&'d DeValue<'d>),
    Text(&'d str),
    Default(DeValue<'static>),
}

/// The words of an error say what is wrong with a value: "must be …", "has …".
pub(super) type Wrong = String;

/// A value before it is understood.
#[derive(Debug, Clone)]
pub(super) struct Value<'d> {
    pub(super) content: Content<'d>,
    pub(super) place: Place,
}

impl Value<'_> {
    /// The TOML value, unless a variable gave it.
    pub(super) fn node(&self) -> Option<&DeValue<'_>> {
        match &self.content {
            Content::Node(node) => Some(node),
            Content::Default(node) => Some(node),
            Content::Text(_) => None,
        }
    }

    /// A string.
    pub(super) fn text(&self) -> Result<&str, Wrong> {
        match (&self.content, self.node()) {
            (Content::Text(text), _) => Ok(text),
            (_, Some(DeValue::String(text))) => Ok(text),
            _ => Err(format!("must be a string, not {}", self.type_words())),
        }
    }

    /// A whole number in a range.
    pub(super) fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, Wrong> {
        let number = match (&self.content, self.node()) {
            (Content::Text(text), _) => text.trim().parse().ok(),
            (_, Some(DeValue::Integer(integer))) => Some(small(integer)),
            _ => None,
        };
        let (least, most) = (range.start(), range.end());
        match number {
            Some(number) if range.contains(&number) => Ok(number),
            Some(_) => Err(format!("must be from {least} to {most}")),
            None => Err(format!(
                "must be a whole number from {least} to {most}, not {}",
                self.type_words()
            )),
        }
    }

    /// One word of several.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Result<T, Wrong> {
        let text = self.text()?;
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("cannot be {}{}", shown(text), suggestion(text, &known)))
    }

    /// "an integer", for messages.
    pub(super) fn type_words(&self) -> &'static str {
        self.node().map_or("text", type_words)
    }

    /// The value for `show`, not masked.
    pub(super) fn json(&self) -> serde_json::Value {
        match (&self.content, self.node()) {
            (Content::Text(text), _) => match text.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => (*text).into(),
            },
            (_, Some(node)) => json(node),
            (_, None) => serde_json::Value::Null,
        }
    }
}

/// `true` or `false`.
pub(super) fn truth(value: &Value<'_>) -> Result<bool, Wrong> {
    match (&value.content, value.node()) {
        (Content::Text("true"), _) => Ok(true),
        (Content::Text("false"), _) => Ok(false),
        (_, Some(DeValue::Boolean(truth))) => Ok(*truth),
        _ => Err(format!("must be true or false, not {}", value.type_words())),
    }
}

fn type_words(node: &DeValue<'_>) -> &'static str {
    match node {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// What does not fit is as large as can be, and so out of every range.
fn small(integer: &DeInteger<'_>) -> i64 {
    i64::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(i64::MAX)
}

/// A TOML value as JSON.
pub(super) fn json(node: &DeValue<'_>) -> serde_json::Value {
    match node {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(integer) => small(integer).into(),
        DeValue::Float(float) => float.as_str().into(),
        DeValue::Boolean(truth) => (*truth).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(array) => array.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(name, item)| (name.get_ref().to_string(), json(item.get_ref())))
            .collect(),
    }
}
