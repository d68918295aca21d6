//! The intake over the real disk with real file events.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "the tests in memory use the rest")]
#[path = "intake/bench.rs"]
mod bench;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bench::{Bench, Parts, RuntimeClock, spec, until};
use syncd::adapter::inotify::Inotify;
use syncd::adapter::os_disk::OsDisk;
use syncd::engine::intake::IntakeHandle;
use syncd::engine::live::IntakeState;
use syncd::model::digest::Sha256;
use syncd::model::folder::WatchMode;
use syncd::model::path::RelPath;
use syncd::port::offload::Offload;
use syncd::port::watcher::{Heard, Hint, Hints, Watcher as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct World {
    bench: Bench,
    folder: tempfile::TempDir,
    outside: tempfile::TempDir,
    handle: IntakeHandle,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl World {
    /// A running task over a folder that `prepare` has filled.
    async fn new(prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let wall = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let parts = Parts {
            disk: Arc::new(OsDisk),
            watcher: Arc::new(Inotify),
            clock: Arc::new(RuntimeClock::new(i64::try_from(wall).unwrap())),
            offload: Offload::Pool,
        };
        let mut spec = spec(folder.path(), WatchMode::Native);
        spec.settle = Duration::from_millis(50);
        let bench = Bench::new(spec, parts).await;
        let (handle, task, stop) = bench.run();
        until("the first scan", || handle.live.borrow().scanned).await;
        Self {
            bench,
            folder,
            outside,
            handle,
            task,
            stop,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        write(&self.at(path), text);
    }

    /// Waits until what is stored is what is there: the paths and the bytes.
    async fn in_step(&self) {
        let mut last = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..6 {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
            while tokio::time::Instant::now() < deadline {
                last = (found(self.folder.path()), self.stored());
                if last.0 == last.1 {
                    return;
                }
                self.a_moment().await;
            }
        }
        let missing: Vec<_> = last.0.difference(&last.1).collect();
        let wrong: Vec<_> = last.1.difference(&last.0).collect();
        panic!("missing {missing:?}, wrong {wrong:?}");
    }

    async fn a_moment(&self) {
        let mut live = self.handle.live.clone();
        live.mark_unchanged();
        // Woken by the task when anything changes; a condition that came true unseen is asked again.
        let clock = Arc::clone(&self.bench.ports.clock);
        tokio::select! {
            _ = live.changed() => {}
            () = clock.sleep(Duration::from_millis(100)) => {}
        }
    }

    fn stored(&self) -> BTreeSet<(String, Sha256)> {
        self.bench
            .rows()
            .into_iter()
            .filter(|row| row.excluded.is_none())
            .filter_map(|row| Some((row.path.to_string(), row.digest?)))
            .collect()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

/// An independent walk over what should be stored.
#[expect(clippy::disallowed_methods, reason = "the test is the outside world")]
fn found(root: &Path) -> BTreeSet<(String, Sha256)> {
    let mut files = BTreeSet::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                left.push(path);
            } else if !path.to_string_lossy().ends_with('~')
                && let Ok(bytes) = fs::read(&path)
            {
                let name = path.strip_prefix(root).unwrap().to_string_lossy();
                files.insert((name.into_owned(), Sha256::of(&bytes)));
            }
        }
    }
    files
}

#[tokio::test]
async fn no_file_written_right_after_its_directories_is_missed() {
    let world = World::new(|_| {}).await;
    for index in 0..200 {
        let directory = world.at(&format!("d{index}/a/b/c"));
        fs::create_dir_all(&directory).unwrap();
        write(&directory.join("file"), &index.to_string());
    }
    world.in_step().await;
    assert_eq!(world.stored().len(), 200);
    // And every one of these directories is watched now.
    for index in 0..200 {
        world.write(&format!("d{index}/a/b/c/second"), "x");
    }
    world.in_step().await;
    world.end().await;
}

#[tokio::test]
async fn each_way_in_which_editors_save_is_seen() {
    let world = World::new(|root| {
        for name in ["1", "2", "3", "4", "5", "6"] {
            write(&root.join(name), "before");
        }
    })
    .await;
    // In place, as nano does.
    world.write("1", "one");
    // Truncated and written again, as many do.
    world.write("2", "");
    world.write("2", "two");
    // Written beside and renamed over, as gedit and JetBrains do.
    world.write(".goutputstream-AB12CD", "three");
    rename(&world.at(".goutputstream-AB12CD"), &world.at("3"));
    // The old one renamed to a backup, a new one written, as vim does; the backup goes.
    rename(&world.at("4"), &world.at("4~"));
    world.write("4", "four");
    remove(&world.at("4~"));
    // The backup stays, as emacs does.
    rename(&world.at("5"), &world.at("5~"));
    world.write("5", "five");
    // Removed and written again.
    remove(&world.at("6"));
    world.write("6", "six");
    world.in_step().await;
    assert_eq!(world.stored().len(), 6);
    world.end().await;
}

#[tokio::test]
async fn moved_directories_are_followed_in_out_and_within() {
    let world = World::new(|root| {
        fs::create_dir_all(root.join("a/deep/er")).unwrap();
        for index in 0..100 {
            write(&root.join(format!("a/deep/er/{index}")), "x");
        }
        fs::create_dir_all(root.join("leaves")).unwrap();
        write(&root.join("leaves/1"), "x");
    })
    .await;
    rename(&world.at("a"), &world.at("b"));
    world.in_step().await;
    world.write("b/deep/er/new", "written after the move");
    world.in_step().await;
    let outside = world.outside.path().join("moved");
    rename(&world.at("leaves"), &outside);
    world.in_step().await;
    write(&outside.join("2"), "while it was away");
    rename(&outside, &world.at("back"));
    world.in_step().await;
    world.write("back/3", "x");
    world.in_step().await;
    assert_eq!(world.stored().len(), 104);
    world.end().await;
}

#[tokio::test]
async fn a_flood_that_overflows_the_line_of_events_misses_nothing() {
    let world = World::new(|_| {}).await;
    for index in 0..8000 {
        world.write(&format!("f{index}"), "x");
    }
    world.in_step().await;
    world.end().await;
}

#[tokio::test]
async fn a_line_of_hints_that_is_full_becomes_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (line, mut hints) = line(2);
    let watch = Inotify.watch(folder.path(), line).unwrap();
    for index in 0..200 {
        write(&folder.path().join(format!("f{index}")), "x");
    }
    let mut seen = Vec::new();
    while !seen.contains(&Hint::Everything) {
        let hint = tokio::time::timeout_at(
            tokio::time::Instant::now() + Duration::from_secs(20),
            hints.recv(),
        );
        seen.push(hint.await.expect("a hint in time").unwrap().hint);
    }
    drop(watch);
}

#[tokio::test]
async fn reading_wakes_nobody() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a"), "x");
    let (line, mut hints) = line(100);
    let _watch = Inotify.watch(folder.path(), line).unwrap();
    for _ in 0..50 {
        assert_eq!(found(folder.path()).len(), 1);
    }
    write(&folder.path().join("b"), "x");
    let heard = hints.recv().await.unwrap();
    assert_eq!(heard.hint, Hint::Path(bench::path("b")));
}

