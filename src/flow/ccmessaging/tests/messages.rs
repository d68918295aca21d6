//! Pages of messages, what they carry, and how it is asked for.

use proptest::prelude::*;

use super::super::history::read_history;
use super::super::message::{Carries, Received};
use super::super::offer::{DownloadArgs, Offer};
use super::super::poll::read_poll;
use super::super::upload::ObjectKey;
use super::*;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::time::Timestamp;

const PAGE: &str = r#"{"resultCode":"0","resultDesc":"query user messages success.","downlinkMessages":[
 {"from":"202500000000000001","to":"syncd-node-01","channel":"WEB","controlType":"CHAT","mediaType":"TEXT",
  "content":"hello","sourceType":"AGENT","senderNickname":"agent 7","timestamp":1760000001000,
  "messageCode":"00000000-0000-4000-8000-000000000001","contentType":null,"mediaFileType":null},
 {"from":"202500000000000001","to":"syncd-node-01","channel":"WEB","controlType":"CHAT","mediaType":"IMAGE",
  "content":"1170000000000000002","contentType":null,"mediaFileType":"png","sourceType":"AGENT",
  "timestamp":"1760000002000","messageCode":"00000000-0000-4000-8000-000000000002"},
 {"from":"202500000000000001","to":"syncd-node-01","channel":"WEB","controlType":"CHAT","mediaType":"DOCUMENT",
  "content":"00000000-aaaa-4bbb-8ccc-000000000003","contentType":"1","mediaFileType":"pdf","sourceType":"AGENT",
  "timestamp":1760000003000,"messageCode":"00000000-0000-4000-8000-000000000003"}]}"#;

fn message(raw: &str) -> Received {
    Received::from_raw(raw.as_bytes())
}

fn offer(raw: &str) -> Offer {
    match message(raw).carries {
        Carries::File(offer) => offer,
        other => panic!("{raw}: {other:?}"),
    }
}

fn form(file_id: &str, file_type: &str, from_library: bool) -> DownloadArgs {
    DownloadArgs {
        file_id: file_id.to_owned(),
        file_type: file_type.to_owned(),
        from_library,
    }
}

#[test]
fn the_page_of_the_notes_is_read() {
    let page = read_poll(&ok(PAGE)).unwrap();
    assert_eq!(page.len(), 3);
    assert_eq!(page[0].carries, Carries::Nothing);
    assert_eq!(page[0].sender.nickname.as_deref(), Some("agent 7"));
    assert_eq!(page[1].identity, "00000000-0000-4000-8000-000000000002");
    assert_eq!(page[1].sent_at, Some(Timestamp(1_760_000_002_000)));
    let forms: Vec<DownloadArgs> = page
        .iter()
        .filter_map(|message| match &message.carries {
            Carries::File(offer) => Some(offer.first_form()),
            _ => None,
        })
        .collect();
    assert_eq!(
        forms,
        [
            form("1170000000000000002", "png", true),
            form("local/00000000-aaaa-4bbb-8ccc-000000000003", "pdf", false),
        ]
    );
    for message in page {
        assert!(
            message.raw.starts_with(b"{\"from\"") && message.raw.ends_with(b"\"}")
                || message.raw.ends_with(b"null}")
        );
        assert_eq!(Received::from_raw(&message.raw), message);
    }
}

