//! The object store behind the links: PUT, POST, GET and HEAD of one object (protocol notes 2.2, 3.2, 4).
//!
//! What holds for every request is here; `cos_put.rs` and `cos_post.rs` take uploads in.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Response, header};
use percent_encoding::percent_decode_str;

use super::answer::Answer;
use super::cos_error::CosError;
use super::cos_post::post;
use super::cos_put::put;
use super::exchange::Exchange;
use super::faults::Call;
use super::links::{Grant, LinkRefusal};
use super::objects::{Space, StoredObject};

/// Which call a method is.
pub(super) fn call_of(method: &Method) -> Call {
    match *method {
        Method::PUT => Call::Put,
        Method::POST => Call::Post,
        Method::GET | Method::HEAD => Call::Get,
        _ => Call::Any,
    }
}

/// The object that a request is about.
pub(super) struct Target {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) space: Space,
    pub(super) environment: String,
}

impl Target {
    /// Whose objects it is among.
    pub(super) fn owner(&self) -> (Space, &str) {
        (self.space, &self.environment)
    }
}

/// Answers a request to the object store.
pub(super) async fn answer(exchange: &mut Exchange) -> Answer {
    let target = target(exchange);
    exchange.key = target.as_ref().ok().map(|target| target.key.clone());
    let has_token = exchange.has_token_in_head();
    if has_token {
        exchange.violate("an API token was sent to the upload host");
    }
    exchange.strike().await;
    if let Some(answer) = exchange.common_fault().or_else(|| scripted(exchange)) {
        exchange.drain().await;
        return answer;
    }
    let result = match target {
        Err(error) => Err(error),
        Ok(_) if has_token => Err(CosError::new(
            400,
            "InvalidArgument",
            "an access token does not belong here",
        )),
        Ok(target) if exchange.call == Call::Put => put(exchange, &target).await,
        Ok(target) if exchange.call == Call::Post => post(exchange, &target).await,
        Ok(target) if exchange.call == Call::Get => get(exchange, &target),
        Ok(_) => Err(CosError::new(405, "MethodNotAllowed", "Method not allowed")),
    };
    match result {
        Ok(answer) => answer.dropped_if(exchange.effect.commit_then_drop),
        Err(error) => {
            exchange.drain().await;
            error.into_answer(exchange)
        }
    }
}

fn target(exchange: &Exchange) -> Result<Target, CosError> {
    let invalid = || CosError::new(400, "InvalidURI", "Could not parse the specified URI");
    let path = exchange.head.uri.path();
    let (bucket, key) = path
        .strip_prefix("/cos/")
        .and_then(|path| path.split_once('/'))
        .ok_or_else(invalid)?;
    let key = percent_decode_str(key)
        .decode_utf8()
        .map_err(|_| invalid())?;
    let (space, environment) = exchange
        .cloud
        .owner_of(bucket)
        .ok_or_else(|| CosError::new(404, "NoSuchBucket", "The bucket does not exist"))?;
    Ok(Target {
        bucket: bucket.to_owned(),
        key: key.into_owned(),
        space,
        environment,
    })
}

/// Checks the signature; says when the link ends.
pub(super) fn check_link(exchange: &Exchange, target: &Target) -> Result<i64, CosError> {
    let grant = Grant {
        method: exchange.head.method.as_str(),
        bucket: &target.bucket,
        key: &target.key,
    };
    let query = exchange.head.uri.query().unwrap_or_default();
    let token = exchange.header("x-cos-security-token");
    let now_ms = exchange.cloud.clock.now_ms();
    match exchange.cloud.links.check(grant, query, token, now_ms) {
        Ok(accepted) => {
            if !accepted.verbatim {
                exchange.violate("the link was not sent as it was given out");
            }
            Ok(accepted.end_ms)
        }
        Err(refusal) => Err(refused_link(exchange, refusal)),
    }
}

/// What the object store says to a link that does not work.
pub(super) fn refused_link(exchange: &Exchange, refusal: LinkRefusal) -> CosError {
    let denied = |message: &str| CosError::new(403, "AccessDenied", message);
    let (violation, error) = match refusal {
        LinkRefusal::Expired => return denied("Request has expired"),
        LinkRefusal::Missing => ("an upload without a signature", denied("Access Denied")),
        LinkRefusal::NoToken => (
            "an upload without x-cos-security-token",
            denied("Access Denied: no security token"),
        ),
        LinkRefusal::WrongToken => (
            "the x-cos-security-token of another link",
            CosError::new(
                403,
                "InvalidAccessKeyId",
                "The security token is not this link's",
            ),
        ),
        LinkRefusal::Changed => (
            "the signature does not fit method, key and window",
            CosError::new(
                403,
                "SignatureDoesNotMatch",
                "The signature we calculated does not match the signature you provided",
            ),
        ),
    };
    exchange.violate(violation);
    error
}

/// Anybody may read a website's bucket, and nobody a storage's; a signature, if there is one, must fit.
fn get(exchange: &Exchange, target: &Target) -> Result<Answer, CosError> {
    if exchange
        .head
        .uri
        .query()
        .is_some_and(|query| query.starts_with("sign="))
    {
        check_link(exchange, target)?;
    }
    if target.space == Space::Storage {
        return Err(CosError::new(403, "AccessDenied", "Access Denied"));
    }
    let object = exchange
        .cloud
        .object(target.owner(), &target.key)
        .ok_or_else(|| CosError::new(404, "NoSuchKey", "The specified key does not exist"))?;
    let mut response = download(&object)
        .ok_or_else(|| CosError::new(500, "InternalError", "only its checksums were kept"))?;
    let headers = response.headers_mut();
    headers.insert("x-cos-hash-crc64ecma", HeaderValue::from(object.crc64));
    if let Ok(id) = HeaderValue::from_str(&exchange.cloud.request_id()) {
        headers.insert("x-cos-request-id", id);
    }
    Ok(Answer::success(response))
}

/// An object with its headers; `None` if its bytes are not there.
pub(super) fn download(object: &Arc<StoredObject>) -> Option<Response<Body>> {
    let pieces = object.pieces().ok()??;
    let stream = futures_util::stream::iter(pieces);
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    for (name, value) in &object.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", object.md5)) {
        headers.insert(header::ETAG, etag);
    }
    Some(response)
}

/// The answer that a fault puts in place of the real one.
fn scripted(exchange: &Exchange) -> Option<Answer> {
    let effect = &exchange.effect;
    let error = CosError {
        status: effect.status?,
        code: effect.cos_code.clone()?,
        message: effect
            .cos_message
            .clone()
            .unwrap_or_else(|| "emulated fault".to_owned()),
    };
    Some(error.into_answer(exchange))
}
