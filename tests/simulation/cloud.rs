//! A model of the cloud, written from the protocol: tokens that run out, links bound to a key and a
//! window, objects checked against Content-MD5. It is the truth that the checkers compare with.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use syncd::model::digest::{Hasher, Sha256};
use syncd::model::folder::FlowKind;
use syncd::port::transport::Reply;

use crate::storage;
use crate::swarm::{Swarm, TOKEN_WORD};

/// What a path of a link holds as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// A token is replaced in its last five minutes.
const HANDOVER_MS: u64 = 300_000;

const WEBSITE: &str = "/componenttcb/staticuploadfile";
const APP: &str = "/tcb/uploadfile";
const PLATFORM: &str = "/componenttcb/uploadfile";
/// The calls that give links.
pub const LINK_PATHS: [&str; 3] = [WEBSITE, APP, PLATFORM];

/// A stored object.
#[derive(Debug, Clone)]
pub struct Object {
    pub digest: Sha256,
    /// When it was completed.
    pub at_ms: u64,
    pub headers: Vec<(String, String)>,
    /// It was damaged on the way; the answer's checksum says so.
    pub damaged: bool,
}

struct Token {
    text: String,
    expires_ms: u64,
    revoked: bool,
}

/// A link that was given out.
#[derive(Debug, Clone)]
pub struct Link {
    pub key: String,
    pub token: String,
    pub expires_ms: u64,
}

/// See the module.
pub struct Cloud {
    pub objects: BTreeMap<String, Object>,
    pub links: BTreeMap<String, Link>,
    tokens: Vec<Token>,
    made: u64,
    skew_s: i64,
    token_life_ms: u64,
    link_life_ms: u64,
    env: String,
    /// The call that gives links.
    link_path: &'static str,
}

/// A PUT as it arrived.
pub struct Arrived {
    /// When the last byte arrived.
    pub at_ms: u64,
    pub signature: String,
    pub security_token: Option<String>,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
    pub damaged: bool,
}

impl Cloud {
    pub fn new(swarm: &Swarm, skew_s: i64) -> Self {
        Self {
            objects: BTreeMap::new(),
            links: BTreeMap::new(),
            tokens: Vec::new(),
            made: 0,
            skew_s,
            token_life_ms: swarm.token_life_s * 1_000,
            link_life_ms: swarm.link_life_s * 1_000,
            env: swarm.folder.env.clone(),
            link_path: match (swarm.folder.flow, swarm.platform_token) {
                (FlowKind::CloudStorage, false) => APP,
                (FlowKind::CloudStorage, true) => PLATFORM,
                _ => WEBSITE,
            },
        }
    }

    /// The token of now: the same until its last minutes.
    pub fn token(&mut self, now_ms: u64) -> Reply {
        let handover = HANDOVER_MS.min(self.token_life_ms / 2);
        let ends = |token: &Token| token.revoked || token.expires_ms <= now_ms + handover;
        if self.tokens.last().is_none_or(ends) {
            self.made += 1;
            self.tokens.push(Token {
                text: format!("{TOKEN_WORD}-{}", self.made),
                expires_ms: now_ms + self.token_life_ms,
                revoked: false,
            });
        }
        let Some(token) = self.tokens.last() else {
            return errcode(-1);
        };
        let left_s = (token.expires_ms - now_ms) / 1_000;
        json(&format!(
            r#"{{"access_token":"{}","expires_in":{left_s}}}"#,
            token.text
        ))
    }

    /// Calls all tokens invalid.
    pub fn revoke(&mut self) {
        for token in &mut self.tokens {
            token.revoked = true;
        }
    }

    /// Whether a call with this token is answered; else the code of the refusal.
    pub fn check_token(&self, now_ms: u64, text: &str) -> Result<(), i64> {
        match self.tokens.iter().find(|token| token.text == text) {
            None => Err(40001),
            Some(token) if token.revoked => Err(40001),
            Some(token) if token.expires_ms <= now_ms => Err(42001),
            Some(_) => Ok(()),
        }
    }

