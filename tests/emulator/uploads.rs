//! The rules of links and uploads: kept, it works; broken, it is refused as the real cloud refuses.

use std::time::Duration;

use reqwest::Method;
use syncd::emulator::{Call, EmulatorOptions, HostKind, LinkForm};

use crate::client::{ENV, Link, Talk, refusal};

#[tokio::test]
async fn names_of_all_kinds_arrive_under_their_own_key() {
    let talk = Talk::new();
    let keys = [
        "index.html",
        "图片/中文 名.txt",
        "a+b c%20d.txt",
        "x;y=z&q#?.txt",
        "~_-.!'()*",
    ];
    for key in keys {
        let response = talk.upload(key, "[Object Content]").await;
        assert_eq!(response.status(), 200, "{key}");
        let headers = response.headers();
        assert_eq!(headers["etag"], "\"ee8de918d05640145b18f70f4c3aa602\"");
        assert_eq!(headers["x-cos-hash-crc64ecma"], "16749565679157681890");
        assert!(headers.contains_key("x-cos-request-id"));
        let object = talk.cloud.object(ENV, key).unwrap();
        assert_eq!(object.bytes().unwrap().unwrap(), "[Object Content]");
        assert_eq!(object.headers["content-type"], "text/plain; charset=utf-8");
    }
    let completed: Vec<String> = talk
        .cloud
        .completed()
        .into_iter()
        .map(|put| put.key)
        .collect();
    assert_eq!(completed, keys);
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());
    assert_eq!(
        (talk.cloud.count(Call::Link), talk.cloud.count(Call::Put)),
        (5, 5)
    );
    assert!(
        !talk
            .cloud
            .headers_seen(HostKind::Cos)
            .contains_key("authorization")
    );
}

