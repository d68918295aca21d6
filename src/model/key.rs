//! Remote object keys: which names a cloud can hold, and why others are left out.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::path::RelPath;

/// The longest key in bytes of UTF-8 (protocol notes, key rules).
pub const KEY_BYTES_MAX: usize = 850;

/// The name of an object in the cloud: UTF-8, NFC, no empty, `.` or `..` component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Key(String);

/// Why a file cannot have a key. Such a file is excluded, visibly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpublishable {
    /// The name's bytes are not UTF-8.
    #[error("its name is not UTF-8; rename it")]
    NotUtf8,
    /// Longer than [`KEY_BYTES_MAX`].
    #[error("its key would be longer than 850 bytes; shorten the path or the prefix")]
    TooLong,
    /// A control character.
    #[error("its name has a control character; rename it")]
    ControlCharacter,
    /// `${filename}` would be substituted by the cloud.
    #[error("its name has `${{filename}}`, which the cloud would replace; rename it")]
    Wildcard,
    /// A backslash at the start, which the cloud refuses.
    #[error("its key would start with a backslash, which the cloud refuses; rename it")]
    LeadingBackslash,
    /// A component that is `.` or `..` or empty after normalisation.
    #[error("its key would have an empty, `.` or `..` part; mend the prefix")]
    Component,
}

impl Key {
    /// The key of a file: the NFC form of its path below `prefix` (which is put in front as it is).
    ///
    /// # Errors
    /// The file cannot have a key.
    pub fn of(prefix: &str, path: &RelPath) -> Result<Self, Unpublishable> {
        let text = path.as_str().ok_or(Unpublishable::NotUtf8)?;
        let mut key = String::with_capacity(prefix.len() + text.len());
        key.push_str(prefix);
        if is_nfc(text) {
            key.push_str(text);
        } else {
            key.extend(text.nfc());
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(Unpublishable::TooLong);
        }
        if key.chars().any(char::is_control) {
            return Err(Unpublishable::ControlCharacter);
        }
        if key.contains("${filename}") {
            return Err(Unpublishable::Wildcard);
        }
        if key.starts_with('\\') {
            return Err(Unpublishable::LeadingBackslash);
        }
        if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Unpublishable::Component);
        }
        Ok(Self(key))
    }

    /// Takes back a key that was made by [`Key::of`] and stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a file is left out whose key is that of `other` too.
pub fn shared_with(other: &RelPath) -> String {
    format!(
        "its remote name is that of \"{other}\" too (they differ only in how Unicode composes letters); \
         rename one"
    )
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::path::escaped(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(prefix: &str, path: &[u8]) -> Result<String, Unpublishable> {
        let path = RelPath::from_bytes(path).unwrap();
        Key::of(prefix, &path).map(|key| key.as_str().to_owned())
    }

    #[test]
    fn a_key_is_the_nfc_of_the_path_below_the_prefix() {
        assert_eq!(key("", b"a/b.txt"), Ok("a/b.txt".to_owned()));
        assert_eq!(
            key("site/", "e\u{301}.html".as_bytes()),
            Ok("site/\u{e9}.html".to_owned())
        );
        assert_eq!(
            key("", "中文 +%.png".as_bytes()),
            Ok("中文 +%.png".to_owned())
        );
    }

    #[test]
    fn names_the_cloud_cannot_hold_have_no_key() {
        assert_eq!(key("", b"a\xff"), Err(Unpublishable::NotUtf8));
        assert_eq!(key("", &[b'a'; 851]), Err(Unpublishable::TooLong));
        assert_eq!(key("p/", &[b'a'; 849]), Err(Unpublishable::TooLong));
        assert!(key("", &[b'a'; 850]).is_ok());
        assert_eq!(key("", b"a\nb"), Err(Unpublishable::ControlCharacter));
        assert_eq!(key("", b"a\x7f"), Err(Unpublishable::ControlCharacter));
        assert_eq!(key("", b"x${filename}y"), Err(Unpublishable::Wildcard));
        assert_eq!(key("", b"\\a"), Err(Unpublishable::LeadingBackslash));
        assert_eq!(key("../", b"a"), Err(Unpublishable::Component));
    }
}
