//! The headers that are stored with an object and replayed to its visitors.

use super::digest::Sha256;

/// Headers of an object, lower-case names, sorted by name, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectHeaders(Vec<(String, String)>);

impl ObjectHeaders {
    /// Collects headers; of two with one name the later wins.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.set(&name, value);
        }
        headers
    }

    /// Sets one header.
    pub fn set(&mut self, name: &str, value: String) {
        let name = name.to_ascii_lowercase();
        match self
            .0
            .binary_search_by(|(have, _)| have.as_str().cmp(&name))
        {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// One header's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A short identity: a change of any header is a change of the published file.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut text = String::new();
        for (name, value) in &self.0 {
            text.push_str(name);
            text.push(':');
            text.push_str(value);
            text.push('\n');
        }
        let digest = Sha256::of(text.as_bytes()).0;
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        Fingerprint(i64::from_be_bytes(short))
    }
}

/// Identity of [`ObjectHeaders`], as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_depends_on_names_and_values_but_not_on_order_or_case() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let one = ObjectHeaders::new([
            pair("Content-Type", "text/html"),
            pair("cache-control", "x"),
        ]);
        let two = ObjectHeaders::new([
            pair("Cache-Control", "x"),
            pair("content-type", "text/html"),
        ]);
        assert_eq!(one, two);
        assert_eq!(one.fingerprint(), two.fingerprint());
        let other = ObjectHeaders::new([
            pair("content-type", "text/html"),
            pair("cache-control", "y"),
        ]);
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.get("CONTENT-TYPE"), Some("text/html"));
    }
}
