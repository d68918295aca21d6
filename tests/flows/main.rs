//! The flows step by step: what was answered, and what the flow wants next.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use syncd::flow::listing;
use syncd::flow::token;
use syncd::flow::upload::{Upload, UploadInput};
use syncd::flow::{ApiCall, Arrival, Step, Transfer};
use syncd::model::digest::{Checksums, Hasher};
use syncd::model::fault::{Call, Fault, Layer};
use syncd::model::folder::FlowKind;
use syncd::model::headers::ObjectHeaders;
use syncd::model::key::Key;
use syncd::model::secret::Secret;
use syncd::port::transport::{Body, Method, Peer, Reply, TransportFault, TransportKind};

mod listings;
mod storage;
mod tokens;

/// Where a static website's links come from.
const LINK_PATH: &str = "/componenttcb/staticuploadfile";

const LINK: &str = "https://b-1.cos.ap-shanghai.myqcloud.com/img/logo.png?sign=q-sign-algorithm%3Dsha1\
    %26q-sign-time%3D1700000000%3B1700000060%26q-signature%3D00ff";

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Reply {
        status,
        headers: headers.iter().map(pair).collect(),
        body: Bytes::copy_from_slice(body.as_ref()),
    }
}

pub(crate) fn json(body: impl AsRef<[u8]>) -> Reply {
    reply(200, &[("content-type", "application/json")], body)
}

pub(crate) fn checksums(bytes: &[u8]) -> Checksums {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    hasher.finish()
}

pub(crate) const CONTENT: &[u8] = b"[Object Content]";

pub(crate) fn input(known: bool) -> UploadInput {
    UploadInput {
        env: "demo-1".to_owned(),
        key: Key::from_stored("img/logo.png".to_owned()),
        len: 16,
        checksums: known.then(|| checksums(CONTENT)),
        headers: ObjectHeaders::new([
            ("content-type".to_owned(), "image/png".to_owned()),
            ("cache-control".to_owned(), "no-cache".to_owned()),
        ]),
        door: None,
        nonce: 0x00ff,
    }
}

fn begin(input: UploadInput) -> (Upload, Step) {
    Upload::begin(FlowKind::StaticWebsite, input).unwrap()
}

fn link_answer() -> String {
    format!(r#"{{"errcode":0,"errmsg":"ok","signed_url":"{LINK}","token":"FAKEtoken"}}"#)
}

fn after_link(known: bool) -> (Upload, Box<Transfer>) {
    let (mut upload, _) = begin(input(known));
    match upload.next(Arrival::Reply(json(link_answer()))) {
        Step::Send(transfer) => (upload, transfer),
        _ => panic!("no transfer"),
    }
}

pub(crate) fn stopped(step: Step) -> Fault {
    match step {
        Step::Stop(fault) => fault,
        _ => panic!("not stopped"),
    }
}

pub(crate) fn header<'a>(headers: &'a [(String, Secret)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(have, _)| have == name)
        .map(|(_, value)| value.expose())
}

#[test]
fn an_upload_asks_for_a_link_sends_and_finishes() {
    let (mut upload, step) = begin(input(true));
    let Step::Call(call) = step else {
        panic!("no call")
    };
    assert_eq!((call.call, call.path), (Call::Link, LINK_PATH));
    assert_eq!(
        &call.body[..],
        br#"{"env":"demo-1","filename":"img/logo.png"}"#
    );

    let Step::Send(transfer) = upload.next(Arrival::Reply(json(link_answer()))) else {
        panic!("no transfer")
    };
    assert_eq!(transfer.method, Method::Put);
    assert_eq!(transfer.url.expose(), LINK);
    assert_eq!(transfer.len, 16);
    assert_eq!(transfer.window, Duration::from_secs(54));
    assert_eq!(transfer.warning, None);
    assert_eq!(header(&transfer.headers, "content-type"), Some("image/png"));
    assert_eq!(header(&transfer.headers, "cache-control"), Some("no-cache"));
    assert_eq!(
        header(&transfer.headers, "content-md5"),
        Some("7o3pGNBWQBRbGPcPTDqmAg==")
    );
    assert_eq!(
        header(&transfer.headers, "x-cos-security-token"),
        Some("FAKEtoken")
    );

    let stored = reply(200, &[("x-cos-hash-crc64ecma", "16749565679157681890")], "");
    let Step::Finish(receipt) = upload.next(Arrival::Reply(stored.clone())) else {
        panic!("not finished")
    };
    assert!(receipt.verified);
    assert_eq!(receipt.digest, checksums(CONTENT).sha256);

    assert_eq!(stopped(upload.next(Arrival::Reply(stored))).code, "ended");
}

