//! Row by row: what the desk refuses, with which code, and what counts as a violation.

use reqwest::Method;
use serde_json::{Value, json};
use syncd::emulator::DeskOptions;

use crate::desk_client::{
    CHANNEL, Customer, LOGIN, Reply, application, file, history, media, queue, wanted, words,
};

/// A field that is taken away.
const GONE: Value = Value::Null;

fn changed(mut body: Value, field: &str, value: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), value);
    }
    body
}

/// Each row is a request with one field changed, and the code it gets.
async fn check(customer: &Customer, call: &str, body: &Value, rows: &[(&str, Value, &str)]) {
    for (field, value, wanted) in rows {
        let body = changed(body.clone(), field, value.clone());
        let reply = customer.call(call, &body).await;
        assert_eq!(reply.code(), *wanted, "{call} {field} {value}: {reply:?}");
    }
}

#[tokio::test]
async fn applying_wants_four_fields_and_a_channel_that_exists() {
    let customer = Customer::new().await;
    let rows = [
        ("userId", GONE, "1"),
        ("userId", json!(""), "1"),
        ("userId", json!(7), "1"),
        ("userId", json!("u".repeat(33)), "1"),
        ("userId", json!("u".repeat(32)), "0"),
        ("userName", GONE, "1"),
        ("channelId", json!("202500000000000002"), "1"),
        ("locale", json!("english"), "1"),
        ("locale", json!("zh_CN"), "0"),
    ];
    check(&customer, "applyToken", &application(), &rows).await;
    // Not even a wrong channel is the client's slip: a person wrote it.
    assert_eq!(customer.violations().len(), 6);
}

#[tokio::test]
async fn sending_follows_the_table_of_fields() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let bad = "160000";
    let rows = [
        ("channel", json!("WECHAT"), bad),
        ("controlType", GONE, bad),
        ("controlType", json!("IDSCONNECT"), bad),
        ("mediaType", GONE, bad),
        ("mediaType", json!("DOCUMENT"), bad),
        ("content", GONE, bad),
        ("content", json!("x".repeat(1025)), "160027"),
        ("from", GONE, bad),
        ("from", json!("u".repeat(25)), bad),
        ("from", json!("somebody-else"), "160009"),
        ("to", json!("syncd"), bad),
        ("sourceType", json!("AGENT"), bad),
        ("timestamp", json!(1_760_000_000_000_u64), bad),
        ("timestamp", json!("yesterday"), bad),
        ("senderAvatar", json!("x".repeat(1025)), bad),
        ("userAgent", json!(7), bad),
        ("messageId", json!("0".repeat(33)), bad),
        ("messageId", json!("a,b"), bad),
        ("messageId", json!(7), bad),
    ];
    check(&customer, "send", &words("hello"), &rows).await;
    assert_eq!(customer.violations().len(), rows.len());
    assert_eq!(customer.desk().sent().len(), 1);

    let good = [
        ("timestamp", GONE, "0"),
        ("content", json!("x".repeat(1024)), "0"),
        ("messageId", json!("0".repeat(32)), "0"),
        ("controlType", json!("INPUT"), "0"),
    ];
    check(&customer, "send", &words("hello"), &good).await;
    assert_eq!(customer.violations().len(), rows.len());
    assert_eq!(customer.desk().sent().len(), 1 + good.len());
}

