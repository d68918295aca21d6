use proptest::prelude::*;

use super::*;

const QUIET: u64 = 500;
const QUIET_MAX: u64 = 30_000;

fn at(ms: u64) -> Monotonic {
    Monotonic(Duration::from_millis(ms))
}

fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

fn target(text: &str) -> Target {
    Target::Path(path(text))
}

fn settle() -> Settle {
    Settle::new(
        Duration::from_millis(QUIET),
        Duration::from_millis(QUIET_MAX),
    )
}

fn names(batch: &Batch) -> Vec<String> {
    batch.paths.iter().map(|due| due.path.to_string()).collect()
}

#[test]
fn a_burst_is_taken_whole_once_it_is_quiet() {
    let mut settle = settle();
    settle.mark(target("b"), at(0));
    settle.mark(target("a"), at(400));
    assert_eq!(settle.due(at(899)), None);
    assert_eq!(settle.next_deadline(), Some(at(900)));
    let batch = settle.due(at(900)).unwrap();
    assert_eq!(names(&batch), ["a", "b"]);
    assert!(batch.paths.iter().all(|due| !due.forced));
    assert_eq!(settle.next_deadline(), None);
}

#[test]
fn a_mark_of_a_while_ago_counts_from_then_and_shortens_no_burst() {
    let mut settle = settle();
    settle.mark(target("a"), at(100));
    assert_eq!(settle.next_deadline(), Some(at(600)));
    settle.mark(target("b"), at(300));
    settle.mark(target("a"), at(200));
    settle.mark(target("b"), at(50));
    assert_eq!(settle.next_deadline(), Some(at(800)));
    assert_eq!(names(&settle.due(at(800)).unwrap()), ["a", "b"]);
}

#[test]
fn a_burst_that_never_rests_is_taken_at_the_latest_after_its_maximum() {
    let mut settle = settle();
    settle.mark(target("quiet"), at(0));
    for ms in (0..QUIET_MAX).step_by(100) {
        settle.mark(target("log"), at(ms));
        assert_eq!(settle.due(at(ms)), None);
    }
    let batch = settle.due(at(QUIET_MAX)).unwrap();
    assert_eq!(names(&batch), ["log", "quiet"]);
    assert!(batch.paths[0].forced);
    assert!(!batch.paths[1].forced);
}

#[test]
fn what_began_to_change_at_the_end_of_a_long_burst_has_its_own_time_to_rest() {
    let mut settle = settle();
    for ms in (0..QUIET_MAX).step_by(100) {
        settle.mark(target("log"), at(ms));
    }
    settle.mark(target("new"), at(QUIET_MAX - 200));
    let batch = settle.due(at(QUIET_MAX)).unwrap();
    assert_eq!(names(&batch), ["log", "new"]);
    assert!(batch.paths[0].forced);
    assert!(
        !batch.paths[1].forced,
        "it has not waited for as long as it may"
    );
    settle.mark(target("new"), at(QUIET_MAX + 100));
    assert!(!settle.is_restless(&path("new")));
}

#[test]
fn a_restless_path_no_longer_holds_up_the_others() {
    let mut settle = settle();
    for ms in (0..=QUIET_MAX).step_by(100) {
        settle.mark(target("log"), at(ms));
    }
    assert!(settle.due(at(QUIET_MAX)).is_some());
    let mut others = 0;
    let mut logs = Vec::new();
    settle.mark(target("page"), at(QUIET_MAX + 100));
    for ms in (QUIET_MAX + 100..QUIET_MAX * 3).step_by(100) {
        settle.mark(target("log"), at(ms));
        if let Some(batch) = settle.due(at(ms)) {
            match names(&batch).as_slice() {
                [name] if name == "log" => logs.push((ms, batch.paths[0].since)),
                [name] if name == "page" => {
                    assert_eq!(ms, QUIET_MAX + 100 + QUIET);
                    others += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(others, 1);
    // Taken by itself each maximum, still known to have been changing since the beginning.
    assert_eq!(logs, [(QUIET_MAX * 2 + 100, at(0))]);
    assert!(settle.is_restless(&path("log")));
    let last = settle.due(at(QUIET_MAX * 3 + QUIET)).unwrap();
    assert!(!last.paths[0].forced);
    settle.mark(target("log"), at(QUIET_MAX * 3 + QUIET + 1));
    assert!(!settle.is_restless(&path("log")));
}

#[test]
fn everything_and_directories_cover_what_is_below_them() {
    let mut settle = settle();
    for name in ["a/b/c", "a/b", "a-c", "d/e"] {
        settle.mark(target(name), at(0));
    }
    assert_eq!(
        names(&settle.due(at(QUIET)).unwrap()),
        ["a-c", "a/b", "d/e"]
    );
    settle.mark(target("x"), at(1000));
    settle.mark(Target::Everything, at(1000));
    let batch = settle.due(at(1500)).unwrap();
    assert!(batch.everything && batch.paths.is_empty());
}

#[test]
fn too_many_marks_collapse_into_directories_and_then_into_everything() {
    let mut settle = settle();
    for index in 0..=PATHS_MAX {
        settle.mark(target(&format!("d{}/f{index}", index % 7)), at(1));
    }
    assert_eq!(settle.settling().count(), 7);
    let mut flat = self::settle();
    for index in 0..=PATHS_MAX {
        flat.mark(target(&format!("f{index}")), at(1));
    }
    assert_eq!(flat.settling().count(), 1);
    assert!(flat.due(at(1 + QUIET)).unwrap().everything);
}

proptest! {
    #[test]
    fn every_mark_is_taken_within_its_maximum(
        marks in proptest::collection::vec((0..5_u8, 1..900_u64), 1..200),
    ) {
        let mut settle = settle();
        let mut now = 0;
        let mut waiting: BTreeMap<String, u64> = BTreeMap::new();
        for (name, pause) in marks {
            let end = now + pause;
            while let Some(deadline) = settle.next_deadline().filter(|deadline| *deadline <= at(end)) {
                take(&mut settle, deadline, &mut waiting)?;
            }
            now = end;
            let name = format!("f{name}");
            settle.mark(target(&name), at(now));
            waiting.entry(name).or_insert(now);
        }
        while let Some(deadline) = settle.next_deadline() {
            take(&mut settle, deadline, &mut waiting)?;
        }
        prop_assert!(waiting.is_empty(), "{waiting:?}");
    }
}

fn take(
    settle: &mut Settle,
    now: Monotonic,
    waiting: &mut BTreeMap<String, u64>,
) -> Result<(), TestCaseError> {
    let batch = settle.due(now);
    prop_assert!(
        batch.is_some(),
        "nothing was due at the deadline {:?}",
        now.0
    );
    for name in names(&batch.unwrap_or_default()) {
        let since = waiting.remove(&name);
        prop_assert!(since.is_some_and(|since| now <= at(since + QUIET_MAX)));
    }
    Ok(())
}