#[tokio::test]
async fn links_work_in_every_form_the_documentation_shows() {
    for link_form in [LinkForm::BareSignature, LinkForm::RawKey] {
        let talk = Talk::with(EmulatorOptions {
            link_form,
            separate_cos: false,
            ..EmulatorOptions::default()
        });
        assert_eq!(talk.cloud.address(), talk.cloud.cos_address());
        assert_eq!(talk.upload("图/a b.txt", "x").await.status(), 200);
        assert_eq!(talk.cloud.violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_link_ends_with_its_window_on_the_clouds_own_clock() {
    let talk = Talk::new();
    talk.cloud.skew_clock(-86_400_000);
    let link = talk.link("a.txt").await;
    let response = talk.put(&link, "x").send().await.unwrap();
    let date = response.headers()["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date)
        .unwrap();
    let behind = jiff::Timestamp::now().duration_since(date);
    assert!((86_390..86_500).contains(&behind.as_secs()), "{behind}");
    talk.cloud.advance_clock(Duration::from_secs(62));
    let response = talk.put(&link, "y").send().await.unwrap();
    let expired = (
        403,
        "AccessDenied".to_owned(),
        "Request has expired".to_owned(),
    );
    assert_eq!(refusal(response).await, expired);
    assert_eq!(talk.cloud.completed().len(), 1);
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_is_interrupted_when_its_window_ends() {
    let talk = Talk::new();
    talk.fault("link", r#"window = "1s""#);
    let link = talk.link("slow.bin").await;
    let never =
        reqwest::Body::wrap_stream(futures_util::stream::pending::<std::io::Result<Vec<u8>>>());
    let request = talk.put(&link, never);
    let request: reqwest::RequestBuilder = request.header("content-length", "1000");
    match request.send().await {
        Ok(response) => assert_eq!(refusal(response).await.2, "Request has expired"),
        Err(error) => assert!(!error.is_timeout(), "{error:?}"),
    }
    assert!(!talk.has("slow.bin"));
}

#[tokio::test]
async fn a_link_is_bound_to_key_method_query_and_token() {
    let talk = Talk::new();
    let (link, other) = (talk.link("a.txt").await, talk.link("b.txt").await);
    let moved = Link {
        url: link.url.replace("a.txt", "b.txt"),
        ..link.clone()
    };
    let changed = Link {
        url: link.url.replace("sha1", "sha2"),
        ..link.clone()
    };
    let mixed = Link {
        token: other.token,
        ..link.clone()
    };
    for (link, code) in [
        (&moved, "SignatureDoesNotMatch"),
        (&changed, "SignatureDoesNotMatch"),
        (&mixed, "InvalidAccessKeyId"),
    ] {
        let response = talk.put(link, "x").send().await.unwrap();
        let (status, given, _) = refusal(response).await;
        assert_eq!((status, given.as_str()), (403, code));
    }
    let bare = talk
        .http
        .put(&link.url)
        .header("content-type", "a/b")
        .body("x");
    assert_eq!(refusal(bare.send().await.unwrap()).await.1, "AccessDenied");
    let get = talk
        .http
        .get(&link.url)
        .header("x-cos-security-token", &link.token);
    assert_eq!(
        refusal(get.send().await.unwrap()).await.1,
        "SignatureDoesNotMatch"
    );
    let delete = talk.http.request(Method::DELETE, &link.url);
    assert_eq!(refusal(delete.send().await.unwrap()).await.0, 405);
    let nowhere = link.url.replace("/ab12-", "/zz-");
    assert_eq!(
        refusal(talk.http.get(nowhere).send().await.unwrap())
            .await
            .1,
        "NoSuchBucket"
    );
    assert_eq!(talk.cloud.violations().len(), 5);
    assert!(talk.cloud.completed().is_empty());

    let again = Link {
        url: link.url.replace("%3B", "%3b"),
        ..link
    };
    assert_eq!(talk.put(&again, "x").send().await.unwrap().status(), 200);
    assert_eq!(talk.cloud.violations().len(), 6);
}

#[tokio::test]
async fn an_upload_needs_length_type_and_the_digest_it_claims() {
    let talk = Talk::with(EmulatorOptions {
        object_bytes_max: 100,
        ..EmulatorOptions::default()
    });
    let link = talk.link("a.txt").await;
    let put = |body: reqwest::Body| {
        let request = talk.http.put(&link.url);
        request
            .header("x-cos-security-token", &link.token)
            .body(body)
    };
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>("x")]);
    let chunked = put(reqwest::Body::wrap_stream(stream)).header("content-type", "a/b");
    let typed = |body: reqwest::Body| put(body).header("content-type", "a/b");
    let longest = "x".repeat(101);
    for (request, status, code) in [
        (chunked, 411, "MissingContentLength"),
        (put("x".into()), 400, "InvalidArgument"),
        (
            typed("x".into()).header("content-md5", "abc"),
            400,
            "InvalidDigest",
        ),
        (
            typed("x".into()).header("content-md5", "7o3pGNBWQBRbGPcPTDqmAg=="),
            400,
            "BadDigest",
        ),
        (typed(longest.into()), 400, "EntityTooLarge"),
        (
            typed("x".into()).header("x-cos-meta-a", "m".repeat(2048)),
            400,
            "MetadataTooLarge",
        ),
    ] {
        let (given_status, given, _) = refusal(request.send().await.unwrap()).await;
        assert_eq!((given_status, given.as_str()), (status, code));
    }
    assert!(!talk.has("a.txt"));
    assert_eq!(talk.cloud.violations().len(), 4);
    let good = typed("[Object Content]".into())
        .header("content-md5", "7o3pGNBWQBRbGPcPTDqmAg==")
        .header("cache-control", "no-cache")
        .header("x-cos-meta-a", "m");
    assert_eq!(good.send().await.unwrap().status(), 200);
    let object = talk.cloud.object(ENV, "a.txt").unwrap();
    assert_eq!(object.headers["cache-control"], "no-cache");
    assert_eq!(object.headers["x-cos-meta-a"], "m");
}

#[tokio::test]
async fn an_api_token_at_the_upload_host_is_refused_and_recorded() {
    let talk = Talk::new();
    let (link, token) = (talk.link("a.txt").await, talk.token().await);
    let put = talk.put(&link, "x").bearer_auth(&token);
    assert_eq!(put.send().await.unwrap().status(), 400);
    let in_query = Link {
        url: format!("{}&access_token={token}", link.url),
        ..link
    };
    assert_eq!(talk.put(&in_query, "x").send().await.unwrap().status(), 400);
    let violations = talk.cloud.violations();
    assert_eq!(violations.len(), 2);
    assert!(violations.iter().all(|text| !text.contains(&token)));
    assert!(
        talk.cloud
            .headers_seen(HostKind::Cos)
            .contains_key("authorization")
    );
    assert!(!talk.has("a.txt"));
}
