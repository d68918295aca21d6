//! Inboxes from facts: states, reasons, problems, and the exact JSON.

use std::time::Duration;

use super::super::status;
use super::*;
use crate::engine::live::Live;
use crate::model::digest::Sha256;
use crate::model::fault::{Call, Layer};
use crate::model::message::MessageId;
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::report::facts::DaemonFacts;
use crate::store::{AccountRow, HookRow, InboxCounts, ReceivedFile, StoredFault};

const NOW: Timestamp = Timestamp(1_795_251_600_000);

fn desk() -> InboxFacts {
    InboxFacts {
        name: "desk".to_owned(),
        path: "/srv/inbox".into(),
        account: "cc".to_owned(),
        counts: InboxCounts {
            received: 12,
            last_received_at: Some(NOW),
            ..InboxCounts::default()
        },
        ..InboxFacts::default()
    }
}

fn polling() -> InboxLive {
    InboxLive {
        name: "desk".to_owned(),
        connected: true,
        last_poll_at: Some(NOW),
        ..InboxLive::default()
    }
}

fn facts(inbox: InboxFacts, live: Option<InboxLive>) -> Facts {
    Facts {
        now: NOW,
        daemon: live.is_some().then_some(DaemonFacts {
            pid: 4711,
            started_at: NOW,
        }),
        folders: Vec::new(),
        inboxes: vec![inbox],
        accounts: Vec::new(),
        live: live.map(|inbox| Live {
            inboxes: vec![inbox],
            ..Live::default()
        }),
    }
}

fn message(state: MessageState) -> MessageRow {
    MessageRow {
        id: MessageId(1),
        inbox: "desk".to_owned(),
        identity: "m-1\u{1b}".to_owned(),
        state,
        sent_at: None,
        received_at: NOW,
        fetched_at: None,
        delivered_at: None,
        started_at: None,
        tries: 3,
        attempts: 1,
        repeats: 1,
        last_code: None,
        crashes: 0,
        due: NOW.plus(Duration::from_mins(1)),
        file: None,
        hook: None,
        fault: Some(StoredFault {
            call: Call::Download,
            layer: Layer::Http,
            code: "500".to_owned(),
            status: Some(500),
            message: "no".to_owned(),
            at: NOW,
        }),
    }
}

#[test]
fn the_json_has_exactly_the_fields_that_scripts_rely_on() {
    let mut inbox = desk();
    inbox.problems = vec![message(MessageState::Received)];
    let json = serde_json::to_value(status(&facts(inbox, Some(polling())))).unwrap();
    let keys = |value: &serde_json::Value| {
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        keys.sort_unstable();
        keys.join(" ")
    };
    let inbox = &json["inboxes"][0];
    assert_eq!(
        keys(inbox),
        "connected dead last_poll_at last_received_at name path pending problems reason received state"
    );
    assert_eq!(inbox["name"], "desk");
    assert_eq!(inbox["path"], "/srv/inbox");
    assert_eq!(inbox["state"], "idle");
    assert_eq!(inbox["connected"], true);
    assert_eq!(inbox["received"], 12);
    assert_eq!(inbox["last_poll_at"], "2026-11-21T09:00:00Z");
    assert_eq!(inbox["last_received_at"], "2026-11-21T09:00:00Z");
    let problem = &inbox["problems"][0];
    assert_eq!(
        keys(problem),
        "advice attempts code meaning message next_attempt_at path state"
    );
    assert_eq!(problem["path"], serde_json::Value::Null);
    assert_eq!(
        problem["message"], "m-1\\u{1b}",
        "what came from outside is escaped"
    );
    assert_eq!(problem["state"], "waiting");
    assert_eq!(problem["attempts"], 3);
    assert_eq!(problem["next_attempt_at"], "2026-11-21T09:01:00Z");
}

#[test]
fn the_worst_inbox_is_the_state_of_all() {
    for (live, expected) in [
        (InboxState::Idle, State::Idle),
        (InboxState::Syncing, State::Syncing),
        (InboxState::Waiting, State::Waiting),
        (InboxState::Degraded, State::Degraded),
        (InboxState::Paused, State::Paused),
        (InboxState::Blocked, State::Blocked),
    ] {
        let live = InboxLive {
            state: live,
            reason: Some("so it is".to_owned()),
            ..polling()
        };
        let status = status(&facts(desk(), Some(live)));
        assert_eq!(status.state, expected);
        assert_eq!(status.inboxes[0].state, expected);
    }
}

