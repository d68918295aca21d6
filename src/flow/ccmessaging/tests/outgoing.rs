//! The machine of one outbox file: nothing is sent twice without a look, and nothing is lost.

use std::time::Duration;

use super::super::outgoing::{Arrival, KEY_AGE_MAX, OutboxFile, Outgoing, Sending, Step};
use super::super::upload::ObjectKey;
use super::*;
use crate::flow::transport_fault;
use crate::model::digest::Sha256;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::transport::{TransportFault, TransportKind};

const NOW: Timestamp = Timestamp(1_760_000_000_000);
const UPLOADED: &str = r#"{"returnCode":"0","objectKey":"key-1"}"#;
const SENT: &str = r#"{"resultCode":"0"}"#;
const NO_HISTORY: &str = r#"{"resultCode":"0","messageList":[]}"#;
const HISTORY: &str = r#"{"resultCode":"0","messageList":[{"messageId":"id-1"}]}"#;

fn file(name: &str) -> OutboxFile {
    OutboxFile {
        path: RelPath::from_bytes(name.as_bytes()).unwrap(),
        len: 3,
        max_file: None,
        digest: Sha256::of(b"abc"),
    }
}

fn lost() -> Arrival {
    failed(TransportKind::Timeout)
}

fn failed(kind: TransportKind) -> Arrival {
    let failed = TransportFault {
        kind,
        message: String::new(),
        bytes_sent: 0,
        moved_for: Duration::ZERO,
    };
    Arrival::Fault(transport_fault(Call::Send, &failed))
}

/// A fault of the connection is one of the call that was made.
fn of(call: Call, arrival: Arrival) -> Arrival {
    match arrival {
        Arrival::Fault(fault) if fault.layer == Layer::Transport => {
            Arrival::Fault(Fault { call, ..fault })
        }
        other => other,
    }
}

fn got(body: &str) -> Arrival {
    Arrival::Reply(ok(body))
}

/// Drives the machine with what comes of its calls; a line for each step.
fn drive(name: &str, stored: Sending, arrivals: Vec<Arrival>) -> (Vec<String>, bool) {
    drive_at(&desk(), name, stored, arrivals)
}

fn drive_at(
    desk: &DeskSpec,
    name: &str,
    stored: Sending,
    arrivals: Vec<Arrival>,
) -> (Vec<String>, bool) {
    let mut begun = stored.sends > 0;
    let (mut outgoing, mut step) =
        Outgoing::begin(desk, file(name), stored, "id-1".to_owned()).unwrap();
    let mut arrivals = arrivals.into_iter();
    let mut lines = Vec::new();
    loop {
        lines.push(line(&outgoing, &step));
        let call = match &step {
            Step::Upload(_) => Call::Upload,
            Step::Call(call) => call.call,
            Step::KeepKey | Step::BeginSend => {
                begun |= step == Step::BeginSend;
                step = outgoing.kept(desk, NOW);
                continue;
            }
            Step::Finish(_) | Step::Stop(_) => {
                assert!(arrivals.next().is_none(), "{lines:?}");
                let is_done = matches!(step, Step::Finish(_));
                return (lines, begun && !is_done && outgoing.sends() > 0);
            }
        };
        match arrivals.next() {
            Some(arrival) => step = outgoing.next(desk, of(call, arrival)),
            None => return (lines, begun && outgoing.sends() > 0),
        }
    }
}

fn line(outgoing: &Outgoing, step: &Step) -> String {
    match step {
        Step::Upload(kind) => format!("upload {}", kind.file_type),
        Step::KeepKey => format!("keep {}", outgoing.key().unwrap().as_str()),
        Step::BeginSend => format!("keep {}", outgoing.message_id()),
        Step::Call(call) if call.call == Call::Send => {
            let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            format!(
                "send {} {} {}",
                text("mediaType"),
                text("content"),
                text("messageId")
            )
        }
        Step::Call(call) => {
            let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
            format!("look from {}", body["offset"].as_str().unwrap())
        }
        Step::Finish(receipt) => format!("done {}", receipt.object_key.as_deref().unwrap()),
        Step::Stop(fault) => format!("stop {:?} {}", fault.call, fault.code),
    }
}

fn begun() -> Sending {
    Sending {
        object_key: Some((ObjectKey::from_stored("key-0".to_owned()), Duration::ZERO)),
        message_id: Some("id-1".to_owned()),
        sends: 1,
    }
}

