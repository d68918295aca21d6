//! A static website: the call for a link, and the PUT that it is for.

use std::time::{SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use serde::Deserialize;

use super::request::ok;

pub(super) const LINK_PATH: &str = "/componenttcb/staticuploadfile";

const CRC: crc::Crc<u64, crc::Table<16>> = crc::Crc::<u64, crc::Table<16>>::new(&crc::CRC_64_XZ);

#[derive(Deserialize)]
struct Asked<'a> {
    filename: &'a str,
}

/// A link for the key that is asked for. Keys of the benchmark need no escapes.
pub(super) fn link(port: u16, body: &[u8]) -> Vec<u8> {
    let Ok(Asked { filename }) = serde_json::from_slice(body) else {
        return ok("", r#"{"errcode":40097,"errmsg":"invalid args"}"#);
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    let end = now + 900;
    let sign = format!(
        "q-sign-algorithm%3Dsha1%26q-ak%3DAKIDbench%26q-sign-time%3D{now}%3B{end}%26q-key-time%3D{now}%3B\
         {end}%26q-header-list%3D%26q-url-param-list%3D%26q-signature%3Dda39a3ee5e6b4b0d3255bfef95601890"
    );
    let body = format!(
        r#"{{"errcode":0,"errmsg":"ok","signed_url":"http://127.0.0.1:{port}/cos/bucket/{filename}?sign={sign}","token":"bench-token"}}"#
    );
    ok("Content-Type: application/json\r\n", &body)
}

pub(super) fn put(body: &[u8]) -> Vec<u8> {
    let crc = CRC.checksum(body);
    let md5 = md5(body);
    let headers =
        format!("ETag: \"{md5}\"\r\nx-cos-hash-crc64ecma: {crc}\r\nx-cos-request-id: bench\r\n");
    ok(&headers, "")
}

pub(super) fn md5(body: &[u8]) -> String {
    use std::fmt::Write as _;
    Md5::digest(body)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
