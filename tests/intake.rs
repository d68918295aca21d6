//! The task of one folder over the disk in memory, under paused time.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "intake/bench.rs"]
mod bench;
#[expect(dead_code, reason = "the simulator uses the rest")]
#[path = "simulation/disk.rs"]
mod fake;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bench::{Bench, Parts, RuntimeClock, path, spec, until};
use fake::{FakeDisk, Operation};
use syncd::engine::intake::Command;
use syncd::engine::live::{FolderLive, IntakeState};
use syncd::model::event::Event;
use syncd::model::folder::WatchMode;
use syncd::model::time::Monotonic;
use syncd::port::clock::Clock;
use syncd::port::offload::Offload;
use syncd::port::watcher::{self, Hint, Watch, WatchError, Watcher};
use tokio::time::Instant;

const WALL_MS: i64 = 1_800_000_000_000;

/// A watcher whose hints come from the test.
#[derive(Default)]
struct Hints(Mutex<Option<watcher::Hints>>);

struct Watching;
impl Watch for Watching {}

impl Watcher for Hints {
    fn watch(&self, _: &Path, hints: watcher::Hints) -> Result<Box<dyn Watch>, WatchError> {
        *self.0.lock().unwrap() = Some(hints);
        Ok(Box::new(Watching))
    }
}

impl Hints {
    fn send(&self, hint: Hint) {
        self.send_late(hint, Duration::ZERO);
    }

    /// A hint about what was noticed so long ago.
    fn send_late(&self, hint: Hint, ago: Duration) {
        let line = self.0.lock().unwrap().clone().unwrap();
        let at = Monotonic(line.now().0.saturating_sub(ago));
        line.try_send(hint, at).unwrap();
    }
}

struct World {
    bench: Bench,
    disk: FakeDisk,
    hints: Arc<Hints>,
    clock: Arc<RuntimeClock>,
    root: PathBuf,
    reads: Arc<AtomicU64>,
}

impl World {
    async fn new(watch: WatchMode) -> Self {
        Self::with(watch, Offload::Inline).await
    }

    async fn with(watch: WatchMode, offload: Offload) -> Self {
        let root = PathBuf::from("/srv/www");
        let clock = Arc::new(RuntimeClock::new(WALL_MS));
        let disk = FakeDisk::new((WALL_MS - 3_600_000) * 1_000_000);
        disk.make_root(&root, 1);
        let hints = Arc::new(Hints::default());
        let parts = Parts {
            disk: Arc::new(disk.clone()),
            watcher: Arc::clone(&hints) as Arc<dyn Watcher>,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            offload,
        };
        let bench = Bench::new(spec(&root, watch), parts).await;
        let reads = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&reads);
        disk.set_hook(Some(Box::new(move |_, operation| {
            if matches!(operation, Operation::Open(_)) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        })));
        Self {
            bench,
            disk,
            hints,
            clock,
            root,
            reads,
        }
    }

    /// Writes now, by the clock of the test.
    fn write(&self, path: &str, bytes: &[u8]) {
        self.disk.set_now(self.clock.now().0 * 1_000_000);
        self.disk.write(&self.root, path, bytes);
    }

    /// Writes an hour before the test began.
    fn write_old(&self, path: &str, bytes: &[u8]) {
        self.disk.write(&self.root, path, bytes);
    }

    fn reads(&self) -> u64 {
        self.reads.swap(0, Ordering::Relaxed)
    }

    fn names(&self) -> Vec<String> {
        self.bench
            .jobs()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_scan_makes_one_release_of_all_files_and_a_second_reads_nothing() {
    let world = World::new(WatchMode::Off).await;
    for index in 0..3000 {
        world.write_old(&format!("d{}/f{index}", index % 17), b"x");
    }
    world.write_old("index.html", b"page");
    world.write_old("notes.txt~", b"backup");
    world.write_old(".git/HEAD", b"ref");
    world.disk.symlink(&world.root, "link");
    world.disk.special(&world.root, "fifo");
    let seen = world.bench.scan().await;
    assert_eq!(seen.totals.files, 3001);
    assert_eq!((seen.totals.excluded, seen.totals.excluded_dirs), (1, 1));
    assert_eq!((seen.totals.links, seen.totals.specials), (1, 1));
    let jobs = world.bench.jobs();
    assert_eq!(jobs.len(), 3001);
    assert!(jobs.iter().all(|(_, release)| *release == 1));
    assert_eq!(world.reads(), 3001);
    let rows = world.bench.rows();
    let again = world.bench.scan().await;
    assert_eq!(again.totals, seen.totals);
    assert_eq!(world.bench.jobs(), jobs);
    assert_eq!(world.reads(), 0);
    assert_eq!(world.bench.rows(), rows);
}

/// Uploads begin with what a step has found.
#[tokio::test(start_paused = true)]
async fn the_first_steps_of_a_scan_are_short() {
    let world = World::new(WatchMode::Off).await;
    for index in 0..3000 {
        world.write_old(&format!("f{index:04}"), b"x");
    }
    world.bench.scan().await;
    let events = world.bench.events.0.lock().unwrap().clone();
    let steps: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::ScanProgress { files, .. } => Some(*files),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [128, 128 + 256, 128 + 256 + 512, 1920, 2944, 3000]);
}

