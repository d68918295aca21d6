//! Signed links: made for one method, one object and one window, and checked without being kept.
//!
//! The digest is not the object store's own; what matters is that a link stops working when
//! anything it covers is changed (protocol notes 3.2, 4.4).

use std::sync::atomic::{AtomicU64, Ordering};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::options::LinkForm;

/// All but the unreserved letters.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// The same, with `/` left as it is: the canonical form of a key (protocol notes 4.5).
const KEY: &AsciiSet = &VALUE.remove(b'/');

/// Signs links and knows its own again.
pub(super) struct LinkSigner {
    secret: [u8; 32],
    issued: AtomicU64,
}

/// What a link is for.
#[derive(Clone, Copy)]
pub(super) struct Grant<'a> {
    pub(super) method: &'a str,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
}

/// A link, less its host.
pub(super) struct Link {
    /// Path and query.
    pub(super) target: String,
    /// Goes with it as `x-cos-security-token`.
    pub(super) token: String,
}

/// Why a link does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkRefusal {
    /// There is no signature.
    Missing,
    /// It is for something else, or was changed.
    Changed,
    /// No `x-cos-security-token`.
    NoToken,
    /// The token of another link.
    WrongToken,
    /// Its window has ended.
    Expired,
}

/// A link that works.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The end of its window.
    pub(super) end_ms: i64,
    /// Whether the query came letter by letter as it was given out.
    pub(super) verbatim: bool,
}

impl LinkSigner {
    pub(super) fn new() -> Self {
        let mut secret = [0; 32];
        for chunk in secret.chunks_mut(8) {
            chunk.copy_from_slice(&fastrand::u64(..).to_le_bytes());
        }
        Self {
            secret,
            issued: AtomicU64::new(1),
        }
    }

    /// A link that is valid from `start_ms` to `end_ms`, to the whole second.
    pub(super) fn issue(&self, grant: Grant<'_>, window_ms: (i64, i64), form: LinkForm) -> Link {
        let serial = self.issued.fetch_add(1, Ordering::Relaxed);
        let sign = self.sign(grant, serial, whole_seconds(window_ms));
        let sign = match form {
            LinkForm::BareSignature => sign,
            LinkForm::Encoded | LinkForm::RawKey => encode(&sign),
        };
        let key = match form {
            LinkForm::RawKey => raw_beyond_ascii(grant.key),
            LinkForm::Encoded | LinkForm::BareSignature => encoded_key(grant.key),
        };
        Link {
            target: format!("/cos/{}/{key}?sign={sign}", grant.bucket),
            token: self.token(serial),
        }
    }

    /// A signature that goes beside the address instead of in it, and the token that goes with it.
    pub(super) fn authorize(&self, grant: Grant<'_>, window_ms: (i64, i64)) -> (String, String) {
        let serial = self.issued.fetch_add(1, Ordering::Relaxed);
        let sign = self.sign(grant, serial, whole_seconds(window_ms));
        (sign, self.token(serial))
    }

    /// Checks a request against what was given out.
    pub(super) fn check(
        &self,
        grant: Grant<'_>,
        query: &str,
        token: Option<&str>,
        now_ms: i64,
    ) -> Result<Accepted, LinkRefusal> {
        let raw = query.strip_prefix("sign=").ok_or(LinkRefusal::Missing)?;
        let sign = percent_decode_str(raw).decode_utf8_lossy();
        let end_ms = self.check_sign(grant, &sign, token, now_ms)?;
        Ok(Accepted {
            end_ms,
            verbatim: raw == sign || raw == encode(&sign),
        })
    }

    /// Checks a bare signature; says when its window ends.
    pub(super) fn check_sign(
        &self,
        grant: Grant<'_>,
        sign: &str,
        token: Option<&str>,
        now_ms: i64,
    ) -> Result<i64, LinkRefusal> {
        let (serial, window) = parse(sign).ok_or(LinkRefusal::Changed)?;
        if self.sign(grant, serial, window) != sign {
            return Err(LinkRefusal::Changed);
        }
        let token = token.ok_or(LinkRefusal::NoToken)?;
        if token != self.token(serial) {
            return Err(LinkRefusal::WrongToken);
        }
        let end_ms = window.1.saturating_mul(1000);
        if now_ms >= end_ms {
            return Err(LinkRefusal::Expired);
        }
        Ok(end_ms)
    }