#[tokio::test]
async fn what_a_message_says_of_a_file_must_be_true() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let picture = customer.upload("png", "c3luY2Q=").await;
    let table = customer.upload("csv", "c3luY2Q=").await;
    for (media_type, content, code) in [
        ("IMAGE", picture.clone(), "0"),
        ("FILE", format!("a.csv,5,{table},csv"), "0"),
        ("FILE_IMAGE", format!("{picture},png"), "0"),
        ("IMAGE", format!("{picture},png"), "160000"),
        ("IMAGE", table.clone(), "160000"),
        ("VIDEO", picture.clone(), "160000"),
        ("FILE", format!("a.csv,6,{table},csv"), "160000"),
        ("FILE", format!("a.csv,5,{table},txt"), "160000"),
        ("FILE", format!("a,b.csv,5,{table},csv"), "160000"),
        ("FILE", format!("a.csv,5 B,{table},csv"), "160000"),
        ("FILE", table.clone(), "160000"),
        ("FILE_IMAGE", picture.clone(), "160000"),
        ("IMAGE", "never-uploaded".to_owned(), "13"),
    ] {
        let reply = customer.call("send", &media(media_type, &content)).await;
        assert_eq!(reply.code(), code, "{media_type} {content}");
    }
    assert_eq!(customer.violations().len(), 10);
    let sent = customer.desk().sent();
    let keys: Vec<&str> = sent
        .iter()
        .filter_map(|sent| sent.object_key.as_deref())
        .collect();
    assert_eq!(keys, [picture.as_str(), &table, &picture]);

    let later = customer
        .call("sendAsync", &media("FILE", &format!("{table},csv")))
        .await;
    assert_eq!(later.code(), "0");
    assert_eq!(customer.desk().sent().len(), 5);
    // What comes of it later is not told.
    let later = customer.call("sendAsync", &media("FILE", &table)).await;
    assert_eq!(later.code(), "0");
    assert_eq!(customer.desk().sent().len(), 5);
}

#[tokio::test]
async fn polling_names_its_user_and_the_channel() {
    let customer = Customer::connected(DeskOptions::default()).await;
    for (query, code) in [
        ("receiverId=node-1", "http 400"),
        ("receiverId=node-1&channel=WX", "http 400"),
        ("channel=WEB", "http 400"),
        ("receiverId=node-2&channel=WEB", "160009"),
        ("receiverId=node-1&channel=WEB&isNeedRead=false", "0"),
    ] {
        let response = customer.polling(query).send().await.unwrap();
        assert_eq!(Reply::read(response).await.code(), code, "{query}");
    }
    assert_eq!(customer.violations().len(), 4);
}

#[tokio::test]
async fn files_are_asked_for_and_uploaded_by_the_book() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let downloads = [
        ("fileId", GONE, "http 400"),
        ("channel", GONE, "http 400"),
        ("channel", json!("WX"), "http 400"),
        ("fileType", GONE, "http 400"),
        ("fileType", json!("exe"), "13"),
        ("fileType", json!("PNG"), "13"),
        ("fileId", json!("local/none"), "401"),
    ];
    let body = wanted("none", "png", true);
    check(&customer, "downloadFileStream", &body, &downloads).await;
    let uploads = [
        ("fileType", GONE, "2"),
        ("channel", GONE, "2"),
        ("fileStream", json!(""), "2"),
        ("channel", json!("WX"), "3"),
        ("fileType", json!("pdf"), "3"),
        ("fileType", json!("JPG"), "3"),
        ("fileType", json!(7), "http 400"),
        ("fileStream", json!("c3luY2Q"), "13"),
        ("fileStream", json!("c3lu\nY2Q="), "13"),
        ("fileStream", json!("c3_uY2Q="), "13"),
        ("fileType", json!("jpeg"), "0"),
    ];
    let body = file("png", "c3luY2Q=");
    check(&customer, "uploadFileStream", &body, &uploads).await;
    assert_eq!(customer.desk().uploads().len(), 1);
    // A type that may or may not exist is worth a try; the rest is not (and a local file with
    // multiMedia is asked for wrongly).
    assert_eq!(customer.violations().len(), 5 + 8);
}

