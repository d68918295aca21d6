//! What the object store answers: the check of a stored object, and errors in XML.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::wire;
use crate::model::digest::Checksums;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::job::Receipt;
use crate::port::transport::Reply;

/// The statuses of success: 200 for a PUT (protocol notes 3.2); a form is answered with 204, or with what
/// somebody in between makes of it (2.2).
fn is_success(call: Call, status: u16) -> bool {
    match call {
        Call::Post => matches!(status, 200 | 201 | 204),
        _ => status == 200,
    }
}

/// Reads the answer to an upload of `len` bytes by `call` (protocol notes 2.2, 3.2, 4.3, 4.7).
///
/// # Errors
/// Any status but one of success, an error document, or a checksum that is not that of the bytes sent.
pub fn read_answer(
    call: Call,
    reply: &Reply,
    len: u64,
    checksums: Option<Checksums>,
) -> Result<Receipt, Fault> {
    if !is_success(call, reply.status) || read_error(&reply.body).is_some() {
        return Err(error_fault(call, reply));
    }
    let Some(checksums) = checksums else {
        let message = "the answer came before the whole body had been sent";
        return Err(Fault::new(call, Layer::Transport, "cut", message).with_status(reply.status));
    };
    let mismatch = |what: &str| {
        let message = format!("the {what} of the stored object is not that of the bytes sent");
        Fault::new(call, Layer::Cos, "checksum", &message).with_status(reply.status)
    };
    let etag = reply.header("etag").map(unquoted);
    Ok(Receipt {
        bytes: len,
        digest: checksums.sha256,
        remote_id: None,
        object_key: None,
        verified: verify(
            reply.header("x-cos-hash-crc64ecma"),
            etag.as_deref(),
            &checksums,
        )
        .map_err(mismatch)?,
        etag,
    })
}

/// Compares the answer's checksum with that of the bytes: the CRC if there is one, else an `ETag` that
/// is an MD5; `false` where neither says anything. The error names the checksum that
/// differs.
fn verify(
    crc: Option<&str>,
    etag: Option<&str>,
    checksums: &Checksums,
) -> Result<bool, &'static str> {
    if let Some(crc) = crc {
        // One that cannot be read is not one that agrees.
        return match crc.trim().parse::<u64>() {
            Ok(crc) if crc == checksums.crc64.0 => Ok(true),
            _ => Err("CRC-64"),
        };
    }
    match etag.filter(|etag| is_md5(etag)) {
        Some(etag) if etag == checksums.md5.to_string() => Ok(true),
        Some(_) => Err("MD5"),
        None => Ok(false),
    }
}

/// An `ETag` without quotes, in lower case.
pub fn unquoted(etag: &str) -> String {
    etag.trim().trim_matches('"').to_ascii_lowercase()
}

/// Whether an unquoted `ETag` is an MD5; that of an object sent in parts is not.
pub fn is_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The fault of an answer that is not a success.
fn error_fault(call: Call, reply: &Reply) -> Fault {
    let error = match reply.status {
        // A signed body must not be redirected, whoever says so.
        300..=399 => None,
        _ => read_error(&reply.body),
    };
    let Some(error) = error else {
        let mut fault = wire::http_fault(call, reply);
        if reply.header("x-cos-request-id").is_none() {
            "not from the object store itself; a proxy may have answered"
                .clone_into(&mut fault.message);
        }
        return fault;
    };
    let mut message = crate::model::fault::plain_words(&error.message);
    if !error.request_id.is_empty() {
        let id = crate::model::fault::plain_words(&error.request_id);
        message = format!(
            "{} [request {id}]",
            message.chars().take(140).collect::<String>()
        );
    }
    let mut fault = Fault::new(call, Layer::Cos, error.code, &message).with_status(reply.status);
    fault.retry_after = wire::retry_after(reply);
    fault
}

/// The error document of the object store (protocol notes 4.7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CosError {
    /// `Code`.
    pub code: String,
    /// `Message`.
    pub message: String,
    /// `RequestId`.
    pub request_id: String,
}

/// The longest value that is kept of an error document, in bytes.
const VALUE_BYTES_MAX: usize = 1024;

/// Reads `<Error><Code>…`; `None` for anything else. Document types and unknown entities are refused.
pub fn read_error(body: &[u8]) -> Option<CosError> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    let mut error = CosError::default();
    // Names of the open elements that matter: the root and its child.
    let mut field: Option<String> = None;
    let mut depth = 0_usize;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if depth == 0 && tag.name().as_ref() != "Error" => return None,
            Event::Start(tag) => {
                depth += 1;
                field = (depth == 2).then(|| tag.name().as_ref().to_owned());
                // Of two elements with one name the first counts.
                field =
                    field.filter(|name| slot(&mut error, name).is_some_and(|have| have.is_empty()));
            }
            Event::End(_) if depth == 1 => break,
            Event::End(_) => {
                depth = depth.checked_sub(1)?;
                field = None;
            }
            Event::Text(text) => keep(&mut error, field.as_deref(), &text),
            Event::CData(text) => keep(&mut error, field.as_deref(), &text),
            Event::GeneralRef(entity) => {
                let character = resolve(&entity)?;
                keep(
                    &mut error,
                    field.as_deref(),
                    character.encode_utf8(&mut [0; 4]),
                );
            }
            Event::DocType(_) | Event::Eof => return None,
            _ => {}
        }
    }
    let code = error.code.trim().to_owned();
    (!code.is_empty()).then_some(CosError { code, ..error })
}

fn slot<'a>(error: &'a mut CosError, field: &str) -> Option<&'a mut String> {
    match field {
        "Code" => Some(&mut error.code),
        "Message" => Some(&mut error.message),
        "RequestId" => Some(&mut error.request_id),
        _ => None,
    }
}

fn keep(error: &mut CosError, field: Option<&str>, text: &str) {
    let Some(value) = field.and_then(|field| slot(error, field)) else {
        return;
    };
    let room = VALUE_BYTES_MAX.saturating_sub(value.len());
    value.push_str(
        text.get(..text.floor_char_boundary(room))
            .unwrap_or_default(),
    );
}

fn resolve(entity: &BytesRef<'_>) -> Option<char> {
    if let Some(character) = entity.resolve_char_ref().ok()? {
        return Some(character);
    }
    match &**entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
