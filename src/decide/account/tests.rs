use proptest::prelude::*;

use super::*;
use crate::decide::remedy::classify;
use crate::decide::remedy::{JobNext, Situation, decide};
use crate::model::fault::{Call, Layer};

const OUTAGE: AccountNext = AccountNext::Failed {
    after: Duration::from_secs(10),
};
const PAUSE: AccountNext = AccountNext::Close(Closure {
    kind: ClosureKind::Paused,
    after: Duration::from_mins(15),
    until: None,
});
const WALL: Timestamp = Timestamp(1_795_251_600_000);

fn at(seconds: u64) -> Monotonic {
    Monotonic(Duration::from_secs(seconds))
}

fn down() -> Fault {
    Fault::new(Call::Link, Layer::Errcode, "-1", "busy")
}

fn go(gate: &mut Gate, now: Monotonic) -> Permit {
    match gate.may_start(now) {
        Start::Go(permit) => permit,
        other => panic!("{other:?}"),
    }
}

fn probe(gate: &mut Gate, now: Monotonic) -> Permit {
    match gate.may_start(now) {
        Start::Probe(permit) => permit,
        other => panic!("{other:?}"),
    }
}

fn closed_by_outage() -> (Gate, Permit) {
    let mut gate = Gate::open();
    let permit = go(&mut gate, at(0));
    for _ in 0..FAULTS_IN_ROW_MAX {
        assert!(gate.is_open());
        gate.failed(permit, &down(), OUTAGE, at(0));
    }
    assert!(!gate.is_open());
    (gate, permit)
}

#[test]
fn three_faults_in_a_row_close_it_and_a_success_between_does_not() {
    closed_by_outage();
    let mut gate = Gate::open();
    let permit = go(&mut gate, at(0));
    for _ in 0..100 {
        gate.failed(permit, &down(), OUTAGE, at(0));
        gate.failed(permit, &down(), OUTAGE, at(0));
        gate.succeeded(permit);
    }
    assert!(gate.is_open());
}

#[test]
fn an_answer_about_the_file_is_no_account_fault() {
    let mut gate = Gate::open();
    let permit = go(&mut gate, at(0));
    for _ in 0..100 {
        gate.failed(permit, &down(), AccountNext::Answered, at(0));
    }
    assert!(gate.is_open());
}

#[test]
fn while_closed_nothing_starts_and_then_exactly_one_probe() {
    let (mut gate, _) = closed_by_outage();
    assert_eq!(gate.may_start(at(9)), Start::No(Some(at(10))));
    let permit = probe(&mut gate, at(10));
    assert_eq!(gate.may_start(at(10)), Start::No(None));
    assert_eq!(gate.may_start(at(1_000_000)), Start::No(None));
    assert!(gate.succeeded(permit));
    assert_eq!((gate.faults_in_row(), gate.closures()), (0, 0));
    go(&mut gate, at(11));
}

#[test]
fn a_failed_probe_closes_it_again_and_is_counted() {
    let (mut gate, _) = closed_by_outage();
    let permit = probe(&mut gate, at(10));
    assert!(gate.failed(permit, &down(), OUTAGE, at(20)));
    assert_eq!(gate.closures(), 2);
    assert_eq!(gate.may_start(at(29)), Start::No(Some(at(30))));
}

#[test]
fn a_probe_that_asked_nothing_leaves_its_turn_to_the_next() {
    let (mut gate, _) = closed_by_outage();
    let permit = probe(&mut gate, at(10));
    gate.failed(permit, &down(), AccountNext::Silent, at(10));
    let permit = probe(&mut gate, at(10));
    gate.released(permit);
    probe(&mut gate, at(10));
}

#[test]
fn files_are_fetched_while_the_desk_opens_no_session_for_a_while() {
    let night = AccountNext::Close(Closure {
        kind: ClosureKind::Waiting,
        after: Duration::from_mins(10),
        until: None,
    });
    for (call, layer, next, fetches) in [
        (Call::Connect, Layer::Result, night, true),
        (Call::Connect, Layer::Result, PAUSE, false),
        (Call::Connect, Layer::Transport, night, false),
        (Call::Poll, Layer::Result, night, false),
    ] {
        let mut gate = Gate::open();
        let permit = go(&mut gate, at(0));
        gate.failed(permit, &Fault::new(call, layer, "12", ""), next, at(0));
        assert_eq!(gate.is_open_to_fetch(), fetches, "{call:?} {layer:?}");
        let start = gate.may_fetch(at(1));
        assert_eq!(matches!(start, Start::Go(_)), fetches, "{start:?}");
        assert!(matches!(gate.may_start(at(1)), Start::No(_)));
        // The probe is the poller's, and what it finds is waited for.
        probe(&mut gate, at(3600));
        assert_eq!(gate.may_fetch(at(3600)), Start::No(None));
    }
}

