//! A view of the database that never changes it; for `status` beside a running daemon, and for
//! scans.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::error::StoreError;
use super::open;

/// The memory of syncd, open for reading. Calls block for as long as SQLite takes; clones share one
/// connection and wait for each other.
#[derive(Clone)]
pub struct Reader {
    path: Arc<Path>,
    db: Arc<Mutex<Connection>>,
}

impl Reader {
    /// Opens the file of this or another process. It is neither made nor upgraded.
    ///
    /// # Errors
    /// It is absent, not ours, of another version, damaged, or closed to this user.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let db = open::read_only(path)?;
        Ok(Self::shared(Arc::new(Mutex::new(db)), path))
    }

    pub(super) fn shared(db: Arc<Mutex<Connection>>, path: &Path) -> Self {
        Self {
            path: path.into(),
            db,
        }
    }

    /// Runs `look` over one state of the database; `attempt` names it in errors.
    pub(super) fn read<T>(
        &self,
        attempt: &'static str,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = db.unchecked_transaction().and_then(|_view| look(&db));
        looked.map_err(|error| StoreError::sorted(&self.path, attempt, error))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reader").field(&self.path).finish()
    }
}
