//! Why the store could not be opened or used, in words for the person who has to act.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

/// Why a call of the store failed. The file is always kept as it is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Nothing is there yet.
    #[error(
        "There is no database at \"{}\" yet; `syncd run` or `syncd once` makes it",
        path.display()
    )]
    Absent {
        /// Which file.
        path: PathBuf,
    },
    /// A file of something else.
    #[error(
        "\"{}\" is not a database of syncd; set `state_dir` to another directory, or move the \
         file away",
        path.display()
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a newer syncd.
    #[error(
        "\"{}\" was written by a newer syncd (schema {found}, this one knows {known}); install \
         that version",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema of this program.
        known: i64,
    },
    /// Written by an older syncd, and opened only for reading.
    #[error(
        "\"{}\" was written by an older syncd (schema {found}, this one needs {known}); start \
         `syncd run` once, \
         which upgrades it",
        path.display()
    )]
    Older {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The schema that is needed.
        known: i64,
    },
    /// Damaged.
    #[error(
        "The database \"{}\" is damaged ({detail}). It is kept as it is: restore it from a \
         backup, or move it away \
         (with its -wal and -shm) and everything is compared and uploaded again",
        path.display()
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The operating system does not let this user.
    #[error("No permission to use \"{}\"; run as the user that owns it", path.display())]
    NoPermission {
        /// Which file.
        path: PathBuf,
        /// The operating system's or SQLite's words.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// No room.
    #[error("The disk of \"{}\" is full; make room, syncd goes on by itself", path.display())]
    Full {
        /// Which file.
        path: PathBuf,
        /// SQLite's words.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// Another program kept it locked for too long.
    #[error("Another program keeps \"{}\" locked; close it", path.display())]
    Busy {
        /// Which file.
        path: PathBuf,
        /// SQLite's words.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The SQLite this program was linked with has a bug that can lose data.
    #[error("SQLite {found} is too old: 3.51.3 or newer is needed; build with the bundled one")]
    Library {
        /// Its version.
        found: &'static str,
    },
    /// Anything else.
    #[error("Could not {attempt} in \"{}\"", path.display())]
    Failed {
        /// A verb and its object.
        attempt: &'static str,
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The store was closed, or its thread ended.
    #[error("The database \"{}\" is closed", path.display())]
    Closed {
        /// Which file.
        path: PathBuf,
    },
}

impl StoreError {
    /// Sorts an error of SQLite by who has to act.
    pub(super) fn sorted(path: &Path, attempt: &'static str, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt {
                path,
                detail: error.to_string(),
            },
            Some(
                ErrorCode::PermissionDenied
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::AuthorizationForStatementDenied,
            ) => Self::NoPermission {
                path,
                source: Arc::new(error),
            },
            Some(ErrorCode::DiskFull) => Self::Full {
                path,
                source: Arc::new(error),
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy {
                path,
                source: Arc::new(error),
            },
            Some(_) => Self::Failed {
                attempt,
                path,
                source: Arc::new(error),
            },
            None => Self::unreadable(path, attempt, error),
        }
    }

    fn unreadable(path: PathBuf, attempt: &'static str, error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        match error {
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::Utf8Error(..) => Self::Corrupt {
                path,
                detail: error.to_string(),
            },
            error => Self::Failed {
                attempt,
                path,
                source: Arc::new(error),
            },
        }
    }
}
