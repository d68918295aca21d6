//! Cloud storage: links by either token, and the form, whole or broken in each way.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use syncd::emulator::{Call, EmulatorOptions, Space};

use crate::client::{ENV, Talk, read, refusal};

const APP: &str = "/tcb/uploadfile";
const PLATFORM: &str = "/componenttcb/uploadfile";
const BOUNDARY: &str = "the-boundary";

/// A form as a list of fields, to be spoilt.
struct Form {
    url: String,
    fields: Vec<(String, String)>,
    file: Vec<u8>,
    after: String,
}

async fn app_token(talk: &Talk) -> String {
    let known = EmulatorOptions::default().tokens.credentials;
    let body = json!({
        "grant_type": "client_credential", "appid": known.appid, "secret": known.secret,
    });
    let reply = read(
        talk.post("/cgi-bin/stable_token", &body)
            .send()
            .await
            .unwrap(),
    )
    .await;
    reply["access_token"].as_str().unwrap().to_owned()
}

async fn link(talk: &Talk, key: &str) -> Value {
    let token = app_token(talk).await;
    talk.call(APP, &token, &json!({ "env": ENV, "path": key }))
        .await
}

async fn form(talk: &Talk, key: &str, file: &[u8]) -> Form {
    let link = link(talk, key).await;
    assert_eq!(link["errcode"], 0, "{link}");
    let text = |name: &str| link[name].as_str().unwrap().to_owned();
    let field = |name: &str, value: String| (name.to_owned(), value);
    Form {
        url: text("url"),
        fields: vec![
            field("key", key.to_owned()),
            field("Signature", text("authorization")),
            field("x-cos-security-token", text("token")),
            field("x-cos-meta-fileid", text("cos_file_id")),
            field("Content-Type", "a/b".to_owned()),
        ],
        file: file.to_vec(),
        after: format!("\r\n--{BOUNDARY}--\r\n"),
    }
}

impl Form {
    fn set(mut self, name: &str, value: &str) -> Self {
        let found = self.fields.iter_mut().find(|(have, _)| have == name);
        match found {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(have, _)| have != name);
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let field = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(field.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&self.file);
        body.extend_from_slice(self.after.as_bytes());
        body
    }

    async fn post(&self, talk: &Talk) -> Response {
        self.post_body(talk, self.body()).await
    }

    async fn post_body(&self, talk: &Talk, body: impl Into<reqwest::Body>) -> Response {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = talk.http.post(&self.url).header("content-type", kind);
        request.body(body).send().await.unwrap()
    }
}

fn stored(talk: &Talk, key: &str) -> Option<Vec<u8>> {
    let objects = talk.cloud.objects_in(Space::Storage, ENV);
    let object = objects.get(key)?;
    Some(object.bytes().unwrap().unwrap().to_vec())
}

#[tokio::test]
async fn files_of_all_names_arrive_under_their_own_key_and_apart_from_the_site() {
    let talk = Talk::new();
    let longest = "图".repeat(283);
    for key in ["docs/a.txt", "图 片/a+b%20'\".txt", &longest] {
        let response = form(&talk, key, b"[Object Content]")
            .await
            .post(&talk)
            .await;
        assert_eq!(response.status(), 204, "{key}");
        let etag = &response.headers()["etag"];
        assert_eq!(etag, "\"ee8de918d05640145b18f70f4c3aa602\"");
        assert!(response.headers().contains_key("x-cos-request-id"));
        assert!(!response.headers().contains_key("x-cos-hash-crc64ecma"));
        assert_eq!(stored(&talk, key).unwrap(), b"[Object Content]");
    }
    let object = talk.cloud.objects_in(Space::Storage, ENV)["docs/a.txt"].clone();
    assert_eq!(object.headers["content-type"], "a/b");
    assert!(object.headers["x-cos-meta-fileid"].contains("+/"));
    assert!(talk.cloud.objects(ENV).is_empty());
    let completed = talk.cloud.completed();
    assert!(completed.iter().all(|put| put.space == Space::Storage));
    assert_eq!(talk.cloud.count(Call::Post), 3);
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());
    let read = talk.http.get(&form(&talk, "docs/a.txt", b"").await.url);
    assert_eq!(refusal(read.send().await.unwrap()).await.1, "AccessDenied");
}

