//! The `.syncdignore` of a folder, as everybody reads it: the intake, `plan`, `why` and the doctor.

use crate::decide::filter::{IGNORE_FILE, IGNORE_FILE_BYTES_MAX, Rules};
use crate::model::folder::FolderSpec;
use crate::model::job::FolderId;
use crate::model::observation::{EntryKind, Stat};
use crate::model::path::RelPath;
use crate::port::disk::{DiskError, Root, with_cause};
use crate::store::{Reader, StoreError};

/// What was found; nothing where the folder has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoreFile {
    /// The file's metadata.
    pub stat: Option<Stat>,
    /// What it says.
    pub text: Option<String>,
}

/// Reads it. Going on without would publish what somebody meant to keep private.
///
/// # Errors
/// Why the folder has to wait, in words.
pub fn read(root: &dyn Root) -> Result<IgnoreFile, String> {
    let unreadable =
        |error: &DiskError| format!("{IGNORE_FILE} cannot be read: {}", with_cause(error));
    let stat = stat(root).map_err(|error| unreadable(&error))?;
    let text = match (stat, path()) {
        (Some(_), Some(path)) => {
            let bytes = read_whole(root, &path).map_err(|error| unreadable(&error))?;
            let text = bytes
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| {
                    format!("{IGNORE_FILE} is not UTF-8 text of at most 1 MiB; mend it")
                })?;
            Some(text)
        }
        _ => None,
    };
    Ok(IgnoreFile { stat, text })
}

/// The rules of a folder with it.
///
/// # Errors
/// Why the folder has to wait, in words.
pub fn rules(root: &dyn Root, spec: &FolderSpec) -> Result<Rules, String> {
    let found = read(root)?;
    Rules::new(spec, found.text.as_deref()).map_err(|error| error.to_string())
}

/// Its metadata, where there is one.
///
/// # Errors
/// The operating system refused, or it is a link or the like.
pub fn stat(root: &dyn Root) -> Result<Option<Stat>, DiskError> {
    let Some(path) = path() else {
        return Ok(None);
    };
    match root.entry(&path)? {
        Some(entry) if entry.kind != EntryKind::File => Err(DiskError::NotAFile {
            path: IGNORE_FILE.into(),
        }),
        entry => Ok(entry.map(|entry| entry.stat)),
    }
}

/// Why a folder without one has to wait, if it had one that was not empty when it was last looked at. That it
/// is gone is not believed before a person says so: it may only be on its way, as where the folder is
/// being copied anew.
///
/// # Errors
/// The records cannot be read.
pub fn missed(reader: &Reader, folder: FolderId, name: &str) -> Result<Option<String>, StoreError> {
    let Some(path) = path() else {
        return Ok(None);
    };
    let known = reader.page(folder, Some(&path), None, 1)?;
    let hid_something = known
        .iter()
        .any(|row| row.path == path && row.stat.size > 0);
    Ok(hid_something.then(|| {
        format!(
            "{IGNORE_FILE} is gone, and what it left out would be published; put it back, or \
             `syncd resume {name}` goes on without it"
        )
    }))
}

fn path() -> Option<RelPath> {
    RelPath::from_bytes(IGNORE_FILE.as_bytes()).ok()
}

/// The bytes of a small file; `None` if it is too large.
fn read_whole(root: &dyn Root, path: &RelPath) -> Result<Option<Vec<u8>>, DiskError> {
    let mut source = root.open(path)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let count = source.read(&mut piece)?;
        if count == 0 {
            return Ok(Some(bytes));
        }
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        if bytes.len() > IGNORE_FILE_BYTES_MAX {
            return Ok(None);
        }
    }
}
