//! The controls over HTTP, as a person with curl uses them.

use reqwest::Method;
use serde_json::{Value, json};
use syncd::emulator::serve::{self, EmulateOptions};
use syncd::emulator::{Call, DeskOptions, Phase};

use crate::client::read;
use crate::desk_client::{Customer, USER, words};

async fn ask(
    customer: &Customer,
    method: Method,
    what: &str,
    body: &'static str,
) -> reqwest::Response {
    let url = format!("{}/emulator/desk/{what}", customer.talk.cloud.base_url());
    customer
        .talk
        .http
        .request(method, url)
        .body(body)
        .send()
        .await
        .unwrap()
}

async fn act(customer: &Customer, what: &str, body: &'static str) -> Value {
    read(ask(customer, Method::POST, what, body).await).await
}

async fn look(customer: &Customer, what: &str) -> Value {
    read(ask(customer, Method::GET, what, "").await).await
}

#[tokio::test]
async fn a_file_is_put_by_one_request() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let put = act(&customer, "file?user=node-1&type=png", "picture").await;
    assert_eq!(put["sha256"].as_str().unwrap().len(), 64);
    let hostile = "file?user=node-1&type=txt&place=library&media=FILE&code=&id=..%2F..%2Fpasswd";
    act(&customer, hostile, "words").await;
    act(&customer, "text?user=node-1", "hello").await;
    act(
        &customer,
        "raw?user=node-1",
        r#"{"controlType":7,"content":["?"]}"#,
    )
    .await;
    let messages = customer.messages().await;
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[0], put["message"]);
    assert_eq!(messages[1]["content"], "../../passwd");
    assert_eq!(messages[1]["mediaType"], "FILE");
    assert!(messages[1]["messageCode"].is_null());
    assert_eq!(messages[2]["content"], "hello");
    assert_eq!(messages[3], json!({ "controlType": 7, "content": ["?"] }));
    let id = messages[1]["content"].as_str().unwrap();
    let reply = customer.download(id, "txt", true).await;
    assert_eq!(reply.body["fileStream"], "d29yZHM=");
    // Controls are no calls of the cloud.
    assert_eq!(customer.talk.cloud.count(Call::Any), 0);
    assert_eq!(customer.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_name_the_user_of_the_printed_configuration_is_meant() {
    let customer = Customer::new().await;
    act(&customer, "text", "hello").await;
    assert_eq!(customer.desk().waiting("syncd-node-01"), 1);
}

#[tokio::test]
async fn the_desk_is_led_by_requests() {
    let mut customer = Customer::connected(DeskOptions::default()).await;
    act(&customer, "hang-up?user=node-1&how=agent", "").await;
    assert_eq!(customer.desk().phase(USER), None);
    act(&customer, "open?is=no", "").await;
    assert_eq!(customer.control("CONNECT").await, "12");
    act(&customer, "open?is=yes", "").await;
    assert_eq!(customer.control("CONNECT").await, "0");
    act(&customer, "lose-session?user=node-1", "").await;
    assert_eq!(customer.control("CONNECT").await, "0");
    assert_eq!(customer.desk().phase(USER), Some(Phase::Agent));
    act(&customer, "expire?what=client", "").await;
    customer.client = customer.poll().await.token.unwrap();
    act(&customer, "expire?what=revoke-client", "").await;
    assert_eq!(customer.poll().await.code(), "http 401");
    act(&customer, "expire?what=access", "").await;
    assert_eq!(customer.poll().await.code(), "http 403");
    act(&customer, "answering?is=no", "").await;
    let silent = customer
        .polling("")
        .timeout(std::time::Duration::from_millis(100));
    assert!(silent.send().await.unwrap_err().is_timeout());
    act(&customer, "answering?is=yes", "").await;
    assert_eq!(customer.poll().await.code(), "http 403");

    for (method, what) in [
        (Method::POST, "hang-up?how=rudely"),
        (Method::POST, "file"),
        (Method::POST, "raw"),
        (Method::POST, "dance"),
        (Method::GET, "file"),
        (Method::PUT, "file"),
    ] {
        let refused = ask(&customer, method, what, "").await;
        assert_eq!(refused.status(), 400, "{what}");
    }
}

#[tokio::test]
async fn what_arrived_and_what_was_asked_can_be_listed() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let key = customer.upload("csv", "c3luY2Q=").await;
    let mut body = words(&format!("a.csv,5,{key},csv"));
    body["mediaType"] = json!("FILE");
    body["messageId"] = json!("m-1");
    customer.call("send", &body).await;
    customer.call("nothing", &json!({})).await;
    let received = look(&customer, "received").await;
    let object = &received["objects"][0];
    assert_eq!(
        (&object["objectKey"], &object["size"]),
        (&json!(key), &json!(5))
    );
    let sha256 = &customer.desk().uploads()[0].object.sha256;
    assert_eq!(object["sha256"], json!(sha256));
    let message = &received["messages"][1];
    assert_eq!(
        (&message["messageId"], &message["objectKey"]),
        (&json!("m-1"), &json!(key))
    );
    let calls = look(&customer, "calls").await;
    assert_eq!(calls["violations"].as_array().unwrap().len(), 1);
    let calls = calls["calls"].as_array().unwrap();
    assert_eq!(calls[2]["what"], "CONNECT");
    assert!(
        !calls
            .iter()
            .any(|call| call.to_string().contains(&customer.client))
    );
}

#[test]
fn the_command_prints_a_configuration_and_a_request_that_puts_a_file() {
    let mut output = Vec::new();
    let options = EmulateOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        faults: None,
        root: None,
    };
    serve::run(options, &mut output, || ()).unwrap();
    let text = String::from_utf8(output).unwrap();
    let snippet = text.split_once("[accounts").unwrap().1;
    let config: toml::Table = toml::from_str(&format!("[accounts{snippet}")).unwrap();
    let account = &config["accounts"]["desk"];
    let base = account["base_url"].as_str().unwrap();
    assert_eq!(account["provider"].as_str(), Some("ccmessaging"));
    assert_eq!(config["inbox"][0]["account"].as_str(), Some("desk"));
    assert_eq!(config["folder"][1]["flow"].as_str(), Some("ccmessaging"));
    let command = format!("curl -d 'Hello from the desk.' '{base}/emulator/desk/file?type=txt'");
    assert!(text.contains(&command), "{text}");
}
