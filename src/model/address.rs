//! The address of a request.

use std::fmt;

use url::Url;

use super::secret::Secret;

/// Where a request goes. A secret: it may carry a token or a signature.
#[derive(Clone)]
pub struct Address {
    text: Secret,
    read: Option<Url>,
}

impl Address {
    /// An address that had to be read before: that is not done a second time.
    pub fn that_was_read(text: impl Into<String>, read: Url) -> Self {
        Self {
            text: Secret::new(text),
            read: Some(read),
        }
    }

    /// The address as it was written, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The address as the URL type reads it.
    ///
    /// # Errors
    /// It is none.
    pub fn read(&self) -> Result<Url, url::ParseError> {
        match &self.read {
            Some(read) => Ok(read.clone()),
            None => Url::parse(self.expose()),
        }
    }
}

impl From<Secret> for Address {
    fn from(text: Secret) -> Self {
        Self { text, read: None }
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_never_shown_however_it_was_made() {
        let text = "https://h/k?sign=00ff";
        let unread = Address::from(Secret::new(text));
        let read = Address::that_was_read(text, Url::parse(text).unwrap());
        for address in [&unread, &read] {
            assert_eq!(format!("{address:?}"), "***");
            assert_eq!(
                (address.expose(), address.read().unwrap().as_str()),
                (text, text)
            );
        }
        assert_eq!(unread, read);
    }
}
