//! The one connection that writes, and how writes that come together are committed together.
//!
//! Each write runs in a savepoint of one IMMEDIATE transaction and is answered after COMMIT, so
//! that an answer means "durable" and a failing write spoils no other.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::StoreError;
use super::open;
use super::reader::Reader;
use crate::port::BoxFuture;
use crate::port::priority::give_way;

/// The most writes in one transaction, so that a steady stream of them cannot postpone the first
/// answer.
const GROUP_MAX: usize = 256;

/// The log is folded into the main file when nothing was written for so long: the next write would wait
/// for that.
const QUIET: Duration = Duration::from_millis(20);

/// How often a locked database is tried again, [`open`]'s busy time each, before a write fails.
const BUSY_TRIES: u32 = 24;

/// Awaited before and after each write of an inline store, so that the simulator can end the
/// process at these points.
pub type Hesitate = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// The memory of syncd, open for writing. Clones share it.
#[derive(Clone)]
pub struct Store {
    path: Arc<Path>,
    back: Back,
}

#[derive(Clone)]
enum Back {
    Thread(mpsc::Sender<Message>),
    Inline {
        db: Arc<Mutex<Connection>>,
        hesitate: Hesitate,
    },
}

enum Message {
    Write(Box<dyn Write>),
    Close(oneshot::Sender<()>),
}

/// A write that waits in line.
trait Write: Send {
    /// Does it; whether it may be kept.
    fn run(&mut self, db: &Connection) -> bool;

    /// Tells the caller: what it did, or why the transaction around it was lost.
    fn answer(self: Box<Self>, lost: Option<StoreError>);
}

struct Pending<T, F> {
    path: Arc<Path>,
    attempt: &'static str,
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Write for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, db: &Connection) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        let result = work(db).map_err(|error| StoreError::sorted(&self.path, self.attempt, error));
        let kept = result.is_ok();
        self.result = Some(result);
        kept
    }

    fn answer(self: Box<Self>, lost: Option<StoreError>) {
        let closed = || StoreError::Closed {
            path: self.path.to_path_buf(),
        };
        let result = match (self.result, lost) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(lost)) => Err(lost),
            (Some(done), None) => done,
            (None, None) => Err(closed()),
        };
        // A caller that went away needs no answer.
        let _ = self.caller.send(result);
    }
}

impl Store {
    /// Opens or makes the database and starts the thread that writes to it.
    ///
    /// # Errors
    /// The file is refused; it is kept as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let db = open::writable(path)?;
        let (sender, line) = mpsc::channel();
        let shared: Arc<Path> = path.into();
        let thread_path = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(db, &line, &thread_path))
            .map_err(|error| StoreError::Failed {
                attempt: "start the thread of the database",
                path: path.into(),
                source: Arc::new(error),
            })?;
        Ok(Self {
            path: shared,
            back: Back::Thread(sender),
        })
    }

    /// A store without a thread, for the simulator: each write is one step between two hesitations.
    pub fn inline(db: &InlineDatabase, hesitate: Hesitate) -> Self {
        Self {
            path: Path::new(":memory:").into(),
            back: Back::Inline {
                db: Arc::clone(&db.0),
                hesitate,
            },
        }
    }

    /// A view of what is committed, for calls that do not wait in line.
    ///
    /// # Errors
    /// The file cannot be opened again.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        match &self.back {
            Back::Thread(_) => Reader::open(&self.path),
            Back::Inline { db, .. } => Ok(Reader::shared(Arc::clone(db), &self.path)),
        }
    }

    /// Commits what waits, folds the log into the main file and closes it. Later writes fail.
    pub async fn close(&self) {
        if let Back::Thread(line) = &self.back {
            let (sender, closed) = oneshot::channel();
            if line.send(Message::Close(sender)).is_ok() {
                let _ = closed.await;
            }
        }
    }

    /// Runs `work` in a transaction; `attempt` names it in errors.
    pub(super) async fn write<T, F>(&self, attempt: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        match &self.back {
            Back::Thread(line) => {
                let closed = || StoreError::Closed {
                    path: self.path.to_path_buf(),
                };
                let (caller, answer) = oneshot::channel();
                let pending = Box::new(Pending {
                    path: Arc::clone(&self.path),
                    attempt,
                    work: Some(work),
                    result: None,
                    caller,
                });
                line.send(Message::Write(pending)).map_err(|_| closed())?;
                answer.await.unwrap_or_else(|_| Err(closed()))
            }
            Back::Inline { db, hesitate } => {
                hesitate().await;
                let result = atomically(db, work)
                    .map_err(|error| StoreError::sorted(&self.path, attempt, error));
                hesitate().await;
                result
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.path).finish()
    }
}