#[test]
fn late_faults_of_requests_from_before_change_nothing() {
    let (mut gate, old) = closed_by_outage();
    for _ in 0..100 {
        gate.failed(old, &down(), OUTAGE, at(5));
    }
    assert_eq!(gate.closures(), 1);
    let permit = probe(&mut gate, at(10));
    gate.succeeded(permit);
    for _ in 0..100 {
        gate.failed(old, &down(), OUTAGE, at(12));
    }
    assert!(gate.is_open());
}

#[test]
fn a_probe_of_an_earlier_closing_is_not_taken_for_the_one_that_runs() {
    let (mut gate, old) = closed_by_outage();
    let earlier = probe(&mut gate, at(10));
    gate.succeeded(old);
    let permit = go(&mut gate, at(11));
    gate.failed(permit, &down(), PAUSE, at(11));
    let running = probe(&mut gate, at(911));
    gate.failed(earlier, &down(), OUTAGE, at(912));
    gate.released(earlier);
    assert!(!gate.succeeded(earlier));
    assert_eq!(gate.may_start(at(10_000)), Start::No(None));
    assert!(gate.succeeded(running));
}

#[test]
fn a_late_success_ends_an_outage_but_not_a_pause() {
    let (mut gate, old) = closed_by_outage();
    assert!(gate.succeeded(old));
    let permit = go(&mut gate, at(0));
    gate.failed(permit, &down(), PAUSE, at(0));
    assert!(!gate.succeeded(permit));
    assert!(!gate.is_open());
}

#[test]
fn a_late_pause_is_graver_than_an_outage_but_the_same_closing() {
    let (mut gate, old) = closed_by_outage();
    assert!(gate.failed(old, &down(), PAUSE, at(1)));
    assert_eq!(gate.standing(at(1), WALL).state, "paused");
    assert_eq!(gate.closures(), 1);
    assert_eq!(gate.probe_at(), Some(at(901)));
}

#[test]
fn resume_makes_the_probe_due_at_once() {
    let mut gate = Gate::open();
    assert!(!gate.resume(at(0)));
    let permit = go(&mut gate, at(0));
    gate.failed(permit, &down(), PAUSE, at(0));
    assert!(gate.resume(at(1)));
    probe(&mut gate, at(1));
}

fn refused(code: &str) -> Fault {
    Fault::new(Call::Link, Layer::Errcode, code, "")
}

#[test]
fn five_different_files_dead_of_one_code_pause_the_account_and_are_revived() {
    let mut gate = Gate::open();
    let permit = go(&mut gate, at(0));
    for job in [1, 2, 2, 2, 3, 4] {
        assert!(
            gate.died(permit, JobId(job), &refused("40097"), at(0))
                .is_empty()
        );
    }
    let revived = gate.died(permit, JobId(5), &refused("40097"), at(0));
    assert_eq!(revived, [1, 2, 3, 4, 5].map(JobId));
    let standing = gate.standing(at(0), WALL);
    assert_eq!(standing.state, "paused");
    assert!(
        standing
            .reason
            .unwrap()
            .starts_with("Several files in a row")
    );
}

#[test]
fn files_dead_of_different_codes_or_with_a_success_between_pause_nothing() {
    let mut gate = Gate::open();
    let permit = go(&mut gate, at(0));
    for job in 0..100 {
        let code = ["40097", "40101"][usize::from(job % 2 == 0)];
        assert!(
            gate.died(permit, JobId(job), &refused(code), at(0))
                .is_empty()
        );
    }
    gate.succeeded(permit);
    for job in 0..100 {
        assert!(
            gate.died(permit, JobId(job), &refused("40097"), at(0))
                .is_empty()
        );
        if job % 4 == 3 {
            gate.succeeded(permit);
        }
    }
    let local = Fault::new(Call::Source, Layer::Local, "unreadable", "");
    for job in 0..100 {
        assert!(gate.died(permit, JobId(job), &local, at(0)).is_empty());
    }
    assert!(gate.is_open());
}

#[test]
fn a_probe_that_dies_of_the_breakers_code_keeps_it_closed_and_is_revived() {
    let mut gate = Gate::open();
    let permit = go(&mut gate, at(0));
    for job in 0..5 {
        gate.died(permit, JobId(job), &refused("40097"), at(0));
    }
    let permit = probe(&mut gate, at(900));
    assert_eq!(
        gate.died(permit, JobId(9), &refused("40097"), at(900)),
        [JobId(9)]
    );
    assert!(!gate.is_open());
    let permit = probe(&mut gate, at(1800));
    assert!(gate.succeeded(permit));
}

#[test]
fn a_closed_gate_survives_the_process_and_a_clock_that_jumps() {
    let mut gate = Gate::open();
    let permit = go(&mut gate, at(100));
    gate.failed(permit, &down(), PAUSE, at(100));
    let persisted = gate.persisted(at(100), WALL);
    assert_eq!(persisted.until, Some(Timestamp(WALL.0 + 900_000)));
    let years = 10 * 365 * 86_400_000;
    for (wall, wait) in [(0, 900), (600_000, 300), (years, 0), (-years, 3600)] {
        let restored = Gate::restore(&persisted, at(0), Timestamp(WALL.0 + wall));
        assert_eq!(restored.probe_at(), Some(at(wait)));
        assert_eq!(restored.closures(), 1);
        assert_eq!(restored.standing(at(0), WALL).state, "paused");
    }
    let open = Gate::open().persisted(at(0), WALL);
    assert!(Gate::restore(&open, at(0), WALL).is_open());
}

