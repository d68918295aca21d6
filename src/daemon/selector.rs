//! Folder names and selectors of a command, found in the store.

use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::store::{Reader, Selection, StoreError};

use super::protocol::Selector;

/// A folder that is not configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub String);

/// The store's words for a command's.
///
/// # Errors
/// The store cannot be read; inside, the folder is unknown.
pub fn selection(
    reader: &Reader,
    selector: Selector,
) -> Result<Result<Selection, Unknown>, StoreError> {
    Ok(match selector {
        Selector::All => Ok(Selection::All),
        Selector::Dead => Ok(Selection::Dead),
        Selector::Folder(name) => folder_id(reader, &name)?.map(Selection::Folder),
        Selector::Path(name, bytes) => {
            let path = RelPath::from_bytes(bytes).map_err(|_| Unknown(name.clone()));
            let id = folder_id(reader, &name)?;
            id.and_then(|id| Ok(Selection::Path(id, path?)))
        }
    })
}

/// A folder's row by its name.
///
/// # Errors
/// The store cannot be read; inside, the folder is unknown.
pub fn folder_id(reader: &Reader, name: &str) -> Result<Result<FolderId, Unknown>, StoreError> {
    let row = reader.folders()?.into_iter().find(|row| row.name == name);
    Ok(row
        .map(|row| row.id)
        .ok_or_else(|| Unknown(name.to_owned())))
}