#[tokio::test]
async fn a_link_has_all_its_parts_and_a_window_of_a_quarter_of_an_hour() {
    let talk = Talk::new();
    let link = link(&talk, "a b/图.txt").await;
    let bucket = "6162-demo-1a2b3c-1250000000";
    let url = format!(
        "http://{}/cos/{bucket}/a%20b/%E5%9B%BE.txt",
        talk.cloud.cos_address()
    );
    assert_eq!(link["url"], url);
    assert_eq!(
        link["file_id"],
        format!("cloud://{ENV}.{bucket}/a b/图.txt")
    );
    let authorization = link["authorization"].as_str().unwrap();
    let (_, rest) = authorization.split_once("q-sign-time=").unwrap();
    let (window, _) = rest.split_once('&').unwrap();
    let (start, end) = window.split_once(';').unwrap();
    let seconds: i64 = end.parse::<i64>().unwrap() - start.parse::<i64>().unwrap();
    assert!((900..=901).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn each_endpoint_takes_its_own_kind_of_token_only() {
    let talk = Talk::new();
    let (app, platform) = (app_token(&talk).await, talk.token().await);
    let body = json!({ "env": ENV, "path": "a" });
    for (path, token, errcode) in [
        (APP, &app, 0),
        (PLATFORM, &platform, 0),
        (APP, &platform, 61_014),
        (PLATFORM, &app, 61_014),
    ] {
        let reply = talk.call(path, token, &body).await;
        assert_eq!(reply["errcode"], errcode, "{path} {reply}");
    }
    for (body, errcode) in [
        (json!({ "env": "nowhere-1", "path": "a" }), -501_000),
        (json!({ "env": ENV, "filename": "a" }), 40_101),
        (json!({ "env": ENV, "path": "/a" }), -501_007),
        (json!({ "env": ENV, "path": 5 }), 40_097),
    ] {
        assert_eq!(talk.call(APP, &app, &body).await["errcode"], errcode);
    }
}

/// Sends forms that break a rule each; says what was held against the client.
async fn refused_each(talk: &Talk, forms: Vec<(Form, u16, &str)>) -> usize {
    for (form, status, code) in forms {
        let (given_status, given, _) = refusal(form.post(talk).await).await;
        let given = (given_status, given.as_str());
        assert_eq!(given, (status, code), "{:?}", form.fields);
    }
    assert!(talk.cloud.completed().is_empty());
    talk.cloud.violations().len()
}

const MALFORMED: &str = "MalformedPOSTRequest";
const CHANGED: &str = "SignatureDoesNotMatch";

#[tokio::test]
async fn parts_that_are_missing_too_many_or_out_of_order_are_refused_and_recorded() {
    let talk = Talk::new();
    let good = || form(&talk, "a.txt", b"x");
    let mut misplaced = good().await;
    misplaced.fields.swap(0, 1);
    let mut early = good().await;
    early.fields.swap(3, 4);
    let mut twice = good().await;
    twice.fields.push(twice.fields[4].clone());
    let mut late = good().await;
    late.after = format!(
        "\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nx{}",
        late.after
    );
    let mut trailing = good().await;
    trailing.after.push('x');
    let no_token = good().await.without("x-cos-security-token");
    let long = good().await.set("Cache-Control", &"x".repeat(30_000));
    let forms = vec![
        (misplaced, 400, MALFORMED),
        (early, 400, MALFORMED),
        (twice, 400, MALFORMED),
        (late, 400, MALFORMED),
        (good().await.set("Expires", "never"), 400, MALFORMED),
        (good().await.without("x-cos-meta-fileid"), 400, MALFORMED),
        (good().await.without("key"), 400, "UserKeyMustBeSpecified"),
        (good().await.without("Signature"), 403, "AccessDenied"),
        (no_token, 403, "AccessDenied"),
        (trailing, 400, MALFORMED),
        (long, 400, "MaxPostPreDataLengthExceededError"),
    ];
    // All but the trailing byte and the field that is too long.
    assert_eq!(refused_each(&talk, forms).await, 9);
}

#[tokio::test]
async fn values_that_are_not_those_of_the_link_are_refused_and_recorded() {
    let talk = Talk::new();
    let good = || form(&talk, "a.txt", b"x");
    let mut elsewhere = good().await;
    elsewhere.url = elsewhere.url.replace("a.txt", "b.txt");
    let signature = good().await;
    let sign = signature.fields[1].1.replace("sha1", "sha2");
    let signature = signature.set("Signature", &sign);
    let spaced = good().await;
    let id = spaced.fields[3].1.replace('+', " ");
    let spaced = spaced.set("x-cos-meta-fileid", &id);
    let other_digest = "7o3pGNBWQBRbGPcPTDqmAg==";
    let forms = vec![
        (elsewhere, 403, CHANGED),
        (signature, 403, CHANGED),
        (spaced, 400, "InvalidArgument"),
        (good().await.set("key", "b.txt"), 403, CHANGED),
        (good().await.set("key", "a%2etxt"), 403, CHANGED),
        (
            good().await.set("key", "${filename}"),
            400,
            "InvalidArgument",
        ),
        (
            good().await.set("Content-MD5", other_digest),
            400,
            "BadDigest",
        ),
        (
            good().await.set("Content-MD5", "7o3p"),
            400,
            "InvalidDigest",
        ),
        (good().await.set("key", "../a.txt"), 400, "InvalidURI"),
    ];
    // All but the key that cannot be one.
    assert_eq!(refused_each(&talk, forms).await, 8);
}

#[tokio::test]
async fn what_is_no_form_or_has_no_length_or_no_end_is_refused() {
    let talk = Talk::with(EmulatorOptions {
        object_bytes_max: 100,
        ..EmulatorOptions::default()
    });
    let good = form(&talk, "a.txt", &[b'x'; 100]).await;
    let raw = talk
        .http
        .post(&good.url)
        .header("content-type", "text/plain");
    let raw = raw.body("x").send().await.unwrap();
    assert_eq!(refusal(raw).await.1, "RequestIsNotMultiPartContent");
    let whole = good.body();
    let cut = whole[..whole.len() - 8].to_vec();
    let short = good.post_body(&talk, cut).await;
    assert_eq!(refusal(short).await.1, "IncompleteBody");
    let fields_only = [&whole[..whole.len() - 200], good.after.as_bytes()].concat();
    let none = refusal(good.post_body(&talk, fields_only).await).await;
    assert_eq!(none.0, 400, "{none:?}");
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(whole)]);
    let chunked = good
        .post_body(&talk, reqwest::Body::wrap_stream(stream))
        .await;
    assert_eq!(refusal(chunked).await.1, "MissingContentLength");
    let large = form(&talk, "a.txt", &[b'x'; 101]).await.post(&talk).await;
    assert_eq!(refusal(large).await.1, "EntityTooLarge");
    let put = talk
        .http
        .put(&good.url)
        .header("content-type", "a/b")
        .body("x");
    assert_eq!(refusal(put.send().await.unwrap()).await.1, "AccessDenied");
    assert!(talk.cloud.completed().is_empty());
    assert_eq!(good.post(&talk).await.status(), 204);
}

