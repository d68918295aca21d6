//! Running histories by their seeds: the fixed ones, or those that somebody asks for by `SYNCD_SEED` (one,
//! with its trace) or `SYNCD_SEEDS` (a range).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::story::{Report, lock};

/// Simulated histories that run at once.
const THREADS: usize = 2;

/// Histories of one kind.
pub struct Histories<'a> {
    /// The test that runs them, for the command that replays one.
    pub test: &'a str,
    /// The seeds that every run of the tests goes through.
    pub fixed: Range<u64>,
    /// Rare moments that those must reach.
    pub marks: Vec<&'a str>,
    /// Runs one, and prints its trace if it is replayed.
    pub run: fn(u64, bool) -> Report,
}

impl Histories<'_> {
    /// Runs those that are asked for.
    pub fn check(&self) {
        if let Some(seed) = number("SYNCD_SEED") {
            let report = (self.run)(seed, true);
            assert!(report.violation.is_none(), "{}", self.words(&report));
            return;
        }
        let asked = range("SYNCD_SEEDS");
        let reports = self.run_all(asked.clone().unwrap_or(self.fixed.clone()));
        let failed: Vec<String> = reports
            .iter()
            .filter(|report| report.violation.is_some())
            .map(|report| self.words(report))
            .collect();
        let mut marks: BTreeMap<&str, u64> = BTreeMap::new();
        for (mark, count) in reports.iter().flat_map(|report| &report.marks) {
            *marks.entry(mark).or_default() += count;
        }
        println!("{} histories; reached:\n{marks:#?}", reports.len());
        assert!(
            failed.is_empty(),
            "{} of {} failed:\n{}",
            failed.len(),
            reports.len(),
            failed.join("\n")
        );
        if asked.is_none() {
            let missed = self.marks.iter().filter(|mark| !marks.contains_key(**mark));
            let missed: Vec<_> = missed.collect();
            assert!(missed.is_empty(), "never reached: {missed:?}");
        }
    }

    /// Runs some of them twice.
    pub fn check_sameness(&self, seeds: Range<u64>) {
        for seed in seeds {
            let (one, two) = ((self.run)(seed, false), (self.run)(seed, false));
            let differs = one.trace.iter().zip(&two.trace).find(|(a, b)| a != b);
            assert_eq!(differs, None, "seed {seed}");
            assert_eq!(one.trace.len(), two.trace.len(), "seed {seed}");
        }
    }

    fn run_all(&self, seeds: Range<u64>) -> Vec<Report> {
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
                        let mut report = (self.run)(seed, false);
                        report.trace = Vec::new();
                        lock(&reports).push(report);
                    }
                });
            }
        });
        let mut reports = reports.into_inner().unwrap();
        reports.sort_by_key(|report| report.seed);
        reports
    }

    fn words(&self, report: &Report) -> String {
        let seed = report.seed;
        let what = report.violation.as_deref().unwrap_or("nothing");
        let test = self.test;
        format!(
            "seed {seed}: {what}\n  replay: SYNCD_SEED={seed} cargo test --test simulation -- --nocapture {test}"
        )
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn range(name: &str) -> Option<Range<u64>> {
    let text = std::env::var(name).ok()?;
    let (from, to) = text.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}
