use super::*;
use crate::model::fault::{Call, Layer};

fn at(seconds: u64) -> Monotonic {
    Monotonic(Duration::from_secs(seconds))
}

fn fault(code: &str) -> Fault {
    Fault::new(Call::Link, Layer::Errcode, code, "")
}

#[expect(clippy::unnecessary_wraps, reason = "a fetch gives a result")]
fn fetched(value: &str, seconds: u64) -> Result<FetchedToken, Fault> {
    Ok(FetchedToken {
        value: Secret::new(value),
        expires_in: Some(Duration::from_secs(seconds)),
        recheck: None,
    })
}

/// Fetches at `now` and gives the generation that is served then.
fn fetch(state: &mut TokenState, value: &str, now: u64) -> u64 {
    assert_eq!(state.need(at(now)), Need::Fetch);
    state.fetched(fetched(value, 7200), at(now));
    served(state, now)
}

fn served(state: &mut TokenState, now: u64) -> u64 {
    match state.need(at(now)) {
        Need::Have {
            token,
            refresh: false,
        } => token.generation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_of_many_callers_fetches_and_the_others_wait() {
    let mut state = TokenState::new();
    assert_eq!(state.need(at(0)), Need::Fetch);
    for _ in 0..100 {
        assert_eq!(state.need(at(0)), Need::InFlight);
    }
    state.fetched(fetched("a", 7200), at(1));
    assert_eq!(served(&mut state, 1), 1);
    assert_eq!(state.expires_at(), Some(at(7201)));
}

#[test]
fn a_hundred_refusals_of_one_token_cause_one_refresh() {
    let mut state = TokenState::new();
    let first = fetch(&mut state, "a", 0);
    state.accepted(first);
    for _ in 0..50 {
        assert_eq!(state.refused(first, fault("42001")), Refusal::Believed);
    }
    assert_eq!(fetch(&mut state, "b", 100), 2);
    for _ in 0..50 {
        assert_eq!(state.refused(first, fault("42001")), Refusal::Stale);
    }
    assert_eq!(served(&mut state, 101), 2);
}

#[test]
fn the_first_refresh_after_login_is_free_and_the_next_is_ten_seconds_later() {
    let mut state = TokenState::new();
    let first = fetch(&mut state, "a", 0);
    state.accepted(first);
    state.refused(first, fault("40001"));
    let second = fetch(&mut state, "b", 1);
    state.accepted(second);
    state.refused(second, fault("40001"));
    assert_eq!(
        state.need(at(2)),
        Need::Wait {
            until: at(11),
            fault: None
        }
    );
    assert_eq!(fetch(&mut state, "c", 11), 3);
}

#[test]
fn two_different_new_tokens_refused_pause() {
    let mut state = TokenState::new();
    let first = fetch(&mut state, "a", 0);
    state.accepted(first);
    assert_eq!(state.refused(first, fault("42001")), Refusal::Believed);
    let second = fetch(&mut state, "b", 100);
    assert_eq!(state.refused(second, fault("40001")), Refusal::Believed);
    let third = fetch(&mut state, "c", 110);
    assert_eq!(state.refused(third, fault("40014")), Refusal::Paused);
    assert_eq!(state.need(at(112)), Need::Paused(fault("40014")));
    assert_eq!(state.refused(third, fault("40014")), Refusal::Paused);
}

#[test]
fn the_same_token_come_back_after_a_refusal_pauses() {
    let mut state = TokenState::new();
    let first = fetch(&mut state, "a", 0);
    state.accepted(first);
    state.refused(first, fault("40001"));
    assert_eq!(state.need(at(50)), Need::Fetch);
    state.fetched(fetched("a", 7000), at(50));
    assert_eq!(state.need(at(51)), Need::Paused(fault("40001")));
}

#[test]
fn a_resumed_account_fetches_at_once_and_believes_what_it_gets() {
    let mut state = TokenState::new();
    let first = fetch(&mut state, "a", 0);
    state.refused(first, fault("40001"));
    assert_eq!(state.need(at(1)), Need::Fetch);
    state.fetched(fetched("a", 7200), at(1));
    assert!(matches!(state.need(at(1)), Need::Paused(_)));
    state.resumed();
    let second = fetch(&mut state, "a", 2);
    assert!(second > first);
    state.accepted(second);
    assert_eq!(state.refused(first, fault("40001")), Refusal::Stale);
}

#[test]
fn a_token_that_worked_and_is_refused_is_only_replaced_each_time_ten_seconds_apart() {
    let mut state = TokenState::new();
    let mut now = 0;
    let mut fetched_at = Vec::new();
    while fetched_at.len() < 20 {
        match state.need(at(now)) {
            Need::Fetch => {
                fetched_at.push(now);
                state.fetched(fetched(&format!("t{now}"), 7200), at(now));
            }
            Need::Have { token, .. } => {
                state.accepted(token.generation);
                let refusal = state.refused(token.generation, fault("42001"));
                assert_eq!(refusal, Refusal::Believed);
                now += 1;
            }
            Need::Wait { until, .. } => now = until.0.as_secs(),
            other => panic!("{other:?}"),
        }
    }
    // The first refresh after the login is free.
    let forced = &fetched_at[1..];
    assert!(forced.windows(2).all(|pair| pair[1] - pair[0] >= 10));
}

#[test]
fn the_old_token_is_served_while_one_caller_replaces_it_early() {
    let mut state = TokenState::new();
    fetch(&mut state, "a", 0);
    assert_eq!(served(&mut state, 6839), 1);
    // Five per cent of two hours is more than 300 seconds.
    let Need::Have {
        token,
        refresh: true,
    } = state.need(at(6840))
    else {
        panic!("no refresh")
    };
    assert_eq!(token.generation, 1);
    assert_eq!(served(&mut state, 6841), 1);
    state.fetched(fetched("b", 7200), at(6842));
    assert_eq!(served(&mut state, 6842), 2);
}

#[test]
fn a_short_token_is_not_replaced_before_half_of_its_life() {
    let mut state = TokenState::new();
    assert_eq!(state.need(at(0)), Need::Fetch);
    state.fetched(fetched("a", 200), at(0));
    served(&mut state, 99);
    assert!(matches!(
        state.need(at(100)),
        Need::Have { refresh: true, .. }
    ));
    state.fetched(fetched("a", 100), at(101));
    assert_eq!(served(&mut state, 102), 1);
}

#[test]
fn a_failing_early_refresh_is_repeated_slower_while_the_old_token_lasts() {
    let mut state = TokenState::new();
    fetch(&mut state, "a", 0);
    let mut fetches = 0;
    for second in 6840..7200 {
        if let Need::Have { refresh: true, .. } = state.need(at(second)) {
            fetches += 1;
            state.fetched(Err(fault("-1")), at(second));
        }
    }
    assert!((30..=45).contains(&fetches), "{fetches}");
    assert!(matches!(
        state.need(at(7200)),
        Need::Wait { fault: Some(_), .. } | Need::Fetch
    ));
}

#[test]
fn an_expired_token_is_not_served() {
    let mut state = TokenState::new();
    fetch(&mut state, "a", 0);
    assert_eq!(state.need(at(7200)), Need::Fetch);
}

#[test]
fn failed_fetches_are_spaced_and_told_to_those_who_wait() {
    let mut state = TokenState::new();
    let mut now = 0;
    for pause in [1, 2, 4, 8, 10, 10, 10] {
        assert_eq!(state.need(at(now)), Need::Fetch);
        state.fetched(Err(fault("dns")), at(now));
        let expected = Need::Wait {
            until: at(now + pause),
            fault: Some(fault("dns")),
        };
        assert_eq!(state.need(at(now)), expected);
        now += pause;
    }
    fetch(&mut state, "a", now);
}

#[test]
fn a_dropped_fetch_gives_its_right_back() {
    let mut state = TokenState::new();
    assert_eq!(state.need(at(0)), Need::Fetch);
    state.abandoned();
    assert_eq!(state.need(at(0)), Need::Fetch);
}

#[test]
fn a_file_is_looked_at_again_and_a_new_token_in_it_is_used() {
    let token = |value| {
        Ok(FetchedToken {
            value: Secret::new(value),
            expires_in: None,
            recheck: Some(Duration::from_secs(30)),
        })
    };
    let mut state = TokenState::new();
    assert_eq!(state.need(at(0)), Need::Fetch);
    state.fetched(token("a"), at(0));
    assert_eq!(served(&mut state, 29), 1);
    assert!(matches!(
        state.need(at(30)),
        Need::Have { refresh: true, .. }
    ));
    state.fetched(token("a"), at(30));
    assert_eq!(served(&mut state, 31), 1);
    assert!(matches!(
        state.need(at(60)),
        Need::Have { refresh: true, .. }
    ));
    state.fetched(token("b"), at(60));
    assert_eq!(served(&mut state, 61), 2);
}
