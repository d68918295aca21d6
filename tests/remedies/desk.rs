//! The contact centre's rows against a list typed from its notes, and each of them reached through a
//! reply that the flow read.

use bytes::Bytes;
use syncd::decide::remedy::{Codes, Rule, classify, explain, rules};
use syncd::flow::ccmessaging::upload::Kind;
use syncd::flow::ccmessaging::{access, chat, download, failure, history, poll, upload};
use syncd::model::fault::{Call, Fault, Layer};
use syncd::model::path::RelPath;
use syncd::port::transport::Reply;

use super::{
    Action::{self, Dead, OutOfHours, Pause, Retry, RetryFile, RetryThenPause},
    action,
};

const DESK: [Call; 9] = [
    Call::GatewayToken,
    Call::SessionToken,
    Call::Connect,
    Call::QueueInfo,
    Call::Poll,
    Call::History,
    Call::Download,
    Call::Upload,
    Call::Send,
];
const TALKING: [Call; 4] = [Call::Connect, Call::QueueInfo, Call::Poll, Call::History];
const FILES: [Call; 3] = [Call::Download, Call::Upload, Call::Send];

fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

/// What the flow makes of a reply to this call; `None` if it is no fault.
fn fault_of(call: Call, reply: &Reply) -> Option<Fault> {
    match call {
        Call::GatewayToken => access::gateway_token_answer(reply).err(),
        Call::SessionToken => access::session_token_answer(reply).err(),
        Call::Connect => chat::read_connect(reply).err(),
        Call::QueueInfo => chat::read_queue_info(reply).err(),
        Call::Poll => poll::read_poll(reply).err(),
        Call::History => history::read_history(reply).err(),
        Call::Download if reply.status != 200 => Some(failure(call, reply)),
        Call::Download => download::decode(&*reply.body, &mut |_| Ok(()), 2).err(),
        Call::Upload => upload::read_upload(reply).err(),
        Call::Send => chat::read_sent(call, reply).err(),
        _ => None,
    }
}