#[tokio::test(start_paused = true)]
async fn the_merge_finds_what_changed_came_and_went() {
    let world = World::new(WatchMode::Off).await;
    for name in ["a", "a-b", "a.d/x", "b/c", "b-d", "c/1", "c/2"] {
        world.write_old(name, b"1");
    }
    world.bench.scan().await;
    world.disk.remove(&world.root, "a");
    world.disk.remove(&world.root, "c");
    world.write("a/now-a-directory", b"2");
    world.disk.rename(&world.root, "b", "z");
    world.disk.remove(&world.root, "b-d");
    world.disk.symlink(&world.root, "b-d");
    world.bench.scan().await;
    assert_eq!(
        world.bench.stored(),
        ["a-b", "a.d/x", "a/now-a-directory", "z/c"]
    );
    assert_eq!(world.names(), ["a-b", "a.d/x", "a/now-a-directory", "z/c"]);
}

/// More than walk and rows may be ahead of the merge, in both ways of doing the work.
#[tokio::test(start_paused = true)]
async fn walk_and_rows_that_go_ahead_find_what_they_find_in_place() {
    let mut found = Vec::new();
    for offload in [Offload::Inline, Offload::Pool] {
        let world = World::with(WatchMode::Off, offload).await;
        for index in 0..6000 {
            world.write_old(&format!("d{}/f{index:04}", index % 40), b"x");
        }
        let first = world.bench.scan().await;
        world.disk.remove(&world.root, "d7");
        world.disk.set_readable(&world.root, "d8", false);
        world.disk.rename(&world.root, "d9", "e");
        for index in (0..6000).step_by(400) {
            world.write_old(&format!("d0/f{index:04}"), b"other");
        }
        let second = world.bench.scan().await;
        assert_eq!(second.unreadable.len(), 1, "{:?}", second.unreadable);
        assert_eq!(world.bench.stored().len(), 5850);
        let reads = world.reads();
        // Of two reads at one moment the disk tells one.
        assert!(
            reads == 6000 + 150 + 15 || matches!(offload, Offload::Pool),
            "{reads}"
        );
        let third = world.bench.scan().await;
        assert_eq!((world.reads(), third.totals), (0, second.totals));
        let totals = [first.totals, second.totals];
        found.push((totals, world.bench.stored(), world.bench.jobs()));
    }
    assert_eq!(found[0], found[1]);
}