#[test]
fn the_reason_says_what_until_when_and_what_to_do() {
    let (gate, _) = closed_by_outage();
    let standing = gate.standing(at(0), WALL);
    assert_eq!(standing.state, "waiting");
    let reason = standing.reason.unwrap();
    assert_eq!(
        reason,
        "WeChat's servers are busy. (-1; tried again at 2026-11-21T09:00:10Z)"
    );
    assert!(standing.advice.is_some());
}

#[derive(Debug, Clone)]
enum Step {
    Start,
    Succeed(usize),
    Fail(usize),
    Pause(usize),
    Answer(usize),
    Release(usize),
    Die(usize),
    Later(u64),
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Start),
        1 => any::<usize>().prop_map(Step::Succeed),
        4 => any::<usize>().prop_map(Step::Fail),
        1 => any::<usize>().prop_map(Step::Pause),
        1 => any::<usize>().prop_map(Step::Answer),
        1 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Die),
        3 => (0_u64..2000).prop_map(Step::Later),
        1 => Just(Step::Resume),
    ]
}

proptest! {
    /// Of the attempts that began since it closed, at most one runs, and it is a probe.
    #[test]
    fn never_two_probes(steps in prop::collection::vec(step(), 0..300)) {
        let mut gate = Gate::open();
        let mut now = at(0);
        let mut running: Vec<Permit> = Vec::new();
        let mut job = 0;
        for step in steps {
            let take = |running: &mut Vec<Permit>, n: usize| {
                (!running.is_empty()).then(|| running.swap_remove(n % running.len()))
            };
            match step {
                Step::Start => match gate.may_start(now) {
                    Start::Go(permit) => {
                        prop_assert!(gate.is_open());
                        running.push(permit);
                    }
                    Start::Probe(permit) => {
                        prop_assert!(!gate.is_open());
                        // A probe of an earlier closing may still be on its way.
                        prop_assert!(!running.contains(&permit));
                        running.push(permit);
                    }
                    Start::No(Some(until)) => prop_assert!(until > now),
                    Start::No(None) => prop_assert!(running.iter().any(|p| p.is_probe())),
                },
                Step::Later(seconds) => now = now + Duration::from_secs(seconds),
                Step::Resume => { gate.resume(now); }
                Step::Succeed(n) => if let Some(p) = take(&mut running, n) { gate.succeeded(p); },
                Step::Fail(n) => if let Some(p) = take(&mut running, n) {
                    gate.failed(p, &down(), OUTAGE, now);
                },
                Step::Pause(n) => if let Some(p) = take(&mut running, n) {
                    gate.failed(p, &down(), PAUSE, now);
                },
                Step::Answer(n) => if let Some(p) = take(&mut running, n) {
                    gate.failed(p, &down(), AccountNext::Answered, now);
                },
                Step::Release(n) => if let Some(p) = take(&mut running, n) { gate.released(p); },
                Step::Die(n) => if let Some(p) = take(&mut running, n) {
                    job += 1;
                    gate.died(p, JobId(job), &refused("40097"), now);
                },
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn an_outage_of_a_week_costs_few_requests_an_hour_and_no_job(seed in any::<u64>()) {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut gate = Gate::open();
        let mut hours = vec![0_u32; 24 * 7 + 1];
        let mut now = at(0);
        let mut running: Vec<Permit> = (0..100).map(|_| go(&mut gate, now)).collect();
        let mut tries = 0;
        while now < at(7 * 24 * 3600) {
            for permit in std::mem::take(&mut running) {
                hours[usize::try_from(now.0.as_secs() / 3600).unwrap()] += 1;
                let decision = decide(classify(&down()), &worn(&gate, tries, dice.f64()));
                tries += 1;
                let kept = matches!(decision.job, JobNext::Retry { counts: false, .. });
                prop_assert!(kept);
                gate.failed(permit, &down(), decision.account, now);
            }
            match gate.may_start(now) {
                Start::Probe(permit) => running.push(permit),
                Start::No(Some(until)) => now = until,
                other => panic!("{other:?}"),
            }
        }
        prop_assert!(hours.iter().all(|&requests| requests <= 200), "{hours:?}");
        let due = gate.probe_at().unwrap();
        let permit = probe(&mut gate, due);
        prop_assert!(gate.succeeded(permit));
    }
}

/// A job that has failed so often without a fault of its own.
fn worn(gate: &Gate, tries: u32, fraction: f64) -> Situation {
    Situation {
        attempts: 7,
        attempts_max: 8,
        repeats: tries,
        fresh_links: 0,
        refreshes: 0,
        account_faults: gate.faults_in_row(),
        closures: gate.closures(),
        now: WALL,
        retry_after: None,
        fraction,
    }
}
