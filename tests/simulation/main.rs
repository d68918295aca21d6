//! The engine in a simulated world: one seed, one history.
//!
//! Time, chance, files, hints and the cloud are simulated; the engine, the flows, the deciders and the
//! store are the real ones. A process dies by the end of its runtime, at any await; the database and the
//! world survive it. `SYNCD_SEED=n cargo test --test simulation` replays one seed and prints its trace;
//! `SYNCD_SEEDS=a..b` runs a range of others.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may panic and print, and here it is the outside world and its clock"
)]

mod checkers;
mod cloud;
#[expect(
    dead_code,
    reason = "the tests of the intake and of disks use the rest"
)]
mod disk;
mod history;
#[expect(dead_code, reason = "the suites of inboxes use the rest")]
mod inbox;
#[expect(dead_code, reason = "the suites of inboxes use the rest")]
mod programs;
mod storage;
mod swarm;
mod transport;
mod wire;
mod workload;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use history::Report;

/// The seeds that every run of the tests goes through.
const FIXED: std::ops::Range<u64> = 1..221;
/// Simulated histories that run at once.
const THREADS: usize = 2;

#[test]
fn every_history_is_safe_and_comes_to_rest() {
    if let Some(seed) = number("SYNCD_SEED") {
        let report = history::run(seed, true);
        assert!(report.violation.is_none(), "{}", words(&report));
        return;
    }
    let (seeds, fixed) = match range("SYNCD_SEEDS") {
        Some(seeds) => (seeds, false),
        None => (FIXED, true),
    };
    let reports = run_all(seeds);
    let failed: Vec<String> = reports
        .iter()
        .filter(|report| report.violation.is_some())
        .map(words)
        .collect();
    let mut marks: BTreeMap<&str, u64> = BTreeMap::new();
    for (mark, count) in reports.iter().flat_map(|report| &report.marks) {
        *marks.entry(mark).or_default() += count;
    }
    println!("{} histories; reached:\n{marks:#?}", reports.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    if fixed {
        let missed: Vec<&&str> = world::MARKS
            .iter()
            .chain(swarm::FAULTS.iter().map(|(_, name)| name))
            .chain(swarm::CHANGES.iter().map(|(_, name)| name))
            .filter(|mark| !marks.contains_key(**mark))
            .collect();
        assert!(missed.is_empty(), "never reached: {missed:?}");
    }
}

#[test]
fn the_same_seed_twice_is_the_same_history() {
    for seed in 1..11 {
        let (one, two) = (history::run(seed, false), history::run(seed, false));
        let differs = one.trace.iter().zip(&two.trace).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one.trace.len(), two.trace.len(), "seed {seed}");
    }
}

fn run_all(seeds: std::ops::Range<u64>) -> Vec<Report> {
    let next = AtomicU64::new(seeds.start);
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let mut report = history::run(seed, false);
                    report.trace = Vec::new();
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap();
    reports.sort_by_key(|report| report.seed);
    reports
}

fn words(report: &Report) -> String {
    let seed = report.seed;
    let what = report.violation.as_deref().unwrap_or("nothing");
    format!(
        "seed {seed}: {what}\n  replay: SYNCD_SEED={seed} cargo test --test simulation -- --nocapture every"
    )
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn range(name: &str) -> Option<std::ops::Range<u64>> {
    let text = std::env::var(name).ok()?;
    let (from, to) = text.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}
