//! Files below a folder's root. Every path is taken relative to an open root, links are never followed,
//! and nothing is ever written: watched folders are read-only to syncd.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::observation::{Entry, Stat};
use crate::model::path::RelPath;

/// Why a look at the disk failed.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The root or a path below it is not there (any more).
    #[error("\"{}\" is not there", path.display())]
    NotFound {
        /// Which.
        path: PathBuf,
    },
    /// It is there but is not a regular file, or a link or directory stands in the way.
    #[error("\"{}\" is not a regular file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// It is there but is not a directory.
    #[error("\"{}\" is not a directory", path.display())]
    NotADirectory {
        /// Which.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("Could not {attempt} \"{}\"", path.display())]
    System {
        /// A verb: open, list, read.
        attempt: &'static str,
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        #[source]
        source: std::io::Error,
    },
}

/// An error with the operating system's words, on one line.
pub fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Opens roots.
pub trait Disk: Send + Sync {
    /// Opens the directory a folder's configuration names.
    fn open_root(&self, path: &Path) -> Result<Arc<dyn Root>, DiskError>;
}

/// Tells one directory from another that was put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootIdentity {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
}

/// An open root. All calls block for as long as the disk takes.
pub trait Root: Send + Sync {
    /// Identity of the directory that was opened.
    fn identity(&self) -> RootIdentity;

    /// Everything in one directory (`None`: the root), in no order, without `.` and `..`. Entries that
    /// vanish while they are listed are left out.
    fn list(&self, directory: Option<&RelPath>) -> Result<Vec<Entry>, DiskError>;

    /// One entry, links not followed; `None` if nothing is there or its parent is no directory.
    fn entry(&self, path: &RelPath) -> Result<Option<Entry>, DiskError>;

    /// Many entries, each as [`Root::entry`] finds it. Neighbours may be looked at in a directory that
    /// was opened once for all of them.
    fn entries(&self, paths: &[RelPath]) -> Vec<Result<Option<Entry>, DiskError>> {
        paths.iter().map(|path| self.entry(path)).collect()
    }

    /// Opens a regular file for reading.
    fn open(&self, path: &RelPath) -> Result<Box<dyn SourceFile>, DiskError>;
}

/// An open regular file, read from its beginning.
pub trait SourceFile: Send {
    /// Metadata of the file when it was opened.
    fn opened(&self) -> Stat;

    /// Metadata of the open file now.
    fn stat(&self) -> Result<Stat, DiskError>;

    /// Reads the next bytes; 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DiskError>;
}
