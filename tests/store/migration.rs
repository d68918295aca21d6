//! A database of the first schema, with rows, becomes one of the newest.

use rusqlite::Connection;
use syncd::model::message::MessageState;
use syncd::store::{MessageFilter, Messages, SCHEMA_VERSION, Store};

use super::world::*;

const FIRST: &str = include_str!("../../src/store/schema/0001_initial.sql");

const ROWS: &str = "
    INSERT INTO folder (id, name, active, adopted_at_ms) VALUES (1, 'www', 1, 5);
    INSERT INTO tree (id, folder_id, account, env, prefix, current) VALUES (1, 1, 'shop', 'env-1', '', 1);
    INSERT INTO upload (folder_id, release, path, key, digest, size, tries, took_ms, at_ms, remote_id)
        VALUES (1, 1, CAST('a' AS BLOB), 'a', zeroblob(32), 3, 1, 4, 5, 'id');
    INSERT INTO message (inbox, identity, raw, state, temp_name, final_name, digest, size,
        received_at_ms, fetched_at_ms, delivered_at_ms) VALUES
        ('desk', 'received', x'01', 'received', NULL, NULL, NULL, NULL, 10, NULL, NULL),
        ('desk', 'fetched', x'02', 'fetched', 'temp', 'd/f.png', zeroblob(32), 7, 11, 12, NULL),
        ('desk', 'half', x'03', 'fetched', 'half', NULL, NULL, NULL, 11, 12, NULL),
        ('desk', 'delivered', x'04', 'delivered', NULL, 'd/d.png', zeroblob(32), 8, 13, 14, 15),
        ('desk', 'bare', x'05', 'delivered', NULL, NULL, NULL, NULL, 13, NULL, NULL),
        ('desk', 'dead', x'06', 'dead', NULL, NULL, NULL, NULL, 16, NULL, NULL);
    INSERT INTO release (folder_id, number, state, started_at_ms, files) VALUES (1, 1, 'publishing', 5, 1);
    INSERT INTO local (folder_id, path, dev, ino, size, mtime_ns, ctime_ns, racy, digest, headers, stage,
        generation) VALUES (1, CAST('b' AS BLOB), 1, 2, 3, 4, 5, 0, zeroblob(32), 6, 0, 1);
    INSERT INTO job (id, folder_id, path, tree_id, release, key, digest, headers, dev, ino, size, mtime_ns,
        ctime_ns, stage, reason, generation, state, due_at_ms) VALUES
        (7, 1, CAST('b' AS BLOB), 1, 1, 'b', zeroblob(32), 6, 1, 2, 3, 4, 5, 0, 'new', 1, 'ready', 9),
        (41, 1, CAST('c' AS BLOB), 1, 1, 'c', zeroblob(32), 6, 1, 3, 3, 4, 5, 0, 'new', 1, 'ready', 9);
    DELETE FROM job WHERE id = 41;
    PRAGMA user_version = 1;";

#[tokio::test]
async fn the_first_schema_is_carried_over_with_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path_of_it = directory.path().join("syncd.db");
    let old = Connection::open(&path_of_it).unwrap();
    old.execute_batch(FIRST).unwrap();
    old.execute_batch(ROWS).unwrap();
    drop(old);
    let store = Store::open(&path_of_it).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(reader.schema_version().unwrap(), SCHEMA_VERSION);
    assert_eq!(reader.integrity_check().unwrap(), [""; 0]);
    let rows = reader.messages(&MessageFilter::default(), 100).unwrap();
    let shown: Vec<_> = rows
        .iter()
        .rev()
        .map(|row| (row.identity.as_str(), row.state))
        .collect();
    assert_eq!(
        shown,
        [
            ("received", MessageState::Received),
            ("fetched", MessageState::Fetched),
            ("half", MessageState::Received),
            ("delivered", MessageState::Delivered),
            ("bare", MessageState::Dropped),
            ("dead", MessageState::Dead),
        ]
    );
    let undelivered = store.undelivered("desk".to_owned()).await.unwrap();
    let fetched = undelivered[0].fetched.clone().unwrap();
    assert_eq!((fetched.temp.0.as_str(), fetched.size), ("temp", 7));
    assert_eq!(fetched.wanted, path("d/f.png"));
    assert_eq!(undelivered[0].raw, [2]);
    let at = reader
        .message_at("desk", &path("d/d.png"))
        .unwrap()
        .unwrap();
    assert_eq!(at.delivered_at.unwrap().0, 15);
    let uploads = reader
        .dossier(reader.folders().unwrap()[0].id, &path("a"))
        .unwrap()
        .uploads;
    assert_eq!(
        (
            uploads[0].remote_id.as_deref(),
            uploads[0].object_key.as_deref()
        ),
        (Some("id"), None)
    );
    jobs_are_carried_over(&store, &path_of_it).await;
    let retried = store
        .retry_messages(Messages::Dead, syncd::model::time::Timestamp(99))
        .await;
    assert_eq!(retried.unwrap(), 1);
    store.close().await;
}

async fn jobs_are_carried_over(store: &Store, path_of_it: &std::path::Path) {
    let folder = store.reader().unwrap().folders().unwrap()[0].id;
    let claims = store
        .claim(folder, 9, syncd::model::time::Timestamp(99))
        .await
        .unwrap();
    let claimed: Vec<_> = claims
        .iter()
        .map(|claim| (claim.job.0, claim.path.clone()))
        .collect();
    assert_eq!(claimed, [(7, path("b"))]);
    // Numbers of jobs that are gone are not given out again.
    let raw = Connection::open(path_of_it).unwrap();
    let last: i64 = raw
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'job'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(last, 41);
    drop(raw);
}
