use super::*;
use crate::decide::remedy::classify;
use crate::model::fault::{Call, Fault};

/// 2026-11-21 09:00:00 UTC, which is 17:00 in Beijing.
const NOW: Timestamp = Timestamp(1_795_251_600_000);

fn situation() -> Situation {
    Situation {
        attempts: 0,
        attempts_max: 8,
        repeats: 0,
        fresh_links: 0,
        refreshes: 0,
        account_faults: 0,
        closures: 0,
        now: NOW,
        retry_after: None,
        fraction: 0.5,
    }
}

fn errcode(code: &str) -> &'static Rule {
    classify(&Fault::new(Call::Link, Layer::Errcode, code, ""))
}

fn cos(code: &str) -> &'static Rule {
    classify(&Fault::new(Call::Put, Layer::Cos, code, ""))
}

/// Meets one rule again and again; answers after how many it is over, if it is, and how often the
/// account was closed.
fn met_again_and_again(rule: &'static Rule) -> (Option<u32>, u32) {
    let mut now = situation();
    let mut closed = 0;
    for n in 1..=60 {
        let decision = decide(rule, &now);
        match decision.job {
            JobNext::Dead | JobNext::Replan => return (Some(n), closed),
            JobNext::SameAttempt(Same::FreshLink) => now.fresh_links += 1,
            JobNext::SameAttempt(Same::RefreshToken) => now.refreshes += 1,
            JobNext::Retry { counts, .. } => {
                now.attempts += u32::from(counts);
                now.repeats += 1;
                now.fresh_links = 0;
                now.refreshes = 0;
            }
        }
        match decision.account {
            AccountNext::Close(_) => {
                closed += 1;
                now.account_faults += 1;
            }
            AccountNext::Failed { after } => {
                assert!(after >= PROBE_SOONEST);
                now.account_faults += 1;
                closed += u32::from(now.account_faults >= 3);
            }
            AccountNext::Answered | AccountNext::Silent => now.account_faults = 0,
        }
    }
    (None, closed)
}

#[test]
fn whatever_number_comes_it_ends_or_closes_the_account() {
    let odd = [
        -2,
        -1000,
        -65_536,
        -403_001,
        -999_999,
        i64::MIN,
        i64::MAX,
        1_000_000,
    ];
    for code in (-1..=65_535).chain(odd) {
        for call in [Call::Token, Call::Link] {
            let rule = classify(&Fault::new(call, Layer::Errcode, code.to_string(), ""));
            let (over, closed) = met_again_and_again(rule);
            match rule.blames {
                Blame::File => assert!(over.is_some_and(|n| n <= 8), "{code}"),
                Blame::Account => assert!(over.is_none() && closed > 0, "{code}"),
            }
        }
    }
}

#[test]
fn outages_never_kill_a_job_however_often_they_are_met() {
    for (layer, code) in [
        (Layer::Transport, "dns"),
        (Layer::Transport, "connect"),
        (Layer::Transport, "tls"),
        (Layer::Transport, "timeout"),
        (Layer::Http, "503"),
        (Layer::Http, "429"),
        (Layer::Errcode, "-1"),
        (Layer::Errcode, "42001"),
    ] {
        let rule = classify(&Fault::new(Call::Link, layer, code, ""));
        let worn = Situation {
            attempts: 7,
            repeats: 10_000,
            refreshes: 2,
            ..situation()
        };
        let next = decide(rule, &worn).job;
        assert!(
            matches!(next, JobNext::Retry { counts: false, .. }),
            "{code}: {next:?}"
        );
    }
}

#[test]
fn the_eighth_fault_of_a_file_is_its_last() {
    let rule = classify(&Fault::new(Call::Source, Layer::Local, "io", ""));
    let at = |attempts| {
        decide(
            rule,
            &Situation {
                attempts,
                ..situation()
            },
        )
        .job
    };
    assert!(matches!(at(6), JobNext::Retry { counts: true, .. }));
    assert_eq!(at(7), JobNext::Dead);
    let other = |attempts| {
        decide(
            cos("BadDigest"),
            &Situation {
                attempts,
                ..situation()
            },
        )
        .job
    };
    assert_eq!(other(7), JobNext::Dead);
}

#[test]
fn a_rule_with_so_many_tries_takes_exactly_so_many() {
    let at = |repeats| {
        decide(
            errcode("-501023"),
            &Situation {
                repeats,
                ..situation()
            },
        )
        .job
    };
    assert!(matches!(at(2), JobNext::Retry { counts: true, .. }));
    assert_eq!(at(3), JobNext::Dead);
}

