//! Tokens, requests, and the steps of the protocol.

use std::time::Duration;

use serde_json::json;

use super::super::access::*;
use super::super::calls::{Chat, DeskCall, upload_request};
use super::super::chat::{self, ChatStep, Queue};
use super::super::failure;
use super::super::mend::{Mend, Mended};
use super::super::offer::DownloadArgs;
use super::*;
use crate::flow::token::{Need, Refusal, Token, TokenState};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::time::{Monotonic, Timestamp};
use crate::port::transport::Method;

const NOW: Timestamp = Timestamp(1_760_000_000_000);

#[test]
fn the_gateway_is_asked_for_an_hour_at_its_own_address() {
    let request = gateway_token_request(&desk()).unwrap();
    assert_eq!(request.url.expose(), desk().token_url);
    assert_eq!(header(&request, "x-token-expire"), Some("3600"));
    assert_eq!(header(&request, "authorization"), None);
    assert_eq!(
        json(&request),
        json!({"app_key": "ak-1", "app_secret": "sk-canary"})
    );
}

#[test]
fn the_gateways_token_is_renewed_at_four_fifths() {
    let answer =
        ok(r#"{"AccessToken":"at-1","ApplyType":"Bearer","CreateTime":"1","Expires":"600"}"#);
    let token = gateway_token_answer(&answer).unwrap();
    assert_eq!(token.value.expose(), "at-1");
    assert_eq!(token.expires_in, Some(Duration::from_mins(10)));
    assert_eq!(token.recheck, Some(Duration::from_mins(8)));
    let number = gateway_token_answer(&ok(r#"{"AccessToken":"at-1","Expires":60}"#)).unwrap();
    assert_eq!(number.expires_in, Some(Duration::from_mins(1)));
    for bad in [
        "{}",
        r#"{"AccessToken":""}"#,
        r#"{"AccessToken":null}"#,
        r#"{"AccessToken":"a b"}"#,
        r#"{"AccessToken":"a\nb"}"#,
        r#"{"AccessToken":"a","Expires":"0"}"#,
        r#"{"AccessToken":"a","Expires":"-5"}"#,
        r#"{"AccessToken":"a","AccessToken":"b"}"#,
        r#"{"resultCode":"1","AccessToken":"a"}"#,
        r#"["a"]"#,
    ] {
        assert!(gateway_token_answer(&ok(bad)).is_err(), "{bad}");
    }
}

#[test]
fn a_sessions_token_is_opaque_but_for_one_pair_of_quotes() {
    let request = session_token_request(&desk(), &Secret::new("at-1")).unwrap();
    assert_eq!(header(&request, "authorization"), Some("Bearer at-1"));
    assert_eq!(header(&request, "x-app-key"), Some("ak-1"));
    assert_eq!(header(&request, SESSION_HEADER), None);
    assert_eq!(
        json(&request),
        json!({"userId": "syncd-node-01", "userName": "node \"1\"",
            "channelId": "202500000000000001", "locale": "en"})
    );
    for (answer, token) in [
        (r#"{"resultCode":"0","token":"eyJ%3D"}"#, "eyJ%3D"),
        (r#"{"token":"\"eyJ%3D\""}"#, "eyJ%3D"),
        (r#"{"resultCode":0,"token":"\"\"x\"\""}"#, "\"x\""),
        (
            r#"{"resultCode":null,"returnCode":"0","token":"\"x"}"#,
            "\"x",
        ),
    ] {
        let read = session_token_answer(&ok(answer)).unwrap();
        assert_eq!(read.value.expose(), token, "{answer}");
        assert_eq!(read.recheck, Some(Duration::from_mins(50)));
    }
    for (answer, code) in [
        (r#"{"resultCode":"1","token":"x"}"#, "1"),
        (r#"{"resultCode":"0","token":"\"\""}"#, "no-payload"),
        (r#"{"resultCode":"0"}"#, "no-payload"),
        ("{}", "no-result"),
        (r#"{"resultCode":{},"token":"x"}"#, "no-result"),
        (r#"{"resultCode":"","token":"x"}"#, "no-result"),
        (r#"{"resultCode":false,"token":"x"}"#, "false"),
        (r#"{"resultCode":0.0,"token":"x"}"#, "0.0"),
        (r#"{"resultCode":"00","token":"x"}"#, "00"),
        (r#"{"resultCode":"5","returnCode":"0","token":"x"}"#, "5"),
    ] {
        let fault = session_token_answer(&ok(answer)).unwrap_err();
        assert_eq!(
            (fault.layer, fault.code.as_str()),
            (Layer::Result, code),
            "{answer}"
        );
    }
}

#[test]
fn every_call_has_both_tokens_and_the_body_of_the_notes() {
    let (bearer, session) = (Secret::new("at-1"), Secret::new("st-1"));
    let request = |call: &DeskCall| call.request(&desk(), &bearer, &session);
    let poll = request(&DeskCall::poll(&desk()));
    assert_eq!(
        poll.url.expose(),
        "https://service.example.com/apiaccess/ccmessaging/poll?receiverId=syncd-node-01&channel=WEB"
    );
    assert!(matches!(
        (poll.method, &poll.body),
        (Method::Get, Body::Empty)
    ));
    assert_eq!(header(&poll, "content-type"), None);
    let connect = request(&DeskCall::connect(&desk(), NOW));
    assert_eq!(
        json(&connect),
        json!({"channel": "WEB", "controlType": "CONNECT", "mediaType": "TEXT", "content": "",
            "from": "syncd-node-01", "to": "202500000000000001", "sourceType": "CUSTOMER",
            "senderNickname": "node \"1\"", "timestamp": "1760000000000"})
    );
    let chat = Chat {
        media_type: "FILE",
        content: "a.csv,3,k,csv",
        message_id: "0123",
    };
    let send = json(&request(&DeskCall::send_file(&desk(), &chat, NOW)));
    assert_eq!(
        (&send["controlType"], &send["mediaType"]),
        (&json!("CHAT"), &json!("FILE"))
    );
    assert_eq!(
        (&send["content"], &send["messageId"]),
        (&json!("a.csv,3,k,csv"), &json!("0123"))
    );
    let history = json(&request(&DeskCall::history(&desk(), 200, 100, Some(NOW))));
    assert_eq!(
        history,
        json!({"channelId": "202500000000000001", "userId": "syncd-node-01", "limit": "100",
            "offset": "200", "channel": "WEB", "startTime": "1760000000000"})
    );
    let args = DownloadArgs {
        file_id: "117".to_owned(),
        file_type: "png".to_owned(),
        from_library: true,
    };
    let download = request(&DeskCall::download(&args, 3_000));
    assert_eq!(
        json(&download),
        json!({"fileId": "117", "channel": "WEB", "fileType": "png", "multiMedia": "multiMedia"})
    );
    assert_eq!(download.reply_bytes_max, 4_500 + 65_536);
    let upload = upload_request(&desk(), &bearer, &session, Body::Held("{}".into()));
    for request in [poll, connect, download, upload] {
        assert_eq!(header(&request, "authorization"), Some("Bearer at-1"));
        assert_eq!(header(&request, "ccmessaging-token"), Some("st-1"));
        assert_eq!(header(&request, "x-app-key"), Some("ak-1"));
        if request.method == Method::Post {
            assert_eq!(
                header(&request, "content-type"),
                Some("application/json; charset=UTF-8")
            );
        }
    }
}

fn at(minutes: u64) -> Monotonic {
    Monotonic(Duration::from_mins(minutes))
}

fn have(state: &mut TokenState, now: Monotonic) -> Token {
    match state.need(now) {
        Need::Have { token, .. } => token,
        other => panic!("{other:?}"),
    }
}

fn handed_out(value: &str) -> crate::flow::token::FetchedToken {
    rotated(&[("CCMessaging-Token".to_owned(), format!(" \"{value}\" "))]).unwrap()
}

fn refusal() -> Fault {
    Fault::new(Call::Poll, Layer::Http, "401", "")
}

#[test]
fn a_token_that_an_answer_hands_out_takes_the_place_of_the_old_one() {
    let mut state = TokenState::new();
    assert_eq!(state.need(at(0)), Need::Fetch);
    state.fetched(session_token_answer(&ok(r#"{"token":"a"}"#)), at(0));
    assert_eq!(have(&mut state, at(1)).value.expose(), "a");
    state.rotated(handed_out("b"), 1, at(2));
    let second = have(&mut state, at(2));
    assert_eq!((second.value.expose(), second.generation), ("b", 2));
    // A refusal of the old one, under way meanwhile, is stale.
    assert_eq!(state.refused(1, refusal()), Refusal::Stale);
    // The same one again changes nothing; a late echo of the one before neither.
    state.rotated(handed_out("b"), 2, at(3));
    state.rotated(handed_out("a"), 1, at(3));
    assert_eq!(have(&mut state, at(3)), second);
    // Its hour begins anew.
    assert!(matches!(
        state.need(at(51)),
        Need::Have { refresh: false, .. }
    ));
    assert!(matches!(
        state.need(at(52)),
        Need::Have { refresh: true, .. }
    ));
    // A refused token is saved by one that is handed out.
    assert_eq!(state.refused(2, refusal()), Refusal::Believed);
    state.rotated(handed_out("c"), 2, at(53));
    assert_eq!(have(&mut state, at(53)).value.expose(), "c");
}

#[test]
fn no_header_and_no_unusable_header_is_a_new_token() {
    for value in ["", " ", "\"\"", "a b", "ä"] {
        assert_eq!(
            rotated(&[(SESSION_HEADER.to_owned(), value.to_owned())]),
            None,
            "{value}"
        );
    }
    assert_eq!(rotated(&[("x-other".to_owned(), "a".to_owned())]), None);
}

fn fault(call: Call, layer: Layer, code: &str) -> Fault {
    Fault::new(call, layer, code, "")
}

#[test]
fn what_calls_a_token_invalid_is_told_from_what_does_not() {
    let of = |call, layer, code: &str| access(&fault(call, layer, code));
    assert_eq!(of(Call::Poll, Layer::Http, "401"), Access::Either);
    assert_eq!(of(Call::SessionToken, Layer::Http, "401"), Access::Bearer);
    assert_eq!(of(Call::GatewayToken, Layer::Http, "401"), Access::Fine);
    assert_eq!(of(Call::Download, Layer::Result, "401"), Access::Fine);
    assert_eq!(of(Call::Download, Layer::Result, "2"), Access::Session);
    assert_eq!(of(Call::Upload, Layer::Result, "2"), Access::Fine);
    assert_eq!(of(Call::QueueInfo, Layer::Result, "3"), Access::Session);
    assert_eq!(of(Call::Upload, Layer::Result, "3"), Access::Fine);
    assert_eq!(of(Call::Poll, Layer::Result, "160028"), Access::Session);
    assert_eq!(of(Call::Poll, Layer::Http, "403"), Access::Fine);
    let body = r#"{"errorCode":"0","exceptionInfo":"Auth fail! Illegal or expired token info. please apply"}"#;
    assert_eq!(
        access(&failure(Call::Poll, &reply(403, body))),
        Access::Bearer
    );
}

#[test]
fn each_step_of_the_protocol_is_taken_once_for_a_request() {
    let mut mended = Mended::default();
    let unauthorised = fault(Call::Poll, Layer::Http, "401");
    assert_eq!(mended.next(&unauthorised), Some(Mend::Session));
    assert_eq!(mended.next(&unauthorised), Some(Mend::Both));
    assert_eq!(mended.next(&unauthorised), None);
    let mut mended = Mended::default();
    let lost = fault(Call::Send, Layer::Result, "160004");
    assert_eq!(mended.next(&lost), Some(Mend::Connect));
    assert_eq!(mended.next(&lost), None);
    let failed = fault(Call::Send, Layer::Result, "13");
    assert_eq!(mended.next(&failed), Some(Mend::AskQueue));
    assert_eq!(mended.next(&failed), None);
    let failed = fault(Call::Upload, Layer::Result, "13");
    assert_eq!(Mended::default().next(&failed), Some(Mend::AskQueue));
    let gone = fault(Call::Download, Layer::Result, "401");
    assert_eq!(mended.next(&gone), Some(Mend::OtherForm));
    for other in [
        fault(Call::Send, Layer::Result, "12"),
        fault(Call::Upload, Layer::Result, "3"),
        fault(Call::Poll, Layer::Transport, "timeout"),
        fault(Call::Connect, Layer::Result, "160004"),
        fault(Call::GatewayToken, Layer::Http, "401"),
    ] {
        assert_eq!(Mended::default().next(&other), None, "{other:?}");
    }
}

#[test]
fn a_session_is_opened_queued_for_used_and_lost() {
    let mut session = chat::Chat::default();
    assert_eq!(session.before_polling(), ChatStep::Connect);
    session.connected(chat::read_connect(&ok(r#"{"resultCode":"0"}"#)).unwrap());
    assert_eq!(session.before_polling(), ChatStep::Go);
    assert_eq!(session.before_sending(), ChatStep::AskQueue);
    let waiting = ok(r#"{"resultCode":"0","position":3,"estimateWaitTime":"99999999"}"#);
    let queue = chat::read_queue_info(&waiting).unwrap();
    let estimate = Some(Duration::from_hours(24));
    assert_eq!(
        queue,
        Queue::Waiting {
            position: Some(3),
            estimate
        }
    );
    session.asked(queue);
    assert_eq!(session.before_sending(), ChatStep::AskQueue);
    assert_eq!(session.before_polling(), ChatStep::Go);
    session.asked(chat::read_queue_info(&ok(r#"{"resultCode":"160021"}"#)).unwrap());
    assert_eq!(session.before_sending(), ChatStep::Go);
    session.failed(&fault(Call::Send, Layer::Result, "160013"));
    assert_eq!(session.before_sending(), ChatStep::AskQueue);
    session.failed(&fault(Call::Poll, Layer::Result, "164004"));
    assert_eq!(session.before_polling(), ChatStep::Connect);
    session.connected(chat::Chat::Open);
    for other in ["160001", "13", "5"] {
        session.failed(&fault(Call::Poll, Layer::Result, other));
        assert_eq!(session, chat::Chat::Open, "{other}");
    }
    session.failed(&fault(Call::QueueInfo, Layer::Result, "5"));
    assert_eq!(session, chat::Chat::Closed);
}

#[test]
fn a_robot_is_asked_for_an_agent_once_and_gets_no_file() {
    let mut session = chat::Chat::Joined;
    session.asked(chat::read_queue_info(&ok(r#"{"resultCode":"160022"}"#)).unwrap());
    assert_eq!(session.before_sending(), ChatStep::Transfer);
    assert_eq!(session.before_polling(), ChatStep::Go);
    let transfer = |body: &str| chat::read_transfer(&ok(body));
    assert_eq!(transfer(r#"{"resultCode":"0"}"#), Ok(()));
    let already = r#"{"resultCode":"13","resultDesc":"Already with an agent"}"#;
    assert_eq!(transfer(already), Ok(()));
    let none = r#"{"resultCode":"13","resultDesc":"no channel config"}"#;
    assert_eq!(transfer(none).unwrap_err().code, chat::ROBOT_ONLY);
    assert_eq!(transfer(r#"{"resultCode":"12"}"#).unwrap_err().code, "12");
}

#[test]
fn some_refusals_of_connect_and_disconnect_are_what_was_wanted() {
    let coded = |code: &str| ok(&format!(r#"{{"resultCode":"{code}"}}"#));
    for (code, state) in [
        ("160021", chat::Chat::Open),
        ("160022", chat::Chat::Joined),
        ("160013", chat::Chat::Queueing),
        ("160023", chat::Chat::Queueing),
    ] {
        assert_eq!(chat::read_connect(&coded(code)), Ok(state), "{code}");
    }
    for code in ["12", "13", "160004", "1", "160024"] {
        assert_eq!(chat::read_connect(&coded(code)).unwrap_err().code, code);
    }
    for code in ["0", "13", "160004", "160005"] {
        assert_eq!(chat::read_disconnect(&coded(code)), Ok(()), "{code}");
    }
    assert!(chat::read_disconnect(&coded("160028")).is_err());
    assert!(chat::read_disconnect(&reply(404, "")).is_err());
    assert_eq!(chat::read_connect(&ok("{}")).unwrap_err().code, "no-result");
}
