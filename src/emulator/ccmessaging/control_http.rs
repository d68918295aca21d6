//! The desk's controls over HTTP, for a person with curl. No part of the cloud: what is asked here
//! is neither counted nor hit by faults.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::control::{AgentFile, DeskControl, FilePlace, MessageCode};
use super::message::HangUp;
use crate::emulator::answer::text_reply;
use crate::emulator::cloud::Cloud;
use crate::emulator::record::{LoggedRequest, Outcome};

/// Below this path.
const PREFIX: &str = "/emulator/desk/";
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Whether a path is one of these controls.
pub(in crate::emulator) fn plays(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a control call.
pub(in crate::emulator) async fn answer(cloud: &Arc<Cloud>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let done = match to_bytes(body, BODY_BYTES_MAX).await {
        Err(error) => Err(format!("the body cannot be read: {error}")),
        Ok(body) => {
            let ask = Ask {
                name: head.uri.path().trim_start_matches(PREFIX),
                query: head.uri.query().unwrap_or_default(),
                body,
            };
            match head.method {
                Method::GET => look(cloud, &ask),
                Method::POST => act(DeskControl::new(cloud), ask),
                _ => Err("GET looks, POST acts".to_owned()),
            }
        }
    };
    match done {
        Ok(value) => text_reply(200, "application/json", format!("{value:#}\n")),
        Err(why) => text_reply(400, "text/plain; charset=utf-8", format!("{why}\n")),
    }
}

struct Ask<'a> {
    name: &'a str,
    query: &'a str,
    body: Bytes,
}

impl Ask<'_> {
    fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.into_owned())
    }

    /// One of a few words; the first one if none is given.
    fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, String> {
        let given = self.parameter(name);
        let found = match &given {
            None => choices.first(),
            Some(given) => choices.iter().find(|(word, _)| word == given),
        };
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            format!("`{name}` is one of {}", words.join(", "))
        })
    }
}

/// Which tokens end.
#[derive(Clone, Copy)]
enum End {
    Access,
    Client,
    RevokeClient,
}

fn act(desk: DeskControl<'_>, ask: Ask<'_>) -> Result<Value, String> {
    let known = || desk.credentials().user_id.clone();
    let user = ask.parameter("user").unwrap_or_else(known);
    let yes_no = [("yes", true), ("no", false)];
    match ask.name {
        "file" => return put_file(desk, &user, ask),
        "text" => {
            let words = std::str::from_utf8(&ask.body).map_err(|error| error.to_string())?;
            return Ok(desk.put_text(&user, words));
        }
        "raw" => {
            let message = serde_json::from_slice(&ask.body)
                .map_err(|error| format!("the body is no JSON: {error}"))?;
            desk.put_raw(&user, message);
        }
        "hang-up" => {
            let ways = [
                ("agent", HangUp::Agent),
                ("time-out", HangUp::TimeOut),
                ("offline", HangUp::Offline),
            ];
            desk.hang_up(&user, ask.choice("how", &ways)?);
        }
        "lose-session" => desk.lose_session(&user),
        "open" => desk.set_open(ask.choice("is", &yes_no)?),
        "answering" => desk.set_answering(ask.choice("is", &yes_no)?),
        "expire" => {
            let ends = [
                ("access", End::Access),
                ("client", End::Client),
                ("revoke-client", End::RevokeClient),
            ];
            match ask.choice("what", &ends)? {
                End::Access => desk.expire_access_tokens(),
                End::Client => desk.expire_client_tokens(),
                End::RevokeClient => desk.revoke_client_tokens(),
            }
        }
        _ => {
            return Err(
                "POST file, text, raw, hang-up, lose-session, open, answering or expire".to_owned(),
            );
        }
    }
    Ok(json!({ "done": true }))
}

fn put_file(desk: DeskControl<'_>, user: &str, ask: Ask<'_>) -> Result<Value, String> {
    let places = [("local", FilePlace::Local), ("library", FilePlace::Library)];
    let place = ask.choice("place", &places)?;
    let message_code = match ask.parameter("code") {
        None => MessageCode::Fresh,
        Some(code) if code.is_empty() => MessageCode::Absent,
        Some(code) => MessageCode::Given(code),
    };
    let file_type = ask
        .parameter("type")
        .ok_or("`type` is missing: jpg, png, pdf, …")?;
    let file = AgentFile::local(&file_type, ask.body.clone());
    let media_type = ask.parameter("media").unwrap_or(file.media_type);
    let file = AgentFile {
        media_type,
        place,
        message_code,
        id: ask.parameter("id"),
        file_type: Some(file_type).filter(|given| !given.is_empty()),
        ..AgentFile::local("", ask.body)
    };
    let put = desk
        .put_file(user, file)
        .map_err(|error| format!("the file cannot be kept: {error}"))?;
    Ok(json!({ "message": put.message, "sha256": put.sha256 }))
}

fn look(cloud: &Cloud, ask: &Ask<'_>) -> Result<Value, String> {
    let desk = DeskControl::new(cloud);
    match ask.name {
        "received" => Ok(received(desk)),
        "calls" => {
            let requests = cloud.record.requests();
            let calls: Vec<Value> = requests.iter().map(call).collect();
            Ok(json!({ "calls": calls, "violations": cloud.record.violations() }))
        }
        _ => Err("GET received or calls".to_owned()),
    }
}

fn received(desk: DeskControl<'_>) -> Value {
    let messages: Vec<Value> = desk
        .sent()
        .into_iter()
        .map(|sent| {
            json!({
                "user": sent.user,
                "controlType": sent.control_type,
                "mediaType": sent.media_type,
                "content": sent.content,
                "messageId": sent.message_id,
                "objectKey": sent.object_key,
            })
        })
        .collect();
    let objects: Vec<Value> = desk
        .uploads()
        .into_iter()
        .map(|uploaded| {
            json!({
                "objectKey": uploaded.object_key,
                "user": uploaded.user,
                "fileType": uploaded.file_type,
                "size": uploaded.object.size,
                "sha256": uploaded.object.sha256,
            })
        })
        .collect();
    json!({ "messages": messages, "objects": objects })
}

fn call(request: &LoggedRequest) -> Value {
    let outcome = match &request.outcome {
        Outcome::Answered { status, code } => json!({ "status": status, "code": code }),
        Outcome::Cut => json!("cut"),
        Outcome::Abandoned => json!("abandoned"),
    };
    json!({
        "method": request.method,
        "path": request.path,
        "what": request.key,
        "receivedBytes": request.received_bytes,
        "outcome": outcome,
    })
}
