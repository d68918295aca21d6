//! `downloadFileStream` and `uploadFileStream`: files as base64 inside of JSON (protocol notes 4, 5).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::base64_stream::{self, Base64Pieces};
use super::desk::{HeldFile, UploadedObject};
use super::fields::{Fields, Wrong};
use super::gate::Visitor;
use super::message::uuid;
use super::options::{Base64Form, FileIds, FileTypes};
use super::reply::{Refusal, Reply, coded, into_fields, json_response};
use crate::emulator::exchange::Exchange;
use crate::emulator::objects::Incoming;
use crate::emulator::routes::REDIRECT_TRAP;

const BOTH_WAYS: [&str; 7] = ["jpg", "png", "mp3", "aac", "mp4", "txt", "csv"];
const ONLY_DOWN: [&str; 5] = ["richtext", "doc", "docx", "pdf", "zip"];

fn is_known(types: FileTypes, file_type: &str, is_download: bool) -> bool {
    let is_picture = match types {
        FileTypes::New => matches!(file_type, "bmp" | "jpeg"),
        FileTypes::Old => file_type == "bpm",
    };
    is_picture || BOTH_WAYS.contains(&file_type) || is_download && ONLY_DOWN.contains(&file_type)
}

/// The two spellings of a type are one (doubt D3).
fn plain_type(file_type: &str) -> &str {
    match file_type {
        "bpm" => "bmp",
        "jpeg" => "jpg",
        other => other,
    }
}

/// One file for the user.
pub(super) fn download(exchange: &Exchange, fields: &Fields) -> Result<Reply, Refusal> {
    let options = &exchange.cloud.desk.options;
    let missing = |name| move |wrong: Wrong| Refusal::gateway(400, wrong.about(name)).breach();
    if fields.text("channel").map_err(missing("channel"))? != "WEB" {
        return Err(Refusal::gateway(400, "channel is not WEB").breach());
    }
    let file_type = fields.text("fileType").map_err(missing("fileType"))?;
    let id = fields.text("fileId").map_err(missing("fileId"))?;
    if !is_known(options.files.types, file_type, true) {
        return Err(Refusal::code("13", "param filetype Out of range!"));
    }
    let file = find(exchange, fields, id)?;
    let told = file.file_type.as_deref().unwrap_or(file_type);
    if plain_type(told) != plain_type(file_type) {
        exchange.violate("fileType is not the mediaFileType of the message");
    }
    match file.object.size {
        0 => Err(Refusal::code("13", "empty file!")),
        size if size > options.files.download_bytes_max => {
            Err(Refusal::code("13", "fsservice downloadFile is failed"))
        }
        _ => give(exchange, &file),
    }
}

/// The file behind an id: `local/` is what selects the local store (protocol notes 3.5).
fn find(exchange: &Exchange, fields: &Fields, id: &str) -> Result<HeldFile, Refusal> {
    let desk = &exchange.cloud.desk;
    let nothing = || Refusal::code("401", "objectKey is null!");
    let library = fields
        .optional("multiMedia")
        .map_err(|wrong| Refusal::gateway(400, wrong.about("multiMedia")).breach())?;
    let state = desk.state();
    let file = match id.strip_prefix("local/") {
        Some(key) => {
            if fields.has("multiMedia") {
                exchange.violate("multiMedia is sent for a local file");
            }
            state.local.get(key)
        }
        None if library == Some("multiMedia") || desk.options.files.ids == FileIds::OneForm => {
            state.library.get(id)
        }
        None => None,
    };
    file.cloned().ok_or_else(nothing)
}

/// The answer with the file, made while it is sent.
fn give(exchange: &Exchange, file: &HeldFile) -> Result<Reply, Refusal> {
    let failed = || Refusal::code("13", "downloadFileStream IOException");
    let dialect = &exchange.cloud.desk.options.dialect;
    let pieces = file.object.pieces().ok().flatten().ok_or_else(failed)?;
    let mut fields = json!({});
    if dialect.file_url {
        let api = exchange.cloud.addresses.api;
        let expires = exchange.cloud.clock.now_ms() / 1000 + 24 * 60 * 60;
        fields["fileUrl"] = json!(format!(
            "http://{api}{REDIRECT_TRAP}/file?AccessKeyId=FAKE&Expires={expires}&Signature=FAKE"
        ));
    }
    let rest = coded(dialect, exchange.call, ("0", None), into_fields(fields)).to_string();
    let tail = match rest.as_str() {
        "{}" => "\"}".to_owned(),
        rest => format!("\",{}", rest.trim_start_matches('{')),
    };
    let head = if exchange.effect.wrong_base64 {
        "{\"fileStream\":\"!"
    } else {
        "{\"fileStream\":\""
    };
    let length = base64_stream::padded_length(file.object.size);
    let length = length + (head.len() + tail.len()) as u64;
    let body = std::iter::once(Ok(Bytes::from_static(head.as_bytes())))
        .chain(Base64Pieces::new(pieces, dialect.base64))
        .chain(std::iter::once(Ok(Bytes::from(tail))));
    let mut response = json_response(Body::from_stream(stream::iter(body)));
    if dialect.base64 == Base64Form::Padded {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(Reply::Streamed(response))
}

/// The fields of an upload. The file's text is not copied.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Upload<'a> {
    #[serde(borrow, default)]
    file_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    file_stream: Option<Cow<'a, str>>,
}

