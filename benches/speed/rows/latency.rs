//! From a saved file to the answer of its PUT, less the time it had to be quiet for.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Outcome;
use crate::lab::Lab;
use crate::peers::{self, Lsyncd};
use crate::program::{Program, Setup};
use crate::sink_client::Sink;
use crate::table::{Finding, Target};
use crate::timing::{Spread, quantile};
use crate::tree::{self, Tree};

/// As short as makes sense: one editor's save is one change.
const SETTLE: Duration = Duration::from_millis(10);
/// Between two saves, so that each is one of its own.
const PAUSE: Duration = Duration::from_millis(30);
const FILES: usize = 1000;
/// Longer no copy takes; then it is not coming.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn measure(lab: &Lab) -> Outcome<Vec<Finding>> {
    let saves = if lab.options.quick { 20 } else { 500 };
    let tree = Tree::small(FILES.min(lab.options.files))?;
    let mut sink = Sink::telling()?;
    let program = Program::new(&Setup {
        folder: &tree.root(),
        base_url: &sink.base_url(),
        concurrency: "\"auto\"",
        settle: &format!("{}ms", SETTLE.as_millis()),
    })?;
    let daemon = program.run()?;
    for _ in 0..tree.files() {
        sink.next_put()?;
    }
    let mut waits = Vec::new();
    for save in 0..saves {
        std::thread::sleep(PAUSE);
        let saved = self::save(&tree.root(), save, &tree)?;
        let waited = sink.next_put()?.saturating_sub(saved);
        let waited = Duration::from_nanos(u64::try_from(waited)?);
        waits.push(waited.saturating_sub(SETTLE).as_secs_f64() * 1000.0);
    }
    drop(daemon);
    waits.sort_by(f64::total_cmp);
    let what = |part: &str| format!("saved file to PUT answered, less settle, {part}");
    let at = |part| Spread::one(quantile(&waits, part));
    let mut found = vec![
        Finding::own(&what("p50"), at(0.5), " ms", Target::AtMost(2.0)),
        Finding::own(&what("p99"), at(0.99), " ms", Target::AtMost(6.0)),
    ];
    found.push(lsyncd(&tree, saves.min(50))?);
    Ok(found)
}

/// Writes a file anew; when that was done, in nanoseconds since 1970.
fn save(root: &Path, number: usize, tree: &Tree) -> Outcome<u128> {
    let path = root.join(tree::name(number % tree.files()));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH);
    // No two saves are alike, or the second would change nothing.
    std::fs::write(path, format!("saved {}", now()?.as_nanos()))?;
    Ok(now()?.as_nanos())
}

/// The same by lsyncd, to a directory beside it.
fn lsyncd(tree: &Tree, saves: usize) -> Outcome<Finding> {
    let what = "for comparison: lsyncd, delay 0, saved file to local copy, p50";
    if !peers::is_installed("lsyncd") || !peers::is_installed("rsync") {
        return Ok(Finding::skipped(what, "lsyncd is not installed"));
    }
    let copy = tree::room()?;
    let _lsyncd = Lsyncd::start(&tree.root(), copy.path())?;
    wait_for_copy(tree, copy.path(), tree.files() - 1)?;
    let mut waits = Vec::new();
    // rsync takes two versions of one size and one second for the same, so not those that were just saved.
    for number in (0..tree.files() - 1).rev().take(saves) {
        // Long enough for its child to have ended.
        std::thread::sleep(10 * PAUSE);
        save(&tree.root(), number, tree)?;
        let began = Instant::now();
        wait_for_copy(tree, copy.path(), number)?;
        waits.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(Finding::own(what, Spread::of(waits), " ms", Target::None))
}

fn wait_for_copy(tree: &Tree, copy: &Path, number: usize) -> Outcome<()> {
    let name = tree::name(number % tree.files());
    let wanted = std::fs::read(tree.root().join(&name))?;
    let began = Instant::now();
    while std::fs::read(copy.join(&name)).ok().as_ref() != Some(&wanted) {
        if began.elapsed() > PATIENCE {
            return Err("lsyncd copied nothing".into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}
