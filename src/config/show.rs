//! `syncd config show`: every value as it holds, where it comes from, secrets masked.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::Config;
use super::keys::Kind;
use super::problem::{Place, shown_path};

/// `FILE:LINE`, `environment NAME` or `default`.
pub(super) fn origin(file: &Path, place: &Place) -> String {
    match place {
        Place::File { line, .. } => format!("{}:{line}", shown_path(file)),
        Place::Environment(name) => format!("environment {name}"),
        Place::Default | Place::Whole => "default".to_owned(),
    }
}

/// The resolved configuration in the form of the file, each value with its origin behind it.
pub fn text(config: &Config) -> String {
    let mut out = String::new();
    let mut section = (Kind::Top, String::new());
    for setting in &config.settings {
        let Some(value) = &setting.value else {
            continue;
        };
        if setting.kind == Kind::Secret {
            // It is shown whole, where it is used.
            continue;
        }
        let here = (setting.kind, setting.section.clone());
        if here != section {
            let title = match setting.kind {
                Kind::Folder => "[[folder]]".to_owned(),
                Kind::Header => "[[folder.header]]".to_owned(),
                Kind::Inbox => "[[inbox]]".to_owned(),
                _ => format!("[{}]", setting.section),
            };
            let _ = write!(out, "\n{title}\n");
            section = here;
        }
        let assignment = format!("{} = {}", setting.key, toml_text(value));
        let origin = origin(&config.source, &setting.place);
        let _ = writeln!(out, "{assignment:<48} # {origin}");
    }
    out
}

/// The same for scripts.
pub fn json(config: &Config) -> Json {
    let settings: Vec<Json> = config
        .settings
        .iter()
        .filter_map(|setting| {
            let value = setting.value.as_ref()?;
            if setting.kind == Kind::Secret {
                return None;
            }
            Some(json!({
                "section": setting.section,
                "key": setting.key,
                "value": value,
                "origin": origin(&config.source, &setting.place),
            }))
        })
        .collect();
    json!({
        "schema": 1,
        "source": config.source.to_string_lossy(),
        "settings": settings,
    })
}

fn toml_text(value: &Json) -> String {
    match value {
        Json::String(text) => toml::Value::String(text.clone()).to_string(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(toml_text).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(table) => {
            let pairs = table
                .iter()
                .map(|(name, value)| format!("{} = {}", key_text(name), toml_text(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn key_text(name: &str) -> String {
    let is_bare = super::unit::is_identifier(name, usize::MAX, "A-Z a-z 0-9 _ -");
    if is_bare {
        name.to_owned()
    } else {
        toml::Value::String(name.to_owned()).to_string()
    }
}
