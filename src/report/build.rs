//! From facts to [`Status`]: one pure function, the same with and without a daemon.

mod inbox;

use std::fmt::Write as _;

use crate::engine::live::{AccountLive, FolderLive, GateState, IntakeState, Unreadable};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::job::JobState;
use crate::model::path::escaped;
use crate::model::time::Timestamp;
use crate::store::QueuedJob;

use super::facts::{Facts, FolderFacts, StoredClass, account_fault, fault_of};
use super::words::{advice_of, meaning_of};
use super::{
    Bytes, Daemon, Files, Folder, Inbox, PROBLEMS_MAX, Problem, Release, SCHEMA, State, Status,
};

/// Makes the report.
pub fn status(facts: &Facts) -> Status {
    let folders: Vec<Folder> = facts
        .folders
        .iter()
        .map(|folder| build_folder(facts, folder))
        .collect();
    let inboxes: Vec<Inbox> = facts
        .inboxes
        .iter()
        .map(|inbox| inbox::build(facts, inbox))
        .collect();
    let of_inboxes = inboxes.iter().map(|inbox| inbox.state);
    let states = folders.iter().map(|folder| folder.state).chain(of_inboxes);
    Status {
        schema: SCHEMA,
        daemon: Daemon {
            running: facts.daemon.is_some(),
            pid: facts.daemon.as_ref().map(|daemon| daemon.pid),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: facts
                .daemon
                .as_ref()
                .map(|daemon| daemon.started_at.to_string()),
            as_of: facts.now.to_string(),
        },
        state: states.max().unwrap_or(State::Idle),
        folders,
        inboxes,
    }
}

/// How the account of a folder stands, whoever knows it.
struct Gate {
    state: GateState,
    reason: String,
    code: Option<String>,
    until: Option<Timestamp>,
    advice: String,
}

fn build_folder(facts: &Facts, folder: &FolderFacts) -> Folder {
    let live = facts
        .live
        .as_ref()
        .and_then(|live| live.folders.iter().find(|live| live.name == folder.name));
    let gate = gate_of(facts, &folder.account);
    let accounts = facts.live.iter().flat_map(|live| &live.accounts);
    let sending = accounts
        .filter(|account| account.name == folder.account)
        .map(|account| account.in_flight)
        .sum();
    let files = files_of(folder, sending);
    let (state, reason) = state_of(facts, folder, live, &gate, files);
    let mut problems: Vec<Problem> = gate_problem(&gate).into_iter().collect();
    problems.extend(folder.problems.iter().map(|job| job_problem(job, &gate)));
    let unreadable = live.map(|live| live.unreadable.as_slice());
    let unreadable = unreadable.unwrap_or_default();
    problems.extend(unreadable.iter().map(unreadable_problem));
    problems.truncate(PROBLEMS_MAX);
    Folder {
        name: folder.name.clone(),
        flow: folder.flow.to_owned(),
        path: escaped(folder.path.as_os_str().as_encoded_bytes()),
        state,
        reason,
        watch: live
            .map(|live| live.watch.to_owned())
            .filter(|watch| !watch.is_empty()),
        files,
        bytes: Bytes {
            total: folder.bytes.0,
            queued: folder.bytes.1,
        },
        excluded_dirs: folder.excluded_dirs,
        unreadable: unreadable.len() as u64,
        release: folder.release.map(|(number, files, done)| Release {
            id: number.0,
            state: "publishing".to_owned(),
            files,
            done,
        }),
        last_success_at: folder.last_success.map(|at| at.to_string()),
        waiting_since: folder.waiting_since.map(|at| at.to_string()),
        eta_seconds: facts.daemon.as_ref().and_then(|_| eta(folder, state)),
        problems,
    }
}

/// The stored counts, with every file that is settling moved to `settling`. What is claimed ahead, or was
/// by a daemon that is gone, waits: no more are being sent than the account has transfers under way.
fn files_of(folder: &FolderFacts, sending: u64) -> Files {
    let mut files = Files::from(folder.counts);
    for class in &folder.settling {
        let from = match class {
            StoredClass::Unknown => None,
            StoredClass::Synced => Some(&mut files.synced),
            StoredClass::Queued => Some(&mut files.queued),
            StoredClass::InFlight => Some(&mut files.in_flight),
            StoredClass::Failed => Some(&mut files.failed),
            StoredClass::Dead => Some(&mut files.dead),
            StoredClass::Excluded => Some(&mut files.excluded),
        };
        // Counts and classes are read one after the other; what was in no count is not taken from one.
        if let Some(count) = from {
            if *count == 0 {
                continue;
            }
            *count -= 1;
        }
        files.settling += 1;
    }
    let waiting = files.in_flight.saturating_sub(sending);
    files.in_flight -= waiting;
    files.queued += waiting;
    files.total = files.synced + files.dead + files.open();
    files
}

fn gate_of(facts: &Facts, account: &str) -> Gate {
    let stored = facts.accounts.iter().find(|row| row.name == account);
    let fault = stored.and_then(account_fault);
    let fault = fault.as_ref();
    let advice = fault.map(advice_of).unwrap_or_default();
    let live = facts.live.as_ref();
    if let Some(live) = live.and_then(|live| live.accounts.iter().find(|live| live.name == account))
    {
        return live_gate(live, advice);
    }
    Gate {
        state: match stored.map(|row| row.state.as_str()) {
            Some("waiting") => GateState::Waiting,
            Some("paused") => GateState::Paused,
            _ => GateState::Ready,
        },
        reason: fault.map(meaning_of).unwrap_or_default(),
        code: fault.map(|fault| fault.code.clone()),
        until: stored.and_then(|row| row.until),
        advice,
    }
}