#[test]
fn what_is_to_come_and_what_was_given_up_is_told() {
    let mut inbox = desk();
    inbox.counts.pending = 2;
    let report = status(&facts(inbox.clone(), Some(polling())));
    assert_eq!(report.state, State::Syncing);
    inbox.counts.pending = 0;
    inbox.counts.dead = 1;
    let report = status(&facts(inbox, Some(polling())));
    assert_eq!(report.state, State::Degraded);
    let reason = report.inboxes[0].reason.as_deref().unwrap();
    assert!(reason.contains("1 file was given up"), "{reason}");
    assert!(
        reason.contains("syncd queue retry --folder desk"),
        "{reason}"
    );
}

#[test]
fn a_desk_that_cannot_be_reached_names_the_account_the_code_and_the_next_try() {
    let live = InboxLive {
        state: InboxState::Waiting,
        reason: Some("The server could not be reached.".to_owned()),
        code: Some("connect".to_owned()),
        until: Some(NOW.plus(Duration::from_mins(1))),
        connected: false,
        ..polling()
    };
    let report = status(&facts(desk(), Some(live)));
    let inbox = &report.inboxes[0];
    assert_eq!(
        inbox.reason.as_deref(),
        Some(
            "account cc: The server could not be reached (connect); tried again at \
             2026-11-21T09:01:00Z"
        )
    );
    assert_eq!(inbox.problems[0].state, "waiting");
    assert_eq!(inbox.problems[0].code, "connect");
    assert!(!inbox.connected);
}

#[test]
fn a_pause_goes_before_everything_else() {
    let mut inbox = desk();
    inbox.paused = true;
    inbox.counts.pending = 1;
    let live = InboxLive {
        state: InboxState::Blocked,
        ..polling()
    };
    let report = status(&facts(inbox, Some(live)));
    assert_eq!(report.inboxes[0].state, State::Paused);
    let reason = report.inboxes[0].reason.as_deref().unwrap();
    assert!(reason.contains("syncd resume desk"), "{reason}");
}

#[test]
fn without_a_daemon_the_database_is_believed_and_nobody_is_connected() {
    let mut facts = facts(desk(), None);
    facts.accounts.push(AccountRow {
        name: "cc".to_owned(),
        state: "paused".to_owned(),
        until: None,
        fault: None,
        closures: 1,
    });
    let report = status(&facts);
    let inbox = &report.inboxes[0];
    assert_eq!(inbox.state, State::Blocked);
    assert!(!inbox.connected);
    assert_eq!(inbox.last_poll_at, None);
}

#[test]
fn a_program_that_failed_is_a_problem_of_a_file_that_is_there() {
    let mut inbox = desk();
    inbox.problems = vec![MessageRow {
        fault: None,
        file: Some(ReceivedFile {
            path: RelPath::from_bytes(b"a.pdf".as_slice()).unwrap(),
            digest: Sha256::of(b"a"),
            size: 1,
        }),
        hook: Some(HookRow {
            state: HookState::Failed,
            tries: 5,
            due: None,
            exit: Some("exit code 1".to_owned()),
        }),
        ..message(MessageState::Delivered)
    }];
    let report = status(&facts(inbox, Some(polling())));
    assert_eq!(report.state, State::Degraded);
    let problem = &report.inboxes[0].problems[0];
    assert_eq!(problem.path.as_deref(), Some("a.pdf"));
    assert_eq!(problem.code, "on-receive");
    assert_eq!(problem.attempts, 5);
    assert!(problem.meaning.contains("exit code 1"));
}

#[test]
fn the_text_says_what_the_json_says() {
    let mut inbox = desk();
    inbox.counts.pending = 1;
    inbox.problems = vec![message(MessageState::Received)];
    let report = status(&facts(inbox, Some(polling())));
    let text = crate::report::text::status(&report, crate::report::paint::Paint::Plain);
    let text = text.split_once('\n').unwrap().1;
    insta::assert_snapshot!(text, @r"

desk  syncing  /srv/inbox
  received  12 files, the last one now
  to do     1 on the way
  asked     now, connected
  waiting  message m-1\u{1b}, tried 3 times, next try in 1m
      500: The desk fails with this request; its documents say to check the values.
      Look at the file, then `syncd queue retry`.
");
}