#[tokio::test]
async fn the_look_ups_want_strings() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let rows = [
        ("userId", GONE, "1"),
        ("userId", json!("node-2"), "1"),
        ("channelConfigId", json!(1), "1"),
        ("channel", GONE, "1"),
        ("channel", json!("WEB"), "160021"),
    ];
    check(&customer, "queryQueueInfo", &queue(), &rows).await;
    let rows = [
        ("limit", GONE, "1"),
        ("limit", json!(10), "1"),
        ("limit", json!("ten"), "1"),
        ("offset", GONE, "1"),
        ("channel", GONE, "1"),
        ("channelId", json!("1"), "1"),
        ("userId", json!("node-2"), "1"),
        ("startTime", json!("2026-01-01"), "1"),
        ("startTime", json!("0"), "0"),
    ];
    let body = history("10", "0");
    check(&customer, "queryHistoryChatMessage", &body, &rows).await;
    assert_eq!(customer.violations().len(), 4 + 8);
}

#[tokio::test]
async fn paths_methods_and_bodies_are_checked_before_the_rest() {
    let customer = Customer::new().await;
    let base = customer.talk.cloud.base_url();
    let nowhere = customer.call("dropSession", &json!({})).await;
    assert_eq!(nowhere.code(), "http 404");
    let wrapped = customer
        .call("send", &json!({ "reqBody": words("x") }))
        .await;
    assert_eq!(wrapped.code(), "160000");
    let list = customer.call("send", &json!([1])).await;
    assert_eq!(list.code(), "http 400");
    let by_post = customer.call("poll", &json!({})).await;
    assert_eq!(by_post.code(), "http 400");
    let url = format!("{base}/apiaccess/ccmessaging/send");
    let by_get = customer.talk.http.request(Method::GET, url);
    let by_get = Reply::read(by_get.send().await.unwrap()).await;
    assert_eq!(by_get.code(), "http 400");
    assert_eq!(customer.violations().len(), 5);

    let long = customer.call("send", &words(&"x".repeat(70_000))).await;
    assert_eq!(long.code(), "http 413");
    let untyped = customer.talk.http.post(format!("{base}{LOGIN}"));
    untyped.body("{}").send().await.unwrap();
    assert!(
        customer
            .violations()
            .iter()
            .any(|text| text.contains("Content-Type"))
    );
}

#[tokio::test]
async fn tokens_and_secrets_in_the_wrong_place_are_violations() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let query = format!("receiverId=node-1&channel=WEB&token={}", customer.client);
    customer.polling(&query).send().await.unwrap();
    customer.call("send", &words(&customer.access)).await;
    customer.call("send", &words("emulated-desk-secret")).await;
    let violations = customer.violations();
    assert_eq!(violations.len(), 3, "{violations:?}");
    assert!(violations.iter().all(|text| {
        !text.contains(&customer.client) && !text.contains("emulated-desk-secret")
    }));
}

#[tokio::test]
async fn only_the_right_key_and_secret_get_a_token() {
    let customer = Customer::new().await;
    let known = json!({ "app_key": "ak-emulated-0001", "app_secret": "emulated-desk-secret" });
    for (field, value, code) in [
        ("app_key", GONE, "http 400"),
        ("app_secret", GONE, "http 400"),
        ("app_key", json!("ak"), "http 401"),
        ("app_secret", json!("sk"), "http 401"),
    ] {
        let request = customer
            .talk
            .post(LOGIN, &changed(known.clone(), field, value));
        let reply = Reply::read(request.send().await.unwrap()).await;
        assert_eq!(reply.code(), code, "{field}");
    }
    assert_eq!(customer.violations().len(), 2);
    for (wish, status, expires) in [("600", 200, "600"), ("9999", 200, "3600"), ("1h", 400, "")] {
        let request = customer
            .talk
            .post(LOGIN, &known)
            .header("x-token-expire", wish);
        let reply = Reply::read(request.send().await.unwrap()).await;
        assert_eq!(reply.status, status, "{wish}");
        if status == 200 {
            assert_eq!(reply.body["Expires"], expires);
            assert_eq!(reply.body["ApplyType"], "Bearer");
            assert!(reply.body.get("resultCode").is_none());
        }
    }
    assert_eq!(customer.violations().len(), 4);
    assert_eq!(customer.desk().credentials().channel_id, CHANNEL);
}
