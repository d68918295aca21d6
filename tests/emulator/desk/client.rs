//! A customer of the desk, plain enough to break each rule on purpose.

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use syncd::emulator::{DeskControl, DeskOptions, DeskPollOptions, EmulatorOptions};

use crate::client::Talk;

pub(crate) const USER: &str = "node-1";
pub(crate) const CHANNEL: &str = "202500000000000001";
pub(crate) const LOGIN: &str = "/apigovernance/api/oauth/tokenByAkSk";

/// An emulator and a customer with both tokens.
pub(crate) struct Customer {
    pub(crate) talk: Talk,
    pub(crate) access: String,
    pub(crate) client: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// The header `ccmessaging-token`.
    pub(crate) token: Option<String>,
}

impl Reply {
    pub(crate) async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let token = response.headers().get("ccmessaging-token");
        let token = token.map(|token| token.to_str().unwrap().to_owned());
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap();
        Self {
            status,
            body,
            token,
        }
    }

    /// The code in the body, or `http` and the status if it is the gateway that refuses.
    pub(crate) fn code(&self) -> String {
        if self.status != 200 {
            assert!(self.body["errorCode"].is_string(), "{self:?}");
            assert!(self.body["exceptionInfo"].is_string(), "{self:?}");
            return format!("http {}", self.status);
        }
        let code = self.body.get("returnCode").or(self.body.get("resultCode"));
        code.unwrap().to_string().trim_matches('"').to_owned()
    }
}

impl Customer {
    /// With polls that are hardly held.
    pub(crate) async fn new() -> Self {
        Self::with(DeskOptions::default()).await
    }

    pub(crate) async fn with(options: DeskOptions) -> Self {
        Self::holding(std::time::Duration::from_millis(20), options).await
    }

    pub(crate) async fn holding(hold: std::time::Duration, options: DeskOptions) -> Self {
        let talk = Talk::with(EmulatorOptions {
            desk: DeskOptions {
                poll: DeskPollOptions {
                    hold,
                    ..options.poll
                },
                ..options
            },
            ..EmulatorOptions::default()
        });
        let mut customer = Self {
            talk,
            access: String::new(),
            client: String::new(),
        };
        customer.log_in().await;
        customer.apply().await;
        customer
    }

    /// The same, with a session.
    pub(crate) async fn connected(options: DeskOptions) -> Self {
        let customer = Self::with(options).await;
        assert_eq!(customer.control("CONNECT").await, "0");
        customer
    }

    pub(crate) fn desk(&self) -> DeskControl<'_> {
        self.talk.cloud.desk()
    }

    pub(crate) async fn log_in(&mut self) {
        let known = json!({ "app_key": "ak-emulated-0001", "app_secret": "emulated-desk-secret" });
        let request = self
            .talk
            .post(LOGIN, &known)
            .header("x-token-expire", "3600");
        let reply = Reply::read(request.send().await.unwrap()).await;
        self.access = text(&reply.body["AccessToken"]);
    }

    pub(crate) async fn apply(&mut self) {
        let reply = self.call("applyToken", &application()).await;
        self.client = text(&reply.body["token"]);
    }

    fn with_head(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .header("authorization", format!("Bearer {}", self.access))
            .header("x-app-key", "ak-emulated-0001")
            .header("ccmessaging-token", &self.client)
    }

    pub(crate) fn post(&self, call: &str, body: &Value) -> RequestBuilder {
        let path = format!("/apiaccess/ccmessaging/{call}");
        self.with_head(self.talk.post(&path, body))
    }

    pub(crate) async fn call(&self, call: &str, body: &Value) -> Reply {
        Reply::read(self.post(call, body).send().await.unwrap()).await
    }

    pub(crate) fn polling(&self, query: &str) -> RequestBuilder {
        let base = self.talk.cloud.base_url();
        let url = format!("{base}/apiaccess/ccmessaging/poll?{query}");
        self.with_head(self.talk.http.get(url))
    }

    pub(crate) async fn poll(&self) -> Reply {
        let request = self.polling(&format!("receiverId={USER}&channel=WEB"));
        Reply::read(request.send().await.unwrap()).await
    }

    /// The messages of one poll.
    pub(crate) async fn messages(&self) -> Vec<Value> {
        let reply = self.poll().await;
        assert_eq!(reply.code(), "0", "{reply:?}");
        reply.body["downlinkMessages"].as_array().unwrap().clone()
    }

    /// Sends without a content; gives the code.
    pub(crate) async fn control(&self, control_type: &str) -> String {
        let mut body = words("");
        body["controlType"] = json!(control_type);
        self.call("send", &body).await.code()
    }

    /// Uploads; gives the object key.
    pub(crate) async fn upload(&self, file_type: &str, base64: &str) -> String {
        let reply = self
            .call("uploadFileStream", &file(file_type, base64))
            .await;
        assert_eq!(reply.code(), "0", "{reply:?}");
        text(&reply.body["objectKey"])
    }

    pub(crate) async fn download(&self, id: &str, file_type: &str, is_library: bool) -> Reply {
        self.call("downloadFileStream", &wanted(id, file_type, is_library))
            .await
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.talk.cloud.violations()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn application() -> Value {
    json!({ "userId": USER, "userName": "n", "channelId": CHANNEL, "locale": "en" })
}

/// A text for the agent.
pub(crate) fn words(content: &str) -> Value {
    json!({
        "channel": "WEB", "controlType": "CHAT", "mediaType": "TEXT", "content": content,
        "from": USER, "to": CHANNEL, "sourceType": "CUSTOMER", "timestamp": "1760000000000",
        "userAgent": null,
    })
}

/// An uploaded file for the agent.
pub(crate) fn media(media_type: &str, content: &str) -> Value {
    let mut body = words(content);
    body["mediaType"] = json!(media_type);
    body
}

pub(crate) fn file(file_type: &str, base64: &str) -> Value {
    json!({ "fileType": file_type, "channel": "WEB", "fileStream": base64 })
}

pub(crate) fn wanted(id: &str, file_type: &str, is_library: bool) -> Value {
    let mut body = json!({ "fileId": id, "channel": "WEB", "fileType": file_type });
    if is_library {
        body["multiMedia"] = json!("multiMedia");
    }
    body
}

pub(crate) fn queue() -> Value {
    json!({ "userId": USER, "channelConfigId": CHANNEL, "channel": "WEB" })
}

pub(crate) fn history(limit: &str, offset: &str) -> Value {
    json!({
        "userId": USER, "channelId": CHANNEL, "channel": "WEB", "limit": limit, "offset": offset,
    })
}