#[test]
fn an_empty_page_is_a_page() {
    for body in [
        r#"{"resultCode":"0","downlinkMessages":[]}"#,
        r#"{"resultCode":"0","downlinkMessages":null}"#,
        r#"{"resultCode":0}"#,
        r#"{"downlinkMessages":[]}"#,
    ] {
        assert_eq!(read_poll(&ok(body)), Ok(Vec::new()), "{body}");
    }
    for (body, code) in [
        ("{}", "no-result"),
        (r#"{"downlinkMessages":null}"#, "no-result"),
        (r#"{"resultCode":"0","downlinkMessages":"x"}"#, "no-result"),
        (
            r#"{"resultCode":"160004","downlinkMessages":[{}]}"#,
            "160004",
        ),
        ("", "not-json"),
    ] {
        assert_eq!(read_poll(&ok(body)).unwrap_err().code, code, "{body}");
    }
}

#[test]
fn one_bad_message_stays_visible_and_never_loses_the_others() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for bad in [
        "7",
        "null",
        "\"x\"",
        "[]",
        r#"{"content":"a","content":"b"}"#,
        r#"{"from":"\ud800"}"#,
        &deep,
    ] {
        let body = format!(
            r#"{{"resultCode":"0","downlinkMessages":[{{"messageCode":"a"}}, {bad} ,{{"messageCode":"b"}}]}}"#
        );
        let page = read_poll(&ok(&body)).unwrap();
        let identities: Vec<&str> = page
            .iter()
            .map(|message| message.identity.as_str())
            .collect();
        assert_eq!(identities.len(), 3, "{bad}");
        assert_eq!((identities[0], identities[2]), ("a", "b"));
        assert!(identities[1].starts_with("h-"));
        assert_eq!(page[1].raw, bad.as_bytes());
        match &page[1].carries {
            Carries::Unfetchable(fault) => assert_eq!(fault.code, "message-unread"),
            other => panic!("{bad}: {other:?}"),
        }
    }
    let mut spoilt =
        br#"{"resultCode":"0","downlinkMessages":[{"messageCode":"a","content":""#.to_vec();
    spoilt.extend_from_slice(b"\xff\"},{\"messageCode\":\"b\"}]}");
    assert_eq!(read_poll(&reply(200, spoilt)).unwrap().len(), 2);
}

#[test]
fn fields_may_be_numbers_texts_null_or_strange() {
    let message = message(
        r#"{"messageCode":117,"timestamp":1760000001000,"contentType":1,"content":42,"mediaType":"image",
            "controlType":"chat","mediaFileType":{"a":1},"from":[],"unknown":[{}]}"#,
    );
    assert_eq!(message.identity, "117");
    assert_eq!(message.sender.from, None);
    assert_eq!(
        message.carries,
        Carries::File(Offer::new("42", "jpg", Some(false)))
    );
    for timestamp in [
        "-1",
        "0",
        "\"soon\"",
        "1e99",
        "null",
        "99999999999999999999",
    ] {
        let raw = format!(r#"{{"timestamp":{timestamp}}}"#);
        assert_eq!(self::message(&raw).sent_at, None, "{raw}");
    }
}

const KINDS: &[(&str, &str)] = &[
    (
        r#"{"mediaType":"IMAGE","content":"a","contentType":null}"#,
        "a jpg true",
    ),
    (
        r#"{"mediaType":"VIDEO","content":"a","contentType":""}"#,
        "a mp4 true",
    ),
    (
        r#"{"mediaType":"AUDIO","content":"a","contentType":"1"}"#,
        "local/a mp3 false",
    ),
    (
        r#"{"mediaType":"IMAGE","content":"local/a","contentType":"1"}"#,
        "local/a jpg false",
    ),
    (
        r#"{"mediaType":"IMAGE","content":"local/a","contentType":null}"#,
        "local/a jpg false",
    ),
    (r#"{"mediaType":"IMAGE","content":"12"}"#, "12 jpg true"),
    (
        r#"{"mediaType":"IMAGE","content":"x/12"}"#,
        "local/x/12 jpg false",
    ),
    (
        r#"{"mediaType":"IMAGE","content":"12","contentType":"2"}"#,
        "12 jpg true",
    ),
    (
        r#"{"mediaType":"IMAGE","content":"a","contentType":"1","mediaFileType":"JPEG"}"#,
        "local/a JPEG false",
    ),
    (
        r#"{"mediaType":"FILE_IMAGE","content":"a","contentType":null}"#,
        "a jpg true",
    ),
    (
        r#"{"mediaType":"FILE","content":"a","mediaFileType":"zip","contentType":"1"}"#,
        "local/a zip false",
    ),
    (
        r#"{"mediaType":"NOVEL","content":"a","mediaFileType":"zip","contentType":"1"}"#,
        "local/a zip false",
    ),
    (
        r#"{"mediaType":"NOVEL","content":"a","contentType":"1"}"#,
        "no-file-type",
    ),
    (r#"{"mediaType":"NOVEL","content":"a"}"#, "nothing"),
    (
        r#"{"mediaType":"DOCUMENT","content":"a","contentType":"1"}"#,
        "no-file-type",
    ),
    (r#"{"mediaType":"IMAGE","content":""}"#, "no-content"),
    (r#"{"mediaType":"IMAGE"}"#, "no-content"),
    (
        r#"{"mediaType":"TEXT","content":"a","contentType":"1"}"#,
        "nothing",
    ),
    (r#"{"mediaType":"LOCATE","content":"1/2/x"}"#, "nothing"),
    (
        r#"{"controlType":"READ","mediaType":"IMAGE","content":"a"}"#,
        "nothing",
    ),
    (
        r#"{"sourceType":"CUSTOMER","mediaType":"IMAGE","content":"a"}"#,
        "nothing",
    ),
    (
        r#"{"sourceType":"CUSTOMER","controlType":"DISCONNECT"}"#,
        "nothing",
    ),
    (
        r#"{"sourceType":"AGENT","controlType":"DISCONNECT","mediaType":null}"#,
        "None",
    ),
    (
        r#"{"controlType":"DISCONNECT","mediaType":"TEXT","isOfflineStatus":true}"#,
        "Some(true)",
    ),
    (
        r#"{"controlType":"disconnect","isOfflineStatus":"false"}"#,
        "Some(false)",
    ),
    ("{}", "nothing"),
];

#[test]
fn what_a_message_carries_follows_its_kinds() {
    let carries = |raw: &str| match message(raw).carries {
        Carries::File(offer) => {
            let form = offer.first_form();
            format!("{} {} {}", form.file_id, form.file_type, form.from_library)
        }
        Carries::Unfetchable(fault) => fault.code,
        Carries::Nothing => "nothing".to_owned(),
        Carries::HangUp { may_go_on } => format!("{may_go_on:?}"),
    };
    for (raw, expected) in KINDS {
        assert_eq!(carries(raw), *expected, "{raw}");
    }
    let long = format!(
        r#"{{"mediaType":"IMAGE","content":"{}"}}"#,
        "a".repeat(5000)
    );
    assert_eq!(carries(&long), "message-unread");
}

#[test]
fn a_message_without_a_code_is_known_by_its_fields() {
    let a = message(r#"{"from":"a","to":"b","timestamp":1,"content":"c","mediaType":"IMAGE"}"#);
    let same = message(
        r#"{"to":"b","from":"a","content":"c","timestamp":"1","mediaType":"IMAGE","callId":"9"}"#,
    );
    assert_eq!(a.identity, same.identity);
    assert_eq!(a.identity.len(), 66);
    for other in [
        r#"{"from":"ab","to":"","timestamp":1,"content":"c","mediaType":"IMAGE"}"#,
        r#"{"from":"a","to":"b","timestamp":2,"content":"c","mediaType":"IMAGE"}"#,
        r#"{"from":"a","to":"b","timestamp":1,"content":"d","mediaType":"IMAGE"}"#,
        r#"{"from":"a","to":"b","timestamp":1,"mediaType":"IMAGE"}"#,
    ] {
        assert_ne!(message(other).identity, a.identity, "{other}");
    }
    for odd in ["a b", "ä", "a\\nb", &"x".repeat(129)] {
        let raw = format!(r#"{{"messageCode":"{odd}"}}"#);
        assert!(message(&raw).identity.starts_with("h-"), "{odd}");
    }
}

fn refused(code: &str, words: &str) -> Fault {
    Fault::new(Call::Download, Layer::Result, code, words)
}

#[test]
fn a_file_is_asked_for_in_another_form_once_for_each_cause() {
    let said =
        offer(r#"{"mediaType":"IMAGE","content":"a","contentType":"1","mediaFileType":"bmp"}"#);
    let mut tried = vec![said.first_form()];
    let gone = refused("401", "objectKey is null!");
    let range = refused("13", "param filetype Out of range!");
    let second = said.other_form(&gone, &tried).unwrap();
    assert_eq!(second, form("a", "bmp", true));
    tried.push(second);
    assert_eq!(said.other_form(&gone, &tried), None);
    let third = said.other_form(&range, &tried).unwrap();
    assert_eq!(third, form("a", "bpm", true));
    tried.push(third);
    assert_eq!(said.other_form(&range, &tried), None);
    assert_eq!(said.other_form(&gone, &tried), None);
    for other in [
        refused("13", "fsservice downloadFile is failed"),
        refused("2", ""),
        Fault::new(Call::Download, Layer::Http, "401", ""),
        Fault::new(Call::Upload, Layer::Result, "401", ""),
    ] {
        assert_eq!(
            said.other_form(&other, &[said.first_form()]),
            None,
            "{other:?}"
        );
    }
    let unsaid = offer(r#"{"mediaType":"IMAGE","content":"12","mediaFileType":"jpeg"}"#);
    let tried = [unsaid.first_form()];
    assert_eq!(
        unsaid.other_form(&refused("13", "failed"), &tried),
        Some(form("local/12", "jpeg", false))
    );
    assert_eq!(
        unsaid.other_form(&range, &tried),
        Some(form("12", "jpg", true))
    );
    let png = offer(r#"{"mediaType":"IMAGE","content":"12","mediaFileType":"png"}"#);
    assert_eq!(png.other_form(&range, &[png.first_form()]), None);
}

#[test]
fn the_history_tells_of_our_own_messages_by_id_or_key() {
    let body = r#"{"resultCode":"0","messageList":[
        {"from":"syncd-node-01","whateverId":"feed01","content":"a.csv,3,key-1,csv"},
        {"from":"202500000000000001","mediaType":"IMAGE","content":"x","messageCode":"m"},
        {"nested":{"deep":["feed02"]}}, 7]}"#;
    let history = read_history(&ok(body)).unwrap();
    assert_eq!(history.messages.len(), 4);
    let others: Vec<&str> = history
        .of_others("syncd-node-01")
        .map(|message| message.identity.as_str())
        .collect();
    assert_eq!(others.len(), 3);
    assert_eq!(others[0], "m");
    let key = |text: &str| ObjectKey::from_stored(text.to_owned());
    assert!(history.tells_of("feed01", &key("-")));
    assert!(history.tells_of("feed02", &key("-")));
    assert!(history.tells_of("-", &key("key-1")));
    assert!(!history.tells_of("feed", &key("key")));
    assert!(read_history(&ok(r#"{"resultCode":"1","messageList":[]}"#)).is_err());
    assert!(read_history(&ok("{}")).is_err());
}

proptest! {
    #[test]
    fn every_element_of_a_page_comes_out_as_it_came(
        codes in proptest::collection::vec("[ -~]{0,20}", 0..20),
    ) {
        let elements: Vec<String> = codes
            .iter()
            .map(|code| serde_json::json!({"messageCode": code, "content": code}).to_string())
            .collect();
        let body = format!(r#"{{"downlinkMessages":[{}]}}"#, elements.join(" ,\n"));
        let page = read_poll(&ok(&body)).unwrap();
        let raw: Vec<String> = page
            .iter()
            .map(|message| String::from_utf8(message.raw.clone()).unwrap())
            .collect();
        prop_assert_eq!(raw, elements);
    }

    #[test]
    fn trying_forms_always_ends(
        content in "[a-z0-9/]{1,10}",
        file_type in "bmp|bpm|jpeg|jpg|zip",
        said in proptest::option::of(any::<bool>()),
        faults in proptest::collection::vec("401|13|13 out of range", 20),
    ) {
        let offer = Offer::new(&content, &file_type, said);
        let mut tried = vec![offer.first_form()];
        for fault in faults {
            let code = fault.split(' ').next().unwrap();
            if let Some(form) = offer.other_form(&refused(code, &fault), &tried) {
                prop_assert!(!tried.contains(&form));
                tried.push(form);
            }
        }
        prop_assert!(tried.len() <= 3);
    }
}
