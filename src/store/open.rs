//! Opening the file: what is refused, which promises SQLite is asked for, and how it is left
//! behind.
//!
//! The file is never opened past SQLite: closing any other descriptor of it would drop SQLite's
//! locks.

use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::error::StoreError;

/// "sync", in the header of every database of ours.
const APPLICATION_ID: i64 = 0x7379_6e63;

/// Numbered changes of the schema, oldest first; one that was released is never edited.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("schema/0001_initial.sql")),
    M::up(include_str!("schema/0002_desk.sql")).foreign_key_check(),
    M::up(include_str!("schema/0003_checks.sql")).foreign_key_check(),
];

/// The newest schema of this program.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len().cast_signed() as i64;

/// Older ones have a bug in WAL mode that can lose data.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// A log of so many pages is folded into the main file as soon as nobody waits for a commit.
const LOG_PAGES: i64 = 1000;
/// One of so many pages within a commit.
const LOG_PAGES_MAX: i64 = 4000;

/// How long a call waits for another process before it gives up.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Pages that the one who writes keeps in memory; the kernel keeps the rest.
const WRITER_CACHE_KIB: i64 = 1024;

/// Pages that a reader keeps in memory.
const READER_CACHE_KIB: i64 = 256;

/// Opens or makes the file for the one process that writes.
pub(super) fn writable(path: &Path) -> Result<Connection, StoreError> {
    check_library()?;
    make_private(path)?;
    let sorted = |error| StoreError::sorted(path, "open the database", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(sorted)?;
    prepare(&db).map_err(sorted)?;
    let version = identify(&db, path)?;
    if !was_left_whole(&db).map_err(sorted)? {
        check(&db, path)?;
    }
    db.pragma_update(None, "journal_mode", "WAL")
        .map_err(sorted)?;
    if version < SCHEMA_VERSION {
        migrate(&mut db, path)?;
    }
    Ok(db)
}

/// A database that lives as long as its connection.
pub(super) fn in_memory() -> Result<Connection, StoreError> {
    check_library()?;
    let path = PathBuf::from(":memory:");
    let sorted = |error| StoreError::sorted(&path, "open the database", error);
    let mut db = Connection::open_in_memory().map_err(sorted)?;
    prepare(&db).map_err(sorted)?;
    migrate(&mut db, &path)?;
    Ok(db)
}

/// Opens the file without ever changing it.
pub(super) fn read_only(path: &Path) -> Result<Connection, StoreError> {
    check_library()?;
    if is_absent(path)? {
        return Err(StoreError::Absent { path: path.into() });
    }
    let version = |db: &Connection| identify(db, path);
    let (db, found) = match connect_read_only(path, "") {
        Ok(db) => match version(&db) {
            // A WAL that was left behind clean needs a -shm, which this user may not make.
            Err(StoreError::NoPermission { .. }) if is_at_rest(path) => {
                let db = connect_read_only(path, "?immutable=1")?;
                let found = version(&db)?;
                (db, found)
            }
            found => (db, found?),
        },
        Err(error) => return Err(error),
    };
    if found == 0 {
        return Err(StoreError::Absent { path: path.into() });
    }
    if found < SCHEMA_VERSION {
        return Err(StoreError::Older {
            path: path.into(),
            found,
            known: SCHEMA_VERSION,
        });
    }
    Ok(db)
}

/// Whether the log is to be folded into the main file when there is time for it.
pub(super) fn log_is_long(db: &Connection) -> bool {
    let pages = db.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
        row.get::<_, i64>(1)
    });
    pages.is_ok_and(|pages| pages >= LOG_PAGES)
}

/// Folds the log into the main file as far as others let it. What cannot be folded now can be later.
pub(super) fn fold_log(db: &Connection) {
    let _ = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}

/// Leaves the file as one whole, so that it can be read by whoever may read it, without -wal and
/// -shm. While another process reads it, it stays in WAL mode, which is just as safe.
pub(super) fn leave(db: Connection) {
    let _ = db.busy_timeout(Duration::from_millis(100));
    let _ = db.pragma_update(None, "wal_checkpoint", "TRUNCATE");
    let _ = db.pragma_update(None, "journal_mode", "DELETE");
    drop(db);
}