    fn sign(&self, grant: Grant<'_>, serial: u64, (start, end): (i64, i64)) -> String {
        let Grant {
            method,
            bucket,
            key,
        } = grant;
        let signature = self.digest(&format!(
            "{method}\n/{bucket}/{key}\n{start};{end}\n{serial}"
        ));
        let signature: String = signature.chars().take(40).collect();
        format!(
            "q-sign-algorithm=sha1&q-ak=AKIDEMULATED{serial:016x}\
             &q-sign-time={start};{end}&q-key-time={start};{end}\
             &q-header-list=&q-url-param-list=&q-signature={signature}"
        )
    }

    fn token(&self, serial: u64) -> String {
        format!("emulated-link-{}", self.digest(&format!("token {serial}")))
    }

    fn digest(&self, text: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.secret);
        hasher.update(text.as_bytes());
        super::objects::hex(&hasher.finalize())
    }
}

/// A key in its canonical form (protocol notes 4.5).
pub(super) fn encoded_key(key: &str) -> String {
    utf8_percent_encode(key, KEY).to_string()
}

/// A window that holds at least this one.
fn whole_seconds((start_ms, end_ms): (i64, i64)) -> (i64, i64) {
    let end = end_ms.div_euclid(1000) + i64::from(end_ms.rem_euclid(1000) > 0);
    (start_ms.div_euclid(1000), end)
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

fn raw_beyond_ascii(key: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4];
    for letter in key.chars() {
        if letter.is_ascii() {
            text.extend(utf8_percent_encode(letter.encode_utf8(&mut buffer), KEY));
        } else {
            text.push(letter);
        }
    }
    text
}

fn parse(sign: &str) -> Option<(u64, (i64, i64))> {
    let field = |name: &str| {
        sign.split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let serial = field("q-ak")?.strip_prefix("AKIDEMULATED")?;
    let (start, end) = field("q-sign-time")?.split_once(';')?;
    Some((
        u64::from_str_radix(serial, 16).ok()?,
        (start.parse().ok()?, end.parse().ok()?),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: Grant<'static> = Grant {
        method: "PUT",
        bucket: "b",
        key: "图/a +%.png",
    };

    fn issued(form: LinkForm) -> (LinkSigner, String, String, String) {
        let signer = LinkSigner::new();
        let link = signer.issue(GRANT, (10_500, 70_500), form);
        let (path, query) = link.target.split_once('?').unwrap();
        let (path, query) = (path.to_owned(), query.to_owned());
        (signer, path, query, link.token)
    }

    #[test]
    fn a_link_works_in_each_form_until_its_window_ends() {
        for form in [LinkForm::Encoded, LinkForm::BareSignature, LinkForm::RawKey] {
            let (signer, path, query, token) = issued(form);
            let accepted = signer.check(GRANT, &query, Some(&token), 70_999).unwrap();
            assert!(accepted.verbatim && accepted.end_ms == 71_000);
            assert_eq!(
                signer
                    .check(GRANT, &query, Some(&token), 71_000)
                    .unwrap_err(),
                LinkRefusal::Expired
            );
            let path = percent_decode_str(&path)
                .decode_utf8()
                .unwrap()
                .into_owned();
            assert_eq!(path, "/cos/b/图/a +%.png");
        }
        assert!(issued(LinkForm::RawKey).1.ends_with("图/a%20%2B%25.png"));
    }

    #[test]
    fn a_link_is_bound_to_method_key_window_and_token() {
        let (signer, _, query, token) = issued(LinkForm::Encoded);
        let refusal = |grant, query: &str, token| signer.check(grant, query, token, 0).unwrap_err();
        let others = [
            Grant {
                method: "GET",
                ..GRANT
            },
            Grant {
                bucket: "c",
                ..GRANT
            },
            Grant { key: "a", ..GRANT },
        ];
        for grant in others {
            assert_eq!(refusal(grant, &query, Some(&token)), LinkRefusal::Changed);
        }
        let stretched = query.replace("%3B71", "%3B99");
        assert_eq!(
            refusal(GRANT, &stretched, Some(&token)),
            LinkRefusal::Changed
        );
        assert_eq!(refusal(GRANT, "", Some(&token)), LinkRefusal::Missing);
        assert_eq!(refusal(GRANT, &query, None), LinkRefusal::NoToken);
        let next = signer.issue(GRANT, (0, 1000), LinkForm::Encoded);
        assert_eq!(
            refusal(GRANT, &query, Some(&next.token)),
            LinkRefusal::WrongToken
        );
        let lower = query.replace("%3B", "%3b");
        assert!(
            !signer
                .check(GRANT, &lower, Some(&token), 0)
                .unwrap()
                .verbatim
        );
    }
}
