//! Uploads to the object store (protocol notes 4.1, 4.3, 4.6).
//!
//! An upload becomes an object only when all its bytes are there and were found right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::Answer;
use super::cos::{Target, check_link};
use super::cos_error::CosError;
use super::exchange::{Exchange, Piece};
use super::objects::{Incoming, StoredObject, hex};
use super::record::CompletedPut;
use super::static_website::key_fault;

/// All `x-cos-meta-*` headers together, in bytes (protocol notes 4.6).
const METADATA_BYTES_MAX: usize = 2048;
/// Headers that are stored and given back.
const STORED_HEADERS: [&str; 5] = [
    "content-type",
    "cache-control",
    "expires",
    "content-encoding",
    "content-disposition",
];

/// An upload that may begin.
struct Admitted {
    /// When its link ends.
    end_ms: i64,
    length: u64,
    md5: Option<[u8; 16]>,
    headers: BTreeMap<String, String>,
}

/// Takes an upload in.
pub(super) async fn put(exchange: &mut Exchange, target: &Target) -> Result<Answer, CosError> {
    let admitted = admit(exchange, target)?;
    let Some(incoming) = receive(exchange, &admitted).await? else {
        return Ok(Answer::Cut);
    };
    let now_ms = exchange.cloud.clock.now_ms();
    let object = incoming.finish(&target.key, admitted.headers, now_ms);
    if object.size != admitted.length {
        return Err(CosError::new(
            400,
            "IncompleteBody",
            "The body is not complete",
        ));
    }
    check_md5(exchange, admitted.md5, &object)?;
    let mut response = checksums(exchange, &object);
    let crc64 = if exchange.effect.wrong_crc {
        object.crc64 ^ 1
    } else {
        object.crc64
    };
    if !exchange.effect.omit_crc {
        let headers = response.headers_mut();
        headers.insert("x-cos-hash-crc64ecma", HeaderValue::from(crc64));
    }
    keep(exchange, target, object);
    Ok(Answer::success(response))
}

/// Puts the object in its place.
pub(super) fn keep(exchange: &Exchange, target: &Target, object: StoredObject) {
    let completed = CompletedPut {
        space: target.space,
        environment: target.environment.clone(),
        key: object.key.clone(),
        size: object.size,
        sha256: object.sha256.clone(),
    };
    exchange.cloud.store(target.owner(), Arc::new(object));
    exchange.cloud.record.complete(completed);
}

/// Refuses an upload of which there are too many at a time.
pub(super) fn check_busy(exchange: &Exchange) -> Result<(), CosError> {
    let busy = exchange.cloud.record.in_flight(exchange.call);
    let most = exchange.cloud.options.concurrent_puts_max;
    if most.is_some_and(|most| busy > most) {
        return Err(CosError::new(
            503,
            "SlowDown",
            "Please reduce your request rate",
        ));
    }
    Ok(())
}

/// Everything that is checked before the body is read.
fn admit(exchange: &Exchange, target: &Target) -> Result<Admitted, CosError> {
    let end_ms = check_link(exchange, target)?;
    if key_fault(&target.key).is_some() {
        return Err(CosError::new(400, "InvalidURI", "The key is not allowed"));
    }
    check_busy(exchange)?;
    let length = length(exchange)?;
    if length > exchange.cloud.options.object_bytes_max {
        return Err(too_large());
    }
    if exchange.header("content-type").is_none_or(str::is_empty) {
        exchange.violate("an upload without a Content-Type");
        return Err(CosError::new(
            400,
            "InvalidArgument",
            "Content-Type is required",
        ));
    }
    Ok(Admitted {
        end_ms,
        length,
        md5: declared_md5(exchange, exchange.header("content-md5"))?,
        headers: stored_headers(exchange)?,
    })
}

pub(super) fn too_large() -> CosError {
    CosError::new(
        400,
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed object size",
    )
}

