//! Uploads to the object store by a form (protocol notes 2.2, 4.2).
//!
//! Strict about what the notes say of the form: which fields, in which order, each value as it was given
//! out, and the file as the last part.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use super::answer::{Answer, text_reply};
use super::cloud_storage::cos_file_id;
use super::cos::{Target, refused_link};
use super::cos_error::CosError;
use super::cos_put::{
    add, check_busy, check_md5, checksums, declared_md5, expired, keep, left_of, length, too_large,
};
use super::exchange::Exchange;
use super::form_reader::{FormFault, FormReader};
use super::links::{Grant, LinkRefusal};
use super::objects::{Incoming, StoredObject};
use super::static_website::key_fault;
use super::tokens::TOKEN_MARK;

/// The fields that come first, in this order.
const REQUIRED: [&str; 4] = [
    "key",
    "Signature",
    "x-cos-security-token",
    "x-cos-meta-fileid",
];
/// The fields that may follow.
const OPTIONAL: [&str; 4] = [
    "Content-Type",
    "Cache-Control",
    "Content-MD5",
    "success_action_status",
];

/// Why no object comes of a form.
enum Ended {
    Cut,
    Refused(CosError),
}

impl From<CosError> for Ended {
    fn from(error: CosError) -> Self {
        Self::Refused(error)
    }
}

impl From<FormFault> for Ended {
    fn from(fault: FormFault) -> Self {
        let malformed = |message| CosError::new(400, "MalformedPOSTRequest", message);
        Self::Refused(match fault {
            FormFault::Broken => return Self::Cut,
            FormFault::Short => CosError::new(400, "IncompleteBody", "The body is not complete"),
            FormFault::Malformed => {
                malformed("The body of your POST request is not well-formed multipart/form-data")
            }
            FormFault::TooLong => CosError::new(
                400,
                "MaxPostPreDataLengthExceededError",
                "The fields preceding the upload file were too large",
            ),
        })
    }
}

/// The fields of a form, by name.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Takes a form in.
pub(super) async fn post(exchange: &mut Exchange, target: &Target) -> Result<Answer, CosError> {
    match take(exchange, target).await {
        Ok(response) => Ok(Answer::success(response)),
        Err(Ended::Cut) => Ok(Answer::Cut),
        Err(Ended::Refused(error)) => Err(error),
    }
}

async fn take(exchange: &mut Exchange, target: &Target) -> Result<Response<Body>, Ended> {
    length(exchange)?;
    check_busy(exchange)?;
    let content_type = exchange.header("content-type").unwrap_or_default();
    let Some(mut form) = FormReader::new(content_type) else {
        let message = "The request is not multipart/form-data";
        return Err(CosError::new(400, "RequestIsNotMultiPartContent", message).into());
    };
    let fields = read_fields(exchange, &mut form).await?;
    let end_ms = check_fields(exchange, target, &fields)?;
    let md5 = declared_md5(exchange, fields.get("Content-MD5"))?;
    let left = left_of(exchange, end_ms);
    let incoming = tokio::time::timeout(left, receive(exchange, &mut form))
        .await
        .map_err(|_| expired())??;
    let now_ms = exchange.cloud.clock.now_ms();
    let object = incoming.finish(&target.key, stored_headers(&fields), now_ms);
    check_md5(exchange, md5, &object)?;
    let response = success(exchange, target, &fields, &object);
    keep(exchange, target, object);
    Ok(response)
}

/// All fields, up to where the file begins.
async fn read_fields(exchange: &mut Exchange, form: &mut FormReader) -> Result<Fields, Ended> {
    let mut fields: Vec<(String, String)> = Vec::new();
    form.begin(exchange).await?;
    loop {
        let Some(part) = form.part(exchange).await? else {
            let message = "POST requires exactly one file upload per request";
            let code = "IncorrectNumberOfFilesInPostRequest";
            return Err(CosError::new(400, code, message).into());
        };
        if part.name == "file" {
            if part.filename.is_none_or(|name| name.is_empty()) {
                exchange.violate("the file of a form has no file name");
                return Err(FormFault::Malformed.into());
            }
            return Ok(Fields(fields));
        }
        let value = form.value(exchange).await?;
        if value.contains(TOKEN_MARK) {
            exchange.violate("an API token was sent to the upload host");
        }
        if fields.iter().any(|(name, _)| *name == part.name) {
            exchange.violate("a form has a field twice");
            return Err(FormFault::Malformed.into());
        }
        fields.push((part.name, value));
    }
}

