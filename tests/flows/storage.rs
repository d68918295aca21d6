//! Cloud storage step by step: which call is asked, what the form is, and what counts as stored.

use std::time::Duration;

use proptest::prelude::*;
use syncd::flow::cloud_storage::Door;
use syncd::flow::upload::{Upload, UploadInput};
use syncd::flow::{Arrival, Step, Transfer};
use syncd::model::fault::{Call, Fault, Layer};
use syncd::model::folder::FlowKind;
use syncd::model::headers::ObjectHeaders;
use syncd::model::key::Key;
use syncd::port::transport::{Method, Reply, TransportFault, TransportKind};

use crate::{CONTENT, checksums, header, json, reply, stopped};

const URL: &str = "https://cos.ap-shanghai.myqcloud.com/6661-demo-1250000000/docs/a.txt";
const AUTHORIZATION: &str = "q-sign-algorithm=sha1&q-ak=AKIDFAKE&q-sign-time=1700000000;1700000900&\
    q-key-time=1700000000;1700000900&q-header-list=&q-url-param-list=&q-signature=00ff";
const FILE_ID: &str = "cloud://demo-env.6661-demo-1250000000/docs/a.txt";
const APP: &str = "/tcb/uploadfile";
const PLATFORM: &str = "/componenttcb/uploadfile";

fn input(key: &str, door: Option<Door>) -> UploadInput {
    UploadInput {
        key: Key::from_stored(key.to_owned()),
        door,
        ..crate::input(true)
    }
}

fn begin(input: UploadInput) -> (Upload, Step) {
    Upload::begin(FlowKind::CloudStorage, input).unwrap()
}

fn link_answer() -> serde_json::Value {
    serde_json::json!({
        "errcode": 0, "errmsg": "ok", "url": URL, "token": "FAKEtoken",
        "authorization": AUTHORIZATION, "file_id": FILE_ID, "cos_file_id": "FAKE/base64+cos==",
    })
}

fn with(name: &str, value: serde_json::Value) -> Reply {
    let mut answer = link_answer();
    answer[name] = value;
    json(answer.to_string())
}

fn asked(step: Step) -> (&'static str, String) {
    match step {
        Step::Call(call) => {
            assert_eq!(call.call, Call::Link);
            let body = std::str::from_utf8(&call.body).unwrap();
            (call.path, body.to_owned())
        }
        _ => panic!("no call"),
    }
}

fn sent(step: Step) -> Box<Transfer> {
    match step {
        Step::Send(transfer) => transfer,
        Step::Stop(fault) => panic!("{fault}"),
        _ => panic!("no transfer"),
    }
}

fn after_link(input: UploadInput) -> (Upload, Box<Transfer>) {
    let (mut upload, _) = begin(input);
    let transfer = sent(upload.next(Arrival::Reply(json(link_answer().to_string()))));
    (upload, transfer)
}

