//! A model of the cloud, written from the protocol: tokens that run out, links bound to a key and a
//! window, objects checked against Content-MD5. It is the truth that the checkers compare with.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use syncd::model::digest::{Hasher, Sha256};
use syncd::port::transport::Reply;

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

/// A stored object.
#[derive(Debug, Clone)]
pub struct Object {
    pub digest: Sha256,
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
}

/// A PUT as it arrived.
pub struct Arrived<'a> {
    pub signature: &'a str,
    pub security_token: Option<&'a str>,
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

    /// `componenttcb/staticuploadfile`.
    pub fn link(&mut self, now_ms: u64, body: &[u8]) -> Reply {
        let Ok(asked) = serde_json::from_slice::<serde_json::Value>(body) else {
            return errcode(47001);
        };
        let (Some(env), Some(key)) = (asked["env"].as_str(), asked["filename"].as_str()) else {
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
        let sign = utf8_percent_encode(&sign, NON_ALPHANUMERIC);
        json(&format!(
            r#"{{"errcode":0,"errmsg":"ok","signed_url":"https://shop.cos.example.com/{path}?sign={sign}","token":"{token}"}}"#
        ))
    }

    /// The PUT to a link.
    pub fn put(&mut self, now_ms: u64, arrived: Arrived<'_>) -> Reply {
        let Some(link) = self.links.get(arrived.signature) else {
            return xml(403, "SignatureDoesNotMatch", "The signature does not match");
        };
        if arrived.security_token != Some(link.token.as_str()) {
            return xml(403, "InvalidAccessKeyId", "The token is of another link");
        }
        if now_ms > link.expires_ms {
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
            headers: arrived.headers,
            damaged: arrived.damaged,
        };
        self.objects.insert(link.key.clone(), object);
        Reply {
            status: 200,
            headers: vec![
                ("etag".to_owned(), format!("\"{}\"", checksums.md5)),
                (
                    "x-cos-hash-crc64ecma".to_owned(),
                    checksums.crc64.to_string(),
                ),
                (
                    "x-cos-request-id".to_owned(),
                    format!("request-{}", self.made),
                ),
            ],
            body: Bytes::new(),
        }
    }
}

/// The signature and the key in a link.
pub fn parts(url: &str) -> Option<(String, String)> {
    let (address, query) = url
        .strip_prefix("https://shop.cos.example.com/")?
        .split_once('?')?;
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