#[test]
fn names_are_sent_to_the_api_as_raw_utf_8() {
    let key = Key::from_stored("中文/é.html".to_owned());
    let (_, step) = begin(UploadInput { key, ..input(true) });
    let Step::Call(call) = step else {
        panic!("no call")
    };
    assert_eq!(
        &call.body[..],
        r#"{"env":"demo-1","filename":"中文/é.html"}"#.as_bytes()
    );
}

#[test]
fn a_streamed_body_is_checked_against_what_was_sent() {
    let stored = || reply(200, &[("etag", "\"ee8de918d05640145b18f70f4c3aa602\"")], "");
    let (mut upload, transfer) = after_link(false);
    assert_eq!(header(&transfer.headers, "content-md5"), None);
    assert!(matches!(
        upload.next(Arrival::Sent(stored(), checksums(CONTENT))),
        Step::Finish(_)
    ));

    let (mut upload, _) = after_link(false);
    let fault = stopped(upload.next(Arrival::Sent(stored(), checksums(b"other"))));
    assert_eq!((fault.layer, fault.code.as_str()), (Layer::Cos, "checksum"));

    let (mut upload, _) = after_link(false);
    assert_eq!(stopped(upload.next(Arrival::Reply(stored()))).code, "cut");
}

#[test]
fn a_file_without_a_type_is_sent_as_bytes() {
    let (mut upload, _) = begin(UploadInput {
        headers: ObjectHeaders::default(),
        ..input(true)
    });
    let Step::Send(transfer) = upload.next(Arrival::Reply(json(link_answer()))) else {
        panic!("no transfer")
    };
    assert_eq!(
        header(&transfer.headers, "content-type"),
        Some("application/octet-stream")
    );
}

fn after_link_reply(answer: Reply) -> Result<Box<Transfer>, (Layer, String)> {
    let (mut upload, _) = begin(input(true));
    match upload.next(Arrival::Reply(answer)) {
        Step::Send(transfer) => Ok(transfer),
        Step::Stop(fault) => Err((fault.layer, fault.code)),
        _ => panic!("a link answer ends nothing"),
    }
}

