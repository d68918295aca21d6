//! The database as a file: refused ones, damaged ones, its mode, and readers beside the writer.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;
use syncd::store::{Looks, Reader, SCHEMA_VERSION, Sighting, Store, StoreError};

use super::world::*;

fn opened(path: &Path) -> (StoreError, StoreError) {
    (
        Store::open(path).unwrap_err(),
        Reader::open(path).unwrap_err(),
    )
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn looks(sightings: Vec<Sighting>) -> Looks {
    Looks {
        sightings,
        ..Looks::default()
    }
}

async fn filled(path: &Path) -> Store {
    let store = Store::open(path).unwrap();
    let now = syncd::model::time::Timestamp(1);
    let folder = store.adopt_folders(&[spec("www", "")], now).await.unwrap()[0].id;
    let sightings = (0..200)
        .map(|number| file(&format!("file-{number:03}"), "contents"))
        .collect();
    store
        .record(folder, looks(sightings), planner, now)
        .await
        .unwrap();
    store
}

#[tokio::test]
async fn an_absent_or_empty_file_is_made_by_the_writer_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncd.db");
    assert!(matches!(
        Reader::open(&path),
        Err(StoreError::Absent { .. })
    ));
    assert!(!path.exists());
    std::fs::File::create(&path).unwrap();
    assert!(matches!(
        Reader::open(&path),
        Err(StoreError::Absent { .. })
    ));
    Store::open(&path).unwrap().close().await;
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.schema_version().unwrap(), SCHEMA_VERSION);
    assert_eq!(reader.integrity_check().unwrap(), [""; 0]);
    let nowhere = directory.path().join("none/syncd.db");
    assert!(Store::open(&nowhere).is_err());
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    for (name, sql) in [
        ("tables", "CREATE TABLE t (x)"),
        ("id", "PRAGMA application_id = 7"),
        ("version", "PRAGMA user_version = 1"),
    ] {
        let path = directory.path().join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::metadata(&path).unwrap().len();
        let (writer, reader) = opened(&path);
        assert!(
            matches!(writer, StoreError::Foreign { .. }),
            "{name}: {writer}"
        );
        assert!(
            matches!(reader, StoreError::Foreign { .. }),
            "{name}: {reader}"
        );
        assert!(
            writer.to_string().contains(name),
            "it says which file: {writer}"
        );
        assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
    }
    let path = directory.path().join("text");
    std::io::Write::write_all(
        &mut std::fs::File::create(&path).unwrap(),
        &b"not a database ".repeat(100),
    )
    .unwrap();
    assert!(matches!(
        opened(&path),
        (StoreError::Foreign { .. }, StoreError::Foreign { .. })
    ));
}

#[tokio::test]
async fn another_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncd.db");
    Store::open(&path).unwrap().close().await;
    let set = |version: i64| {
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "user_version", version).unwrap();
    };
    set(SCHEMA_VERSION + 1);
    let (writer, reader) = opened(&path);
    assert!(matches!(writer, StoreError::Newer { .. }), "{writer}");
    assert!(matches!(reader, StoreError::Newer { .. }), "{reader}");
    set(0);
    assert!(matches!(
        opened(&path),
        (StoreError::Corrupt { .. }, StoreError::Corrupt { .. })
    ));
}

fn bytes_of(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = std::fs::OpenOptions::new().read(true).open(path).unwrap();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    bytes
}

fn write(path: &Path, bytes: &[u8]) {
    std::io::Write::write_all(&mut std::fs::File::create(path).unwrap(), bytes).unwrap();
}

/// The file as a process that ended in order leaves it, and as one that was killed does.
async fn left_behind(directory: &Path) -> (Vec<u8>, Vec<u8>) {
    let path = directory.join("whole");
    filled(&path).await.close().await;
    let whole = bytes_of(&path);
    let store = Store::open(&path).unwrap();
    let killed = bytes_of(&path);
    store.close().await;
    (whole, killed)
}

#[tokio::test]
async fn damage_is_looked_for_where_the_last_process_did_not_end_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (mut whole, mut killed) = left_behind(directory.path()).await;
    let path = directory.path().join("damaged");
    for bytes in [&mut whole, &mut killed] {
        let last = bytes.len() - 4096;
        bytes[last..].fill(0);
    }
    write(&path, &killed);
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    write(&path, &whole);
    Store::open(&path).unwrap().close().await;
}

