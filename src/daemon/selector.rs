//! What a command chooses, by names, paths and message codes, found in the store.

use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::store::{Messages, Reader, Selection, StoreError};

use super::protocol::Selector;

/// A folder or inbox that is not configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub String);

/// Jobs of folders, messages of inboxes, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chosen {
    /// Jobs.
    pub jobs: Option<Selection>,
    /// Messages.
    pub messages: Option<Messages>,
}

impl Chosen {
    fn jobs(selection: Selection) -> Self {
        Self {
            jobs: Some(selection),
            messages: None,
        }
    }

    fn messages(messages: Option<Messages>) -> Self {
        Self {
            jobs: None,
            messages,
        }
    }
}

/// The store's words for a command's. What is not there any more chooses nothing.
///
/// # Errors
/// The store cannot be read; inside, the name is unknown.
pub fn chosen(reader: &Reader, selector: Selector) -> Result<Result<Chosen, Unknown>, StoreError> {
    Ok(match selector {
        Selector::All => Ok(Chosen {
            jobs: Some(Selection::All),
            messages: Some(Messages::All),
        }),
        Selector::Dead => Ok(Chosen {
            jobs: Some(Selection::Dead),
            messages: Some(Messages::Dead),
        }),
        Selector::Folder(name) => match folder_id(reader, &name)? {
            Some(id) => Ok(Chosen::jobs(Selection::Folder(id))),
            None if is_inbox(reader, &name)? => Ok(Chosen::messages(Some(Messages::Inbox(name)))),
            None => Err(Unknown(name)),
        },
        Selector::Path(name, bytes) => {
            let Ok(path) = RelPath::from_bytes(bytes) else {
                return Ok(Err(Unknown(name)));
            };
            match folder_id(reader, &name)? {
                Some(id) => Ok(Chosen::jobs(Selection::Path(id, path))),
                None if is_inbox(reader, &name)? => {
                    let row = reader.message_at(&name, &path)?;
                    Ok(Chosen::messages(row.map(|row| Messages::One(row.id))))
                }
                None => Err(Unknown(name)),
            }
        }
        Selector::Message(name, identity) => {
            if !is_inbox(reader, &name)? {
                return Ok(Err(Unknown(name)));
            }
            let row = reader.message(&name, &identity)?;
            Ok(Chosen::messages(row.map(|row| Messages::One(row.id))))
        }
    })
}

fn folder_id(reader: &Reader, name: &str) -> Result<Option<FolderId>, StoreError> {
    let row = reader.folders()?.into_iter().find(|row| row.name == name);
    Ok(row.map(|row| row.id))
}

fn is_inbox(reader: &Reader, name: &str) -> Result<bool, StoreError> {
    Ok(reader.inboxes()?.iter().any(|row| row.name == name))
}
