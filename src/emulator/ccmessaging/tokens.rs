//! The two kinds of token: who holds which, how long each lives, what replaces what.
//!
//! Times are those of the emulator's clock (protocol notes 1, 2.3 and 2.4). Nothing here knows of
//! HTTP or of sessions.

use std::collections::HashMap;

use crate::emulator::tokens::TOKEN_MARK;

/// What a presented client token is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Works, for this user.
    Valid(String),
    /// Its hour is over; during this user's session it still works once more.
    Expired(String),
    /// Never given out, taken back, or replaced by a newer one.
    Dead,
}

#[derive(Debug)]
struct ClientToken {
    user: String,
    expires_ms: i64,
    /// The token that replaced this one, and until when this one goes on working.
    successor: Option<(String, i64)>,
    calls: u64,
}

/// All tokens that are out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    serial: u64,
    access: HashMap<String, i64>,
    client: HashMap<String, ClientToken>,
}

impl Tokens {
    /// A new access token that lives until `expires_ms`.
    pub(super) fn mint_access(&mut self, expires_ms: i64) -> String {
        self.serial += 1;
        let text = format!(
            "at{TOKEN_MARK}{:06}-{:032x}",
            self.serial,
            fastrand::u128(..)
        );
        self.access.insert(text.clone(), expires_ms);
        text
    }

    pub(super) fn is_access_valid(&self, text: &str, now_ms: i64) -> bool {
        self.access
            .get(text)
            .is_some_and(|expires_ms| now_ms < *expires_ms)
    }

    /// A new client token; it looks like percent-encoded base64 (protocol notes 2.3).
    pub(super) fn mint_client(&mut self, user: &str, expires_ms: i64) -> String {
        self.serial += 1;
        let text = format!(
            "eyJ{TOKEN_MARK}{:06}-{:032x}%3D",
            self.serial,
            fastrand::u128(..)
        );
        let token = ClientToken {
            user: user.to_owned(),
            expires_ms,
            successor: None,
            calls: 0,
        };
        self.client.insert(text.clone(), token);
        text
    }

    /// Every token of both kinds that was handed out.
    pub(super) fn all(&self) -> Vec<String> {
        self.access
            .keys()
            .chain(self.client.keys())
            .cloned()
            .collect()
    }

    /// What a presented client token is worth.
    pub(super) fn standing(&self, text: &str, now_ms: i64) -> Standing {
        match self.client.get(text) {
            None => Standing::Dead,
            Some(token) => match &token.successor {
                Some((_, end_ms)) if now_ms >= *end_ms => Standing::Dead,
                None if now_ms >= token.expires_ms => Standing::Expired(token.user.clone()),
                _ => Standing::Valid(token.user.clone()),
            },
        }
    }

    /// Counts a call that was made with a client token.
    pub(super) fn count_call(&mut self, text: &str) {
        if let Some(token) = self.client.get_mut(text) {
            token.calls += 1;
        }
    }

    /// How many calls were made with a client token.
    pub(super) fn calls(&self, text: &str) -> u64 {
        self.client.get(text).map_or(0, |token| token.calls)
    }

    /// The token that has replaced this one.
    pub(super) fn successor(&self, text: &str) -> Option<&str> {
        let token = self.client.get(text)?;
        token.successor.as_ref().map(|(text, _)| text.as_str())
    }

    /// Replaces a client token; the old one works until `grace_end_ms`.
    pub(super) fn rotate(
        &mut self,
        text: &str,
        expires_ms: i64,
        grace_end_ms: i64,
    ) -> Option<String> {
        let user = self.client.get(text)?.user.clone();
        let fresh = self.mint_client(&user, expires_ms);
        let old = self.client.get_mut(text)?;
        old.successor = Some((fresh.clone(), grace_end_ms));
        Some(fresh)
    }

    /// Ends all access tokens now.
    pub(super) fn expire_access(&mut self, now_ms: i64) {
        for expires_ms in self.access.values_mut() {
            *expires_ms = now_ms.min(*expires_ms);
        }
    }

    /// Lets the hour of all client tokens be over now.
    pub(super) fn expire_client(&mut self, now_ms: i64) {
        for token in self.client.values_mut() {
            token.expires_ms = now_ms.min(token.expires_ms);
        }
    }

    /// Takes all client tokens back: they do not work any more, session or not.
    pub(super) fn revoke_client(&mut self) {
        self.client.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_token_lives_as_long_as_it_was_asked_for() {
        let mut tokens = Tokens::default();
        let text = tokens.mint_access(600);
        assert!(tokens.is_access_valid(&text, 599));
        assert!(!tokens.is_access_valid(&text, 600));
        assert!(!tokens.is_access_valid("at", 0));
        let text = tokens.mint_access(600);
        tokens.expire_access(10);
        assert!(!tokens.is_access_valid(&text, 10));
    }

    #[test]
    fn a_client_token_expires_or_is_replaced_and_says_by_what() {
        let mut tokens = Tokens::default();
        let valid = Standing::Valid("u".to_owned());
        let first = tokens.mint_client("u", 100);
        assert!(first.ends_with("%3D"));
        assert_eq!(tokens.standing(&first, 99), valid);
        assert_eq!(
            tokens.standing(&first, 100),
            Standing::Expired("u".to_owned())
        );
        let second = tokens.rotate(&first, 200, 110).unwrap();
        assert_eq!(tokens.successor(&first), Some(second.as_str()));
        assert_eq!(tokens.standing(&first, 109), valid);
        assert_eq!(tokens.standing(&first, 110), Standing::Dead);
        assert_eq!(tokens.standing(&second, 199), valid);
        tokens.revoke_client();
        assert_eq!(tokens.standing(&second, 0), Standing::Dead);
    }
}
