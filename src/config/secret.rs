//! Secrets: from `$CREDENTIALS_DIRECTORY`, a closed file, a variable, or a closed configuration.
//!
//! No message names a secret's value.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::disk;
use super::keys::Kind;
use super::problem::{NO_CREDENTIALS, shown, shown_path};
use super::reader::{Secrets, Section};
use super::unit;
use super::value::{Content, Placed, Value};
use crate::model::secret::{Rotating, Secret};

/// The bits that let group or others read, write or enter.
const OPEN_BITS: u32 = 0o077;

/// The secret at a key. `None` where something is wrong (and reported) or secrets are left alone.
pub(super) fn read(section: &Section<'_, '_>, name: &'static str) -> Option<Secret> {
    let value = section.raw(name)?;
    from_value(section, name, &value, Plain::Closed)
}

/// A secret that others replace: in a file it is read again later, else it stays as it is.
pub(super) fn read_rotating(section: &Section<'_, '_>, name: &'static str) -> Option<Rotating> {
    let value = section.raw(name)?;
    let (found, secret) = found(section, name, &value, Plain::Closed)?;
    Some(match found.value {
        Source::File(path) | Source::Credential(path) => Rotating::File(path),
        Source::Plain(_) | Source::Variable(_) => Rotating::Fixed(secret),
    })
}

/// The form of a secret that this version does not use.
pub(super) fn check_form(section: &Section<'_, '_>, name: &'static str) {
    if let Some(value) = section.raw(name) {
        source(section, name, &value, Plain::Closed);
    }
}

/// Whether a plain string may stand here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Only in a configuration that is closed to group and others.
    Closed,
    /// Anywhere: it is not secret.
    Anywhere,
}

/// Where a secret is kept.
enum Source {
    Plain(String),
    File(PathBuf),
    Credential(PathBuf),
    Variable(String),
}

/// A secret written in a table of free names.
pub(super) fn from_value<'d>(
    section: &Section<'_, 'd>,
    name: &str,
    value: &Value<'d>,
    plain: Plain,
) -> Option<Secret> {
    found(section, name, value, plain).map(|(_, secret)| secret)
}

/// A secret, and where it was found.
fn found<'d>(
    section: &Section<'_, 'd>,
    name: &str,
    value: &Value<'d>,
    plain: Plain,
) -> Option<(Placed<Source>, Secret)> {
    let found = source(section, name, value, plain)?;
    if section.reader.secrets == Secrets::Leave {
        return None;
    }
    match fetch(section, &found.value) {
        Ok(secret) => Some((found, secret)),
        Err(message) => {
            section
                .reader
                .report(&found.place, format!("the secret `{name}` {message}"));
            None
        }
    }
}

fn source<'d>(
    section: &Section<'_, 'd>,
    name: &str,
    value: &Value<'d>,
    plain: Plain,
) -> Option<Placed<Source>> {
    let reader = section.reader;
    match &value.content {
        Content::Node(DeValue::String(_)) if plain == Plain::Closed && !reader.private => {
            let file = shown_path(reader.file);
            let message = format!(
                "`{name}` is a secret in a file that others can read; `chmod 600 {file}`, or write \
                 {{ credential = \"NAME\" }}, {{ file = \"PATH\" }} or {{ env = \"NAME\" }}"
            );
            reader.report(&value.place, message);
            None
        }
        Content::Node(DeValue::String(text)) => Some(Placed {
            value: Source::Plain(text.to_string()),
            place: value.place.clone(),
        }),
        Content::Node(DeValue::Table(table)) => {
            let inner = section.inner(Kind::Secret, table, value.place.clone());
            kept_elsewhere(&inner, name)
        }
        _ => {
            let wrong = value.type_words();
            let message = format!(
                "`{name}` must be a secret: {{ credential = \"NAME\" }}, {{ file = \"PATH\" }}, \
                 {{ env = \"NAME\" }} or a string, not {wrong}"
            );
            reader.report(&value.place, message);
            None
        }
    }
}

fn kept_elsewhere(section: &Section<'_, '_>, name: &str) -> Option<Placed<Source>> {
    let kinds = ["credential", "file", "env"];
    let written: Vec<&str> = kinds.into_iter().filter(|kind| section.has(kind)).collect();
    match written.as_slice() {
        ["credential"] => {
            let file = section.read("credential", |value| {
                unit::identifier(value, 255, "A-Z a-z 0-9 . _ - @ :")
            })?;
            let directory = section.reader.environment.get("CREDENTIALS_DIRECTORY");
            let path = Path::new(directory.unwrap_or_default()).join(file.value);
            if path.is_absolute() {
                section.reader.guard("a credential", &path);
            }
            Some(Placed {
                value: Source::Credential(path),
                place: file.place,
            })
        }
        ["file"] => {
            let path = section.read("file", unit::absolute_path)?;
            section.reader.guard("a secret's file", &path.value);
            Some(Placed {
                value: Source::File(path.value),
                place: path.place,
            })
        }
        ["env" | _] => {
            let variable = section.read("env", unit::line)?;
            Some(Placed {
                value: Source::Variable(variable.value),
                place: variable.place,
            })
        }
        [] => {
            let message = format!(
                "`{name}` says not where the secret is; write credential, file or env in it"
            );
            section.reader.report(&section.place, message);
            None
        }
        [_, second, ..] => {
            let message = format!("`{name}` names two places of one secret; keep one");
            section.report(second, message);
            None
        }
    }
}

fn fetch(section: &Section<'_, '_>, source: &Source) -> Result<Secret, String> {
    let text = match source {
        Source::Plain(text) => text.clone(),
        Source::Variable(name) => {
            let value = section.reader.environment.get(name);
            value.map(str::to_owned).ok_or_else(|| {
                let name = shown(name);
                format!("is not there: environment variable {name} is not set; set it")
            })?
        }
        Source::Credential(path) if !path.is_absolute() => {
            return Err(format!(
                "is not there: {NO_CREDENTIALS}; add LoadCredential= to the unit"
            ));
        }
        Source::Credential(path) => file_text(path, None)?,
        Source::File(path) => file_text(path, Some(OPEN_BITS))?,
    };
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err("is empty; write it there".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("has a line break or control character inside; keep one line".to_owned());
    }
    Ok(Secret::new(text))
}

fn file_text(path: &Path, refused_bits: Option<u32>) -> Result<String, String> {
    let name = shown_path(path);
    let file = disk::read(path)
        .map_err(|wrong| format!("cannot be read: {name} {wrong}; make it, or mend the path"))?;
    if refused_bits.is_some_and(|bits| file.mode & bits != 0) {
        return Err(format!(
            "is open to group or others (mode {:04o}); run `chmod 600 {name}`",
            file.mode
        ));
    }
    String::from_utf8(file.bytes).map_err(|_| format!("is not UTF-8 text in {name}; mend it"))
}