fn refused(code: i64) -> Arrival {
    Arrival::Reply(json(format!(r#"{{"errcode":{code},"errmsg":"no"}}"#)))
}

fn around(transfer: &Transfer) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let envelope = &transfer.envelope;
    (text(&envelope.before), text(&envelope.after))
}

#[test]
fn the_form_is_that_of_the_notes_byte_by_byte() {
    let (mut upload, step) = begin(input("docs/a.txt", Some(Door::App)));
    let body = r#"{"env":"demo-1","path":"docs/a.txt"}"#;
    assert_eq!(asked(step), (APP, body.to_owned()));
    let transfer = sent(upload.next(Arrival::Reply(json(link_answer().to_string()))));
    assert_eq!((transfer.call, transfer.method), (Call::Post, Method::Post));
    assert_eq!(transfer.url.expose(), URL);
    assert_eq!(transfer.window, Duration::from_secs(890));
    assert_eq!(transfer.warning, None);
    let boundary = format!("syncd-{:032x}", 0x00ff);
    assert_eq!(transfer.headers.len(), 1);
    assert_eq!(
        header(&transfer.headers, "content-type").unwrap(),
        format!("multipart/form-data; boundary={boundary}")
    );
    let field = |name: &str, value: &str| {
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let (before, after) = around(&transfer);
    let wanted = [
        field("key", "docs/a.txt"),
        field("Signature", AUTHORIZATION),
        field("x-cos-security-token", "FAKEtoken"),
        field("x-cos-meta-fileid", "FAKE/base64+cos=="),
        field("Cache-Control", "no-cache"),
        field("Content-Type", "image/png"),
        field("Content-MD5", "7o3pGNBWQBRbGPcPTDqmAg=="),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        ),
    ];
    assert_eq!(before, wanted.concat());
    assert_eq!(after, format!("\r\n--{boundary}--\r\n"));
    assert_eq!(
        transfer.body_len(),
        16 + (before.len() + after.len()) as u64
    );

    let stored = reply(204, &[("etag", "\"ee8de918d05640145b18f70f4c3aa602\"")], "");
    let Step::Finish(receipt) = upload.next(Arrival::Reply(stored.clone())) else {
        panic!("not finished")
    };
    assert_eq!((receipt.bytes, receipt.verified), (16, true));
    assert_eq!(receipt.remote_id.as_deref(), Some(FILE_ID));
    assert_eq!(stopped(upload.next(Arrival::Reply(stored))).code, "ended");
}

#[test]
fn odd_names_go_into_call_and_form_as_they_are() {
    for key in ["a b+c%20&\"'.txt", "中文/é;=.html", &"图".repeat(283)] {
        let (mut upload, step) = begin(input(key, None));
        let (_, body) = asked(step);
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read["path"], key);
        assert!(!body.contains("\\u"), "{body}");
        let transfer = sent(upload.next(Arrival::Reply(json(link_answer().to_string()))));
        let (before, _) = around(&transfer);
        let (_, rest) = before.split_once("name=\"key\"\r\n\r\n").unwrap();
        assert!(rest.starts_with(&format!("{key}\r\n--")), "{rest}");
    }
}

#[test]
fn a_file_that_is_streamed_declares_no_digest_and_is_checked_by_what_was_sent() {
    let streamed = || UploadInput {
        checksums: None,
        headers: ObjectHeaders::default(),
        ..input("docs/a.txt", None)
    };
    let (mut upload, transfer) = after_link(streamed());
    let (before, _) = around(&transfer);
    assert!(!before.contains("Content-MD5"), "{before}");
    assert!(before.contains("name=\"Content-Type\"\r\n\r\napplication/octet-stream\r\n"));
    let stored = || reply(204, &[("etag", "\"ee8de918d05640145b18f70f4c3aa602\"")], "");
    let step = upload.next(Arrival::Sent(stored(), checksums(CONTENT)));
    assert!(matches!(step, Step::Finish(_)));
    let (mut upload, _) = after_link(streamed());
    let fault = stopped(upload.next(Arrival::Sent(stored(), checksums(b"other"))));
    assert_eq!((fault.call, fault.code.as_str()), (Call::Post, "checksum"));
    let (mut upload, _) = after_link(streamed());
    assert_eq!(stopped(upload.next(Arrival::Reply(stored()))).code, "cut");
}

#[test]
fn what_an_answer_may_lack_and_what_it_may_not() {
    let read = |answer: Reply| {
        let (mut upload, _) = begin(input("docs/a.txt", Some(Door::App)));
        match upload.next(Arrival::Reply(answer)) {
            Step::Send(transfer) => Ok(around(&transfer).0),
            Step::Stop(fault) => Err((fault.layer, fault.code)),
            _ => panic!("a link answer ends nothing"),
        }
    };
    let empty = || serde_json::json!("");
    let null = serde_json::Value::Null;
    for name in ["url", "token", "authorization"] {
        let missing = Err((Layer::Errcode, "empty-link".to_owned()));
        assert_eq!(read(with(name, empty())), missing, "{name}");
        assert_eq!(read(with(name, null.clone())), missing, "{name}");
    }
    let form = read(with("cos_file_id", null)).unwrap();
    assert!(!form.contains("x-cos-meta-fileid"), "{form}");
    assert!(read(with("file_id", empty())).is_ok());
    let bad = || Err((Layer::Local, "bad-link".to_owned()));
    for name in ["token", "authorization", "file_id", "cos_file_id"] {
        let line_break = serde_json::json!("a\r\n--syncd\r\nb");
        assert_eq!(read(with(name, line_break)), bad(), "{name}");
    }
    assert_eq!(read(with("url", serde_json::json!("nonsense"))), bad());
    let long = serde_json::json!("x".repeat(4_000));
    assert_eq!(read(with("file_id", long)), bad());
    // The sample of the documentation has the address of another key (protocol notes 7).
    let other = serde_json::json!("https://cos.ap-shanghai.myqcloud.com/b/other.txt");
    assert!(read(with("url", other)).unwrap().contains("docs/a.txt"));
}

#[test]
fn a_known_token_is_used_at_its_own_door_only() {
    for (door, path) in [(Door::App, APP), (Door::Platform, PLATFORM)] {
        let (mut upload, step) = begin(input("a", Some(door)));
        assert_eq!(asked(step).0, path);
        assert_eq!(upload.proven_door(), None);
        assert_eq!(stopped(upload.next(refused(40001))).code, "40001");
        let (upload, _) = after_link(input("a", Some(door)));
        assert_eq!(upload.proven_door(), Some(door));
    }
}

#[test]
fn a_token_of_unknown_kind_is_tried_at_both_doors_before_its_refusal_is_believed() {
    for code in [40001, 40014, 48001, 61014, 61015] {
        let (mut upload, step) = begin(input("a", None));
        assert_eq!(asked(step).0, APP);
        assert_eq!(asked(upload.next(refused(code))).0, PLATFORM, "{code}");
        assert_eq!(upload.proven_door(), None);
        sent(upload.next(Arrival::Reply(json(link_answer().to_string()))));
        assert_eq!(upload.proven_door(), Some(Door::Platform));

        // Refused at both: the first refusal is the one that is told.
        let (mut upload, _) = begin(input("a", None));
        asked(upload.next(refused(code)));
        assert_eq!(stopped(upload.next(refused(61014))).code, code.to_string());
    }
    for code in [42001, 45009, -1, 85088, -501_000] {
        let (mut upload, _) = begin(input("a", None));
        assert_eq!(stopped(upload.next(refused(code))).code, code.to_string());
    }
    let (upload, _) = after_link(input("a", None));
    assert_eq!(upload.proven_door(), Some(Door::App));
}

#[test]
fn other_trouble_at_the_second_door_is_told_as_what_it_is() {
    let second = |arrival| {
        let (mut upload, _) = begin(input("a", None));
        asked(upload.next(refused(40001)));
        let Fault { call, code, .. } = stopped(upload.next(arrival));
        (call, code)
    };
    assert_eq!(second(refused(-1)), (Call::Link, "-1".to_owned()));
    let lost = Arrival::Failed(TransportFault {
        kind: TransportKind::Reset,
        message: String::new(),
        bytes_sent: 0,
        moved_for: Duration::ZERO,
    });
    assert_eq!(second(lost), (Call::Link, "reset".to_owned()));
}

#[test]
fn failures_of_the_form_are_faults_of_the_post() {
    let failed = |kind| {
        let (mut upload, _) = after_link(input("a", None));
        let failed = TransportFault {
            kind,
            message: String::new(),
            bytes_sent: 9,
            moved_for: Duration::ZERO,
        };
        let fault = stopped(upload.next(Arrival::Failed(failed)));
        (fault.call, fault.code)
    };
    assert_eq!(
        failed(TransportKind::Reset),
        (Call::Post, "reset".to_owned())
    );
    assert_eq!(failed(TransportKind::Source).0, Call::Source);
}

#[test]
fn an_outbox_is_no_object_store() {
    let begun = Upload::begin(FlowKind::Ccmessaging, input("a", None));
    assert_eq!(
        begun.err().map(|fault| fault.code),
        Some("no-store".to_owned())
    );
}

proptest! {
    #[test]
    fn no_reply_makes_the_flow_panic_or_finish(
        body in prop::collection::vec(any::<u8>(), 0..300), status in 100_u16..600
    ) {
        let answer = reply(status, &[], &body);
        let (mut upload, _) = begin(input("a", Some(Door::App)));
        prop_assert!(matches!(upload.next(Arrival::Reply(answer.clone())), Step::Stop(_)));
        let (mut upload, _) = after_link(input("a", None));
        let finished = matches!(upload.next(Arrival::Reply(answer)), Step::Finish(_));
        prop_assert_eq!(finished, matches!(status, 200 | 201 | 204));
    }
}
