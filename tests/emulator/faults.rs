//! Each kind of fault, as a client meets it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;
use syncd::emulator::{Call, Effect, EmulatorOptions, Fault, Outcome, Times};

use crate::client::{ENV, Talk, refusal};

#[tokio::test]
async fn an_errcode_comes_as_often_as_the_script_says() {
    let talk = Talk::new();
    talk.fault(
        "link",
        "key = \"*.css\"\nafter = 1\ntimes = 2\nerrcode = 45009",
    );
    let mut codes = Vec::new();
    for key in ["a.css", "a.html", "a.css", "a.css", "a.css"] {
        codes.push(talk.link_reply(key).await["errcode"].as_i64().unwrap());
    }
    assert_eq!(codes, [0, 0, 45009, 45009, 0]);
    assert_eq!(talk.cloud.faults_acted(), 2);
}

#[tokio::test]
async fn a_status_stands_in_for_a_proxy_and_with_a_code_for_the_store() {
    let talk = Talk::new();
    talk.fault("put", "status = 502");
    talk.fault("put", "status = 503\ncos_code = \"SlowDown\"");
    let bare = talk.upload("a", "x").await;
    assert_eq!(bare.status(), 502);
    assert!(!bare.headers().contains_key("x-cos-request-id"));
    let coded = refusal(talk.upload("a", "x").await).await;
    assert_eq!((coded.0, coded.1.as_str()), (503, "SlowDown"));
    assert!(!talk.has("a"));
    assert_eq!(talk.upload("a", "x").await.status(), 200);

    talk.fault("list", "status = 500");
    talk.fault("list", r#"body = "<html>""#);
    let address = "/componenttcb/staticfilelist";
    let broken = talk
        .post(address, &json!({ "env": ENV }))
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 500);
    let garbage = talk
        .post(address, &json!({ "env": ENV }))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            garbage.status().as_u16(),
            garbage.text().await.unwrap().as_str()
        ),
        (200, "<html>")
    );
}

