//! Where received files are put: the only place outside the state directory that syncd writes to.
//!
//! A file is written under a temporary name in a private directory of the inbox, made durable, and then
//! given its final name in one step that overwrites nothing. Everything is below the opened directory.

use std::path::Path;
use std::sync::Arc;

use super::disk::{DiskError, RootIdentity};
use crate::model::path::RelPath;

/// Opens inboxes.
pub trait Inboxes: Send + Sync {
    /// Opens an inbox, makes its private directory if need be, and locks it for this process for as long
    /// as the answer lives.
    ///
    /// # Errors
    /// It is not there, not a directory, not writable, or another process has it
    /// ([`std::io::ErrorKind::WouldBlock`]).
    fn open(&self, path: &Path) -> Result<Arc<dyn Inbox>, DiskError>;
}

/// A name in the private directory: letters and digits, made by syncd.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TempName(pub String);

/// What became of giving a file its final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It has it, durably.
    Done,
    /// Something else has that name.
    NameTaken,
    /// The temporary file is not there: it was placed before, and that is durable by now.
    TempGone,
}

/// An open inbox. All calls block for as long as the disk takes.
pub trait Inbox: Send + Sync {
    /// Identity of the directory that was opened.
    fn identity(&self) -> RootIdentity;

    /// Bytes that an unprivileged program may still write.
    fn free_bytes(&self) -> Result<u64, DiskError>;

    /// Makes an empty temporary file, mode 0600; it must not be there yet.
    fn create(&self, name: &TempName) -> Result<Box<dyn TempFile>, DiskError>;

    /// The temporary files that are there.
    fn temps(&self) -> Result<Vec<TempName>, DiskError>;

    /// Whether a temporary file is there.
    fn has(&self, name: &TempName) -> Result<bool, DiskError>;

    /// Removes a temporary file, if it is there.
    fn remove(&self, name: &TempName) -> Result<(), DiskError>;

    /// Whether nothing has a final name; it may be taken a moment later.
    fn is_free(&self, name: &RelPath) -> Result<bool, DiskError>;

    /// Gives a temporary file its final name, makes the directories on the way, and makes all of it
    /// durable. Overwrites nothing. After an error the file may have its final name all the same; the
    /// next call says so.
    fn place(&self, name: &TempName, to: &RelPath) -> Result<Placed, DiskError>;
}

/// A temporary file that is being written. Dropped unfinished, it stays until it is removed.
pub trait TempFile: Send {
    /// Appends all of the bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError>;

    /// Makes the file and its name durable. After an error the file is gone: what the system could not
    /// write must be written again from its source.
    fn finish(self: Box<Self>) -> Result<(), DiskError>;
}
