//! `syncd config schema`: the table of keys as a JSON Schema (draft 2020-12), for editors.
//!
//! It says what can be said of one value or one table. What holds between tables (names that are given
//! twice, folders inside of each other, accounts that do not exist) only `config check` knows.

pub(super) mod form;

use serde_json::{Map, Value as Json, json};
use toml::de::DeValue;

use super::keys::{self, Absent, Key, Kind};
use super::value;

/// The schema of the whole file.
pub fn schema() -> Json {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of syncd",
    });
    let tables = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Top);
    let tables: Map<String, Json> = tables
        .map(|kind| (form::name(kind).to_owned(), table(kind)))
        .collect();
    if let (Json::Object(schema), Json::Object(top)) = (&mut schema, table(Kind::Top)) {
        schema.extend(top);
        schema.insert("$defs".to_owned(), tables.into());
    }
    schema
}

/// One table: its keys and no others.
fn table(kind: Kind) -> Json {
    let keys = || keys::all().filter(move |key| key.kind == kind);
    let properties: Map<String, Json> = keys()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = keys()
        .filter(|key| key.absent == Absent::Required)
        .map(|key| key.name)
        .collect();
    let mut table = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if let (Json::Object(table), Json::Object(rules)) = (&mut table, rules(kind)) {
        table.extend(rules);
    }
    table
}

/// What holds between the keys of one table.
fn rules(kind: Kind) -> Json {
    match kind {
        Kind::Token => {
            let sources = keys::names(kind).into_iter();
            let sources = sources.filter(|name| *name != "header");
            let one: Vec<Json> = sources.map(|name| json!({ "required": [name] })).collect();
            json!({ "oneOf": one, "dependentRequired": { "header": ["url"] } })
        }
        Kind::Secret => json!({ "minProperties": 1, "maxProperties": 1 }),
        Kind::Folder => json!({
            "if": { "properties": { "flow": { "enum": ["static-website", "cloud-storage"] } } },
            "then": { "required": ["env"] },
        }),
        _ => json!({}),
    }
}

/// One key: the form of its value, what it means, and what it is when left out.
fn property(key: &Key) -> Json {
    let mut property = form::of(key);
    if let Json::Object(property) = &mut property {
        property.insert("description".to_owned(), key.meaning.into());
        if let Some(default) = default(key) {
            property.insert("default".to_owned(), default);
        }
    }
    property
}

fn default(key: &Key) -> Option<Json> {
    let Absent::Value(text) = key.absent else {
        return None;
    };
    let parsed = DeValue::parse(text).ok()?;
    Some(value::json(parsed.get_ref()))
}
