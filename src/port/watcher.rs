//! Hints that something changed. They may be lost, doubled, late or wrong: they only ever cause a look.

use std::path::Path;

use tokio::sync::mpsc;

use crate::model::path::RelPath;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Look at this path (a file, or a directory with all below it).
    Path(RelPath),
    /// Look at everything: events were lost.
    Everything,
    /// The root itself was moved, unmounted or deleted.
    Root,
    /// The watch is not complete any more; polling is needed.
    Degraded(String),
}

/// Why a folder cannot be watched, with the way to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WatchError(pub String);

/// A running watch; it ends when this is dropped.
pub trait Watch: Send + Sync {}

/// Watches folders.
pub trait Watcher: Send + Sync {
    /// Starts to send hints about `root`. Hints that do not fit into the channel become one
    /// [`Hint::Everything`].
    fn watch(&self, root: &Path, hints: mpsc::Sender<Hint>) -> Result<Box<dyn Watch>, WatchError>;
}
