//! What comes together is committed together, and the log is folded while nobody waits.
#![expect(
    clippy::disallowed_methods,
    reason = "the thread of the store knows no simulated time"
)]

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Store;

const PATIENCE: Duration = Duration::from_secs(20);

fn notes(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM note", [], |row| row.get(0))
        .unwrap()
}

async fn store_with_notes(path: &Path) -> Store {
    let store = Store::open(path).unwrap();
    let make = "CREATE TABLE note (text TEXT NOT NULL) STRICT";
    store
        .write("make a table", move |db| db.execute_batch(make))
        .await
        .unwrap();
    store
}

#[tokio::test]
async fn a_write_that_comes_while_another_is_done_is_committed_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncd.db");
    let store = store_with_notes(&path).await;
    let (second_waits, has_come) = channel();
    let add = |db: &Connection| db.execute("INSERT INTO note VALUES ('one')", []);
    let first = store.write("add a note", move |db| {
        let added = add(db);
        has_come.recv().unwrap();
        added
    });
    let second = store.write("look from outside", move |db| {
        let outside = Connection::open(&path)?;
        Ok((notes(db), notes(&outside)))
    });
    let second = async {
        tokio::pin!(second);
        // Once it was polled it is in the line.
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        second_waits.send(()).unwrap();
        second.await
    };
    let (first, second) = tokio::join!(first, second);
    first.unwrap();
    assert_eq!(second.unwrap(), (1, 0), "of notes, within and outside");
}

#[tokio::test]
async fn a_long_log_is_folded_into_the_file_when_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncd.db");
    let store = store_with_notes(&path).await;
    let len = || fs::metadata(&path).unwrap().len();
    let before = len();
    // More than is folded at leisure, less than is folded within a commit.
    let megabytes = 8;
    store
        .write("add a long note", move |db| {
            let text = "x".repeat(megabytes << 20);
            db.execute("INSERT INTO note VALUES (?1)", [text])
        })
        .await
        .unwrap();
    let began = Instant::now();
    while len() < before + (megabytes << 20) as u64 {
        assert!(began.elapsed() < PATIENCE, "the log is never folded");
        std::thread::sleep(Duration::from_millis(5));
    }
}