fn live_gate(live: &AccountLive, advice: String) -> Gate {
    Gate {
        state: live.gate,
        reason: live.reason.clone().unwrap_or_default(),
        code: live.code.clone(),
        until: live.until,
        advice,
    }
}

fn state_of(
    facts: &Facts,
    folder: &FolderFacts,
    live: Option<&FolderLive>,
    gate: &Gate,
    files: Files,
) -> (State, Option<String>) {
    let intake = live.map(|live| (live.state, live.reason.clone()));
    if folder.paused {
        let reason = format!("paused by hand; `syncd resume {}` goes on", folder.name);
        return (State::Paused, Some(reason));
    }
    if let Some((IntakeState::Blocked, reason)) = intake {
        return (
            State::Blocked,
            Some(reason.unwrap_or_else(|| "its directory cannot be read".to_owned())),
        );
    }
    match gate.state {
        GateState::Paused => {
            return (
                State::Blocked,
                Some(account_reason(&folder.account, gate, facts.now)),
            );
        }
        // With nothing to send there is nothing to wait for, nor to find out with that it is over.
        GateState::Waiting if files.open() > 0 => {
            return (
                State::Waiting,
                Some(account_reason(&folder.account, gate, facts.now)),
            );
        }
        GateState::Waiting | GateState::Ready => {}
    }
    // Until a daemon has looked once, it cannot know what changed while there was none.
    if live.map_or(!folder.known, |live| !live.scanned) {
        let reason = "never scanned yet".to_owned();
        return (State::Scanning, Some(reason));
    }
    if let Some((IntakeState::Scanning, _)) = intake {
        return (State::Scanning, None);
    }
    let dead = (files.dead > 0).then(|| dead_reason(folder, files.dead));
    if files.open() > 0 {
        return (State::Syncing, dead);
    }
    // What is in a directory that has just come is in no count yet.
    if live.is_some_and(|live| live.unsettled) {
        return (State::Scanning, dead);
    }
    if let Some((IntakeState::Degraded, reason)) = intake {
        return (State::Degraded, reason.or(dead));
    }
    match dead {
        Some(reason) => (State::Degraded, Some(reason)),
        None => (State::Idle, None),
    }
}

fn dead_reason(folder: &FolderFacts, dead: u64) -> String {
    let (files, were) = if dead == 1 {
        ("file", "was")
    } else {
        ("files", "were")
    };
    format!(
        "{dead} {files} {were} given up; mend the cause, then `syncd queue retry --folder {}`",
        folder.name
    )
}

fn account_reason(account: &str, gate: &Gate, now: Timestamp) -> String {
    let mut reason = format!("account {account}");
    if !gate.reason.is_empty() {
        reason.push_str(": ");
        reason.push_str(gate.reason.trim_end_matches('.'));
    }
    if let Some(code) = &gate.code {
        let _ = write!(reason, " ({code})");
    }
    if let Some(until) = gate.until.filter(|until| *until > now) {
        let _ = write!(reason, "; tried again at {until}");
    }
    reason
}

fn gate_problem(gate: &Gate) -> Option<Problem> {
    let state = match gate.state {
        GateState::Ready => return None,
        GateState::Waiting => "waiting",
        GateState::Paused => "blocked",
    };
    Some(Problem {
        path: None,
        message: None,
        state: state.to_owned(),
        code: gate.code.clone().unwrap_or_default(),
        meaning: gate.reason.clone(),
        advice: gate.advice.clone(),
        attempts: 0,
        next_attempt_at: gate.until.map(|until| until.to_string()),
    })
}

fn job_problem(job: &QueuedJob, gate: &Gate) -> Problem {
    let is_closed = gate.state != GateState::Ready;
    let next = gate
        .until
        .filter(|until| is_closed && *until > job.due)
        .unwrap_or(job.due);
    let fault = job.fault.as_ref().map(fault_of);
    let is_dead = job.state == JobState::Dead;
    Problem {
        path: Some(job.path.to_string()),
        message: None,
        state: if is_dead { "dead" } else { "waiting" }.to_owned(),
        code: fault
            .as_ref()
            .map(|fault| fault.code.clone())
            .unwrap_or_default(),
        meaning: fault.as_ref().map(meaning_of).unwrap_or_default(),
        advice: fault.as_ref().map(advice_of).unwrap_or_default(),
        attempts: job.tries,
        next_attempt_at: (!is_dead).then(|| next.to_string()),
    }
}

fn unreadable_problem(unreadable: &Unreadable) -> Problem {
    let fault = Fault::new(Call::Source, Layer::Local, "unreadable", "");
    Problem {
        path: Some(unreadable.path.to_string()),
        message: None,
        state: "unreadable".to_owned(),
        meaning: unreadable.reason.clone(),
        advice: advice_of(&fault),
        code: fault.code,
        attempts: 0,
        next_attempt_at: None,
    }
}

fn eta(folder: &FolderFacts, state: State) -> Option<u64> {
    let rate = folder.bytes_per_second.filter(|rate| *rate >= 1.0)?;
    if state != State::Syncing {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a guess in seconds; the rate is at least 1, and casts of floats saturate"
    )]
    let seconds = (folder.bytes.1 as f64 / rate).ceil() as u64;
    Some(seconds.max(1))
}

#[cfg(test)]
mod tests;