#[tokio::test]
async fn damage_leads_to_an_error_or_to_an_answer_but_never_to_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, killed) = left_behind(directory.path()).await;
    for (name, bytes, refused_min) in [("whole", whole, 0), ("killed", killed, 20)] {
        let mut refused = 0;
        for page in 0..bytes.len() / 4096 {
            for damage in 0..4 {
                let mut bytes = bytes.clone();
                let at = page * 4096;
                match damage {
                    0 => bytes[at..at + 4096].fill(0),
                    1 => bytes.truncate(at + 100),
                    2 => bytes[at] ^= 0xff,
                    _ => bytes[at + 1000 + page] ^= 0xff,
                }
                let path = directory.path().join(format!("{name}-{page}-{damage}"));
                write(&path, &bytes);
                match Store::open(&path) {
                    Ok(store) => {
                        use_it(&store).await;
                        store.close().await;
                    }
                    Err(error) => {
                        refused += 1;
                        let text = error.to_string();
                        assert!(text.contains(&*path.to_string_lossy()), "{text}");
                    }
                }
                if let Ok(reader) = Reader::open(&path) {
                    let _ = reader.folders();
                }
            }
        }
        assert!(refused > refused_min, "{name}: only {refused} refused");
    }
}

async fn use_it(store: &Store) {
    let now = syncd::model::time::Timestamp(2);
    let Ok(rows) = store.adopt_folders(&[spec("www", "")], now).await else {
        return;
    };
    let Ok(reader) = store.reader() else { return };
    let _ = reader.page(rows[0].id, None, None, 1000);
    let _ = reader.counts(rows[0].id);
    let _ = store.claim(rows[0].id, 10, now).await;
    let _ = store
        .record(
            rows[0].id,
            looks(vec![file("file-000", "other")]),
            planner,
            now,
        )
        .await;
}

#[tokio::test]
async fn the_file_is_closed_to_everyone_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncd.db");
    let store = filled(&path).await;
    for name in ["syncd.db", "syncd.db-wal", "syncd.db-shm"] {
        assert_eq!(mode(&directory.path().join(name)), 0o600, "{name}");
    }
    store.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    Store::open(&path).unwrap().close().await;
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn after_a_clean_end_the_file_is_whole_and_can_be_read_without_writing_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncd.db");
    let store = filled(&path).await;
    let folder = store.reader().unwrap().folders().unwrap()[0].id;
    store.close().await;
    assert!(matches!(
        store.recover(syncd::model::time::Timestamp(1)).await,
        Err(StoreError::Closed { .. })
    ));
    let entries = || std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(entries(), 1, "no -wal, no -shm");
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.counts(folder).unwrap().queued, 200);
    assert_eq!(entries(), 1, "reading makes nothing");
}

#[tokio::test]
async fn readers_see_whole_commits_while_the_writer_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncd.db");
    let store = Store::open(&path).unwrap();
    let now = syncd::model::time::Timestamp(1);
    let folder = store.adopt_folders(&[spec("www", "")], now).await.unwrap()[0].id;
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let watching = std::sync::Arc::clone(&done);
    let watcher = std::thread::spawn(move || {
        let mut seen = 0;
        while !watching.load(std::sync::atomic::Ordering::Relaxed) {
            let reader = Reader::open(&path).unwrap();
            let counts = reader.counts(folder).unwrap();
            assert_eq!((counts.total % 10, counts.total), (0, counts.queued));
            assert!(counts.total >= seen);
            seen = counts.total;
        }
    });
    for batch in 0..50 {
        let sightings = (0..10)
            .map(|number| file(&format!("{batch}-{number}"), "x"))
            .collect();
        store
            .record(folder, looks(sightings), planner, now)
            .await
            .unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    watcher.join().unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_failing_write_spoils_none_of_its_group() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("syncd.db")).unwrap();
    let now = syncd::model::time::Timestamp(1);
    let folder = store.adopt_folders(&[spec("www", "")], now).await.unwrap()[0].id;
    let unknown = syncd::model::job::FolderId(99);
    let write =
        |folder, name: &str| store.record(folder, looks(vec![file(name, "1")]), planner, now);
    let (one, two, three, four) = tokio::join!(
        write(folder, "a"),
        write(unknown, "b"),
        write(folder, "c"),
        write(unknown, "d")
    );
    assert!(one.is_ok() && three.is_ok());
    assert!(matches!(two, Err(StoreError::Failed { .. })) && four.is_err());
    assert_eq!(store.reader().unwrap().counts(folder).unwrap().total, 2);
}

#[tokio::test]
async fn a_process_can_die_before_or_after_an_inline_write_but_not_within() {
    let db = syncd::store::InlineDatabase::new().unwrap();
    let now = syncd::model::time::Timestamp(1);
    let calm = Store::inline(&db, nothing());
    let folder = calm.adopt_folders(&[spec("www", "")], now).await.unwrap()[0].id;
    for (deadly, kept) in [(1, 0), (2, 1)] {
        let step = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let hesitate: syncd::store::Hesitate = std::sync::Arc::new(move || {
            let step = 1 + step.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Box::pin(async move {
                if step == deadly {
                    std::future::pending::<()>().await;
                }
            })
        });
        let store = Store::inline(&db, hesitate);
        let write = store.record(folder, looks(vec![file("a", "1")]), planner, now);
        tokio::select! {
            biased;
            _ = write => panic!("it ends"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(calm.reader().unwrap().counts(folder).unwrap().total, kept);
    }
}