#[test]
fn a_picture_is_named_as_the_desk_is_configured() {
    for (form, content) in [
        (MediaContent::Plain, "key-1"),
        (MediaContent::WithExt, "key-1,jpg"),
    ] {
        let desk = DeskSpec {
            media_content: form,
            ..desk()
        };
        let arrivals = vec![got(UPLOADED), got(SENT)];
        let (lines, _) = drive_at(&desk, "a.jpeg", Sending::default(), arrivals);
        assert_eq!(lines[3], format!("send IMAGE {content} id-1"));
    }
}

const SEND_1: &str = "send FILE b_c.csv,3,key-1,csv id-1";
const SEND_0: &str = "send FILE b_c.csv,3,key-0,csv id-1";

#[test]
fn a_file_is_uploaded_written_down_sent_and_done() {
    let (lines, in_doubt) = drive(
        "a/b,c.csv",
        Sending::default(),
        vec![got(UPLOADED), got(SENT)],
    );
    assert_eq!(
        lines,
        [
            "upload csv",
            "keep key-1",
            "keep id-1",
            SEND_1,
            "done key-1"
        ]
    );
    assert!(!in_doubt);
    let (lines, _) = drive("b.JPEG", Sending::default(), vec![got(UPLOADED), got(SENT)]);
    assert_eq!(lines[0], "upload jpg");
    assert_eq!(lines[3], "send IMAGE key-1 id-1");
}

#[test]
fn a_key_that_is_minutes_old_is_used_and_an_older_one_is_not() {
    let aged = |age| Sending {
        object_key: Some((ObjectKey::from_stored("key-0".to_owned()), age)),
        ..Sending::default()
    };
    let (lines, _) = drive("b,c.csv", aged(KEY_AGE_MAX), vec![got(SENT)]);
    assert_eq!(lines, ["keep id-1", SEND_0, "done key-0"]);
    let older = aged(KEY_AGE_MAX + Duration::from_secs(1));
    let (lines, _) = drive("b,c.csv", older, vec![got(UPLOADED), got(SENT)]);
    assert_eq!(lines[0], "upload csv");
}

#[test]
fn a_lost_answer_is_looked_for_before_anything_is_sent_again() {
    for ambiguous in [
        lost(),
        failed(TransportKind::Reset),
        got("<html>"),
        got("{}"),
        Arrival::Reply(reply(502, "")),
        Arrival::Reply(reply(500, "")),
    ] {
        let (lines, _) = drive(
            "b,c.csv",
            Sending::default(),
            vec![got(UPLOADED), ambiguous, got(HISTORY)],
        );
        assert_eq!(lines[3..], [SEND_1, "look from 0", "done key-1"]);
    }
    let arrivals = vec![got(UPLOADED), lost(), got(NO_HISTORY), got(SENT)];
    let (lines, in_doubt) = drive("b,c.csv", Sending::default(), arrivals);
    assert_eq!(
        lines[3..],
        [SEND_1, "look from 0", "keep id-1", SEND_1, "done key-1"]
    );
    assert!(!in_doubt);
    let arrivals = vec![
        got(UPLOADED),
        lost(),
        got(NO_HISTORY),
        lost(),
        got(NO_HISTORY),
    ];
    let (lines, in_doubt) = drive("b,c.csv", Sending::default(), arrivals);
    assert_eq!(lines[6..], [SEND_1, "look from 0", "stop Send maybe-sent"]);
    assert!(in_doubt);
    let arrivals = vec![got(UPLOADED), lost(), got(NO_HISTORY), lost(), got(HISTORY)];
    let (lines, _) = drive("b,c.csv", Sending::default(), arrivals);
    assert_eq!(lines.last().unwrap(), "done key-1");
}

