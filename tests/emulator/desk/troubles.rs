//! Faults by script on the desk's calls, as a client meets them.

use serde_json::json;
use syncd::emulator::{AgentFile, Call, DeskOptions};

use crate::desk_client::{Customer, LOGIN, Reply, USER, application, file, media, words};

#[tokio::test]
async fn codes_come_in_the_body_or_as_the_gateway_says_them() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let script = "errcode = 160017\nerrmsg = \"message queue full\"";
    customer
        .talk
        .fault("desk_send", &format!("key = \"CHAT\"\n{script}"));
    assert_eq!(customer.control("INPUT").await, "0");
    let reply = customer.call("send", &words("x")).await;
    assert_eq!(
        (reply.code().as_str(), &reply.body["resultDesc"]),
        ("160017", &json!("message queue full"))
    );
    customer.talk.fault("desk_upload", "errcode = 13");
    let reply = customer
        .call("uploadFileStream", &file("png", "eA=="))
        .await;
    assert_eq!(reply.body["returnCode"], "13");
    customer.talk.fault(
        "desk_poll",
        "status = 403\nerrcode = 0\nerrmsg = \"IP not allowed\"",
    );
    let reply = customer.poll().await;
    assert_eq!(
        (reply.status, reply.body),
        (
            403,
            json!({ "errorCode": "0", "exceptionInfo": "IP not allowed" })
        )
    );
    customer.talk.fault("desk_login", "errcode = 7");
    let reply = customer.talk.post(LOGIN, &json!({})).send().await.unwrap();
    assert_eq!(Reply::read(reply).await.body["errorCode"], "7");
    customer.talk.fault("desk_poll", "status = 502");
    let reply = customer.polling("").send().await.unwrap();
    assert_eq!(
        (
            reply.status().as_u16(),
            reply.text().await.unwrap().as_str()
        ),
        (502, "emulated fault\n")
    );
}

#[tokio::test]
async fn success_comes_without_what_was_asked_for() {
    let customer = Customer::connected(DeskOptions::default()).await;
    for call in [
        "desk_login",
        "desk_apply",
        "desk_poll",
        "desk_download",
        "desk_upload",
        "desk_send",
    ] {
        customer.talk.fault(call, "empty_answer = true");
    }
    let login = customer.talk.post(LOGIN, &json!({})).send().await.unwrap();
    assert_eq!(Reply::read(login).await.body, json!({}));
    let apply = customer.call("applyToken", &application()).await;
    assert_eq!(apply.body, json!({ "resultCode": "0", "token": "" }));
    customer.desk().put_text(USER, "still there");
    assert!(customer.messages().await.is_empty());
    assert_eq!(customer.messages().await.len(), 1);
    let download = customer.download("local/x", "png", false).await;
    assert_eq!(download.body, json!({ "resultCode": "0" }));
    let upload = customer
        .call("uploadFileStream", &file("png", "eA=="))
        .await;
    assert_eq!(upload.body, json!({ "returnCode": "0" }));
    assert_eq!(customer.call("send", &words("x")).await.body, json!({}));
}

#[tokio::test]
async fn a_file_comes_broken_or_far_too_large() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let put = customer
        .desk()
        .put_file(USER, AgentFile::local("txt", "x"))
        .unwrap();
    let id = format!("local/{}", put.message["content"].as_str().unwrap());
    customer.talk.fault("desk_download", "wrong_base64 = true");
    assert_eq!(
        customer.download(&id, "txt", false).await.body["fileStream"],
        "!eA=="
    );
    customer
        .talk
        .fault("desk_download", "key = \"local/*\"\nhuge_answer = 30000000");
    let huge = customer.download(&id, "txt", false).await;
    assert_eq!(huge.body["fileStream"].as_str().unwrap().len(), 30_000_000);
    customer
        .talk
        .fault("desk_download", "cut_response_at = 200");
    let cut = customer.post(
        "downloadFileStream",
        &json!({ "fileId": id, "channel": "WEB", "fileType": "txt" }),
    );
    let whole = match cut.send().await {
        Ok(response) => response.bytes().await.is_ok(),
        Err(_) => false,
    };
    assert!(!whole);
    assert_eq!(
        customer.download(&id, "txt", false).await.body["fileStream"],
        "eA=="
    );
    assert_eq!(customer.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_done_may_stay_unanswered() {
    let customer = Customer::connected(DeskOptions::default()).await;
    customer
        .talk
        .fault("desk_upload", "commit_then_drop = true");
    customer
        .talk
        .fault("desk_send", "key = \"CHAT\"\ncommit_then_drop = true");
    let lost = customer.post("uploadFileStream", &file("png", "eA=="));
    assert!(lost.send().await.is_err());
    let key = customer.desk().uploads()[0].object_key.clone();
    let lost = customer.post("send", &media("IMAGE", &key));
    assert!(lost.send().await.is_err());
    let sent = customer.desk().sent();
    assert_eq!(sent.last().unwrap().object_key, Some(key));
}

#[tokio::test]
async fn tokens_expire_and_rotate_by_script() {
    let mut customer = Customer::connected(DeskOptions::default()).await;
    customer
        .talk
        .fault("desk_poll", "rotate_token = true\nerrcode = 164000");
    let reply = customer.poll().await;
    assert_eq!(reply.code(), "164000");
    assert_eq!(customer.poll().await.code(), "http 401");
    customer.client = reply.token.unwrap();
    assert_eq!(customer.poll().await.code(), "0");
    customer.talk.fault("desk_poll", "expire_token = true");
    assert_eq!(customer.poll().await.code(), "http 403");
    customer.log_in().await;
    assert!(customer.poll().await.token.is_some());
}

#[tokio::test]
async fn a_request_may_be_cut_and_a_desk_may_fall_silent() {
    let customer = Customer::connected(DeskOptions::default()).await;
    customer.talk.fault("desk_send", "cut_request_at = 0");
    assert!(customer.post("send", &words("x")).send().await.is_err());
    assert_eq!(customer.desk().sent().len(), 1);
    customer.desk().set_answering(false);
    let silent = customer.post("send", &words("x"));
    let silent = silent.timeout(std::time::Duration::from_millis(100));
    assert!(silent.send().await.unwrap_err().is_timeout());
    let sends = customer.talk.cloud.count(Call::DeskSend);
    let again = async {
        while customer.talk.cloud.count(Call::DeskSend) == sends {
            tokio::task::yield_now().await;
        }
        customer.desk().set_answering(true);
    };
    let body = words("x");
    let (reply, ()) = futures_util::join!(customer.call("send", &body), again);
    assert_eq!(reply.code(), "0");
}

#[test]
fn effects_that_a_call_cannot_have_are_refused() {
    let cloud =
        syncd::emulator::Emulator::start(syncd::emulator::EmulatorOptions::default()).unwrap();
    for (call, effect) in [
        ("put", "empty_answer = true"),
        ("any", "huge_answer = 5"),
        ("desk_login", "rotate_token = true"),
        ("desk_upload", "wrong_base64 = true"),
        ("desk_poll", "key = \"x\"\nstatus = 500"),
        ("desk_poll", "cos_code = \"X\"\nstatus = 500"),
    ] {
        let script = format!("[[fault]]\ncall = \"{call}\"\n{effect}");
        let error = cloud.inject_script(&script).unwrap_err().to_string();
        assert!(error.contains(effect.split(' ').next().unwrap()), "{error}");
    }
}