/// Checks what the fields say; tells when their signature ends.
fn check_fields(exchange: &Exchange, target: &Target, fields: &Fields) -> Result<i64, CosError> {
    let Some(key) = fields.get("key").filter(|key| !key.is_empty()) else {
        exchange.violate("a form without a key");
        let message = "The bucket POST must contain the field name 'key'";
        return Err(CosError::new(400, "UserKeyMustBeSpecified", message));
    };
    if key_fault(key).is_some() {
        return Err(CosError::new(400, "InvalidURI", "The key is not allowed"));
    }
    if key.contains("${filename}") {
        exchange.violate("the key of a form has a wildcard");
        return Err(CosError::new(
            400,
            "InvalidArgument",
            "The key is not allowed",
        ));
    }
    let end_ms = check_signature(exchange, target, key, fields)?;
    if key != target.key {
        exchange.violate("a form was posted to the address of another link");
        let message = "The signature is not for this address";
        return Err(CosError::new(403, "SignatureDoesNotMatch", message));
    }
    let names: Vec<&str> = fields.0.iter().map(|(name, _)| name.as_str()).collect();
    let in_order = names.starts_with(&REQUIRED);
    if !in_order || names.iter().skip(4).any(|name| !OPTIONAL.contains(name)) {
        exchange.violate("the fields of a form are not those of the notes in their order");
        return Err(CosError::new(
            400,
            "MalformedPOSTRequest",
            "The fields of the form are not in the documented order",
        ));
    }
    if fields.get("x-cos-meta-fileid") != Some(cos_file_id(&target.bucket, key).as_str()) {
        exchange.violate("the x-cos-meta-fileid is not the one that was given out");
        return Err(CosError::new(400, "InvalidArgument", "x-cos-meta-fileid"));
    }
    Ok(end_ms)
}

fn check_signature(
    exchange: &Exchange,
    target: &Target,
    key: &str,
    fields: &Fields,
) -> Result<i64, CosError> {
    let grant = Grant {
        method: "POST",
        bucket: &target.bucket,
        key,
    };
    let now_ms = exchange.cloud.clock.now_ms();
    let token = fields.get("x-cos-security-token");
    let checked = match fields.get("Signature") {
        None => Err(LinkRefusal::Missing),
        Some(sign) => exchange.cloud.links.check_sign(grant, sign, token, now_ms),
    };
    checked.map_err(|refusal| refused_link(exchange, refusal))
}

/// Takes the file in, and the end of the form behind it.
async fn receive(exchange: &mut Exchange, form: &mut FormReader) -> Result<Incoming, Ended> {
    let bytes_max = exchange.cloud.options.object_bytes_max;
    let mut incoming = Incoming::new(exchange.cloud.spool());
    loop {
        let (bytes, is_last) = form.file_bytes();
        add(&mut incoming, &bytes)?;
        if incoming.size() > bytes_max {
            return Err(too_large().into());
        }
        if is_last {
            break;
        }
        let piece = exchange.piece().await;
        form.feed(piece)?;
    }
    if form.part(exchange).await?.is_some() {
        exchange.violate("the file is not the last part of a form");
        return Err(FormFault::Malformed.into());
    }
    form.end(exchange).await?;
    Ok(incoming)
}

fn stored_headers(fields: &Fields) -> BTreeMap<String, String> {
    let kept = ["Content-Type", "Cache-Control", "x-cos-meta-fileid"];
    let kept = kept.iter().filter_map(|name| {
        let value = fields.get(name)?.to_owned();
        Some((name.to_ascii_lowercase(), value))
    });
    kept.collect()
}

/// 204, unless the form asks for another status. No CRC: the documentation shows none here.
fn success(
    exchange: &Exchange,
    target: &Target,
    fields: &Fields,
    object: &StoredObject,
) -> Response<Body> {
    let mut response = checksums(exchange, object);
    *response.status_mut() = StatusCode::NO_CONTENT;
    match fields.get("success_action_status") {
        Some("200") => *response.status_mut() = StatusCode::OK,
        Some("201") => {
            let bucket = &target.bucket;
            let xml = format!(
                "<PostResponse><Bucket>{bucket}</Bucket><ETag>\"{}\"</ETag></PostResponse>",
                object.md5
            );
            let headers = std::mem::take(response.headers_mut());
            response = text_reply(201, "application/xml", xml);
            response.headers_mut().extend(headers);
        }
        _ => {}
    }
    let location = format!(
        "http://{}{}",
        exchange.cloud.addresses.cos, exchange.head.uri
    );
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
