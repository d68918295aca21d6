//! Takes out of a text what must not leave the machine: known secrets, and what an address carries behind
//! its path.

use crate::model::secret::Secret;

/// What stands in the place of what was taken out.
const MASK: &str = "***";
/// Shorter secrets would be found everywhere.
const SECRET_CHARS_MIN: usize = 4;

/// The text without any of `secrets` and without user names, queries and fragments of addresses.
pub fn redacted<'s>(text: &str, secrets: impl IntoIterator<Item = &'s Secret>) -> String {
    let mut out = text.to_owned();
    for secret in secrets {
        let secret = secret.expose();
        if secret.len() < SECRET_CHARS_MIN {
            continue;
        }
        // As it is, and as it would stand in a query or in a JSON string.
        let encoded =
            percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
        let quoted = serde_json::Value::from(secret).to_string();
        out = out
            .replace(secret, MASK)
            .replace(&encoded.to_string(), MASK)
            .replace(quoted.trim_matches('"'), MASK);
    }
    without_queries(&out)
}

fn without_queries(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, address)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = address.find(ends_an_address).unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        out.push_str(&plain(address));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn ends_an_address(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>' | '|' | '\\')
}

/// Host and path of an address without its scheme.
fn plain(address: &str) -> String {
    let cut = address.find(['?', '#']).unwrap_or(address.len());
    let (kept, cut_off) = address.split_at(cut);
    let authority = kept.find('/').unwrap_or(kept.len());
    let (authority, path) = kept.split_at(authority);
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{MASK}@{host}"),
        None => authority.to_owned(),
    };
    let end = if cut_off.is_empty() { "" } else { "?***" };
    format!("{host}{path}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_what_addresses_carry_are_taken_out() {
        let secrets = [Secret::new("can\"ary/1"), Secret::new("abc")];
        for (text, plain) in [
            ("a can\"ary/1 b", "a *** b"),
            ("x=can%22ary%2F1", "x=***"),
            (r#""can\"ary/1""#, r#""***""#),
            ("abc", "abc"),
            (
                "see https://u:p@host:1/a/b?q-sign=1&x=2#f, \"http://h/?t\" end",
                "see https://***@host:1/a/b?*** \"http://h/?***\" end",
            ),
            ("https://host/path.", "https://host/path."),
            ("://", "://"),
            ("no address: a?b", "no address: a?b"),
        ] {
            assert_eq!(redacted(text, &secrets), plain, "{text}");
        }
    }
}
