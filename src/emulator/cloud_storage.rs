//! The cloud-storage calls of the API (protocol notes 2.1, 2.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::api::{Refusal, authorised_fields, text};
use super::exchange::Exchange;
use super::links::{Grant, encoded_key};
use super::objects::Space;
use super::static_website::key_fault;
use super::tokens::Kind;

/// `POST /tcb/uploadfile` and `POST /componenttcb/uploadfile`, which differ by the token they want: a link
/// for one form.
pub(super) fn upload_link(
    exchange: &Exchange,
    body: &Bytes,
    wanted: Kind,
) -> Result<Value, Refusal> {
    let fields = authorised_fields(exchange, body, wanted)?;
    let environment = text(&fields, "env")?;
    let key = text(&fields, "path")?;
    let cloud = &exchange.cloud;
    let bucket = cloud
        .buckets(Space::Storage)
        .get(environment)
        .map(|bucket| bucket.name.clone())
        .ok_or_else(|| Refusal::new(-501_000, "[100003] env not exists"))?;
    if let Some(fault) = key_fault(key) {
        exchange.violate(&format!("the key {fault}"));
        return Err(Refusal::new(
            -501_007,
            format!("invalid parameter: path {fault}"),
        ));
    }
    if exchange.effect.empty_link {
        return Ok(json!({ "errcode": 0, "errmsg": "ok", "url": "", "token": "" }));
    }
    let window = exchange.effect.window;
    let window = window.unwrap_or(cloud.options.storage_window);
    let start_ms = cloud.clock.now_ms();
    let end_ms = start_ms.saturating_add(i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
    let grant = Grant {
        method: "POST",
        bucket: &bucket,
        key,
    };
    let (authorization, token) = cloud.links.authorize(grant, (start_ms, end_ms));
    let path = format!("{bucket}/{}", encoded_key(key));
    Ok(json!({
        "errcode": 0,
        "errmsg": "ok",
        "url": format!("http://{}/cos/{path}", cloud.addresses.cos),
        "token": token,
        "authorization": authorization,
        "file_id": format!("cloud://{environment}.{bucket}/{key}"),
        "cos_file_id": cos_file_id(&bucket, key),
    }))
}

/// The object store's own word for an object: base64, with each of the characters that a careless client
/// changes on the way.
pub(super) fn cos_file_id(bucket: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{bucket}/{key}"));
    format!("EMU+/{}", STANDARD.encode(digest))
}