#[test]
fn a_file_that_fits_no_link_although_it_was_sent_alone_is_given_up_at_the_third() {
    let local = |code| classify(&Fault::new(Call::Put, Layer::Local, code, ""));
    let at = |code, repeats| {
        let decision = decide(
            local(code),
            &Situation {
                repeats,
                ..situation()
            },
        );
        assert!(decision.slow_down, "{code}");
        decision.job
    };
    assert!(matches!(at("cannot-fit", 1), JobNext::Retry { .. }));
    assert_eq!(at("cannot-fit", 2), JobNext::Dead);
    // Where the uplink was shared, nothing is proved.
    let shared = at("uplink-shared", 100);
    assert!(matches!(shared, JobNext::Retry { counts: false, .. }));
}

#[test]
fn after_three_fresh_links_an_attempt_is_put_off_without_costing_the_file() {
    let at = |fresh_links| {
        decide(
            cos("ExpiredToken"),
            &Situation {
                fresh_links,
                ..situation()
            },
        )
    };
    assert_eq!(at(2).job, JobNext::SameAttempt(Same::FreshLink));
    assert!(matches!(at(3).job, JobNext::Retry { counts: false, .. }));
}

#[test]
fn a_token_refused_time_and_again_pauses_the_account() {
    let at = |refreshes| {
        decide(
            errcode("40001"),
            &Situation {
                refreshes,
                ..situation()
            },
        )
    };
    assert_eq!(at(0).job, JobNext::SameAttempt(Same::RefreshToken));
    let AccountNext::Close(closure) = at(2).account else {
        panic!("{:?}", at(2));
    };
    assert_eq!(closure.kind, ClosureKind::Paused);
    assert!((15 * 60..=30 * 60).contains(&closure.after.as_secs()));
}

#[test]
fn a_day_quota_waits_for_five_past_midnight_in_beijing_and_is_probed_before() {
    let closure = |closures| {
        let situation = Situation {
            closures,
            fraction: 0.0,
            ..situation()
        };
        match decide(errcode("45009"), &situation).account {
            AccountNext::Close(closure) => closure,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(closure(0).kind, ClosureKind::Waiting);
    assert_eq!(closure(0).after, MINUTE * 10);
    let until = closure(0).until.unwrap();
    assert_eq!(until.to_string(), "2026-11-21T16:05:00Z");
    assert_eq!(closure(1).after, HOUR);
    let minute_before = Situation {
        closures: 3,
        now: Timestamp(until.0 - 60_000),
        fraction: 0.0,
        ..situation()
    };
    let next = decide(errcode("45009"), &minute_before).next_try_after();
    assert_eq!(next, Some(MINUTE));
}

#[test]
fn a_minute_quota_waits_for_the_next_minute() {
    for offset_ms in [0, 1, 30_000, 59_999] {
        let now = Timestamp(NOW.0 + offset_ms);
        let decision = decide(
            errcode("45011"),
            &Situation {
                now,
                fraction: 0.0,
                ..situation()
            },
        );
        let again = now.plus(decision.next_try_after().unwrap());
        assert_eq!(again.0.div_euclid(60_000), now.0.div_euclid(60_000) + 1);
    }
}

#[test]
fn an_environment_quota_doubles_its_wait_up_to_an_hour() {
    let waits: Vec<u64> = (0..6)
        .map(|closures| Situation {
            closures,
            fraction: 0.0,
            ..situation()
        })
        .map(|situation| decide(errcode("-501003"), &situation))
        .map(|decision| decision.next_try_after().unwrap().as_secs() / 60)
        .collect();
    assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
}

#[test]
fn servers_may_ask_for_patience_but_not_for_more_than_an_hour() {
    for (asked, least, most) in [(0, 0, 1), (20, 20, 20), (10_000_000, 3600, 3600)] {
        let retry_after = Some(Duration::from_secs(asked));
        let decision = decide(
            errcode("-1"),
            &Situation {
                retry_after,
                ..situation()
            },
        );
        let seconds = decision.next_try_after().unwrap().as_secs();
        assert!(
            (least..=most).contains(&seconds),
            "{asked} became {seconds}"
        );
    }
}

#[test]
fn one_file_alone_does_not_pause_an_account_that_works_for_others() {
    let alone = Situation {
        repeats: 50,
        account_faults: 0,
        ..situation()
    };
    let next = decide(errcode("-1000"), &alone).account;
    assert!(matches!(next, AccountNext::Failed { .. }));
    let all = Situation {
        repeats: 50,
        account_faults: 50,
        ..situation()
    };
    assert!(matches!(
        decide(errcode("-1000"), &all).account,
        AccountNext::Close(_)
    ));
}

#[test]
fn slowing_down_doubles_the_first_pause() {
    let first = |rule| {
        decide(
            rule,
            &Situation {
                fraction: 1.0,
                ..situation()
            },
        )
        .next_try_after()
    };
    assert_eq!(first(cos("SlowDown")), Some(BASE_SLOW));
    assert_eq!(first(cos("InternalError")), Some(BASE));
}