/// One file from the user.
pub(super) fn upload(
    exchange: &Exchange,
    visitor: &Visitor,
    body: &Bytes,
) -> Result<Reply, Refusal> {
    let desk = &exchange.cloud.desk;
    let upload: Upload<'_> = serde_json::from_slice(body)
        .map_err(|_| Refusal::gateway(400, "the body is not the JSON that is wanted").breach())?;
    let refused = || Refusal::code("3", "Requested param validate failed");
    let channel = needed("channel", upload.channel)?;
    let file_type = needed("fileType", upload.file_type)?;
    let file_stream = needed("fileStream", upload.file_stream)?;
    if channel != "WEB" {
        return Err(refused().breach());
    }
    if !is_known(desk.options.files.types, &file_type, false) {
        return Err(refused());
    }
    let now_ms = exchange.cloud.clock.now_ms();
    let is_connected = desk.with_user(&visitor.user, now_ms, |user| user.phase().is_some());
    if desk.options.session.upload_needs_session && !is_connected {
        return Err(Refusal::code("13", "upload file exception"));
    }
    let most = upload_bytes_max(exchange, &file_type);
    // Checked before and after: a text this long is no file that fits.
    if file_stream.len() as u64 > base64_stream::padded_length(most) {
        return Err(refused());
    }
    let incoming = decode(exchange, &file_stream)?;
    let object_key = uuid();
    let object = incoming.finish(&object_key, BTreeMap::new(), now_ms);
    if object.size > most {
        return Err(refused());
    }
    desk.state().uploads.push(UploadedObject {
        object_key: object_key.clone(),
        user: visitor.user.clone(),
        file_type: file_type.into_owned(),
        object: object.into(),
    });
    Ok(Reply::with(json!({ "objectKey": object_key })))
}

fn needed<'a>(name: &str, field: Option<Cow<'a, str>>) -> Result<Cow<'a, str>, Refusal> {
    field
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::code("2", format!("Param is null: {name}")).breach())
}

/// The largest file of a type.
fn upload_bytes_max(exchange: &Exchange, file_type: &str) -> u64 {
    let files = &exchange.cloud.desk.options.files;
    if file_type == "mp4" {
        files.video_bytes_max
    } else {
        files.upload_bytes_max
    }
}

/// Standard base64, padded, without line breaks; anything else is refused.
fn decode(exchange: &Exchange, text: &str) -> Result<Incoming, Refusal> {
    let mut incoming = Incoming::new(exchange.cloud.spool());
    let mut reader = DecoderReader::new(text.as_bytes(), &STANDARD);
    let mut piece = vec![0; 48 * 1024];
    loop {
        let count = reader
            .read(&mut piece)
            .map_err(|_| Refusal::code("13", "decode file failed").breach())?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(incoming);
        };
        incoming
            .push(bytes)
            .map_err(|_| Refusal::code("13", "upload file exception"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_the_chosen_version() {
        for (types, file_type, is_download, known) in [
            (FileTypes::New, "jpeg", false, true),
            (FileTypes::New, "bmp", true, true),
            (FileTypes::New, "bpm", true, false),
            (FileTypes::Old, "bpm", false, true),
            (FileTypes::Old, "bmp", true, false),
            (FileTypes::Old, "jpeg", false, false),
            (FileTypes::New, "pdf", true, true),
            (FileTypes::New, "pdf", false, false),
            (FileTypes::New, "PNG", false, false),
            (FileTypes::New, "exe", true, false),
        ] {
            assert_eq!(
                is_known(types, file_type, is_download),
                known,
                "{file_type}"
            );
        }
    }
}
