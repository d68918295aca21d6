//! Tables below tables: `[log]`, `[accounts.NAME]`, `[[folder]]`.

use toml::de::{DeTable, DeValue};

use super::Section;
use crate::config::keys::{self, Absent, Kind};
use crate::config::problem::{Place, listed};
use crate::config::value::{Content, Placed, Value};
use crate::model::path::escaped;

impl<'d> Section<'_, 'd> {
    /// A table below this one, or `None` if it is not written. A required one is reported.
    pub(in crate::config) fn child(&self, name: &'static str, kind: Kind) -> Option<Self> {
        let Some(node) = self.table.and_then(|table| table.get(name)) else {
            if keys::find(self.kind, name).is_some_and(|key| key.absent == Absent::Required) {
                self.missing(name);
            }
            return None;
        };
        let place = self.reader.place(&node.span());
        let DeValue::Table(table) = node.get_ref() else {
            let (wrong, known) = (type_of(node.get_ref()), keys::names(kind));
            let known = listed(&known);
            self.reader.report(
                &place,
                format!("`{name}` must be a table, not {wrong}; its keys are {known}"),
            );
            return None;
        };
        self.note_json(name, None, place.clone());
        let path = self.path_below(name);
        Some(Self::new(self.reader, kind, path, Some(table), place))
    }

    /// A table of the top, there or not: its defaults and variables hold in any case.
    pub(in crate::config) fn child_or_absent(&self, name: &'static str, kind: Kind) -> Self {
        let absent = || Self {
            reader: self.reader,
            place: self.place.clone(),
            path: self.path_below(name),
            kind,
            table: None,
        };
        self.child(name, kind).unwrap_or_else(absent)
    }

    /// The tables `[[name]]` below this one.
    pub(in crate::config) fn children(&self, name: &'static str, kind: Kind) -> Vec<Self> {
        let Some(node) = self.table.and_then(|table| table.get(name)) else {
            return Vec::new();
        };
        let place = self.reader.place(&node.span());
        let DeValue::Array(items) = node.get_ref() else {
            let title = kind.title();
            self.reader.report(
                &place,
                format!("`{name}` is a list of tables; write {title}"),
            );
            return Vec::new();
        };
        self.note_json(name, None, place);
        let each = items.iter().enumerate().filter_map(|(index, item)| {
            let place = self.reader.place(&item.span());
            let DeValue::Table(table) = item.get_ref() else {
                let title = kind.title();
                self.reader.report(
                    &place,
                    format!("`{name}` is a list of tables; write {title}"),
                );
                return None;
            };
            let label = match table.get("name").map(toml::Spanned::get_ref) {
                Some(DeValue::String(label)) => label.to_string(),
                _ => index.to_string(),
            };
            let path = self.path_below(&format!("{name}.{label}"));
            Some(Self::new(self.reader, kind, path, Some(table), place))
        });
        each.collect()
    }

    /// The tables `[name.ANY]`, each with its name.
    pub(in crate::config) fn named_children(
        &self,
        name: &'static str,
        kind_of: impl Fn(&DeTable<'_>) -> Kind,
    ) -> Vec<(Placed<&'d str>, Self)> {
        let Some(node) = self.table.and_then(|table| table.get(name)) else {
            return Vec::new();
        };
        let DeValue::Table(table) = node.get_ref() else {
            self.report(name, format!("`{name}` holds tables; write [{name}.NAME]"));
            return Vec::new();
        };
        let each = self.pairs(table).into_iter().filter_map(|(label, value)| {
            let Content::Node(DeValue::Table(table)) = value.content else {
                let label_text = escaped(label.value.as_bytes());
                let message =
                    format!("`{label_text}` must be a table; write [{name}.{label_text}]");
                self.reader.report(&label.place, message);
                return None;
            };
            let path = self.path_below(&format!("{name}.{}", label.value));
            let section = Self::new(self.reader, kind_of(table), path, Some(table), value.place);
            Some((label, section))
        });
        each.collect()
    }

    /// A table inside of a value, such as a secret that is kept elsewhere.
    pub(in crate::config) fn inner(
        &self,
        kind: Kind,
        table: &'d DeTable<'d>,
        place: Place,
    ) -> Self {
        let path = self.path_below("secret");
        Self::new(self.reader, kind, path, Some(table), place)
    }
}

fn type_of(node: &DeValue<'_>) -> &'static str {
    let content = Content::Node(node);
    let place = Place::Default;
    Value { content, place }.type_words()
}