fn connect_read_only(path: &Path, query: &str) -> Result<Connection, StoreError> {
    let sorted = |error| StoreError::sorted(path, "open the database", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(uri(path, query), flags).map_err(sorted)?;
    harden(&db).map_err(sorted)?;
    // Reports and scans read each page once, in its order.
    db.pragma_update(None, "cache_size", -READER_CACHE_KIB)
        .map_err(sorted)?;
    Ok(db)
}

/// `file:` with every byte escaped that is not plainly part of a name.
fn uri(path: &Path, query: &str) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let escaped = percent_encoding::percent_encode(
        path.as_os_str().as_bytes(),
        percent_encoding::NON_ALPHANUMERIC,
    );
    format!("file:{escaped}{query}")
}

fn is_absent(path: &Path) -> Result<bool, StoreError> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len() == 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(refused(path, error)),
    }
}

/// Whether no process has left anything outside the main file.
fn is_at_rest(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).map_or(true, |wal| wal.len() == 0)
}

fn refused(path: &Path, error: std::io::Error) -> StoreError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::NoPermission {
            path,
            source: Arc::new(error),
        },
        _ => StoreError::Failed {
            attempt: "open the database",
            path,
            source: Arc::new(error),
        },
    }
}

/// The version of the SQLite this program was built with.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

fn check_library() -> Result<(), StoreError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::Library {
            found: rusqlite::version(),
        });
    }
    Ok(())
}

/// Makes an absent file, closed to everyone else whatever the umask; SQLite gives -wal and -shm
/// the same mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(refused(path, error)),
        Ok(_) => {}
    }
    let mode = std::fs::metadata(path)
        .map_err(|error| refused(path, error))?
        .permissions()
        .mode();
    if mode & 0o777 != 0o600 {
        std::fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(|error| refused(path, error))?;
    }
    Ok(())
}

fn harden(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY_WAIT)?;
    db.set_prepared_statement_cache_capacity(128);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Else a statement is prepared anew whenever its LIMIT is another one.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")
}

fn prepare(db: &Connection) -> rusqlite::Result<()> {
    harden(db)?;
    // An acknowledgement is acted upon by others (a release goes on), so its commit must outlive a
    // power cut; NORMAL loses every commit since the last checkpoint.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    rusqlite::vtab::array::load_module(db)?;
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)?;
    db.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    db.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)
}

/// The file's schema version; 0 for an empty file.
fn identify(db: &Connection, path: &Path) -> Result<i64, StoreError> {
    let sorted = |error| StoreError::sorted(path, "read the header", error);
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let objects = "SELECT count(*) FROM sqlite_schema";
    let objects: i64 = db
        .query_row(objects, [], |row| row.get(0))
        .map_err(sorted)?;
    let application = number("application_id").map_err(sorted)?;
    let version = number("user_version").map_err(sorted)?;
    if application != APPLICATION_ID {
        if application == 0 && version == 0 && objects == 0 {
            return Ok(0);
        }
        return Err(StoreError::Foreign { path: path.into() });
    }
    if version > SCHEMA_VERSION {
        return Err(StoreError::Newer {
            path: path.into(),
            found: version,
            known: SCHEMA_VERSION,
        });
    }
    if version < 1 || objects == 0 {
        return Err(StoreError::Corrupt {
            path: path.into(),
            detail: format!("schema version {version} with {objects} tables and indexes"),
        });
    }
    Ok(version)
}

/// Whether the last writer ended with [`leave`]: only that takes the file out of WAL mode.
fn was_left_whole(db: &Connection) -> rusqlite::Result<bool> {
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode != "wal")
}

/// Refuses to go on from damaged pages, where a wrong answer could look like a right one.
fn check(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let verdict: String = db
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| StoreError::sorted(path, "check the database", error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        path: path.into(),
        detail: verdict.replace('\n', " "),
    })
}

fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    use rusqlite_migration::Error;
    let attempt = "upgrade the schema";
    let sorted = |error| StoreError::sorted(path, attempt, error);
    // A table that others refer to can only be made anew while nobody checks; the check follows.
    db.pragma_update(None, "foreign_keys", false)
        .map_err(sorted)?;
    Migrations::from_slice(MIGRATIONS)
        .to_latest(db)
        .map_err(|error| match error {
            Error::RusqliteError { err, .. } => StoreError::sorted(path, attempt, err),
            other => StoreError::Failed {
                attempt,
                path: path.into(),
                source: Arc::new(other),
            },
        })?;
    db.pragma_update(None, "foreign_keys", true).map_err(sorted)
}