    /// One of [`LINK_PATHS`].
    pub fn link(&mut self, now_ms: u64, path: &str, body: &[u8]) -> Reply {
        if path != self.link_path {
            return errcode(61014);
        }
        let Ok(asked) = serde_json::from_slice::<serde_json::Value>(body) else {
            return errcode(47001);
        };
        let field = if path == WEBSITE { "filename" } else { "path" };
        let (Some(env), Some(key)) = (asked["env"].as_str(), asked[field].as_str()) else {
            return errcode(40097);
        };
        if env != self.env || key.is_empty() || key.starts_with('/') || key.len() > 850 {
            return errcode(40097);
        }
        self.made += 1;
        let signature = format!("sig{:08}", self.made);
        let token = format!("cos-token-{}", self.made);
        let start = (now_ms / 1_000).cast_signed() + self.skew_s + 1_700_000_000;
        let end = start + (self.link_life_ms / 1_000).cast_signed();
        let link = Link {
            key: key.to_owned(),
            token: token.clone(),
            expires_ms: now_ms + self.link_life_ms,
        };
        self.links.insert(signature.clone(), link);
        let path = utf8_percent_encode(key, PATH);
        let sign = format!(
            "q-sign-algorithm=sha1&q-ak=AK&q-sign-time={start};{end}&q-key-time={start};{end}&\
             q-header-list=&q-url-param-list=&q-signature={signature}"
        );
        if self.link_path != WEBSITE {
            return storage::link(&signature, &sign, &token, &path.to_string());
        }
        let sign = utf8_percent_encode(&sign, NON_ALPHANUMERIC);
        json(&format!(
            r#"{{"errcode":0,"errmsg":"ok","signed_url":"https://shop.cos.example.com/{path}?sign={sign}","token":"{token}"}}"#
        ))
    }

    /// The PUT or the form to a link.
    pub fn put(&mut self, now_ms: u64, arrived: Arrived) -> Reply {
        let Some(link) = self.links.get(&arrived.signature) else {
            return xml(403, "SignatureDoesNotMatch", "The signature does not match");
        };
        if arrived.security_token.as_ref() != Some(&link.token) {
            return xml(403, "InvalidAccessKeyId", "The token is of another link");
        }
        if arrived.at_ms > link.expires_ms {
            return xml(403, "AccessDenied", "Request has expired");
        }
        let mut hasher = Hasher::new();
        hasher.update(&arrived.bytes);
        let checksums = hasher.finish();
        let declared = arrived
            .headers
            .iter()
            .find(|(name, _)| name == "content-md5");
        if declared.is_some_and(|(_, md5)| *md5 != BASE64.encode(checksums.md5.0)) {
            return xml(400, "BadDigest", "The Content-MD5 is not that of the body");
        }
        let object = Object {
            digest: checksums.sha256,
            at_ms: now_ms,
            headers: arrived.headers,
            damaged: arrived.damaged,
        };
        self.objects.insert(link.key.clone(), object);
        let mut headers = vec![
            ("etag".to_owned(), format!("\"{}\"", checksums.md5)),
            (
                "x-cos-request-id".to_owned(),
                format!("request-{}", self.made),
            ),
        ];
        let is_put = self.link_path == WEBSITE;
        if is_put {
            let crc = checksums.crc64.to_string();
            headers.push(("x-cos-hash-crc64ecma".to_owned(), crc));
        }
        Reply {
            status: if is_put { 200 } else { 204 },
            headers,
            body: Bytes::new(),
        }
    }
}

/// The signature and the key in a link.
pub fn parts(url: &str) -> Option<(String, String)> {
    let address = url.strip_prefix("https://shop.cos.example.com/")?;
    if let Some((signature, key)) = storage::parts(address) {
        let key = percent_decode_str(key).decode_utf8().ok()?;
        return Some((signature.to_owned(), key.into_owned()));
    }
    let (address, query) = address.split_once('?')?;
    let sign = percent_decode_str(query).decode_utf8().ok()?;
    let (_, signature) = sign.rsplit_once("q-signature=")?;
    let key = percent_decode_str(address).decode_utf8().ok()?;
    Some((signature.to_owned(), key.into_owned()))
}

pub fn json(text: &str) -> Reply {
    Reply {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from(text.to_owned()),
    }
}

pub fn errcode(code: i64) -> Reply {
    json(&format!(
        r#"{{"errcode":{code},"errmsg":"as the test wants it rid: 1-2-3"}}"#
    ))
}

pub fn xml(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{message}</Message><RequestId>r</RequestId></Error>"
    );
    Reply {
        status,
        headers: vec![("x-cos-request-id".to_owned(), "r".to_owned())],
        body: Bytes::from(body),
    }
}