fn result(call: Call, code: &str, words: &str) -> Option<Fault> {
    let body = match code {
        "not-json" => "<html>".to_owned(),
        "no-result" => "{}".to_owned(),
        "no-payload" => r#"{"resultCode":"0"}"#.to_owned(),
        "corrupt" => r#"{"resultCode":"0","fileStream":"!!!!"}"#.to_owned(),
        "too-large" => r#"{"resultCode":"0","fileStream":"YWJj"}"#.to_owned(),
        code => format!(r#"{{"resultCode":"{code}","resultDesc":"{words}"}}"#),
    };
    fault_of(call, &reply(200, body))
}

fn check(calls: &[Call], wanted: Action, codes: &str) {
    for call in calls {
        for code in codes.split_whitespace() {
            let fault = result(*call, code, "").unwrap_or_else(|| panic!("{code} in {call:?}"));
            assert_eq!((fault.layer, fault.code.as_str()), (Layer::Result, code));
            assert_eq!(action(classify(&fault)), wanted, "{code} in {call:?}");
        }
    }
}

#[test]
fn codes_of_the_session_have_the_action_of_the_notes() {
    check(&[Call::Connect, Call::Send], OutOfHours, "12");
    check(
        &[Call::Connect],
        Retry,
        "13 160001 160002 160003 160014 160017 160018 20139 20348 20388",
    );
    check(
        &[Call::Poll],
        Retry,
        "160001 160002 160003 160006 160014 160017 160018 164000 77777",
    );
    check(
        &[Call::Poll, Call::Send, Call::QueueInfo],
        Retry,
        "160004 160007 160015",
    );
    check(&[Call::Poll], Retry, "160005 164003 164004");
    check(
        &TALKING,
        Pause,
        "160000 160009 160032 160033 160028 160030 160031",
    );
    check(
        &[Call::Send],
        Pause,
        "160028 160029 160030 160031 160032 160033",
    );
    check(&[Call::QueueInfo], Retry, "2 4 5 6");
    check(&[Call::QueueInfo], Pause, "1 3");
    check(
        &[Call::SessionToken],
        RetryThenPause,
        "1 no-payload no-result 77777",
    );
    check(&[Call::GatewayToken], Pause, "no-payload");
    check(
        &[Call::Connect, Call::Poll, Call::History],
        Retry,
        "not-json no-result",
    );
}

#[test]
fn codes_of_files_have_the_action_of_the_notes() {
    check(&[Call::Download], Dead, "2 401");
    check(&[Call::Download], RetryFile(5), "13");
    check(&[Call::Download], RetryFile(2), "no-payload corrupt");
    check(&[Call::Upload], Dead, "2 3");
    check(&[Call::Upload], RetryFile(5), "13");
    check(&[Call::Upload], RetryFile(2), "no-payload");
    check(&[Call::Send], RetryFile(3), "13");
    check(&[Call::Send], Retry, "160013");
    check(&[Call::Send], RetryFile(0), "160011");
    check(&[Call::Send], Dead, "160012 160027");
    check(&FILES, RetryFile(3), "not-json 77777 no-result");
    for (call, words, wanted) in [
        (Call::Download, "param filetype Out of range!", Dead),
        (Call::Download, "Empty File.", RetryFile(2)),
        (
            Call::Download,
            "fsservice downloadFile is failed",
            RetryFile(5),
        ),
        (
            Call::Download,
            "downloadFileStream IOException",
            RetryFile(5),
        ),
        (Call::Upload, "decode file failed", Dead),
        (Call::Upload, "upload file exception", RetryFile(5)),
        (Call::Send, "sendUserMessage failed", RetryFile(3)),
    ] {
        let fault = result(call, "13", words).unwrap();
        assert_eq!(action(classify(&fault)), wanted, "{words}");
    }
}

#[test]
fn statuses_of_the_gateway_have_the_action_of_the_notes() {
    let check = |calls: &[Call], wanted, codes: &str| {
        for call in calls {
            for code in codes.split_whitespace() {
                let reply = reply(code.parse().unwrap(), "<html>");
                let fault = fault_of(*call, &reply).unwrap();
                assert_eq!((fault.layer, fault.code.as_str()), (Layer::Http, code));
                assert_eq!(action(classify(&fault)), wanted, "{code} in {call:?}");
            }
        }
    };
    check(&FILES, Dead, "400");
    check(&TALKING, Pause, "400");
    check(&DESK, Pause, "401 403 404");
    check(&DESK, Retry, "408 425 429 502 503 504");
    check(&[Call::Upload], Dead, "413");
    check(&FILES, RetryFile(3), "500 418");
    check(&TALKING, Retry, "500 501 418 302 204");
    check(&[Call::GatewayToken], Pause, "400 418");
}

#[test]
fn a_body_knows_better_than_a_500_what_happened() {
    let body = r#"{"resultCode":160004,"resultDesc":"no session"}"#;
    let fault = fault_of(Call::Poll, &reply(500, body)).unwrap();
    assert_eq!(
        (fault.layer, fault.code.as_str()),
        (Layer::Result, "160004")
    );
    let fault = fault_of(Call::Poll, &reply(401, body)).unwrap();
    assert_eq!((fault.layer, fault.code.as_str()), (Layer::Http, "401"));
}

/// Faults that a rule of the desk should be chosen for, each made by the flow.
fn faults_of(rule: &Rule) -> Vec<Fault> {
    let calls = if rule.calls.is_empty() {
        &DESK
    } else {
        rule.calls
    };
    let codes: Vec<&str> = match rule.codes {
        Codes::Exact(codes) => codes.to_vec(),
        Codes::Between(..) => vec!["418"],
        Codes::Any if rule.layer == Layer::Http => vec!["302"],
        Codes::Any => vec!["77777"],
    };
    let words = rule.message.unwrap_or_default();
    let all = codes.iter().flat_map(|code| {
        calls.iter().filter_map(move |call| match rule.layer {
            Layer::Http => fault_of(*call, &reply(code.parse().ok()?, "")),
            Layer::Local => local(*call, code),
            _ => result(*call, code, words),
        })
    });
    all.collect()
}

/// What the flow refuses by itself.
fn local(call: Call, code: &str) -> Option<Fault> {
    let kind = |name: &str, len| {
        let path = RelPath::from_bytes(name.as_bytes()).ok()?;
        Kind::of(&path, len, None).err()
    };
    let offered = |message: &str| {
        let body = format!(r#"{{"resultCode":"0","downlinkMessages":[{message}]}}"#);
        match poll::read_poll(&reply(200, body)).ok()?.pop()?.carries {
            syncd::flow::ccmessaging::message::Carries::Unfetchable(fault) => Some(fault),
            _ => None,
        }
    };
    let fault = match code {
        "file-type" => kind("a.exe", 1),
        "file-empty" => kind("a.png", 0),
        "file-too-large" => kind("a.png", u64::MAX),
        "too-large" => result(call, "too-large", ""),
        "message-unread" => offered("7"),
        "no-content" => offered(r#"{"mediaType":"IMAGE"}"#),
        "no-file-type" => offered(r#"{"mediaType":"DOCUMENT","content":"a"}"#),
        // Made by the machine of the outbox and by the inbox, which have tests of their own.
        "maybe-sent" | "77777" | "disk-full" | "inbox-gone" | "inbox-refused" | "no-free-name"
        | "inbox-replaced" | "robot-only" => Some(Fault::new(call, Layer::Local, code, "")),
        _ => download::decode(
            &br#"{"resultCode":"0","fileStream":"YQ=="}"#[..],
            &mut |_| Err(std::io::ErrorKind::StorageFull.into()),
            9,
        )
        .err(),
    };
    fault.filter(|fault| fault.call == call)
}

#[test]
fn every_row_of_the_desk_is_reached_through_the_flow() {
    let of_the_desk =
        rules().filter(|rule| rule.source.starts_with("desk ") && rule.layer != Layer::Transport);
    let mut count = 0;
    for rule in of_the_desk {
        count += 1;
        let reached = |fault: &Fault| std::ptr::eq(classify(fault), rule);
        assert!(faults_of(rule).iter().any(reached), "{rule:?}");
    }
    assert!(count > 55, "{count}");
}

#[test]
fn no_row_of_another_cloud_is_met_by_the_desk() {
    for call in DESK {
        for status in 100..600 {
            if let Some(fault) = fault_of(call, &reply(status, "")) {
                let rule = classify(&fault);
                assert!(
                    rule.source.starts_with("desk "),
                    "{status} in {call:?}: {rule:?}"
                );
            }
        }
        for code in ["0 ", "1", "-1", "40001", "x", "00", "0.0"] {
            if let Some(fault) = result(call, code, "") {
                let rule = classify(&fault);
                assert!(
                    rule.source.starts_with("desk "),
                    "{code} in {call:?}: {rule:?}"
                );
            }
        }
    }
}

#[test]
fn explain_knows_the_desk() {
    let card = explain("160011").unwrap()[0].to_string();
    assert!(card.ends_with("desk notes 6.4, 9"), "{card}");
    assert!(
        card.starts_with("160011 (resultCode of ccmessaging, sending the message)"),
        "{card}"
    );
    let unknown = explain("163999").unwrap();
    assert!(
        unknown.iter().any(|one| one.layer == Layer::Result),
        "{unknown:?}"
    );
}
