//! `uploadFileStream`: which files the desk takes, and the body of a file as JSON with Base64 in it,
//! made in pieces of any size (desk notes 5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::offer::other_type;
use super::wire::{self, NO_PAYLOAD, Scalar};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::path::RelPath;
use crate::port::transport::Reply;

/// The largest file that is handed over, in bytes, unless the server takes more (desk notes 5.3) …
pub const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// … and the largest video.
pub const VIDEO_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The longest key of a file that is believed, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// What a file is to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The type as the desk spells it.
    pub file_type: &'static str,
    /// The kind of message it is sent with (desk notes 6.2).
    pub media_type: &'static str,
}

/// By extension; `jpeg` is sent as `jpg`, which all versions take (D3).
const KINDS: [(&str, Kind); 9] = [
    ("jpg", kind("jpg", "IMAGE")),
    ("jpeg", kind("jpg", "IMAGE")),
    ("png", kind("png", "IMAGE")),
    ("bmp", kind("bmp", "IMAGE")),
    ("mp3", kind("mp3", "AUDIO")),
    ("aac", kind("aac", "AUDIO")),
    ("mp4", kind("mp4", "VIDEO")),
    ("txt", kind("txt", "FILE")),
    ("csv", kind("csv", "FILE")),
];

const fn kind(file_type: &'static str, media_type: &'static str) -> Kind {
    Kind {
        file_type,
        media_type,
    }
}

impl Kind {
    /// The kind of a file of `len` bytes; `max_file` in place of the desk's own bound, where it is given.
    ///
    /// # Errors
    /// `file-type`, `file-empty` or `file-too-large`: it is not worth a single call.
    pub fn of(path: &RelPath, len: u64, max_file: Option<u64>) -> Result<Self, Fault> {
        let refused =
            |code: &str, message: &str| Err(Fault::new(Call::Upload, Layer::Local, code, message));
        let extension = extension(path.file_name());
        let Some((_, kind)) = KINDS.iter().find(|(have, _)| *have == extension) else {
            let message = "the desk takes jpg, jpeg, png, bmp, mp3, aac, mp4, txt and csv";
            return refused("file-type", message);
        };
        let most = max_file.unwrap_or(match kind.media_type {
            "VIDEO" => VIDEO_BYTES_MAX,
            _ => FILE_BYTES_MAX,
        });
        match len {
            0 => refused("file-empty", "the desk takes no empty file"),
            _ if len > most => {
                let message =
                    format!("the file has {len} bytes; at most {most} of this type are sent");
                refused("file-too-large", &message)
            }
            _ => Ok(*kind),
        }
    }

    /// The other spelling of the type, for a server that refuses the first (D3).
    pub fn respelt(self) -> Option<Self> {
        let file_type = other_type(self.file_type)?;
        Some(Self { file_type, ..self })
    }
}

fn extension(name: &[u8]) -> String {
    let start = name.iter().rposition(|byte| *byte == b'.');
    let bytes = start.and_then(|at| name.get(at + 1..)).unwrap_or_default();
    String::from_utf8_lossy(bytes).to_ascii_lowercase()
}

/// The body of an upload in pieces: a prefix, Base64 of the file, a suffix.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Until the first piece.
    prefix: String,
    content_len: u64,
    len: u64,
    taken: u64,
    /// Bytes of the file that do not fill a group of three yet.
    waiting: Vec<u8>,
}

const SUFFIX: &str = "\"}";

impl Parcel {
    /// The body for a file of `len` bytes.
    pub fn new(kind: Kind, len: u64) -> Self {
        let file_type = kind.file_type;
        let prefix =
            format!("{{\"fileType\":\"{file_type}\",\"channel\":\"WEB\",\"fileStream\":\"");
        let fixed = prefix.len() + SUFFIX.len();
        Self {
            prefix,
            content_len: len
                .div_ceil(3)
                .saturating_mul(4)
                .saturating_add(fixed as u64),
            len,
            taken: 0,
            waiting: Vec::with_capacity(3),
        }
    }

    /// The exact length of the whole body.
    pub fn content_length(&self) -> u64 {
        self.content_len
    }

    /// The next piece of the body for the next bytes of the file; may be empty.
    pub fn piece(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = std::mem::take(&mut self.prefix);
        self.taken += bytes.len() as u64;
        let missing = (3 - self.waiting.len()) % 3;
        let (first, rest) = bytes.split_at(missing.min(bytes.len()));
        self.waiting.extend_from_slice(first);
        if self.waiting.len() == 3 {
            STANDARD.encode_string(&self.waiting, &mut out);
            self.waiting.clear();
        }
        let (whole, last) = rest.split_at(rest.len() / 3 * 3);
        STANDARD.encode_string(whole, &mut out);
        self.waiting.extend_from_slice(last);
        out.into()
    }

    /// The last piece of the body.
    ///
    /// # Errors
    /// `changed`: the file had another length than was promised.
    pub fn finish(mut self) -> Result<Bytes, Fault> {
        if self.taken != self.len {
            let message = "the file has another length than before";
            return Err(Fault::new(Call::Source, Layer::Local, "changed", message));
        }
        let mut out = std::mem::take(&mut self.prefix);
        STANDARD.encode_string(&self.waiting, &mut out);
        out.push_str(SUFFIX);
        Ok(out.into())
    }

    /// The whole body of a file that is held in memory.
    ///
    /// # Errors
    /// `changed`, see [`Self::finish`].
    pub fn whole(mut self, bytes: &[u8]) -> Result<Bytes, Fault> {
        let mut whole = self.piece(bytes).to_vec();
        whole.extend_from_slice(&self.finish()?);
        Ok(whole.into())
    }
}

/// The server's key of a file that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// A key as it was written down.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadAnswer {
    #[serde(default)]
    object_key: Scalar,
}

/// Reads the answer of an upload: a success only with a key (desk notes 5.2).
///
/// # Errors
/// The status, the code, `no-result`, or `no-payload`.
pub fn read_upload(reply: &Reply) -> Result<ObjectKey, Fault> {
    let answer = wire::read::<UploadAnswer>(Call::Upload, reply)?;
    match answer.payload.object_key.text() {
        None => Err(answer.without_payload(Call::Upload)),
        // A comma would shift the parts of the message's content (desk notes 6.2).
        Some(key) if key.len() <= KEY_BYTES_MAX && !key.contains(is_unfit) => {
            Ok(ObjectKey(key.to_owned()))
        }
        Some(_) => {
            let message = "the answer's key of the file cannot be sent on";
            Err(wire::result(Call::Upload, NO_PAYLOAD, message))
        }
    }
}

fn is_unfit(character: char) -> bool {
    character == ',' || character.is_control() || character.is_whitespace()
}
