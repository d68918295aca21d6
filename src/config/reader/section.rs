//! One table of the file, or the place where it would be.

use toml::de::{DeTable, DeValue};

use super::{BLANK, Reader, Setting};
use crate::config::keys::{self, Absent, Key, Kind};
use crate::config::problem::{Place, nearest, shown, suggestion};
use crate::config::value::{Content, Placed, Value, Wrong};
use crate::model::path::escaped;

/// One table.
#[derive(Clone)]
pub(in crate::config) struct Section<'r, 'd> {
    pub(in crate::config) reader: &'r Reader<'d>,
    pub(in crate::config) place: Place,
    /// `accounts.shop.token`; empty at the top.
    pub(in crate::config) path: String,
    pub(super) kind: Kind,
    pub(super) table: Option<&'d DeTable<'d>>,
}

impl<'r, 'd> Section<'r, 'd> {
    /// A table; its unknown keys are reported.
    pub(in crate::config) fn new(
        reader: &'r Reader<'d>,
        kind: Kind,
        path: String,
        table: Option<&'d DeTable<'d>>,
        place: Place,
    ) -> Self {
        let section = Self {
            reader,
            place,
            path,
            kind,
            table,
        };
        section.refuse_unknown_keys();
        section
    }

    fn refuse_unknown_keys(&self) {
        let known = keys::names(self.kind);
        for (name, _) in self.table.into_iter().flat_map(DeTable::iter) {
            let word = name.get_ref().as_ref();
            if known.contains(&word) {
                continue;
            }
            let elsewhere = keys::all().find(|key| key.name == word);
            let hint = match (nearest(word, &known), elsewhere) {
                (None, Some(key)) => format!("; it belongs to {}", key.kind.title()),
                _ => suggestion(word, &known),
            };
            let title = self.title();
            self.reader.report(
                &self.reader.place(&name.span()),
                format!("unknown key {} {title}{hint}", shown(word)),
            );
        }
    }

