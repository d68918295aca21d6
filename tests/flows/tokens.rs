//! How tokens are asked for and read.

use std::time::Duration;

use syncd::flow::token;
use syncd::model::fault::Call;
use syncd::model::folder::TokenSource;
use syncd::model::secret::Secret;
use syncd::port::transport::{Body, Method, Request};

use crate::{json, reply};

fn body_text(request: &Request) -> String {
    match &request.body {
        Body::Held(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

#[test]
fn token_requests_are_as_the_api_wants_them() {
    let secret = Secret::new("S&1");
    let stable = token::stable_token_request("https://api.test", "wx0", &secret).unwrap();
    assert_eq!(stable.method, Method::Post);
    assert_eq!(stable.url.expose(), "https://api.test/cgi-bin/stable_token");
    let expected = concat!(
        r#"{"grant_type":"client_credential","appid":"wx0","#,
        r#""secret":"S&1","force_refresh":false}"#
    );
    assert_eq!(body_text(&stable), expected);

    let classic = token::classic_token_request("https://api.test", "wx0", &secret);
    assert_eq!(classic.method, Method::Get);
    let url = "https://api.test/cgi-bin/token?grant_type=client_credential&appid=wx0&secret=S%261";
    assert_eq!(classic.url.expose(), url);

    assert_eq!(
        token::query_name(&TokenSource::Value(secret)),
        "access_token"
    );
    let file = TokenSource::CloudbaseFile("/t".into());
    assert_eq!(token::query_name(&file), "cloudbase_access_token");
}

#[test]
fn a_token_answer_is_a_token_or_a_fault() {
    let read = |body: &str| {
        token::token_answer(&json(body))
            .map(|fetched| (fetched.value.expose().to_owned(), fetched.expires_in))
            .map_err(|fault| (fault.call, fault.code))
    };
    let two_hours = Some(Duration::from_hours(2));
    let good = |lifetime| Ok(("71_FAKE".to_owned(), lifetime));
    assert_eq!(
        read(r#"{"access_token":"71_FAKE","expires_in":7200}"#),
        good(two_hours)
    );
    assert_eq!(
        read(r#"{"access_token":"71_FAKE","expires_in":"7200"}"#),
        good(two_hours)
    );
    assert_eq!(read(r#"{"access_token":"71_FAKE"}"#), good(None));
    for (body, code) in [
        (r#"{"errcode":40013,"errmsg":"invalid appid"}"#, "40013"),
        (r#"{"errcode":40164,"access_token":"t"}"#, "40164"),
        (r#"{"errcode":0}"#, "no-token"),
        (r#"{"access_token":""}"#, "no-token"),
        (r#"{"access_token":null}"#, "no-token"),
        (r#"{"access_token":"a b"}"#, "no-token"),
        (r#"{"access_token":"t","expires_in":0}"#, "no-token"),
        (r#"{"access_token":"t","expires_in":-5}"#, "no-token"),
        (r#"{"access_token":"t","expires_in":"soon"}"#, "no-token"),
        (r#"{"access_token":"t","access_token":"u"}"#, "no-errcode"),
        ("t", "not-json"),
    ] {
        assert_eq!(read(body), Err((Call::Token, code.to_owned())), "{body}");
    }
}

#[test]
fn providers_may_answer_the_bare_token_or_json() {
    let read = |bytes: &[u8]| {
        token::provider_token(bytes)
            .map(|fetched| (fetched.value.expose().to_owned(), fetched.expires_in))
            .map_err(|fault| fault.code)
    };
    assert_eq!(read(b" 71_FAKE\n"), Ok(("71_FAKE".to_owned(), None)));
    let seven = Some(Duration::from_secs(7));
    let json_form = b"{\"access_token\":\"t\",\"expires_in\":7}\n";
    assert_eq!(read(json_form), Ok(("t".to_owned(), seven)));
    for bytes in [
        &b""[..],
        b"\n",
        b"two words",
        b"two\nlines",
        b"<html>",
        b"\xff",
        &vec![b'a'; 20_000],
    ] {
        assert_eq!(read(bytes), Err("no-token".to_owned()));
    }
    assert_eq!(read(b"{\"errcode\":61004}"), Err("61004".to_owned()));
    assert_eq!(read(b"{\"access_token\":"), Err("not-json".to_owned()));
    let status = |status| token::provider_token_reply(&reply(status, &[], "token"));
    assert!(status(200).is_ok());
    assert_eq!(status(404).unwrap_err().code, "404");
}