#[tokio::test]
async fn a_root_that_is_moved_away_is_told() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("root");
    fs::create_dir(&root).unwrap();
    let (line, mut hints) = line(100);
    let _watch = Inotify.watch(&root, line).unwrap();
    rename(&root, &parent.path().join("elsewhere"));
    assert_eq!(hints.recv().await.unwrap().hint, Hint::Root);
}

#[tokio::test]
async fn a_task_at_rest_says_that_it_is_idle_and_how_it_watches() {
    let world = World::new(|_| {}).await;
    until("idle", || {
        world.handle.live.borrow().state == IntakeState::Idle
    })
    .await;
    assert_eq!(world.handle.live.borrow().watch, "native");
    world.end().await;
}

#[tokio::test]
async fn what_is_made_below_a_new_directory_after_its_hint_is_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let (line, mut hints) = line(10_000);
    let _watch = Inotify.watch(folder.path(), line).unwrap();
    for index in 0..200 {
        let name = format!("d{index}");
        fs::create_dir_all(folder.path().join(&name).join("a/b/c")).unwrap();
        let directory = bench::path(&name);
        wait_for(&mut hints, |path| *path == directory).await;
        while hints.try_recv().is_ok() {}
        let file = bench::path(&format!("{name}/a/b/c/file"));
        write(&folder.path().join(file.as_path()), "x");
        // The file itself, or a directory above it whose watch stood only later.
        wait_for(&mut hints, |path| *path == file || file.is_below(path)).await;
    }
}

/// A line in which so many hints may wait.
fn line(most: usize) -> (Hints, mpsc::Receiver<Heard>) {
    Hints::channel(most, Arc::new(RuntimeClock::new(0)))
}

/// Waits for a hint about such a path.
async fn wait_for(hints: &mut mpsc::Receiver<Heard>, is_it: impl Fn(&RelPath) -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        match tokio::time::timeout_at(deadline, hints.recv()).await {
            Ok(Some(heard)) => {
                if let Hint::Path(path) = &heard.hint
                    && is_it(path)
                {
                    return;
                }
            }
            Ok(None) | Err(_) => panic!("no such hint"),
        }
    }
}