/// The length of the request's body.
pub(super) fn length(exchange: &Exchange) -> Result<u64, CosError> {
    let missing = || CosError::new(411, "MissingContentLength", "Content-Length is required");
    if exchange.header("transfer-encoding").is_some() {
        exchange.violate("a chunked upload");
        return Err(missing());
    }
    let Some(length) = exchange
        .header("content-length")
        .and_then(|text| text.parse().ok())
    else {
        exchange.violate("an upload without a Content-Length");
        return Err(missing());
    };
    Ok(length)
}

/// Compares an object with the digest that was declared for it.
pub(super) fn check_md5(
    exchange: &Exchange,
    declared: Option<[u8; 16]>,
    object: &StoredObject,
) -> Result<(), CosError> {
    if declared.is_none_or(|md5| hex(&md5) == object.md5) {
        return Ok(());
    }
    exchange.violate("the body does not have the Content-MD5 it was sent with");
    Err(CosError::new(
        400,
        "BadDigest",
        "The Content-MD5 you specified did not match what we received",
    ))
}

/// A `Content-MD5` from a header or from a field.
pub(super) fn declared_md5(
    exchange: &Exchange,
    text: Option<&str>,
) -> Result<Option<[u8; 16]>, CosError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let md5 = STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    if md5.is_none() {
        exchange.violate("a Content-MD5 that is not the base64 of 16 bytes");
        return Err(CosError::new(
            400,
            "InvalidDigest",
            "The Content-MD5 is not valid",
        ));
    }
    Ok(md5)
}

fn stored_headers(exchange: &Exchange) -> Result<BTreeMap<String, String>, CosError> {
    let mut stored = BTreeMap::new();
    let mut metadata_bytes = 0;
    for (name, value) in &exchange.head.headers {
        let (name, value) = (name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        let is_metadata = name.starts_with("x-cos-meta-");
        if is_metadata {
            metadata_bytes += name.len() + value.len();
            if name.contains('_') {
                exchange.violate("the name of a x-cos-meta- header has an underscore");
            }
        }
        if is_metadata || STORED_HEADERS.contains(&name) {
            stored.insert(name.to_owned(), value.into_owned());
        }
    }
    if metadata_bytes > METADATA_BYTES_MAX {
        return Err(CosError::new(
            400,
            "MetadataTooLarge",
            "The metadata is too large",
        ));
    }
    Ok(stored)
}

/// Takes the body in; `None` if it was broken off. When the link ends before the body does, the
/// upload is interrupted (protocol notes 4.4).
async fn receive(
    exchange: &mut Exchange,
    admitted: &Admitted,
) -> Result<Option<Incoming>, CosError> {
    let mut incoming = Incoming::new(exchange.cloud.spool());
    loop {
        let left = left_of(exchange, admitted.end_ms);
        let piece = tokio::time::timeout(left, exchange.piece()).await;
        match piece.map_err(|_| expired())? {
            Piece::More(bytes) => add(&mut incoming, &bytes)?,
            Piece::End => return Ok(Some(incoming)),
            Piece::Broken => return Ok(None),
        }
    }
}

/// How long a link still works.
pub(super) fn left_of(exchange: &Exchange, end_ms: i64) -> Duration {
    let left_ms = end_ms - exchange.cloud.clock.now_ms();
    Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
}

/// What is said when a link ends before its upload does.
pub(super) fn expired() -> CosError {
    CosError::new(403, "AccessDenied", "Request has expired")
}

/// Adds bytes to an object on its way in.
pub(super) fn add(incoming: &mut Incoming, bytes: &[u8]) -> Result<(), CosError> {
    incoming.push(bytes).map_err(|error| {
        let message = format!("the emulator cannot store this: {error}");
        CosError::new(500, "InternalError", &message)
    })
}

/// The reply to an upload, with its `ETag` unless a fault bends it.
pub(super) fn checksums(exchange: &Exchange, object: &StoredObject) -> Response<Body> {
    let effect = &exchange.effect;
    let md5 = if effect.wrong_etag {
        "0123456789abcdef0123456789abcdef"
    } else {
        &object.md5
    };
    let mut response = Response::new(Body::empty());
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    };
    if !effect.omit_etag {
        set("etag", format!("\"{md5}\""));
    }
    set("x-cos-request-id", exchange.cloud.request_id());
    response
}
