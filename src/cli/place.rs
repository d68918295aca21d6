//! Which file a person means: an absolute path, `NAME:path`, a path from here, or a path below the only
//! folder.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::config::Config;
use crate::model::desk::InboxSpec;
use crate::model::folder::FolderSpec;
use crate::model::path::{RelPath, escaped};
use crate::store::{MessageRow, Reader};

use super::context::Failure;
use super::exit::Exit;

/// A path below a folder.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// Folder.
    pub folder: &'a FolderSpec,
    /// Path; `None` is the root itself.
    pub path: Option<RelPath>,
}

/// A path below an inbox, or a message of it.
#[derive(Debug, Clone)]
pub struct InboxPlace<'a> {
    /// Inbox.
    pub inbox: &'a InboxSpec,
    /// Path below it.
    pub path: Option<RelPath>,
    /// What stands behind `NAME:`, which may be a message's code.
    pub code: Option<String>,
}

impl InboxPlace<'_> {
    /// The message that is meant: by its file's path, else by its code.
    pub fn message(&self, reader: &Reader) -> Result<Option<MessageRow>, Failure> {
        let name = &self.inbox.name;
        if let Some(path) = &self.path
            && let Some(row) = reader.message_at(name, path)?
        {
            return Ok(Some(row));
        }
        match &self.code {
            Some(code) => Ok(reader.message(name, code)?),
            None => Ok(None),
        }
    }

    /// How the person wrote it.
    pub fn shown(&self) -> String {
        let path = self.path.as_ref().map(ToString::to_string);
        let code = self.code.as_ref().map(|code| escaped(code.as_bytes()));
        path.or(code).unwrap_or_default()
    }
}

/// The inbox and what is meant of it; `None` where no inbox is named and the path is below none.
pub fn find_in_inbox<'a>(
    config: &'a Config,
    typed: &OsStr,
) -> Result<Option<InboxPlace<'a>>, Failure> {
    let here = std::env::current_dir().unwrap_or_default();
    let inboxes = config.inboxes.as_slice();
    let bytes = typed.as_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':').unwrap_or(0);
    let (name, rest) = bytes.split_at(colon);
    if let Some(inbox) = inboxes.iter().find(|inbox| inbox.name.as_bytes() == name) {
        let rest = rest.get(1..).unwrap_or_default();
        return Ok(Some(InboxPlace {
            inbox,
            // A message's code need not be a path.
            path: RelPath::from_bytes(rest).ok(),
            code: std::str::from_utf8(rest).ok().map(str::to_owned),
        }));
    }
    let absolute = cleaned(&here.join(typed));
    let resolved = resolved(&absolute);
    for inbox in inboxes {
        if let Some(rest) = rest_below(&inbox.path, &absolute, &resolved) {
            return Ok(Some(InboxPlace {
                inbox,
                path: relative(rest)?,
                code: None,
            }));
        }
    }
    Ok(None)
}

/// Finds the folder and the path below it.
pub fn find<'a>(config: &'a Config, typed: &OsStr) -> Result<Place<'a>, Failure> {
    let here = std::env::current_dir().unwrap_or_default();
    find_from(config.folders.as_slice(), typed, &here)
}

fn find_from<'a>(
    folders: &'a [FolderSpec],
    typed: &OsStr,
    here: &Path,
) -> Result<Place<'a>, Failure> {
    if let Some(place) = named(folders, typed)? {
        return Ok(place);
    }
    let typed_path = Path::new(typed);
    let absolute = cleaned(&here.join(typed_path));
    if let Some(place) = below(folders, &absolute)? {
        return Ok(place);
    }
    if let ([folder], true) = (folders, typed_path.is_relative()) {
        return Ok(Place {
            folder,
            path: relative(&cleaned(typed_path))?,
        });
    }
    let shown = escaped(typed.as_bytes());
    let roots: Vec<String> = folders
        .iter()
        .map(|folder| escaped(folder.path.as_os_str().as_bytes()))
        .collect();
    let message = if roots.is_empty() {
        format!("\"{shown}\" is not below a folder: no [[folder]] is configured")
    } else {
        format!(
            "\"{shown}\" is not below a folder; the folders are: {}",
            roots.join(", ")
        )
    };
    Err(Failure::new(Exit::NotFound, message))
}

/// `NAME:path`.
fn named<'a>(folders: &'a [FolderSpec], typed: &OsStr) -> Result<Option<Place<'a>>, Failure> {
    let bytes = typed.as_bytes();
    let Some(colon) = bytes.iter().position(|byte| *byte == b':') else {
        return Ok(None);
    };
    let (name, rest) = bytes.split_at(colon);
    let Some(folder) = folders.iter().find(|folder| folder.name.as_bytes() == name) else {
        return Ok(None);
    };
    let rest = Path::new(OsStr::from_bytes(rest.get(1..).unwrap_or_default()));
    Ok(Some(Place {
        folder,
        path: relative(&cleaned(rest))?,
    }))
}

/// The innermost folder whose root, as written or where it leads, is above a path.
fn below<'a>(folders: &'a [FolderSpec], absolute: &Path) -> Result<Option<Place<'a>>, Failure> {
    let resolved = resolved(absolute);
    let mut best: Option<(usize, Place<'a>)> = None;
    for folder in folders {
        let depth = folder.path.as_os_str().len();
        if let Some(rest) = rest_below(&folder.path, absolute, &resolved)
            && best.as_ref().is_none_or(|(have, _)| *have < depth)
        {
            best = Some((
                depth,
                Place {
                    folder,
                    path: relative(rest)?,
                },
            ));
        }
    }
    Ok(best.map(|(_, place)| place))
}

/// A path whose directory's links are resolved.
fn resolved(absolute: &Path) -> PathBuf {
    let parent = absolute
        .parent()
        .and_then(|parent| parent.canonicalize().ok());
    match (parent, absolute.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => absolute.to_owned(),
    }
}

/// What is left of a path below a root, as that was written or where it leads.
fn rest_below<'p>(root: &Path, absolute: &'p Path, resolved: &'p Path) -> Option<&'p Path> {
    let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    absolute
        .strip_prefix(root)
        .or_else(|_| resolved.strip_prefix(&real))
        .or_else(|_| absolute.strip_prefix(&real))
        .ok()
}

/// Without `.` and, as far as the text allows, without `..`.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

fn relative(path: &Path) -> Result<Option<RelPath>, Failure> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        return Ok(None);
    }
    match RelPath::from_bytes(bytes) {
        Ok(path) => Ok(Some(path)),
        Err(error) => Err(Failure::new(
            Exit::Usage,
            format!("\"{}\": {error}", escaped(bytes)),
        )),
    }
}
