//! Pages of messages: none is lost to another one, each stays as it came, and reads again the same from
//! its own bytes.

use serde_json::Value;
use serde_json::value::RawValue;
use syncd::flow::ccmessaging::history::read_history;
use syncd::flow::ccmessaging::message::{Carries, Received};
use syncd::flow::ccmessaging::poll::read_poll;
use syncd::port::transport::Reply;

/// What is put into a page.
#[allow(dead_code, reason = "libFuzzer finds its words itself")]
pub(crate) const WORDS: &[&[u8]] = &[
    b"\"downlinkMessages\":[",
    b"\"messageList\":[",
    b"\"messageCode\":",
    b"\"mediaType\":\"IMAGE\",",
    b"\"contentType\":\"1\",",
    b"\"content\":\"x\",",
    b"\"timestamp\":1760000001000,",
    b"\"resultCode\":\"0\",",
    b"{\"",
    b"},",
    b"{}",
    b"[]",
    b"]",
    b"7,",
    b"null",
    b"1e400",
    b"-0",
    b"\\ud800",
    b"\\u0000",
    b"\xe2\x80\xae",
    b"\xff",
    b" ",
    b"\"",
];

/// Checks the property.
pub(crate) fn holds(input: &[u8]) {
    page(input);
    element(input);
    stable(&Received::from_raw(input));
}

/// The input as a page: what another reader finds in it is what comes out.
fn page(input: &[u8]) {
    let reply = reply(input.to_vec());
    let polled = read_poll(&reply).ok();
    let history = read_history(&reply).ok().map(|history| history.messages);
    for (name, found) in [("downlinkMessages", polled), ("messageList", history)] {
        for message in found.iter().flatten() {
            stable(message);
        }
        let text = String::from_utf8_lossy(input);
        let Ok(Value::Object(whole)) = serde_json::from_str(&text) else {
            continue;
        };
        let Some(found) = found else { continue };
        let none = Vec::new();
        let wanted = whole.get(name).and_then(Value::as_array).unwrap_or(&none);
        let raws = found.iter().map(|message| &message.raw);
        let found: Vec<Value> = raws
            .map(|raw| serde_json::from_slice(raw).unwrap())
            .collect();
        assert_eq!(&found, wanted);
    }
}

/// The input as one message among others: whatever it is, they stay.
fn element(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(raw) = serde_json::from_str::<&RawValue>(&text) else {
        return;
    };
    for (name, of_history) in [("downlinkMessages", false), ("messageList", true)] {
        let mut body = format!(r#"{{"{name}":[{{"messageCode":"a"}},"#).into_bytes();
        body.extend_from_slice(input);
        body.extend_from_slice(br#",{"messageCode":"b"}],"resultCode":"0"}"#);
        let reply = reply(body);
        let messages = if of_history {
            read_history(&reply).map(|history| history.messages)
        } else {
            read_poll(&reply)
        };
        let messages = messages.unwrap();
        let [first, this, last] = messages.as_slice() else {
            panic!("of 3 messages there are {}", messages.len());
        };
        assert_eq!((&*first.identity, &*last.identity), ("a", "b"));
        assert_eq!(this.raw, raw.get().as_bytes());
        assert_eq!(*this, Received::from_raw(raw.get().as_bytes()));
    }
}

/// What holds of any message.
fn stable(message: &Received) {
    assert_eq!(Received::from_raw(&message.raw), *message);
    let identity = &message.identity;
    assert!(!identity.is_empty() && identity.len() <= 128, "{identity}");
    assert!(identity.bytes().all(|byte| byte.is_ascii_graphic()));
    match &message.carries {
        Carries::File(offer) => {
            let form = offer.first_form();
            assert!(!form.file_id.is_empty() && !form.file_type.is_empty());
        }
        Carries::Unfetchable(fault) => assert!(!fault.code.is_empty()),
        Carries::Nothing | Carries::HangUp { .. } => {}
    }
}

fn reply(body: Vec<u8>) -> Reply {
    Reply {
        status: 200,
        headers: Vec::new(),
        body: body.into(),
    }
}
