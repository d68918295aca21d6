//! No answer that was cut off, spoilt or made of anything is a success.

use proptest::prelude::*;

use super::super::upload::read_upload;
use super::super::{access, chat, download, failure, history, message, poll};
use super::*;
use crate::model::fault::{Call, Layer};

/// Whether any reader takes the reply for a success.
fn any_success(reply: &Reply) -> bool {
    access::gateway_token_answer(reply).is_ok()
        || access::session_token_answer(reply).is_ok()
        || chat::read_connect(reply).is_ok()
        || chat::read_sent(Call::Send, reply).is_ok()
        || chat::read_queue_info(reply).is_ok()
        || poll::read_poll(reply).is_ok()
        || history::read_history(reply).is_ok()
        || read_upload(reply).is_ok()
        || download::decode(&*reply.body, &mut |_| Ok(()), 99).is_ok()
}

const ANSWERS: [&str; 9] = [
    r#"{"AccessToken":"at","ApplyType":"Bearer","CreateTime":"1760000000","Expires":"3600"}"#,
    r#"{"resultCode":"0","token":"eyJFWEFNUExFIjoiZmFrZSJ9%3D"}"#,
    r#"{"resultCode":"0","resultDesc":"sendUserMessage successfully."}"#,
    r#"{"resultCode":"0","position":1}"#,
    r#"{"resultCode":"160021"}"#,
    r#"{"resultCode":"0","downlinkMessages":[{"content":"x","mediaType":"IMAGE"}]}"#,
    r#"{"resultCode":"0","messageList":[{"content":"x"}]}"#,
    r#"{"returnCode":"0","objectKey":"00000000-dddd-4eee-8fff-000000000009"}"#,
    r#"{"resultCode":"0","fileStream":"c3luY2QgZXhhbXBsZQ==","fileUrl":"https://h/?Signature=x"}"#,
];

#[test]
fn an_answer_cut_at_any_byte_is_never_a_success() {
    for answer in ANSWERS {
        assert!(any_success(&ok(answer)), "{answer}");
        for end in 0..answer.len() {
            let (cut, _) = answer.split_at(end);
            assert!(!any_success(&ok(cut)), "{cut}");
        }
        assert!(!any_success(&ok(&format!("{answer}x"))), "{answer}");
        assert!(!any_success(&ok(&format!("[{answer}]"))), "{answer}");
    }
}

#[test]
fn only_the_code_0_is_a_success_and_only_with_a_status_of_200() {
    for answer in ANSWERS {
        for code in [
            "1", "-0", "00", "0.0", "0 0", "success", "0200000", "", "null", "O", "０",
        ] {
            for name in ["resultCode", "returnCode"] {
                let body = answer
                    .replace("returnCode", "resultCode")
                    .replace("\"160021\"", "\"0\"")
                    .replace("\"resultCode\":\"0\"", &format!("\"{name}\":\"{code}\""));
                let body = if answer.starts_with("{\"Access") {
                    format!("{{\"{name}\":\"{code}\",{}", body.split_at(1).1)
                } else {
                    body
                };
                assert!(!any_success(&ok(&body)), "{body}");
            }
        }
        for status in [201, 204, 206, 302, 400, 401, 403, 500, 503] {
            let other = reply(status, answer);
            let statused = |call| failure(call, &other).layer == Layer::Http;
            assert!(
                statused(Call::Poll) || answer.contains("160021"),
                "{status} {answer}"
            );
            assert!(poll::read_poll(&other).is_err() && read_upload(&other).is_err());
            assert!(chat::read_sent(Call::Send, &other).is_err());
        }
    }
}

#[test]
fn faults_carry_the_servers_words_without_what_could_be_a_secret() {
    let long = "t".repeat(60);
    let body = format!(
        r#"{{"resultCode":"13","resultDesc":"failed https://h/?Signature=x {long} \u001b[31m"}}"#
    );
    let fault = chat::read_sent(Call::Send, &ok(&body)).unwrap_err();
    assert_eq!(fault.message, "failed *** *** \\u{1b}[31m");
    let gateway = reply(403, r#"{"errorCode":"0","exceptionInfo":"no such API"}"#);
    let fault = failure(Call::Poll, &gateway);
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str()),
        ("403", "no such API")
    );
    assert_eq!(fault.status, Some(403));
    let mut busy = reply(429, "");
    busy.headers
        .push(("retry-after".to_owned(), "7".to_owned()));
    let asked = failure(Call::Poll, &busy).retry_after;
    assert_eq!(asked, Some(std::time::Duration::from_secs(7)));
}

#[test]
fn nesting_without_end_ends_in_a_fault() {
    for open in ["[", "{\"a\":"] {
        let deep = format!("{{\"resultCode\":\"0\",\"x\":{}", open.repeat(100_000));
        assert!(!any_success(&ok(&deep)));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = any_success(&reply(200, body.clone()));
        let _ = failure(Call::Poll, &reply(500, body.clone()));
        let _ = message::Received::from_raw(&body);
    }

    #[test]
    fn no_spoilt_answer_makes_a_reader_panic(
        which in 0..ANSWERS.len(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = ANSWERS[which].as_bytes().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = any_success(&reply(200, body));
    }
}