/// A database in memory that outlives the stores on top of it, as a file outlives processes.
#[derive(Debug, Clone)]
pub struct InlineDatabase(Arc<Mutex<Connection>>);

impl InlineDatabase {
    /// An empty one.
    ///
    /// # Errors
    /// SQLite has no memory left, or is too old.
    pub fn new() -> Result<Self, StoreError> {
        open::in_memory().map(|db| Self(Arc::new(Mutex::new(db))))
    }
}

fn atomically<T>(
    db: &Mutex<Connection>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let mut db = db.lock().unwrap_or_else(PoisonError::into_inner);
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// The thread: takes what waits, commits it, answers, until it is told to close or nobody is left.
fn serve(db: Connection, line: &mpsc::Receiver<Message>, path: &Path) {
    give_way();
    let mut closing = None;
    let mut log_is_long = false;
    while closing.is_none() {
        let patience = if log_is_long { QUIET } else { Duration::MAX };
        match line.recv_timeout(patience) {
            Ok(Message::Write(first)) => {
                closing = commit(&db, first, line, path);
                log_is_long = open::log_is_long(&db);
            }
            Ok(Message::Close(sender)) => closing = Some(sender),
            Err(RecvTimeoutError::Timeout) => {
                open::fold_log(&db);
                log_is_long = false;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    open::leave(db);
    if let Some(sender) = closing {
        let _ = sender.send(());
    }
}

/// Does `first` and whatever comes while that is done, and commits all of it together. Who asked for the
/// file to be closed meanwhile.
fn commit(
    db: &Connection,
    first: Box<dyn Write>,
    line: &mpsc::Receiver<Message>,
    path: &Path,
) -> Option<oneshot::Sender<()>> {
    let mut group = vec![first];
    let mut closing = None;
    let committed = begin(db).and_then(|()| {
        let mut next = 0;
        while let Some(write) = group.get_mut(next) {
            run(db, write.as_mut())?;
            next += 1;
            if next < GROUP_MAX && closing.is_none() {
                match line.try_recv() {
                    Ok(Message::Write(write)) => group.push(write),
                    Ok(Message::Close(sender)) => closing = Some(sender),
                    Err(_) => {}
                }
            }
        }
        db.execute_batch("COMMIT")
    });
    let lost = committed.err().map(|error| {
        if !db.is_autocommit() {
            let _ = db.execute_batch("ROLLBACK");
        }
        StoreError::sorted(path, "commit", error)
    });
    for write in group {
        write.answer(lost.clone());
    }
    closing
}

/// Does one write, and undoes it by itself where it fails.
fn run(db: &Connection, write: &mut dyn Write) -> rusqlite::Result<()> {
    db.execute_batch("SAVEPOINT write")?;
    let kept = write.run(db);
    if db.is_autocommit() {
        // SQLite gave up the whole transaction (disk full, I/O error): nobody's write is kept.
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
            None,
        ));
    }
    let end = if kept {
        "RELEASE write"
    } else {
        "ROLLBACK TO write; RELEASE write"
    };
    db.execute_batch(end)
}

fn begin(db: &Connection) -> rusqlite::Result<()> {
    let mut tries = 1;
    loop {
        match db.execute_batch("BEGIN IMMEDIATE") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && tries < BUSY_TRIES =>
            {
                tries += 1;
            }
            result => return result,
        }
    }
}