#[test]
fn lenient_forms_of_a_link_answer_are_taken() {
    for body in [
        format!(r#"{{"signed_url":"{LINK}","token":"t"}}"#),
        format!(r#"{{"errcode":"0","signed_url":"{LINK}","Token":"t"}}"#),
        format!(r#"{{"errcode":0,"errmsg":null,"signed_url":"{LINK}","token":7,"new":[{{}}]}}"#),
        format!(" \n{{\"errcode\":0,\"signed_url\":\"{LINK}\",\"token\":\"t\"}} "),
    ] {
        assert!(after_link_reply(json(&body)).is_ok(), "{body}");
    }
}

#[test]
fn answers_that_are_not_understood_are_never_success() {
    let with = |errcode: &str| format!(r#"{{{errcode}"signed_url":"{LINK}","token":"t"}}"#);
    let deep = format!(
        r#"{{"a":{}0{},"errcode":"x"}}"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let no_errcode = [
        with(r#""errcode":0.0,"#),
        with(r#""errcode":0e0,"#),
        with(r#""errcode":null,"#),
        with(r#""errcode":true,"#),
        with(r#""errcode":false,"#),
        with(r#""errcode":[],"#),
        with(r#""errcode":{},"#),
        with(r#""errcode":"","#),
        with(r#""errcode":"ok","#),
        with(r#""errcode":"0.0","#),
        with(r#""errcode":"+0","#),
        with(r#""errcode":" 0","#),
        with(r#""errcode":18446744073709551615,"#),
        with(r#""errcode":0,"errcode":45009,"#),
        with(r#""errcode":45009,"errcode":0,"#),
        format!(r#"{{"signed_url":"{LINK}","token":"a","Token":"b"}}"#),
        format!(r#"{{"signed_url":"{LINK}","signed_url":"{LINK}","token":"b"}}"#),
        deep,
    ];
    let not_json = [
        String::new(),
        "null".to_owned(),
        "0".to_owned(),
        "\"ok\"".to_owned(),
        "<html></html>".to_owned(),
        format!(r#"[0,"ok","{LINK}","t"]"#),
        with(r#""errcode":1e400,"#),
        with(r#""errcode":00,"#),
        with(r#""errcode":NaN,"#),
        with("") + "x",
        with("") + &with(""),
    ];
    for body in &no_errcode {
        let expected = (Layer::Errcode, "no-errcode".to_owned());
        assert_eq!(
            after_link_reply(json(body)).err(),
            Some(expected),
            "{body:.200}"
        );
    }
    for body in &not_json {
        let expected = (Layer::Errcode, "not-json".to_owned());
        assert_eq!(after_link_reply(json(body)).err(), Some(expected), "{body}");
    }
    let whole = link_answer();
    for cut in 0..whole.len() {
        assert!(
            after_link_reply(json(&whole.as_bytes()[..cut])).is_err(),
            "cut at {cut}"
        );
    }
}

#[test]
fn link_answers_become_faults_by_code_or_status() {
    let empty = |body: &str| (json(body), Layer::Errcode, "empty-link");
    let forty = json(r#"{"errcode":40001,"errmsg":"invalid credential rid: 1-2-3"}"#);
    let table = [
        (forty, Layer::Errcode, "40001"),
        (
            json(r#"{"errcode":"-601018","errmsg":"x"}"#),
            Layer::Errcode,
            "-601018",
        ),
        (
            json(r#"{"errcode":-1,"signed_url":5}"#),
            Layer::Errcode,
            "-1",
        ),
        (reply(502, &[], "<html>"), Layer::Http, "502"),
        (
            reply(302, &[("location", "https://x")], ""),
            Layer::Http,
            "302",
        ),
        (reply(201, &[], link_answer()), Layer::Http, "201"),
        empty("{}"),
        empty(r#"{"errcode":0,"errmsg":"ok"}"#),
        empty(r#"{"errcode":0,"signed_url":"","token":"t"}"#),
        empty(r#"{"errcode":0,"signed_url":true,"token":"t"}"#),
        empty(r#"{"errcode":0,"signed_url":["a"],"token":"t"}"#),
        empty(&format!(r#"{{"errcode":0,"signed_url":"{LINK}"}}"#)),
        empty(&format!(
            r#"{{"errcode":0,"signed_url":"{LINK}","token":null}}"#
        )),
        (
            json(link_answer().replace("logo.png", "other.png")),
            Layer::Local,
            "bad-link",
        ),
        (
            json(link_answer().replace("FAKEtoken", r"a\r\nb: c")),
            Layer::Local,
            "bad-link",
        ),
        (
            json(link_answer().replace("https:", "nonsense")),
            Layer::Local,
            "bad-link",
        ),
    ];
    for (answer, layer, code) in table {
        let shown = format!("{answer:?}");
        let expected = Some((layer, code.to_owned()));
        assert_eq!(after_link_reply(answer).err(), expected, "{shown}");
    }
}

#[test]
fn a_fault_keeps_the_words_but_not_what_could_be_a_secret() {
    let (mut upload, _) = begin(input(true));
    let long = "A".repeat(120);
    let body = format!(r#"{{"errcode":40001,"errmsg":"bad {LINK} {long} rid: 1a-2b\u001b"}}"#);
    let fault = stopped(upload.next(Arrival::Reply(json(body))));
    assert_eq!(fault.message, "bad *** *** rid: 1a-2b\\u{1b}");
    assert_eq!((fault.call, fault.status), (Call::Link, Some(200)));
}

#[test]
fn a_server_may_ask_to_wait_an_hour_at_most() {
    let wait = |value: &str| {
        let (mut upload, _) = begin(input(true));
        stopped(upload.next(Arrival::Reply(reply(503, &[("retry-after", value)], "")))).retry_after
    };
    assert_eq!(wait("0"), Some(Duration::ZERO));
    assert_eq!(wait("120"), Some(Duration::from_mins(2)));
    assert_eq!(wait("100000000000000000000"), Some(Duration::from_hours(1)));
    for value in ["-1", "", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        assert_eq!(wait(value), None, "{value}");
    }
}

#[test]
fn failures_of_the_transport_are_faults_of_the_step_they_met() {
    let failed = |kind| {
        Arrival::Failed(TransportFault {
            kind,
            message: "words".to_owned(),
            bytes_sent: 3,
            moved_for: Duration::ZERO,
        })
    };
    for (kind, layer, code) in [
        (TransportKind::Dns, Layer::Transport, "dns"),
        (TransportKind::Reset, Layer::Transport, "reset"),
        (TransportKind::Timeout, Layer::Transport, "timeout"),
        (TransportKind::NoRoots, Layer::Transport, "no-roots"),
        (TransportKind::Refused, Layer::Local, "host-refused"),
    ] {
        let (mut upload, _) = begin(input(true));
        let link = stopped(upload.next(failed(kind)));
        assert_eq!(
            (link.call, link.layer, link.code.as_str()),
            (Call::Link, layer, code)
        );
        let (mut upload, _) = after_link(true);
        let put = stopped(upload.next(failed(kind)));
        assert_eq!(
            (put.call, put.layer, put.code.as_str()),
            (Call::Put, layer, code)
        );
    }
    let (mut upload, _) = after_link(false);
    assert_eq!(
        stopped(upload.next(failed(TransportKind::Source))).call,
        Call::Source
    );
}

#[test]
fn the_token_travels_in_the_query_of_api_calls_and_nowhere_else() {
    let call = ApiCall {
        call: Call::Link,
        path: LINK_PATH,
        body: Bytes::from_static(b"{}"),
    };
    let request = call.request("https://api.test", "access_token", &Secret::new("a+/=&b"));
    let url = "https://api.test/componenttcb/staticuploadfile?access_token=a%2B%2F%3D%26b";
    assert_eq!(request.url.expose(), url);
    assert_eq!(request.peer, Peer::Api);

    let (_, transfer) = after_link(true);
    let hosts = ["*.myqcloud.com".to_owned()];
    let request = transfer.request(Body::Held(CONTENT.into()), Duration::from_secs(5), &hosts);
    assert_eq!(request.peer, Peer::UploadHost);
    assert_eq!(request.url.expose(), LINK);
    assert_eq!(request.allowed_hosts, hosts);
}

proptest! {
    #[test]
    fn no_reply_makes_a_flow_panic_or_finish(
        body in prop::collection::vec(any::<u8>(), 0..300), status in 100_u16..600
    ) {
        let answer = reply(status, &[], &body);
        let (mut upload, _) = begin(input(true));
        let step = upload.next(Arrival::Reply(answer.clone()));
        prop_assert!(matches!(step, Step::Stop(_)));
        let _ = token::token_answer(&answer);
        let _ = token::provider_token_reply(&answer);
        let _ = listing::describe_answer(&answer);
        let (mut upload, _) = after_link(true);
        let finished = matches!(upload.next(Arrival::Reply(answer)), Step::Finish(_));
        prop_assert_eq!(finished, status == 200);
    }

    #[test]
    fn no_json_but_an_understood_answer_brings_a_transfer(
        errcode in "(0|1|-1|0\\.0|true|null|\"0\"|\"x\"|\\[\\]|1e9|1e999|\\{\\})"
    ) {
        let body = link_answer().replace("\"errcode\":0", &format!("\"errcode\":{errcode}"));
        let good = matches!(errcode.as_str(), "0" | "\"0\"");
        prop_assert_eq!(after_link_reply(json(body)).is_ok(), good);
    }
}
