//! Paths below a watched folder.
//!
//! A [`RelPath`] is the raw bytes of the file system, `/` between components. It never starts or ends
//! with `/` and never has an empty, `.` or `..` component, so joining it to a root cannot leave it.

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path below a folder's root, as raw bytes.
///
/// Paths sort by their bytes. A walk that sorts the entries of a directory as if directories had a
/// `/` at the end visits files in exactly this order, and so does the database's primary key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Box<[u8]>);

/// Why bytes are not a [`RelPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Not a path below a folder: {0}")]
pub struct PathError(&'static str);

impl RelPath {
    /// Checks and wraps raw bytes.
    ///
    /// # Errors
    /// The bytes are empty, absolute, or have an empty, `.` or `..` component, or a NUL.
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Result<Self, PathError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(PathError("it is empty"));
        }
        if bytes.contains(&0) {
            return Err(PathError("it has a NUL byte"));
        }
        for component in bytes.split(|byte| *byte == b'/') {
            match component {
                b"" => return Err(PathError("it starts or ends with `/`, or has `//`")),
                b"." | b".." => return Err(PathError("it has a `.` or `..` component")),
                _ => {}
            }
        }
        Ok(Self(bytes))
    }

    /// Appends one directory entry's name to `parent` (`None`: the root itself).
    ///
    /// # Errors
    /// The name is not one component.
    pub fn child(parent: Option<&Self>, name: &[u8]) -> Result<Self, PathError> {
        if name.contains(&b'/') {
            return Err(PathError("a name has a `/`"));
        }
        match parent {
            None => Self::from_bytes(name),
            Some(parent) => Self::from_bytes([&parent.0, name].join(&b'/')),
        }
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as the operating system takes it, relative to the root.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The text, where the bytes are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The directory it is in; `None` for a path directly below the root.
    pub fn parent(&self) -> Option<Self> {
        let cut = self.0.iter().rposition(|byte| *byte == b'/')?;
        Some(Self(self.0[..cut].into()))
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        let start = self
            .0
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |at| at + 1);
        &self.0[start..]
    }

    /// The name of the file that goes beside a received one: with `.json` at its end.
    #[must_use]
    pub fn sidecar(&self) -> Self {
        Self([&self.0, b".json".as_slice()].concat().into())
    }

    /// Whether it lies below `directory` (and is not the directory itself).
    pub fn is_below(&self, directory: &Self) -> bool {
        self.0.len() > directory.0.len()
            && self.0.starts_with(&directory.0)
            && self.0[directory.0.len()] == b'/'
    }
}

/// Shows the path to a person: bytes that are not UTF-8 and control characters are escaped, so that no
/// file name can steer a terminal or forge a log line.
impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Borrow<[u8]> for RelPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl serde::Serialize for RelPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Text from outside (file names, servers) made safe for a terminal and a log: controls, characters of
/// direction or without width, separators of lines and bytes that are not UTF-8 become escapes.
pub fn escaped(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || is_invisible(character) {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn is_invisible(character: char) -> bool {
    const INVISIBLE: [std::ops::RangeInclusive<char>; 6] = [
        '\u{61c}'..='\u{61c}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{2069}',
        '\u{feff}'..='\u{feff}',
        '\u{e0000}'..='\u{e007f}',
    ];
    INVISIBLE.iter().any(|range| range.contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> RelPath {
        RelPath::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_could_leave_the_root_is_refused() {
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "a\0b",
        ] {
            assert!(RelPath::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b", "...", "a/.b", "a/..b", " ", "\u{1}"] {
            assert!(RelPath::from_bytes(good.as_bytes()).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn parent_name_and_below_agree() {
        let file = path("a/b/c.txt");
        assert_eq!(file.parent(), Some(path("a/b")));
        assert_eq!(file.file_name(), b"c.txt");
        assert_eq!(path("a").parent(), None);
        assert!(file.is_below(&path("a")));
        assert!(!path("ab").is_below(&path("a")));
        assert!(!path("a").is_below(&path("a")));
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        let path = RelPath::from_bytes(b"a\x1b[31m\n\xff\xe2\x80\xae".as_slice()).unwrap();
        assert_eq!(path.to_string(), "a\\u{1b}[31m\\u{a}\\xff\\u{202e}");
    }

    proptest! {
        #[test]
        fn a_walk_that_sorts_directories_with_a_slash_visits_in_byte_order(
            names in proptest::collection::btree_set("[a-c.\\-/!]{1,8}", 1..30)
        ) {
            let mut files: Vec<RelPath> = names.iter().filter_map(|name| RelPath::from_bytes(name.as_bytes()).ok()).collect();
            // A name cannot be a file and a directory at once.
            let all = files.clone();
            files.retain(|file| !all.iter().any(|other| other.is_below(file)));
            let mut walked = Vec::new();
            walk(&files, "", &mut walked);
            files.sort();
            let expected: Vec<String> = files.iter().map(RelPath::to_string).collect();
            prop_assert_eq!(walked, expected);
        }
    }

    fn walk(files: &[RelPath], prefix: &str, out: &mut Vec<String>) {
        let mut entries: Vec<String> = files
            .iter()
            .filter_map(|file| file.as_str()?.strip_prefix(prefix))
            .map(|rest| {
                rest.find('/')
                    .map_or(rest.to_owned(), |cut| rest.split_at(cut + 1).0.to_owned())
            })
            .collect();
        entries.sort();
        entries.dedup();
        for entry in entries {
            if entry.ends_with('/') {
                walk(files, &format!("{prefix}{entry}"), out);
            } else {
                out.push(format!("{prefix}{entry}"));
            }
        }
    }
}
