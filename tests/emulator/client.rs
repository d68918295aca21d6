//! A client of the protocols, plain enough to break each rule on purpose.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use syncd::emulator::{Emulator, EmulatorOptions, Running};

pub(crate) const ENV: &str = "demo-1a2b3c";

/// An emulator and somebody who talks to it.
pub(crate) struct Talk {
    pub(crate) cloud: Running,
    pub(crate) http: Client,
}

/// A link as it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Talk {
    pub(crate) fn new() -> Self {
        Self::with(EmulatorOptions::default())
    }

    pub(crate) fn with(options: EmulatorOptions) -> Self {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            cloud: Emulator::start(options).unwrap(),
            http,
        }
    }

    /// Adds one fault of a script.
    pub(crate) fn fault(&self, call: &str, effect: &str) {
        let script = format!("[[fault]]\ncall = \"{call}\"\n{effect}");
        self.cloud.inject_script(&script).unwrap();
    }

    pub(crate) async fn token(&self) -> String {
        let reply = self.http.get(self.cloud.token_url()).send().await.unwrap();
        let reply: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
        reply["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http
            .post(format!("{}{path}", self.cloud.base_url()))
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// A call of the API: what it answered, which is JSON with status 200 in health and sickness.
    pub(crate) async fn call(&self, path: &str, token: &str, body: &Value) -> Value {
        let path = format!("{path}?access_token={token}");
        read(self.post(&path, body).send().await.unwrap()).await
    }

    pub(crate) async fn link_reply(&self, key: &str) -> Value {
        let body = json!({ "env": ENV, "filename": key });
        let token = self.token().await;
        self.call("/componenttcb/staticuploadfile", &token, &body)
            .await
    }

    pub(crate) async fn link(&self, key: &str) -> Link {
        let reply = self.link_reply(key).await;
        assert_eq!(reply["errcode"], 0, "{reply}");
        Link {
            url: reply["signed_url"].as_str().unwrap().to_owned(),
            token: reply["token"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn put(&self, link: &Link, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.http
            .request(Method::PUT, &link.url)
            .header("x-cos-security-token", &link.token)
            .header("content-type", "text/plain; charset=utf-8")
            .body(body)
    }

    pub(crate) async fn upload(&self, key: &str, body: &'static str) -> Response {
        let link = self.link(key).await;
        self.put(&link, body).send().await.unwrap()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.cloud.object(ENV, key).is_some()
    }
}

pub(crate) async fn read(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// Status, code and message of an object store's refusal.
pub(crate) async fn refusal(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-cos-request-id"));
    let xml = response.text().await.unwrap();
    let element = |name: &str| {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = xml.split_once(&open).unwrap().1;
        rest.split_once(&close).unwrap().0.to_owned()
    };
    (status, element("Code"), element("Message"))
}
