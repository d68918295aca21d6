//! The few calls of S3 that rclone makes: PUT, HEAD, and a listing in pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use percent_encoding::percent_decode_str;

use super::request::{Request, ok};
use super::wechat::md5;

/// Keys of a page, as S3 has it.
const PAGE: usize = 1000;
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

#[derive(Clone)]
struct Object {
    bytes: usize,
    etag: String,
    stored_at: jiff::Timestamp,
    mtime: String,
}

#[derive(Default)]
pub(super) struct Objects(Mutex<BTreeMap<String, Object>>);

impl Objects {
    pub(super) fn put(&self, request: &Request<'_>) -> Vec<u8> {
        let etag = md5(request.body);
        let answer = ok(&format!("ETag: \"{etag}\"\r\n"), "");
        let object = Object {
            bytes: request.body.len(),
            etag,
            stored_at: jiff::Timestamp::now(),
            mtime: request
                .header("x-amz-meta-mtime")
                .unwrap_or_default()
                .to_owned(),
        };
        self.all().insert(key(request.target), object);
        answer
    }

    /// HEAD of an object, or GET of a listing.
    pub(super) fn answer(&self, request: &Request<'_>) -> Vec<u8> {
        if request.method != "HEAD" {
            return ok(
                "Content-Type: application/xml\r\n",
                &self.list(request.target),
            );
        }
        let all = self.all();
        let Some(object) = all.get(&key(request.target)) else {
            return NOT_FOUND.to_vec();
        };
        let Object {
            bytes,
            etag,
            stored_at,
            mtime,
        } = object;
        let date = stored_at.strftime("%a, %d %b %Y %H:%M:%S GMT");
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\nETag: \"{etag}\"\r\nLast-Modified: {date}\r\n\
             x-amz-meta-mtime: {mtime}\r\n\r\n"
        )
        .into_bytes()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Object>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, target: &str) -> String {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.find(|(have, _)| *have == name);
            found.map_or(String::new(), |(_, value)| {
                percent_decode_str(value).decode_utf8_lossy().into_owned()
            })
        };
        let (prefix, delimiter) = (value("prefix"), value("delimiter"));
        let mut after = value("marker").max(value("continuation-token"));
        let all = self.all();
        let (mut entries, mut count) = (String::new(), 0);
        loop {
            let from = if after < prefix {
                Bound::Included(&prefix)
            } else {
                Bound::Excluded(&after)
            };
            let mut rest = all.range::<String, _>((from, Bound::Unbounded));
            let next = rest.next().filter(|(key, _)| key.starts_with(&prefix));
            let Some((key, object)) = next else {
                after.clear();
                break;
            };
            if count == PAGE {
                break;
            }
            count += 1;
            let below = key.get(prefix.len()..).unwrap_or_default();
            if let Some((directory, _)) = below.split_once('/').filter(|_| !delimiter.is_empty()) {
                let common = format!("{prefix}{directory}/");
                let _ = write!(
                    entries,
                    "<CommonPrefixes><Prefix>{common}</Prefix></CommonPrefixes>"
                );
                // Behind everything of that directory.
                after = format!("{common}\u{10ffff}");
                continue;
            }
            let Object {
                bytes,
                etag,
                stored_at,
                ..
            } = object;
            let _ = write!(
                entries,
                "<Contents><Key>{key}</Key><LastModified>{stored_at:.3}</LastModified>\
                 <ETag>&quot;{etag}&quot;</ETag><Size>{bytes}</Size></Contents>"
            );
            after.clone_from(key);
        }
        let more = !after.is_empty();
        format!(
            "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name><IsTruncated>{more}</IsTruncated>\
             <NextMarker>{after}</NextMarker><NextContinuationToken>{after}</NextContinuationToken>{entries}\
             </ListBucketResult>"
        )
    }
}

/// The key below the bucket.
fn key(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let key = path.trim_start_matches('/').split_once('/');
    let key = key.map_or("", |(_, key)| key);
    percent_decode_str(key).decode_utf8_lossy().into_owned()
}
