//! How a file is published: when within its release, and with which stored headers.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::Gitignore;

use super::filter::{PatternError, compile};
use crate::model::folder::FolderSpec;
use crate::model::headers::{Fingerprint, ObjectHeaders};
use crate::model::job::Stage;
use crate::model::path::RelPath;

/// The headers of a file, and their identity.
#[derive(Debug, PartialEq, Eq)]
pub struct Dress {
    /// Stored headers.
    pub headers: ObjectHeaders,
    /// Their identity.
    pub fingerprint: Fingerprint,
}

/// Which header rule matched, and the file's extension: all that its headers depend on.
type DressKey = (Option<usize>, Box<[u8]>);

/// The publishing rules of one folder.
#[derive(Debug)]
pub struct Publisher {
    last: Gitignore,
    rules: Vec<(Gitignore, Vec<(String, String)>)>,
    dresses: Mutex<HashMap<DressKey, Arc<Dress>>>,
}

/// Extensions that are kept in memory with their headers; more are worked out each time.
const DRESSES_MAX: usize = 1000;

impl Publisher {
    /// Compiles the rules.
    ///
    /// # Errors
    /// A pattern cannot be understood.
    pub fn new(folder: &FolderSpec) -> Result<Self, PatternError> {
        let rules = folder
            .headers
            .iter()
            .map(|rule| {
                Ok((
                    compile(std::slice::from_ref(&rule.pattern))?,
                    rule.set.clone(),
                ))
            })
            .collect::<Result<_, PatternError>>()?;
        Ok(Self {
            last: compile(&folder.last)?,
            rules,
            dresses: Mutex::default(),
        })
    }

    /// The place of a file in the publish order.
    pub fn stage(&self, path: &RelPath) -> Stage {
        if matches(&self.last, path) {
            Stage::Last
        } else if is_page(path) {
            Stage::Page
        } else {
            Stage::Asset
        }
    }

    /// The stored headers of a file: its `content-type`, then the first header rule that matches.
    pub fn dress(&self, path: &RelPath) -> Arc<Dress> {
        let rule = self
            .rules
            .iter()
            .position(|(pattern, _)| matches(pattern, path));
        let extension = extension(path);
        let mut dresses = self.dresses.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (rule, Box::from(extension));
        if let Some(dress) = dresses.get(&key) {
            return Arc::clone(dress);
        }
        let mut headers = ObjectHeaders::default();
        headers.set("content-type", content_type(extension));
        for (name, value) in rule.map(|at| &self.rules[at].1).into_iter().flatten() {
            headers.set(name, value.clone());
        }
        let dress = Arc::new(Dress {
            fingerprint: headers.fingerprint(),
            headers,
        });
        if dresses.len() < DRESSES_MAX {
            dresses.insert(key, Arc::clone(&dress));
        }
        dress
    }
}

fn matches(list: &Gitignore, path: &RelPath) -> bool {
    !list.is_empty()
        && list
            .matched_path_or_any_parents(path.as_path(), false)
            .is_ignore()
}

fn is_page(path: &RelPath) -> bool {
    let extension = extension(path);
    extension.eq_ignore_ascii_case(b"html") || extension.eq_ignore_ascii_case(b"htm")
}

/// What follows the last dot of the name; empty for none, and for a name that only begins with a dot.
fn extension(path: &RelPath) -> &[u8] {
    let name = path.file_name();
    match name.iter().rposition(|byte| *byte == b'.') {
        None | Some(0) => b"",
        Some(dot) => &name[dot + 1..],
    }
}

fn content_type(extension: &[u8]) -> String {
    let known = match extension.to_ascii_lowercase().as_slice() {
        // Not in the list of types, or there with another meaning than on a web site.
        b"map" => Some("application/json"),
        b"webmanifest" => Some("application/manifest+json"),
        b"mjs" | b"cjs" => Some("text/javascript"),
        b"ts" | b"" => None,
        _ => OsStr::from_bytes(extension)
            .to_str()
            .and_then(|extension| mime_guess::from_ext(extension).first_raw()),
    };
    let known = known.unwrap_or("application/octet-stream");
    if is_text(known) {
        format!("{known}; charset=utf-8")
    } else {
        known.to_owned()
    }
}

fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || content_type.ends_with("+json")
        || content_type.ends_with("+xml")
        || matches!(
            content_type,
            "application/javascript" | "application/json" | "application/xml"
        )
}

#[cfg(test)]
mod tests;