#[test]
fn whoever_cannot_look_back_does_not_send() {
    for blind in [
        lost(),
        got("{}"),
        got("<html>"),
        got(r#"{"resultCode":"160001"}"#),
        got(r#"{"resultCode":"160028"}"#),
        Arrival::Reply(reply(401, "")),
        Arrival::Reply(reply(
            403,
            r#"{"exceptionInfo":"illegal or expired token"}"#,
        )),
        Arrival::Reply(reply(429, "")),
        Arrival::Reply(reply(503, "")),
    ] {
        let (lines, in_doubt) = drive("b,c.csv", begun(), vec![blind]);
        assert!(lines[1].starts_with("stop History"), "{lines:?}");
        assert_eq!(lines.len(), 2);
        assert!(in_doubt);
    }
}

#[test]
fn where_the_history_may_not_be_read_a_message_is_maybe_sent() {
    for refused in [
        got(r#"{"resultCode":"1","resultDesc":"failed"}"#),
        Arrival::Reply(reply(400, "")),
        Arrival::Reply(reply(403, r#"{"exceptionInfo":"not subscribed"}"#)),
        Arrival::Reply(reply(404, "")),
    ] {
        let (lines, in_doubt) = drive("b,c.csv", begun(), vec![refused]);
        assert_eq!(lines, ["look from 0", "stop Send maybe-sent"]);
        assert!(in_doubt);
    }
}

#[test]
fn an_attempt_that_was_interrupted_looks_first_and_sends_once() {
    let (lines, _) = drive("b,c.csv", begun(), vec![got(HISTORY)]);
    assert_eq!(lines, ["look from 0", "done key-0"]);
    let (lines, _) = drive(
        "b,c.csv",
        begun(),
        vec![got(NO_HISTORY), lost(), got(NO_HISTORY)],
    );
    assert_eq!(
        lines,
        [
            "look from 0",
            "keep id-1",
            SEND_0,
            "look from 0",
            "stop Send maybe-sent"
        ]
    );
    let mut old = begun();
    old.object_key = old
        .object_key
        .map(|(key, _)| (key, Duration::from_hours(5)));
    let (lines, _) = drive(
        "b,c.csv",
        old,
        vec![got(NO_HISTORY), got(UPLOADED), got(SENT)],
    );
    assert_eq!(
        lines,
        [
            "look from 0",
            "upload csv",
            "keep key-1",
            "keep id-1",
            SEND_1,
            "done key-1"
        ]
    );
}

#[test]
fn the_whole_history_is_looked_through() {
    let page = |from: u32| {
        let items: Vec<String> = (from..from + 3)
            .map(|n| format!(r#"{{"messageCode":"{n}"}}"#))
            .collect();
        format!(
            r#"{{"resultCode":"0","messageList":[{}]}}"#,
            items.join(",")
        )
    };
    let (lines, _) = drive(
        "b,c.csv",
        begun(),
        vec![got(&page(0)), got(&page(3)), got(HISTORY)],
    );
    assert_eq!(
        lines,
        ["look from 0", "look from 3", "look from 6", "done key-0"]
    );
    // A server that always shows the same page.
    let (lines, _) = drive(
        "b,c.csv",
        begun(),
        vec![got(&page(0)), got(&page(0)), got(SENT)],
    );
    assert_eq!(
        lines[1..],
        ["look from 3", "keep id-1", SEND_0, "done key-0"]
    );
    // One without end: nobody knows, so nothing is sent.
    let endless: Vec<Arrival> = (0..1667).map(|n| got(&page(3 * n))).collect();
    let (lines, in_doubt) = drive("b,c.csv", begun(), endless);
    assert_eq!(lines.last().unwrap(), "stop Send maybe-sent");
    assert!(in_doubt && !lines.iter().any(|line| line.starts_with("send")));
}

#[test]
fn a_refusal_is_no_doubt() {
    for (refused, code) in [
        (got(r#"{"resultCode":"12"}"#), "12"),
        (
            got(r#"{"resultCode":"13","resultDesc":"sendUserMessage failed"}"#),
            "13",
        ),
        (Arrival::Reply(reply(401, "")), "401"),
        (Arrival::Reply(reply(429, "")), "429"),
        (failed(TransportKind::Dns), "dns"),
        (failed(TransportKind::Connect), "connect"),
        (
            Arrival::Fault(Fault::new(Call::Connect, Layer::Result, "12", "")),
            "12",
        ),
    ] {
        let (lines, in_doubt) = drive("b,c.csv", Sending::default(), vec![got(UPLOADED), refused]);
        assert!(
            lines[4].starts_with("stop") && lines[4].ends_with(code),
            "{lines:?}"
        );
        assert!(!in_doubt, "{code}");
    }
}

#[test]
fn a_type_that_is_refused_is_spelt_otherwise_once() {
    let refused = || got(r#"{"returnCode":"3"}"#);
    let (lines, _) = drive("b.bmp", Sending::default(), vec![refused(), refused()]);
    assert_eq!(lines, ["upload bmp", "upload bpm", "stop Upload 3"]);
    let (lines, _) = drive("b.png", Sending::default(), vec![refused()]);
    assert_eq!(lines, ["upload png", "stop Upload 3"]);
    let (lines, _) = drive(
        "b.bmp",
        Sending::default(),
        vec![got(r#"{"returnCode":"13"}"#)],
    );
    assert_eq!(lines, ["upload bmp", "stop Upload 13"]);
}

#[test]
fn what_the_desk_never_takes_costs_no_call() {
    for (name, code) in [("a.pdf", "file-type"), ("a", "file-type")] {
        let begun = Outgoing::begin(&desk(), file(name), Sending::default(), String::new());
        assert_eq!(
            begun.err().map(|fault| fault.code),
            Some(code.to_owned()),
            "{name}"
        );
    }
}
