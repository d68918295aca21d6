//! Files in both directions, as Base64 in JSON.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use syncd::model::digest::Sha256;
use syncd::port::transport::Reply;

use super::{Centre, Wanted};

pub struct Stored {
    pub bytes: Arc<Vec<u8>>,
    pub file_type: String,
    pub in_library: bool,
}

/// Types that a file may be handed out as …
const OUT: &[&str] = &[
    "jpg", "png", "bpm", "mp3", "aac", "mp4", "txt", "csv", "richtext", "doc", "docx", "pdf", "zip",
];
/// … and taken as.
const IN: &[&str] = &["jpg", "png", "mp3", "aac", "mp4", "txt", "csv"];
/// Characters of a line, where a server breaks them.
const LINE: usize = 76;

impl Centre {
    fn knows_type(&self, file_type: &str, types: &[&str]) -> bool {
        let is_bitmap = if self.manners.bpm {
            file_type == "bpm"
        } else {
            matches!(file_type, "bmp" | "bpm")
        };
        is_bitmap || (file_type != "bpm" && types.contains(&file_type))
    }

    /// `downloadFileStream`.
    pub(super) fn hand_over(&mut self, now: u64, wanted: &Wanted) -> Reply {
        if !self.knows_type(&wanted.file_type, OUT) {
            return self.result(now, "13", "param filetype Out of range!");
        }
        let local = wanted.file_id.strip_prefix("local/");
        let name = local.unwrap_or(&wanted.file_id);
        let stored = self.files.get(name).filter(|stored| {
            let asked_rightly = if local.is_some() {
                !stored.in_library && !wanted.from_library
            } else {
                stored.in_library && wanted.from_library
            };
            let same_type = stored.file_type == wanted.file_type
                || (stored.file_type == "bmp" && wanted.file_type == "bpm");
            asked_rightly && same_type
        });
        let Some(stored) = stored else {
            return self.result(now, "401", "objectKey is null!");
        };
        if stored.bytes.is_empty() {
            return self.result(now, "13", "empty file!");
        }
        let mut text = STANDARD.encode(&*stored.bytes);
        if self.manners.wraps_base64 {
            let lines = text.as_bytes().chunks(LINE);
            let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
            text = lines.join("\r\n");
        }
        let mut body = json!({"fileStream": text});
        if !self.manners.is_old {
            body["resultCode"] = self.scalar("0");
        }
        self.says(now, &body)
    }

    /// `uploadFileStream`.
    pub(super) fn take(&mut self, now: u64, file_type: &str, bytes: &[u8]) -> Reply {
        if !self.knows_type(file_type, IN) {
            return self.upload_result(now, "3", None);
        }
        let number = self.next_number();
        let key = format!("00000000-dddd-4eee-8fff-{number:012}");
        let taken = (Sha256::of(bytes), file_type.to_owned());
        self.uploads.insert(key.clone(), taken);
        self.upload_result(now, "0", Some(&key))
    }

    pub fn upload_result(&self, now: u64, code: &str, key: Option<&str>) -> Reply {
        let field = if self.manners.upload_says_result_code {
            "resultCode"
        } else {
            "returnCode"
        };
        let mut body = json!({field: self.scalar(code)});
        if let Some(key) = key {
            body["objectKey"] = json!(key);
        } else if code == "13" {
            body["resultDesc"] = json!("upload file exception");
        }
        self.says(now, &body)
    }
}