#[tokio::test]
async fn look_alikes_of_the_boundary_are_bytes_of_the_file() {
    let talk = Talk::new();
    let file = "\r\n--the-boundar\r\n----\r\n\r\n".repeat(300_000);
    let response = form(&talk, "big.bin", file.as_bytes())
        .await
        .post(&talk)
        .await;
    assert_eq!(response.status(), 204);
    assert!(stored(&talk, "big.bin").unwrap() == file.as_bytes());
    let empty = form(&talk, "empty", b"").await.post(&talk).await;
    assert_eq!(
        empty.headers()["etag"],
        "\"d41d8cd98f00b204e9800998ecf8427e\""
    );
    assert_eq!(stored(&talk, "empty").unwrap(), b"");
}

#[tokio::test]
async fn the_status_of_success_can_be_asked_for() {
    let talk = Talk::new();
    for (asked, status, body) in [
        ("200", 200, ""),
        ("201", 201, "<PostResponse>"),
        ("5", 204, ""),
    ] {
        let form = form(&talk, "a", b"x").await;
        let response = form.set("success_action_status", asked).post(&talk).await;
        assert_eq!(response.status(), status);
        assert!(response.headers().contains_key("etag"));
        assert!(response.text().await.unwrap().starts_with(body));
    }
}

#[tokio::test]
async fn a_form_ends_with_its_window_before_and_while_it_is_sent() {
    let talk = Talk::new();
    let late = form(&talk, "a", b"x").await;
    talk.cloud.advance_clock(Duration::from_secs(902));
    assert_eq!(
        refusal(late.post(&talk).await).await.2,
        "Request has expired"
    );
    talk.fault("link", r#"window = "1s""#);
    let slow = form(&talk, "slow", b"xxxx").await;
    let begun = futures_util::stream::iter([Ok::<_, std::io::Error>(slow.body())]);
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let length = slow.body().len() + 1_000;
    let never = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
    let request = talk.http.post(&slow.url).header("content-type", kind);
    let request = request.header("content-length", length);
    // All is there but the end of the body, which never comes.
    let sending = request.body(reqwest::Body::wrap_stream(never)).send();
    match sending.await {
        Ok(response) => assert_eq!(refusal(response).await.2, "Request has expired"),
        Err(error) => assert!(!error.is_timeout(), "{error:?}"),
    }
    assert_eq!(stored(&talk, "slow"), None);
}

#[tokio::test]
async fn faults_befall_forms_as_they_befall_puts() {
    let talk = Talk::new();
    talk.fault("post", "status = 503\ncos_code = \"SlowDown\"");
    let coded = refusal(form(&talk, "a", b"x").await.post(&talk).await).await;
    assert_eq!((coded.0, coded.1.as_str()), (503, "SlowDown"));
    talk.fault("post", "key = \"*.bin\"\ncut_request_at = 1000");
    let big = form(&talk, "a.bin", "x".repeat(3_000_000).as_bytes()).await;
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = talk.http.post(&big.url).header("content-type", kind);
    assert!(request.body(big.body()).send().await.is_err());
    assert!(talk.cloud.completed().is_empty());
    talk.fault("post", "wrong_etag = true");
    let response = form(&talk, "a", b"x").await.post(&talk).await;
    assert_eq!(
        response.headers()["etag"],
        "\"0123456789abcdef0123456789abcdef\""
    );
    talk.fault("post", "commit_then_drop = true");
    let dropped = form(&talk, "b", b"y").await;
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = talk.http.post(&dropped.url).header("content-type", kind);
    assert!(request.body(dropped.body()).send().await.is_err());
    assert_eq!(stored(&talk, "b").unwrap(), b"y");
    talk.fault("link", "empty_link = true");
    assert_eq!(link(&talk, "a").await["url"], "");
    talk.fault("link", "key = \"a\"\nerrcode = 45009");
    assert_eq!(link(&talk, "a").await["errcode"], 45_009);
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());
}
