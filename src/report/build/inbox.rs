//! From facts to [`Inbox`].

use crate::engine::live::{GateState, InboxLive, InboxState};
use crate::model::message::{HookState, MessageState};
use crate::model::path::escaped;
use crate::store::MessageRow;

use super::super::facts::{Facts, InboxFacts, fault_of};
use super::super::words::{advice_of, counted, meaning_of};
use super::super::{Inbox, PROBLEMS_MAX, Problem, State};
use super::{Gate, account_reason, gate_of, gate_problem};

/// The code of a program of `on_receive` that was given up.
const ON_RECEIVE: &str = "on-receive";

pub(super) fn build(facts: &Facts, inbox: &InboxFacts) -> Inbox {
    let live = facts
        .live
        .as_ref()
        .and_then(|live| live.inboxes.iter().find(|live| live.name == inbox.name));
    let gate = gate(facts, inbox, live);
    let (state, reason) = state_of(facts, inbox, live, &gate);
    let mut problems: Vec<Problem> = gate_problem(&gate).into_iter().collect();
    let rows = inbox.problems.iter().take(PROBLEMS_MAX);
    problems.extend(rows.map(|row| problem(inbox, row)));
    Inbox {
        name: inbox.name.clone(),
        path: escaped(inbox.path.as_os_str().as_encoded_bytes()),
        state,
        reason,
        connected: live.is_some_and(|live| live.connected),
        received: inbox.counts.received,
        pending: inbox.counts.pending,
        dead: inbox.counts.dead,
        last_poll_at: live
            .and_then(|live| live.last_poll_at)
            .map(|at| at.to_string()),
        last_received_at: inbox.counts.last_received_at.map(|at| at.to_string()),
        problems,
    }
}

/// What keeps the inbox from its desk: what the poller says of itself where it runs, else what the store
/// remembers of the account.
fn gate(facts: &Facts, inbox: &InboxFacts, live: Option<&InboxLive>) -> Gate {
    let stored = gate_of(facts, &inbox.account);
    let Some(live) = live else {
        return stored;
    };
    let state = match (live.state, &live.code) {
        (InboxState::Waiting, Some(_)) => GateState::Waiting,
        (InboxState::Blocked, Some(_)) => GateState::Paused,
        _ => GateState::Ready,
    };
    Gate {
        state,
        reason: live.reason.clone().unwrap_or_default(),
        code: live.code.clone(),
        until: live.until,
        advice: stored.advice,
    }
}

fn state_of(
    facts: &Facts,
    inbox: &InboxFacts,
    live: Option<&InboxLive>,
    gate: &Gate,
) -> (State, Option<String>) {
    if inbox.paused {
        let reason = format!("paused by hand; `syncd resume {}` goes on", inbox.name);
        return (State::Paused, Some(reason));
    }
    let because = || Some(account_reason(&inbox.account, gate, facts.now));
    match gate.state {
        GateState::Paused => return (State::Blocked, because()),
        GateState::Waiting => return (State::Waiting, because()),
        GateState::Ready => {}
    }
    let reason = live.and_then(|live| live.reason.clone());
    match live.map(|live| live.state) {
        Some(InboxState::Blocked) => return (State::Blocked, reason),
        Some(InboxState::Waiting) => return (State::Waiting, reason),
        Some(InboxState::Paused) => return (State::Paused, reason),
        _ => {}
    }
    let wrong = wrong_reason(inbox);
    let is_syncing = live.is_some_and(|live| live.state == InboxState::Syncing);
    if is_syncing || inbox.counts.pending > 0 {
        return (State::Syncing, wrong);
    }
    if live.is_some_and(|live| live.state == InboxState::Degraded) {
        return (State::Degraded, reason.or(wrong));
    }
    match wrong {
        Some(reason) => (State::Degraded, Some(reason)),
        None => (State::Idle, None),
    }
}

/// What was given up, in words.
fn wrong_reason(inbox: &InboxFacts) -> Option<String> {
    let name = &inbox.name;
    let dead = inbox.counts.dead;
    if dead > 0 {
        let files = counted(dead, "file");
        let were = if dead == 1 { "was" } else { "were" };
        return Some(format!(
            "{files} {were} given up; mend the cause, then `syncd queue retry --folder {name}`"
        ));
    }
    let has_failed = |row: &&MessageRow| has_failed_program(row);
    let failed = inbox.problems.iter().filter(has_failed).count() as u64;
    (failed > 0).then(|| {
        format!(
            "the program for {} failed; mend it, then `syncd queue retry --folder {name}`",
            counted(failed, "file")
        )
    })
}

fn has_failed_program(row: &MessageRow) -> bool {
    let hook = row.hook.as_ref();
    row.state == MessageState::Delivered && hook.is_some_and(|hook| hook.state == HookState::Failed)
}

fn problem(inbox: &InboxFacts, row: &MessageRow) -> Problem {
    let path = row.file.as_ref().map(|file| file.path.to_string());
    let message = Some(escaped(row.identity.as_bytes()));
    if has_failed_program(row) {
        let hook = row.hook.as_ref();
        let exit = hook.and_then(|hook| hook.exit.clone()).unwrap_or_default();
        return Problem {
            path,
            message,
            state: "dead".to_owned(),
            code: ON_RECEIVE.to_owned(),
            meaning: format!("The program of `on_receive` failed: {exit}"),
            advice: format!(
                "The file is in the inbox. Mend the program, then `syncd queue retry --folder {}`.",
                inbox.name
            ),
            attempts: hook.map_or(0, |hook| hook.tries),
            next_attempt_at: None,
        };
    }
    let fault = row.fault.as_ref().map(fault_of);
    let is_dead = row.state == MessageState::Dead;
    Problem {
        path,
        message,
        state: if is_dead { "dead" } else { "waiting" }.to_owned(),
        code: fault
            .as_ref()
            .map(|fault| fault.code.clone())
            .unwrap_or_default(),
        meaning: fault.as_ref().map(meaning_of).unwrap_or_default(),
        advice: fault.as_ref().map(advice_of).unwrap_or_default(),
        attempts: row.tries,
        next_attempt_at: (!is_dead).then(|| row.due.to_string()),
    }
}

#[cfg(test)]
mod tests;
