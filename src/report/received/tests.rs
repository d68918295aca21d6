//! The words of `inbox list` and `why` for received files.

use std::time::Duration;

use super::*;
use crate::model::digest::Sha256;
use crate::model::fault::{Call, Layer};
use crate::model::message::MessageId;
use crate::model::path::RelPath;
use crate::store::{HookRow, ReceivedFile, StoredFault};

const NOW: Timestamp = Timestamp(1_795_251_600_000);

fn row(state: MessageState) -> MessageRow {
    MessageRow {
        id: MessageId(1),
        inbox: "desk".to_owned(),
        identity: "0000-0001".to_owned(),
        state,
        sent_at: Some(Timestamp(NOW.0 - 120_000)),
        received_at: Timestamp(NOW.0 - 60_000),
        fetched_at: None,
        delivered_at: None,
        started_at: None,
        tries: 2,
        attempts: 1,
        repeats: 1,
        last_code: None,
        crashes: 0,
        due: NOW.plus(Duration::from_secs(30)),
        file: None,
        hook: None,
        fault: None,
    }
}

fn delivered() -> MessageRow {
    MessageRow {
        delivered_at: Some(NOW),
        file: Some(ReceivedFile {
            path: RelPath::from_bytes(b"2026-11-21/a.pdf".as_slice()).unwrap(),
            digest: Sha256::of(b"a"),
            size: 1,
        }),
        hook: Some(HookRow {
            state: HookState::Done,
            tries: 1,
            due: None,
            exit: Some("exit code 0".to_owned()),
        }),
        ..row(MessageState::Delivered)
    }
}

fn failed(state: MessageState) -> MessageRow {
    MessageRow {
        fault: Some(StoredFault {
            call: Call::Download,
            layer: Layer::Http,
            code: "500".to_owned(),
            status: Some(500),
            message: "oops".to_owned(),
            at: NOW,
        }),
        ..row(state)
    }
}

fn text(row: &MessageRow, on_disk: bool) -> String {
    why_text(&why(row, on_disk, None, NOW), Paint::Plain)
}

#[test]
fn a_delivered_file_has_its_message_size_digest_and_the_end_of_its_program() {
    insta::assert_snapshot!(text(&delivered(), true), @r"
desk:2026-11-21/a.pdf
  delivered  in the inbox
  message    0000-0001, came 1m ago, sent 2m ago
  file       1 B, put into the inbox now
             sha256 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
             on_receive was run: exit code 0
");
    let gone = text(&delivered(), false);
    assert!(gone.contains("somebody has taken it away"), "{gone}");
}

#[test]
fn a_dead_one_has_its_fault_and_the_command_that_tries_again() {
    let report = why(&failed(MessageState::Dead), false, None, NOW);
    let advice = report.advice.unwrap();
    assert!(
        advice.ends_with("Then: syncd queue retry desk:0000-0001"),
        "{advice}"
    );
    assert_eq!(report.file.next_attempt_at, None);
    assert_eq!(report.file.fault.unwrap().code, "500");
}

#[test]
fn what_stops_the_inbox_is_told_of_open_messages_only() {
    let stopped = || Some("the inbox is paused".to_owned());
    let open = why(&row(MessageState::Received), false, stopped(), NOW);
    assert_eq!(open.waits_for, stopped());
    assert_eq!(why(&delivered(), true, stopped(), NOW).waits_for, None);
}

#[test]
fn the_list_says_when_there_are_more() {
    let rows = [failed(MessageState::Received), delivered(), delivered()];
    let list = List::of(&rows, 2);
    assert_eq!((list.files.len(), list.truncated), (2, true));
    assert!(!List::of(&rows, 3).truncated);
    insta::assert_snapshot!(list.text(&NOW.to_string(), Paint::Plain), @r"
on its way  1m ago     desk:0000-0001
            500: The desk fails with this request; its documents say to check the values. (tried 2 times, next try in 30s)
delivered   now        desk:2026-11-21/a.pdf  1 B
            message 0000-0001
            sha256 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
            on_receive was run: exit code 0
There are more; raise --limit to see them.
");
    assert_eq!(
        List::of(&[], 2).text(&NOW.to_string(), Paint::Plain),
        "Nothing was received yet.\n"
    );
}

#[test]
fn the_json_has_the_fields_that_scripts_rely_on() {
    let json = serde_json::to_value(why(&delivered(), true, None, NOW)).unwrap();
    for (key, value) in [
        ("inbox", "desk"),
        ("message", "0000-0001"),
        ("state", "delivered"),
        ("path", "2026-11-21/a.pdf"),
        ("received_at", "2026-11-21T08:59:00Z"),
        ("sent_at", "2026-11-21T08:58:00Z"),
        ("delivered_at", "2026-11-21T09:00:00Z"),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    assert_eq!(json["bytes"], 1);
    assert_eq!(json["hook"]["state"], "done");
    assert_eq!(json["hook"]["exit"], "exit code 0");
}
