//! Hints that something changed. They may be lost, doubled, late or wrong: they only ever cause a look.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::clock::Clock;
use crate::model::path::RelPath;
use crate::model::time::Monotonic;

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

/// A hint that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When what it is about was noticed.
    pub at: Monotonic,
    /// The hint.
    pub hint: Hint,
}

/// Where a watcher sends its hints.
#[derive(Clone)]
pub struct Hints {
    line: mpsc::Sender<Heard>,
    clock: Arc<dyn Clock>,
}

impl Hints {
    /// A line in which so many hints may wait.
    pub fn channel(most: usize, clock: Arc<dyn Clock>) -> (Self, mpsc::Receiver<Heard>) {
        let (line, heard) = mpsc::channel(most);
        (Self { line, clock }, heard)
    }

    /// The moment, to be sent with a hint later.
    pub fn now(&self) -> Monotonic {
        self.clock.monotonic()
    }

    /// Sends a hint about what was noticed at `at`.
    ///
    /// # Errors
    /// The line is full, or nobody listens any more.
    pub fn try_send(&self, hint: Hint, at: Monotonic) -> Result<(), TrySendError<Heard>> {
        self.line.try_send(Heard { at, hint })
    }

    /// Sends a hint about what is noticed now, once there is room; `None` when nobody listens any more.
    pub fn blocking_send(&self, hint: Hint) -> Option<()> {
        let at = self.now();
        self.line.blocking_send(Heard { at, hint }).ok()
    }
}

/// Why a folder cannot be watched, with the way to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WatchError(pub String);

/// A running watch; it ends when this is dropped.
pub trait Watch: Send + Sync {}

/// Watches folders.
pub trait Watcher: Send + Sync {
    /// Starts to send hints about `root`. Hints that do not fit into the line become one
    /// [`Hint::Everything`].
    fn watch(&self, root: &Path, hints: Hints) -> Result<Box<dyn Watch>, WatchError>;
}
