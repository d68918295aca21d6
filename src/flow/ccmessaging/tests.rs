//! The flow against the contract: tables, properties, and every cut of an answer.

mod access;
mod answers;
mod download;
mod messages;
mod outgoing;
mod upload;

use bytes::Bytes;

use crate::model::desk::{DeskSpec, MediaContent};
use crate::model::secret::Secret;
use crate::port::transport::{Body, Reply, Request};

fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

fn ok(body: &str) -> Reply {
    reply(200, body.to_owned())
}

fn desk() -> DeskSpec {
    DeskSpec {
        name: "desk".to_owned(),
        base_url: "https://service.example.com".to_owned(),
        token_url: "https://token.example.com:28070/apigovernance/api/oauth/tokenByAkSk".to_owned(),
        app_key: "ak-1".to_owned(),
        app_secret: Secret::new("sk-canary"),
        channel_id: "202500000000000001".to_owned(),
        user_id: "syncd-node-01".to_owned(),
        user_name: "node \"1\"".to_owned(),
        locale: "en".to_owned(),
        media_content: MediaContent::Plain,
    }
}

fn json(request: &Request) -> serde_json::Value {
    match &request.body {
        Body::Held(bytes) => serde_json::from_slice(bytes).unwrap(),
        _ => panic!("the body is not held"),
    }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let mut values = request.headers.iter().filter(|(have, _)| have == name);
    let value = values.next().map(|(_, value)| value.expose());
    assert!(values.next().is_none(), "{name} is there twice");
    value
}
