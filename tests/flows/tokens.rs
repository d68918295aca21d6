//! How tokens are asked for and read.

use std::time::Duration;

use syncd::flow::token;
use syncd::model::fault::Call;
use syncd::model::folder::{Platform, TokenSource};
use syncd::model::secret::{Rotating, Secret};
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
fn a_platform_asks_for_its_own_token_and_for_those_of_its_accounts() {
    let platform = Platform {
        appid: "wx1".to_owned(),
        secret: Secret::new("S&1"),
        ticket: Rotating::Fixed(Secret::new("unused")),
    };
    let ticket = Secret::new("ticket@@@1");
    let own = token::component_token_request("https://api.test", &platform, &ticket).unwrap();
    let url = "https://api.test/cgi-bin/component/api_component_token";
    assert_eq!((own.method, own.url.expose()), (Method::Post, url));
    let expected = concat!(
        r#"{"component_appid":"wx1","component_appsecret":"S&1","#,
        r#""component_verify_ticket":"ticket@@@1"}"#
    );
    assert_eq!(body_text(&own), expected);

    let (token, refresh) = (Secret::new("72_a/b"), Secret::new("r@@@1"));
    let platform = (&platform, &token);
    let authorizer =
        token::authorizer_token_request("https://api.test", platform, "wx2", &refresh).unwrap();
    let url =
        "https://api.test/cgi-bin/component/api_authorizer_token?component_access_token=72_a%2Fb";
    assert_eq!(
        (authorizer.method, authorizer.url.expose()),
        (Method::Post, url)
    );
    let expected = concat!(
        r#"{"component_appid":"wx1","authorizer_appid":"wx2","#,
        r#""authorizer_refresh_token":"r@@@1"}"#
    );
    assert_eq!(body_text(&authorizer), expected);
}

#[test]
fn answers_of_a_platforms_calls_are_read_with_the_next_refresh_token() {
    let fetched = token::token_answer(&json(
        r#"{"component_access_token":"72_FAKE","expires_in":7200}"#,
    ));
    assert_eq!(fetched.unwrap().value, Secret::new("72_FAKE"));
    let read = |more: &str| {
        let body = format!(r#"{{"authorizer_access_token":"73_FAKE","expires_in":7200{more}}}"#);
        let (fetched, next) = token::authorizer_token_answer(&json(body)).unwrap();
        assert_eq!(fetched.value, Secret::new("73_FAKE"));
        next.map(|next| next.expose().to_owned())
    };
    let next = r#","authorizer_refresh_token":"refreshtoken@@@2""#;
    assert_eq!(read(next).as_deref(), Some("refreshtoken@@@2"));
    assert_eq!(read(r#","authorizer_refresh_token":"""#), None);
    assert_eq!(read(r#","authorizer_refresh_token":null"#), None);
    assert_eq!(read(""), None);
    let refused = token::authorizer_token_answer(&json(r#"{"errcode":61023,"errmsg":"x"}"#));
    let fault = refused.unwrap_err();
    assert_eq!(fault.code, "61023");
    assert!(!token::blames_platform_token(&fault));
    let refused = token::authorizer_token_answer(&json(r#"{"errcode":42001,"errmsg":"x"}"#));
    assert!(token::blames_platform_token(&refused.unwrap_err()));
    for body in ["{}", r#"{"authorizer_refresh_token":"a"}"#, "[]"] {
        assert!(token::authorizer_token_answer(&json(body)).is_err());
    }
}

#[test]
fn a_secret_in_a_file_is_one_line() {
    let line = |bytes: &[u8]| {
        token::secret_line(bytes)
            .ok()
            .map(|secret| secret.expose().to_owned())
    };
    assert_eq!(line(b" ticket@@@1\r\n").as_deref(), Some("ticket@@@1"));
    for wrong in [&b""[..], b" \n", b"two words", b"a\nb", b"\xff"] {
        assert_eq!(line(wrong), None);
    }
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