#[tokio::test]
async fn a_request_is_cut_at_a_byte_and_leaves_no_object() {
    let talk = Talk::new();
    talk.fault("put", "cut_request_at = 5");
    let link = talk.link("a.bin").await;
    assert!(talk.put(&link, vec![1; 4_000_000]).send().await.is_err());
    assert!(!talk.has("a.bin"));
    let is_cut = talk.cloud.wait_until(Duration::from_secs(10), |cloud| {
        let requests = cloud.requests();
        requests
            .iter()
            .any(|request| request.call == Call::Put && request.outcome == Outcome::Cut)
    });
    assert!(is_cut);
    assert_eq!(talk.put(&link, "whole").send().await.unwrap().status(), 200);

    talk.fault("describe", "cut_request_at = 0");
    let body = json!({ "env": ENV });
    let call = talk.post("/componenttcb/describestaticstore", &body);
    assert!(call.send().await.is_err());
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_leaves_no_object() {
    let talk = Talk::new();
    let link = talk.link("a.bin").await;
    let target = link.url.split_once("/cos/").unwrap().1;
    let mut stream = std::net::TcpStream::connect(talk.cloud.cos_address()).unwrap();
    let head = format!(
        "PUT /cos/{target} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\ncontent-type: a/b\r\n\
         x-cos-security-token: {}\r\n\r\nhalf",
        link.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    drop(stream);
    let is_over = talk.cloud.wait_until(Duration::from_secs(10), |cloud| {
        let requests = cloud.requests();
        requests
            .iter()
            .any(|request| request.outcome == Outcome::Abandoned)
    });
    assert!(is_over);
    assert!(!talk.has("a.bin"));
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_reply_is_cut_at_a_byte() {
    let talk = Talk::new();
    for cut in [0, 10, 60, 150] {
        talk.fault("list", &format!("cut_response_at = {cut}"));
        let call = talk.post("/componenttcb/staticfilelist", &json!({ "env": ENV }));
        let whole = match call.send().await {
            Ok(response) => response.bytes().await.is_ok(),
            Err(_) => false,
        };
        assert!(!whole, "{cut}");
    }
    // Beyond its end the reply is whole, and the connection ends after it.
    talk.fault("put", "cut_response_at = 100000");
    assert_eq!(talk.upload("a", "x").await.status(), 200);
    assert_eq!(talk.upload("b", "x").await.status(), 200);
    assert_eq!(talk.cloud.completed().len(), 2);
}

#[tokio::test]
async fn commit_then_drop_stores_and_says_nothing() {
    let talk = Talk::new();
    talk.fault("put", "commit_then_drop = true");
    let link = talk.link("a").await;
    assert!(talk.put(&link, "x").send().await.is_err());
    assert!(talk.has("a"));
    assert_eq!(talk.put(&link, "x").send().await.unwrap().status(), 200);
    assert_eq!(talk.cloud.completed().len(), 2);
}

#[tokio::test]
async fn checksums_are_bent_or_left_out() {
    let talk = Talk::new();
    talk.fault("put", "wrong_etag = true");
    talk.fault("put", "wrong_crc = true");
    talk.fault("put", "omit_etag = true\nomit_crc = true");
    let good = (
        "\"ee8de918d05640145b18f70f4c3aa602\"",
        "16749565679157681890",
    );
    let mut given = Vec::new();
    for _ in 0..4 {
        let response = talk.upload("a", "[Object Content]").await;
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let (etag, crc) = (header("etag"), header("x-cos-hash-crc64ecma"));
        given.push((
            etag.map(|etag| etag == good.0),
            crc.map(|crc| crc == good.1),
        ));
    }
    let yes_no = [
        (Some(false), Some(true)),
        (Some(true), Some(false)),
        (None, None),
        (Some(true), Some(true)),
    ];
    assert_eq!(given, yes_no);
}

#[tokio::test]
async fn tokens_expire_at_the_call_that_was_named() {
    let talk = Talk::new();
    talk.fault("link", "expire_token = true");
    assert_eq!(talk.link_reply("a").await["errcode"], 42001);
    assert_eq!(talk.link_reply("a").await["errcode"], 0);
}

#[tokio::test]
async fn links_come_empty_or_short() {
    let talk = Talk::new();
    talk.fault("link", "empty_link = true");
    talk.fault("link", r#"window = "0s""#);
    let empty = talk.link_reply("a").await;
    assert_eq!(
        (&empty["errcode"], &empty["signed_url"]),
        (&json!(0), &json!(""))
    );
    let short = talk.link("a").await;
    assert!(short.url.contains("q-sign-time"));
    talk.cloud.advance_clock(Duration::from_secs(1));
    let response = talk.put(&short, "x").send().await.unwrap();
    assert_eq!(refusal(response).await.2, "Request has expired");
}

#[tokio::test]
async fn a_redirect_that_is_followed_is_held_against_the_client() {
    let talk = Talk::new();
    let location = talk.cloud.redirect_trap();
    talk.fault("put", &format!("redirect = \"{location}\""));
    let response = talk.upload("a", "x").await;
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], location.as_str());
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());
    talk.http.put(location).body("x").send().await.unwrap();
    assert_eq!(talk.cloud.violations().len(), 1);
}

#[tokio::test]
async fn a_delay_delays_and_lets_the_next_fault_act() {
    let talk = Talk::new();
    let delay = Effect {
        delay: Some(Duration::from_millis(50)),
        ..Effect::default()
    };
    talk.cloud
        .inject(Fault::on(Call::Any, delay).times(Times::Always));
    talk.fault("link", "errcode = -1");
    let start = Instant::now();
    assert_eq!(talk.link_reply("a").await["errcode"], -1);
    assert!(start.elapsed() >= Duration::from_millis(100));
    talk.cloud.clear_faults();
    assert_eq!(talk.link_reply("a").await["errcode"], 0);
}

#[tokio::test]
async fn more_uploads_than_allowed_are_told_to_slow_down() {
    let talk = Talk::with(EmulatorOptions {
        concurrent_puts_max: Some(1),
        ..EmulatorOptions::default()
    });
    talk.fault("put", "delay = \"200ms\"\ntimes = \"always\"");
    let (first, second) = (talk.link("a").await, talk.link("b").await);
    let (first, second) =
        futures_util::join!(talk.put(&first, "x").send(), talk.put(&second, "x").send());
    let statuses = [
        first.unwrap().status().as_u16(),
        second.unwrap().status().as_u16(),
    ];
    assert!(statuses.contains(&503), "{statuses:?}");
    assert_eq!(talk.cloud.in_flight_max(Call::Put), 2);
    assert_eq!(talk.upload("c", "x").await.status(), 200);
}

#[test]
fn a_wrong_script_adds_nothing() {
    let talk = Talk::new();
    let script = "[[fault]]\ncall = \"put\"\nstatus = 500\n\n[[fault]]\ncall = \"put\"\n";
    let error = talk.cloud.inject_script(script).unwrap_err();
    assert_eq!(error.line(), 5);
    assert_eq!(talk.cloud.faults_acted(), 0);
}