#[tokio::test(start_paused = true)]
async fn a_rewrite_of_the_same_size_with_its_time_put_back_is_found() {
    let world = World::new(WatchMode::Off).await;
    world.write_old("a", b"one");
    world.bench.scan().await;
    let before = world.bench.rows();
    world.write("a", b"two");
    world
        .disk
        .set_mtime(&world.root, "a", before[0].stat.mtime_ns);
    tokio::time::advance(Duration::from_secs(10)).await;
    world.bench.scan().await;
    assert_ne!(world.bench.rows()[0].digest, before[0].digest);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_looked_at_too_soon_is_read_again() {
    let world = World::new(WatchMode::Off).await;
    world.write("a", b"one");
    tokio::time::advance(Duration::from_secs(1)).await;
    world.bench.scan().await;
    assert!(world.bench.rows()[0].racy);
    assert_eq!(world.reads(), 1);
    tokio::time::advance(Duration::from_secs(10)).await;
    world.bench.scan().await;
    assert!(!world.bench.rows()[0].racy);
    assert_eq!(world.reads(), 1);
    world.bench.scan().await;
    assert_eq!(world.reads(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_scan_waits_for_files_that_were_just_saved_and_keeps_them_in_its_release() {
    let world = World::new(WatchMode::Off).await;
    world.write_old("index.html", b"page");
    world.write("new.css", b"style");
    let began = world.clock.monotonic();
    let seen = world.bench.scan().await;
    assert!(world.clock.monotonic().since(began) >= Duration::from_millis(500));
    assert_eq!(seen.settling, []);
    let jobs = world.bench.jobs();
    assert_eq!(
        jobs,
        [("index.html".to_owned(), 1), ("new.css".to_owned(), 1)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_rests_is_taken_after_its_maximum_and_named() {
    let world = World::new(WatchMode::Off).await;
    world.write("log", b"0");
    let clock = Arc::clone(&world.clock);
    let root = world.root.clone();
    // Each look finds it just written.
    world.disk.set_hook(Some(Box::new(move |disk, operation| {
        if matches!(operation, Operation::Entry(_) | Operation::List(_)) {
            disk.set_now(clock.now().0 * 1_000_000);
            disk.write(&root, "log", b"more");
        }
    })));
    let began = world.clock.monotonic();
    let seen = world.bench.scan().await;
    assert_eq!(seen.settling.len(), 1);
    assert_eq!(seen.settling[0].path, path("log"));
    assert!(world.clock.monotonic().since(began) >= Duration::from_secs(30));
    assert_eq!(world.names(), ["log"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let world = World::new(WatchMode::Off).await;
    world.write_old("big", &vec![1; 600_000]);
    let clock = Arc::clone(&world.clock);
    let root = world.root.clone();
    let mut races = 2;
    world.disk.set_hook(Some(Box::new(move |disk, operation| {
        if matches!(operation, Operation::Read(_, offset) if *offset > 0) && races > 0 {
            races -= 1;
            disk.set_now(clock.now().0 * 1_000_000);
            disk.write(&root, "big", &vec![2; 600_000]);
        }
    })));
    world.bench.scan().await;
    let expected = syncd::model::digest::Sha256::of(&vec![2; 600_000]);
    assert_eq!(world.bench.rows()[0].digest, Some(expected));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_named_by_each_scan_until_it_can() {
    let world = World::new(WatchMode::Native).await;
    world.write_old("closed", b"1");
    world.write_old("open", b"2");
    world.disk.set_readable(&world.root, "closed", false);
    let named = |live: &FolderLive| {
        let paths = live.unreadable.iter().map(|known| known.path.to_string());
        paths.collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(named(&world.bench.scan().await), ["closed"]);
    }
    let (handle, task, stop) = world.bench.run();
    let mut live = handle.live.clone();
    let seen = live.wait_for(|live| live.scanned && !live.unreadable.is_empty());
    assert_eq!(seen.await.unwrap().state, IntakeState::Degraded);
    // Looked at again by its name, it is named once; and no more when it can be read.
    world.hints.send(Hint::Path(path("closed")));
    let passes = live.borrow().passes;
    let again = live.wait_for(|live| live.passes > passes && live.state == IntakeState::Degraded);
    assert_eq!(named(&again.await.unwrap()), ["closed"]);
    world.disk.set_readable(&world.root, "closed", true);
    world.hints.send(Hint::Path(path("closed")));
    let well = live.wait_for(|live| live.unreadable.is_empty());
    assert_eq!(well.await.unwrap().state, IntakeState::Idle);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_named_and_nothing_below_it_is_gone() {
    let world = World::new(WatchMode::Off).await;
    for name in ["d/a", "d/b", "d-x", "e"] {
        world.write_old(name, b"1");
    }
    world.bench.scan().await;
    world.disk.set_readable(&world.root, "d", false);
    world.disk.remove(&world.root, "d-x");
    world.write_old("closed", b"2");
    world.disk.set_readable(&world.root, "closed", false);
    let seen = world.bench.scan().await;
    assert_eq!(seen.unreadable.len(), 2, "{:?}", seen.unreadable);
    assert_eq!(world.bench.stored(), ["d/a", "d/b", "e"]);
    let rows = world.bench.rows();
    let closed = rows.iter().find(|row| row.path == path("closed")).unwrap();
    assert!(closed.excluded.as_ref().unwrap().contains("cannot be read"));
    world.disk.set_readable(&world.root, "closed", true);
    world.disk.set_readable(&world.root, "d", true);
    world.bench.scan().await;
    assert_eq!(world.bench.stored(), ["closed", "d/a", "d/b", "e"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_taken_when_it_has_rested_since_it_was_noticed() {
    let world = World::new(WatchMode::Auto).await;
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    let ago = Duration::from_millis(300);
    world.write("a.css", b"1");
    tokio::time::advance(ago).await;
    world.hints.send_late(Hint::Path(path("a.css")), ago);
    let began = Instant::now();
    until("the job", || world.bench.jobs().len() == 1).await;
    // Of the 500 ms that it has to be quiet for.
    let waited_ms = began.elapsed().as_millis();
    assert!((200..250).contains(&waited_ms), "{waited_ms}");
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn hints_that_settle_together_become_one_release() {
    let world = World::new(WatchMode::Auto).await;
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    for name in ["a.css", "index.html", "d/e.png"] {
        world.write(name, b"1");
        world.hints.send(Hint::Path(path(name)));
        tokio::time::advance(Duration::from_millis(300)).await;
    }
    world.hints.send(Hint::Path(path("gone-again")));
    until("the jobs", || world.bench.jobs().len() == 3).await;
    let releases: Vec<i64> = world
        .bench
        .jobs()
        .iter()
        .map(|(_, release)| *release)
        .collect();
    assert_eq!(releases, [1, 1, 1]);
    until("idle", || handle.live.borrow().state == IntakeState::Idle).await;
    assert_eq!(handle.live.borrow().watch, "native");
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lost_events_and_a_changed_ignore_file_lead_to_a_full_scan() {
    let world = World::new(WatchMode::Auto).await;
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    world.write("unseen", b"1");
    world.write("draft.txt", b"1");
    world.hints.send(Hint::Everything);
    until("both are found", || world.bench.jobs().len() == 2).await;
    world.write(".syncdignore", b"draft*\n");
    world.hints.send(Hint::Path(path(".syncdignore")));
    until("the draft is left out", || world.names() == ["unseen"]).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_ignore_file_that_is_gone_is_not_believed_to_be() {
    let world = World::new(WatchMode::Auto).await;
    world.write_old(".syncdignore", b"draft*\n");
    world.write_old("draft.txt", b"1");
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    world.disk.remove(&world.root, ".syncdignore");
    world.hints.send(Hint::Path(path(".syncdignore")));
    let is_blocked = || {
        let live = handle.live.borrow();
        let reason = live.reason.clone().unwrap_or_default();
        live.state == IntakeState::Blocked && reason.contains(".syncdignore is gone")
    };
    until("blocked", is_blocked).await;
    stop.cancel();
    task.await.unwrap();

    // It is so for the next process, and until it is back or a person goes on without it.
    let (handle, task, stop) = world.bench.run();
    let is_blocked = || handle.live.borrow().state == IntakeState::Blocked;
    until("blocked again", is_blocked).await;
    world.write_old(".syncdignore", b"draft*\n");
    until("idle", || handle.live.borrow().state == IntakeState::Idle).await;
    assert!(world.names().is_empty());
    world.disk.remove(&world.root, ".syncdignore");
    world.hints.send(Hint::Path(path(".syncdignore")));
    until("blocked", is_blocked).await;
    world.bench.tell(&handle, Command::Resume).await;
    until("the draft is published", || world.names() == ["draft.txt"]).await;
    world.bench.tell(&handle, Command::ScanNow).await;
    until("idle", || handle.live.borrow().state == IntakeState::Idle).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_ignore_file_that_is_being_written_changes_nothing_yet() {
    let world = World::new(WatchMode::Off).await;
    world.write_old(".syncdignore", b"draft*\n");
    world.write_old("draft.txt", b"1");
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    // Truncated, and written a moment later.
    world.write(".syncdignore", b"");
    let passes = handle.live.borrow().passes;
    world.bench.tell(&handle, Command::ScanNow).await;
    until("another scan", || handle.live.borrow().passes > passes).await;
    assert!(world.names().is_empty());
    world.write(".syncdignore", b"other*\n");
    until("the draft is published", || world.names() == ["draft.txt"]).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_any_event_polling_finds_changes_and_off_finds_them_when_asked() {
    let world = World::new(WatchMode::Poll).await;
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    world.write("a", b"1");
    until("it is found", || world.names() == ["a"]).await;
    assert_eq!(handle.live.borrow().watch, "poll");
    stop.cancel();
    task.await.unwrap();

    let world = World::new(WatchMode::Off).await;
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    world.write("a", b"1");
    world.bench.tell(&handle, Command::ScanNow).await;
    until("it is found", || world.names() == ["a"]).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_root_that_vanishes_blocks_and_nothing_is_gone_when_it_comes_back() {
    let world = World::new(WatchMode::Auto).await;
    world.write_old("a", b"1");
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    let mounted = world.disk.unmount(&world.root).unwrap();
    world.hints.send(Hint::Root);
    until("blocked", || {
        handle.live.borrow().state == IntakeState::Blocked
    })
    .await;
    assert!(
        handle
            .live
            .borrow()
            .reason
            .as_ref()
            .unwrap()
            .contains("is not there")
    );
    // The empty directory below the mount, on another device.
    world.disk.make_root(&world.root, 2);
    world.bench.tell(&handle, Command::ScanNow).await;
    until("still blocked", || {
        let live = handle.live.borrow();
        live.state == IntakeState::Blocked && live.reason.as_ref().unwrap().contains("empty")
    })
    .await;
    assert_eq!(world.bench.stored(), ["a"]);
    world.disk.mount(&world.root, mounted);
    until("idle again", || {
        handle.live.borrow().state == IntakeState::Idle
    })
    .await;
    assert_eq!(world.bench.stored(), ["a"]);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_tree_is_adopted_on_the_same_device_and_on_another_only_when_accepted() {
    let world = World::new(WatchMode::Auto).await;
    world.write_old("a", b"1");
    world.bench.scan().await;
    world.disk.make_root(&world.root, 1);
    world.write_old("b", b"2");
    world.bench.scan().await;
    assert_eq!(world.bench.stored(), ["b"]);
    world.disk.make_root(&world.root, 7);
    world.write_old("c", b"3");
    let seen = world.bench.scan().await;
    assert_eq!(seen.state, IntakeState::Blocked);
    assert_eq!(world.bench.stored(), ["b"]);
    let (handle, task, stop) = world.bench.run();
    until("blocked", || {
        handle.live.borrow().state == IntakeState::Blocked
    })
    .await;
    world.bench.tell(&handle, Command::Resume).await;
    until("adopted", || world.bench.stored() == ["c"]).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_root_replaced_in_the_middle_of_a_scan_makes_nothing_gone() {
    let world = World::new(WatchMode::Off).await;
    for name in ["a/1", "b/2"] {
        world.write_old(name, b"1");
    }
    world.bench.scan().await;
    let root = world.root.clone();
    world.disk.set_hook(Some(Box::new(move |disk, operation| {
        if matches!(operation, Operation::List(Some(_))) {
            // Emptied from below, then unmounted.
            disk.remove(&root, "b");
            disk.unmount(&root);
        }
    })));
    let seen = world.bench.scan().await;
    assert_eq!(seen.state, IntakeState::Blocked);
    assert_eq!(world.bench.stored(), ["a/1", "b/2"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_scan_leaves_its_release_to_the_next_one() {
    let world = World::new(WatchMode::Off).await;
    for index in 0..3000 {
        world.write_old(&format!("f{index:04}"), b"1");
    }
    let stored = world.disk.clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let cancel = stop.clone();
    stored.set_hook(Some(Box::new(move |_, operation| {
        if matches!(operation, Operation::Open(at) if at.as_bytes() == b"f2000") {
            cancel.cancel();
        }
    })));
    world.bench.scan_until(&stop).await;
    let first = world.bench.jobs().len();
    assert!(first > 0 && first < 3000, "{first}");
    stored.set_hook(None);
    world.bench.scan().await;
    let jobs = world.bench.jobs();
    assert_eq!(jobs.len(), 3000);
    assert!(jobs.iter().all(|(_, release)| *release == 1));
    let events = world.bench.events.0.lock().unwrap();
    let started = events
        .iter()
        .filter(|event| matches!(event, Event::ReleaseStarted { files: 3000, .. }));
    assert_eq!(started.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_is_stopped_in_its_last_step_seals_nothing() {
    let world = World::new(WatchMode::Off).await;
    world.write_old("index.html", b"page");
    world.write_old("movie.mp4", b"asset");
    let stop = tokio_util::sync::CancellationToken::new();
    let cancel = stop.clone();
    world.disk.set_hook(Some(Box::new(move |_, operation| {
        if matches!(operation, Operation::Open(at) if at.as_bytes() == b"movie.mp4") {
            cancel.cancel();
        }
    })));
    world.bench.scan_until(&stop).await;
    assert_eq!(world.bench.jobs(), [("index.html".to_owned(), 1)]);
    world.disk.set_hook(None);
    let claims = world
        .bench
        .store
        .claim(world.bench.folder, 10, world.clock.now());
    assert_eq!(claims.await.unwrap(), [], "a page went before its asset");
    world.bench.scan().await;
    let both = ["index.html", "movie.mp4"].map(|name| (name.to_owned(), 1));
    assert_eq!(world.bench.jobs(), both);
    let events = world.bench.events.0.lock().unwrap();
    let told = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(
        told(|event| matches!(event, Event::ReleaseStarted { .. })),
        1
    );
    assert_eq!(told(|event| matches!(event, Event::ScanFinished { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_task_still_looks_so_that_its_counts_are_true() {
    let world = World::new(WatchMode::Auto).await;
    world.write_old("kept", b"1");
    world.write_old("gone", b"1");
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    world.bench.tell(&handle, Command::Pause).await;
    until("paused", || {
        handle.live.borrow().state == IntakeState::Paused
    })
    .await;
    world.write("new", b"1");
    world.disk.remove(&world.root, "gone");
    world.hints.send(Hint::Path(path("new")));
    world.hints.send(Hint::Path(path("gone")));
    until("both are seen", || world.names() == ["kept", "new"]).await;
    assert_eq!(handle.live.borrow().state, IntakeState::Paused);
    assert_eq!(handle.live.borrow().settling, []);
    world.bench.tell(&handle, Command::Resume).await;
    until("resumed", || {
        handle.live.borrow().state == IntakeState::Idle
    })
    .await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_time_in_the_future_neither_holds_up_a_scan_nor_has_a_file_read_for_ever() {
    let world = World::new(WatchMode::Off).await;
    let tomorrow_ns = (WALL_MS + 86_400_000) * 1_000_000;
    world.write_old("old", b"1");
    world.disk.set_mtime(&world.root, "old", tomorrow_ns);
    // The clock was set back after this one was written.
    world.disk.set_now(tomorrow_ns);
    world.disk.write(&world.root, "later", b"2");
    let began = world.clock.monotonic();
    world.bench.scan().await;
    assert_eq!(world.clock.monotonic(), began);
    assert_eq!(world.names(), ["later", "old"]);
    world.reads();
    world.bench.scan().await;
    assert_eq!(world.reads(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_just_saved_is_waited_for_whatever_time_it_claims() {
    let world = World::new(WatchMode::Off).await;
    world.write("a", b"1");
    let tomorrow_ns = (WALL_MS + 86_400_000) * 1_000_000;
    world.disk.set_mtime(&world.root, "a", tomorrow_ns);
    let began = world.clock.monotonic();
    world.bench.scan().await;
    assert!(world.clock.monotonic().since(began) >= Duration::from_millis(500));
    assert_eq!(world.names(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_saved_after_the_walk_came_to_it_is_waited_for() {
    let world = World::new(WatchMode::Off).await;
    world.write_old("a", b"1");
    let (clock, root) = (Arc::clone(&world.clock), world.root.clone());
    let mut saves = 0;
    world.disk.set_hook(Some(Box::new(move |disk, operation| {
        if matches!(operation, Operation::Open(_)) && saves < 2 {
            saves += 1;
            disk.set_now(clock.now().0 * 1_000_000);
            disk.write(&root, "a", b"half of it");
        }
    })));
    let began = world.clock.monotonic();
    world.bench.scan().await;
    assert!(world.clock.monotonic().since(began) >= Duration::from_secs(1));
    assert_eq!(world.bench.jobs(), [("a".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_watcher_did_not_tell_of_a_new_directory_is_found_by_a_second_look() {
    let world = World::new(WatchMode::Auto).await;
    let (handle, task, stop) = world.bench.run();
    until("the first scan", || handle.live.borrow().scanned).await;
    world.write("d/a", b"1");
    world.hints.send(Hint::Path(path("d")));
    until("the first look", || world.names() == ["d/a"]).await;
    world.write("d/b", b"2");
    until("the second look", || world.names() == ["d/a", "d/b"]).await;
    // Once and no more: the task sleeps until something is told.
    until("idle", || handle.live.borrow().settling.is_empty()).await;
    let passes = handle.live.borrow().passes;
    tokio::time::advance(Duration::from_mins(10)).await;
    assert_eq!(handle.live.borrow().passes, passes);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_names_of_one_key_are_counted_as_left_out_by_every_scan() {
    let world = World::new(WatchMode::Off).await;
    for name in ["caf\u{e9}.txt", "cafe\u{301}.txt", "plain.txt"] {
        world.write_old(name, b"1");
    }
    for _ in 0..2 {
        let totals = world.bench.scan().await.totals;
        assert_eq!((totals.files, totals.excluded), (1, 2));
    }
}
