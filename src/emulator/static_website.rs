//! The static-website calls of the API (protocol notes 3).

use std::sync::MutexGuard;
use std::{collections::BTreeMap, ops::Bound};

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Refusal, authorised_fields, optional_text, text};
use super::clock::iso_8601;
use super::exchange::Exchange;
use super::links::Grant;
use super::objects::{Bucket, StoredObject};
use super::options::{ListedDigest, Marker};
use super::tokens::Kind;

/// The longest key in bytes (protocol notes 4.5).
const KEY_BYTES_MAX: usize = 850;

/// `POST /componenttcb/staticuploadfile`: a link for one PUT.
pub(super) fn upload_link(exchange: &Exchange, body: &Bytes) -> Result<Value, Refusal> {
    let fields = authorised_fields(exchange, body, Kind::Component)?;
    let environment = text(&fields, "env")?;
    let key = text(&fields, "filename")?;
    let bucket = {
        let websites = exchange.cloud.websites();
        let website = website(&websites, environment)?;
        if website.status != "online" {
            return Err(Refusal::new(
                -501_018,
                "resource unavailable: static store not online",
            ));
        }
        website.name.clone()
    };
    if let Some(fault) = key_fault(key) {
        exchange.violate(&format!("the key {fault}"));
        return Err(Refusal::new(
            -501_007,
            format!("invalid parameter: filename {fault}"),
        ));
    }
    if exchange.effect.empty_link {
        return Ok(json!({ "errcode": 0, "errmsg": "ok", "signed_url": "", "token": "" }));
    }
    let cloud = &exchange.cloud;
    let window = exchange.effect.window.unwrap_or(cloud.options.link_window);
    let start_ms = cloud.clock.now_ms();
    let end_ms = start_ms.saturating_add(i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
    let grant = Grant {
        method: "PUT",
        bucket: &bucket,
        key,
    };
    let form = cloud.options.link_form;
    let link = cloud.links.issue(grant, (start_ms, end_ms), form);
    Ok(json!({
        "errcode": 0,
        "errmsg": "ok",
        "signed_url": format!("http://{}{}", cloud.addresses.cos, link.target),
        "token": link.token,
    }))
}

/// `POST /componenttcb/staticfilelist`: one page of what is there.
pub(super) fn list(exchange: &Exchange, body: &Bytes) -> Result<Value, Refusal> {
    let fields = authorised_fields(exchange, body, Kind::Component)?;
    let environment = text(&fields, "env")?;
    let prefix = optional_text(&fields, "prefix")?;
    let marker = optional_text(&fields, "marker")?;
    if fields.contains_key("delimiter") {
        exchange.violate("sends a delimiter, whose answer is not documented");
    }
    let options = &exchange.cloud.options.list;
    let websites = exchange.cloud.websites();
    let objects = &website(&websites, environment)?.objects;
    let start = match options.marker {
        _ if marker.is_empty() => Bound::Unbounded,
        Marker::Exclusive => Bound::Excluded(marker),
        Marker::Inclusive => Bound::Included(marker),
    };
    let mut rest = objects
        .range::<str, _>((start, Bound::Unbounded))
        .filter(|(key, _)| key.starts_with(prefix));
    let contents: Vec<Value> = rest
        .by_ref()
        .take(options.page_size)
        .map(|(_, object)| listed(object, options.digest))
        .collect();
    Ok(json!({
        "errcode": 0,
        "errmsg": "ok",
        "is_truncated": rest.next().is_some(),
        "contents": contents,
    }))
}

/// `POST /componenttcb/describestaticstore`: whether the website is enabled.
pub(super) fn describe(exchange: &Exchange, body: &Bytes) -> Result<Value, Refusal> {
    let fields = authorised_fields(exchange, body, Kind::Component)?;
    let environment = text(&fields, "env")?;
    let websites = exchange.cloud.websites();
    let website = website(&websites, environment)?;
    let domain = exchange.cloud.addresses.sites.get(environment);
    Ok(json!({
        "errcode": 0,
        "errmsg": "ok",
        "data": [{
            "env": environment,
            "domain": domain.map(ToString::to_string).unwrap_or_default(),
            "bucket": website.name,
            "regoin": "ap-shanghai",
            "status": website.status,
        }],
    }))
}

/// What is wrong with a key, if anything is (protocol notes 4.5).
pub(super) fn key_fault(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("is empty");
    }
    if key.starts_with(['/', '\\']) {
        return Some("begins with a slash");
    }
    if key.len() > KEY_BYTES_MAX {
        return Some("is longer than 850 bytes");
    }
    if key.bytes().any(|byte| matches!(byte, 0x18..=0x1b)) {
        return Some("has a control character");
    }
    if key.contains("//") {
        return Some("has an empty part");
    }
    if key.split('/').any(|part| matches!(part, "." | "..")) {
        return Some("has a part that is . or ..");
    }
    None
}

fn website<'a>(
    websites: &'a MutexGuard<'_, BTreeMap<String, Bucket>>,
    environment: &str,
) -> Result<&'a Bucket, Refusal> {
    websites
        .get(environment)
        .ok_or_else(|| Refusal::new(-501_000, "[100003] env not exists"))
}

fn listed(object: &StoredObject, digest: ListedDigest) -> Value {
    let md5 = match digest {
        ListedDigest::Plain => object.md5.clone(),
        ListedDigest::Quoted => format!("\"{}\"", object.md5),
        ListedDigest::OnePart => format!("{}-1", object.md5),
    };
    json!({
        "key": object.key,
        "last_modified": iso_8601(object.stored_at_ms),
        "md5": md5,
        "size": object.size.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_refused_as_the_cloud_refuses_them() {
        let long = "中".repeat(284);
        for key in [
            "/a",
            "\\a",
            "a//b",
            "a/../b",
            "..",
            "./a",
            "a\u{19}",
            long.as_str(),
            "",
        ] {
            assert!(key_fault(key).is_some(), "{key:?}");
        }
        let longest = "a".repeat(KEY_BYTES_MAX);
        for key in [
            "a",
            "中文/a b+%.png",
            ".well-known/x",
            "a/b..c",
            "a/",
            longest.as_str(),
        ] {
            assert_eq!(key_fault(key), None, "{key:?}");
        }
    }
}