    /// Whether the key is written in the file.
    pub(in crate::config) fn has(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(name))
    }

    /// Where the key's value is written; else where the table begins.
    pub(in crate::config) fn place_of(&self, name: &str) -> Place {
        self.table
            .and_then(|table| table.get(name))
            .map_or(self.place.clone(), |node| self.reader.place(&node.span()))
    }

    /// Reports something about this section's key.
    pub(in crate::config) fn report(&self, name: &str, message: impl Into<String>) {
        self.reader.report(&self.place_of(name), message);
    }

    /// The value of a key: variable, file, default. A missing one that is required is reported.
    fn value(&self, name: &'static str) -> Option<Value<'d>> {
        let key = keys::find(self.kind, name)?;
        let value = self
            .variable_value(key)
            .or_else(|| self.file_value(name))
            .or_else(|| default_value(key));
        if value.is_none() && key.absent == Absent::Required {
            self.missing(name);
        }
        if let Some(value) = &value {
            self.note(key, value);
        }
        value
    }

    fn variable_value(&self, key: &Key) -> Option<Value<'d>> {
        let variable = key.variable()?;
        let text = self.reader.environment.get(&variable)?;
        Some(Value {
            content: Content::Text(text),
            place: Place::Environment(variable),
        })
    }

    fn file_value(&self, name: &str) -> Option<Value<'d>> {
        let node = self.table?.get(name)?;
        Some(Value {
            content: Content::Node(node.get_ref()),
            place: self.reader.place(&node.span()),
        })
    }

    pub(super) fn missing(&self, name: &str) {
        let title = self.title();
        self.reader
            .report(&self.place, format!("`{name}` is missing {title}; add it"));
    }

    /// "in \[log\]".
    fn title(&self) -> String {
        match self.kind {
            Kind::Top => "at the top of the file".to_owned(),
            Kind::Wechat | Kind::Ccmessaging => format!("in [{}]", escaped(self.path.as_bytes())),
            kind => format!("in {}", kind.title()),
        }
    }

    fn note(&self, key: &Key, value: &Value<'_>) {
        let json = match value.json() {
            serde_json::Value::String(_) if key.is_secret() => "***".into(),
            serde_json::Value::String(url) if key.name == "proxy" => without_password(&url).into(),
            serde_json::Value::Object(headers) if key.kind == Kind::Token => headers
                .into_iter()
                .map(|(name, value)| {
                    (
                        name,
                        if value.is_string() {
                            "***".into()
                        } else {
                            value
                        },
                    )
                })
                .collect(),
            json => json,
        };
        self.note_json(key.name, Some(json), value.place.clone());
    }

    /// Notes a value as it is shown.
    pub(in crate::config) fn note_json(
        &self,
        key: &'static str,
        value: Option<serde_json::Value>,
        place: Place,
    ) {
        self.reader.note(Setting {
            kind: self.kind,
            section: self.path.clone(),
            key,
            value,
            place,
        });
    }

    /// A value, understood; a wrong one is reported.
    pub(in crate::config) fn read<T>(
        &self,
        name: &'static str,
        understand: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> Option<Placed<T>> {
        let value = self.value(name)?;
        self.understand(name, &value, understand)
    }

    fn understand<T>(
        &self,
        name: &str,
        value: &Value<'_>,
        understand: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> Option<Placed<T>> {
        self.check_blank(value);
        match understand(value) {
            Ok(understood) => Some(Placed {
                value: understood,
                place: value.place.clone(),
            }),
            Err(wrong) => {
                self.reader
                    .report(&value.place, format!("`{name}` {wrong}"));
                None
            }
        }
    }

    fn check_blank(&self, value: &Value<'_>) {
        if value.text().is_ok_and(|text| text.contains(BLANK)) {
            self.reader.report_blank(value.place.clone());
        }
    }

    /// A list, each item understood; `None` where the list or any item is wrong.
    pub(in crate::config) fn list<T>(
        &self,
        name: &'static str,
        understand: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> Option<Vec<Placed<T>>> {
        let value = self.value(name)?;
        let Some(DeValue::Array(items)) = value.node() else {
            let wrong = value.type_words();
            self.reader.report(
                &value.place,
                format!("`{name}` must be a list like [\"…\"], not {wrong}"),
            );
            return None;
        };
        let understood: Vec<Option<Placed<T>>> = items
            .iter()
            .map(|item| {
                let place = match value.place {
                    Place::Default => Place::Default,
                    _ => self.reader.place(&item.span()),
                };
                let content = Content::Node(item.get_ref());
                let value = Value { content, place };
                if let Err(wrong) = value.text() {
                    let wrong = wrong.replacen("must be a string", "must hold strings", 1);
                    self.reader
                        .report(&value.place, format!("`{name}` {wrong}"));
                    return None;
                }
                self.understand(name, &value, &understand)
            })
            .collect();
        understood.into_iter().collect()
    }

    /// A table of free names: each name with its place, and its value.
    pub(in crate::config) fn entries(
        &self,
        name: &'static str,
    ) -> Option<Vec<(Placed<&'d str>, Value<'d>)>> {
        let value = self.value(name)?;
        let Content::Node(DeValue::Table(table)) = value.content else {
            let wrong = value.type_words();
            self.report(
                name,
                format!("`{name}` must be a table like {{ name = \"value\" }}, not {wrong}"),
            );
            return None;
        };
        Some(self.pairs(table))
    }

    pub(super) fn pairs(&self, table: &'d DeTable<'d>) -> Vec<(Placed<&'d str>, Value<'d>)> {
        table
            .iter()
            .map(|(name, node)| {
                let named = Placed {
                    value: name.get_ref().as_ref(),
                    place: self.reader.place(&name.span()),
                };
                let value = Value {
                    content: Content::Node(node.get_ref()),
                    place: self.reader.place(&node.span()),
                };
                self.check_blank(&value);
                (named, value)
            })
            .collect()
    }

    pub(super) fn path_below(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    /// The value of a key that may be a string or a table.
    pub(in crate::config) fn raw(&self, name: &'static str) -> Option<Value<'d>> {
        let value = self.value(name)?;
        self.check_blank(&value);
        Some(value)
    }
}

/// A URL without what stands before `@`.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        (None, Some((_, host))) => format!("***@{host}"),
        _ => url.to_owned(),
    }
}

fn default_value(key: &Key) -> Option<Value<'static>> {
    let Absent::Value(text) = key.absent else {
        return None;
    };
    let node = DeValue::parse(text).ok()?;
    Some(Value {
        content: Content::Default(node.into_inner()),
        place: Place::Default,
    })
}
