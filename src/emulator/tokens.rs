//! The book of tokens: who holds which, how long each lives, what replaces what.
//!
//! Times are those of the emulator's clock. Nothing here knows of HTTP.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::options::TokenOptions;

/// A forced refresh sooner than this after the last one does nothing (protocol notes 1.3).
const FORCE_SPACING_MS: i64 = 30_000;
/// Every token text holds this, so that a token is known wherever it turns up.
pub(super) const TOKEN_MARK: &str = "_emulated-";
/// The real ones may be this long (protocol notes 1.2).
const TOKEN_CHARS: usize = 512;

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An app's.
    App,
    /// A platform's.
    Component,
    /// An account's that a platform acts for.
    Authorizer,
}

impl Kind {
    /// What the documentation calls it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::App => "an app's access_token",
            Self::Component => "a component_access_token",
            Self::Authorizer => "an authorizer_access_token",
        }
    }
}

/// What a presented token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Works, and is of this kind.
    Valid(Kind),
    /// Its time is over.
    Expired,
    /// A newer one has replaced it.
    Superseded,
    /// Never given out.
    Unknown,
}

/// A token as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) text: String,
    pub(super) expires_in_seconds: i64,
}

#[derive(Debug)]
struct Minted {
    kind: Kind,
    expires_ms: i64,
    superseded_ms: Option<i64>,
}

/// All tokens ever given out.
#[derive(Debug)]
pub(super) struct TokenBook {
    lifetime_ms: i64,
    overlap_ms: i64,
    minted: HashMap<String, Minted>,
    serial: u64,
    classic: Option<String>,
    stable: Option<String>,
    component: Option<String>,
    authorizer: Option<String>,
    forced_ms: Option<i64>,
}

impl TokenBook {
    pub(super) fn new(options: &TokenOptions) -> Self {
        let ms = |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self {
            lifetime_ms: ms(options.lifetime),
            overlap_ms: ms(options.overlap),
            minted: HashMap::new(),
            serial: 0,
            classic: None,
            stable: None,
            component: None,
            authorizer: None,
            forced_ms: None,
        }
    }

    /// The classic call: always a new token; the last one has a short while left.
    pub(super) fn classic(&mut self, now_ms: i64) -> Issued {
        let previous = self.classic.take();
        self.supersede(previous, now_ms + self.overlap_ms);
        let issued = self.mint(Kind::App, now_ms);
        self.classic = Some(issued.text.clone());
        issued
    }

    /// The stable call: the same token until shortly before its end.
    pub(super) fn stable(&mut self, now_ms: i64) -> Issued {
        if let Some(issued) = self.still_fresh(self.stable.clone(), now_ms) {
            return issued;
        }
        let issued = self.mint(Kind::App, now_ms);
        self.stable = Some(issued.text.clone());
        issued
    }

    /// The stable call with `force_refresh`: the last token ends at once.
    pub(super) fn stable_forced(&mut self, now_ms: i64) -> Issued {
        let too_soon = self
            .forced_ms
            .is_some_and(|forced_ms| now_ms - forced_ms < FORCE_SPACING_MS);
        if !too_soon {
            self.forced_ms = Some(now_ms);
            let previous = self.stable.take();
            self.supersede(previous, now_ms);
        }
        self.stable(now_ms)
    }

    /// The platform's call: a new token; the last one has a short while left.
    pub(super) fn component(&mut self, now_ms: i64) -> Issued {
        let previous = self.component.take();
        self.supersede(previous, now_ms + self.overlap_ms);
        let issued = self.mint(Kind::Component, now_ms);
        self.component = Some(issued.text.clone());
        issued
    }

    /// The call for an account that the platform acts for: a new token; the last one has a short while left.
    pub(super) fn authorizer(&mut self, now_ms: i64) -> Issued {
        let previous = self.authorizer.take();
        self.supersede(previous, now_ms + self.overlap_ms);
        let issued = self.mint(Kind::Authorizer, now_ms);
        self.authorizer = Some(issued.text.clone());
        issued
    }

    /// What a holder of the platform's token hands out: the one it has, while it is fresh.
    pub(super) fn held_component(&mut self, now_ms: i64) -> Issued {
        self.still_fresh(self.component.clone(), now_ms)
            .unwrap_or_else(|| self.component(now_ms))
    }

    /// What a presented token is worth.
    pub(super) fn standing(&self, text: &str, now_ms: i64) -> Standing {
        match self.minted.get(text) {
            None => Standing::Unknown,
            Some(minted) if now_ms >= minted.expires_ms => Standing::Expired,
            Some(minted) if minted.superseded_ms.is_some_and(|end_ms| now_ms >= end_ms) => {
                Standing::Superseded
            }
            Some(minted) => Standing::Valid(minted.kind),
        }
    }

    /// Ends every token now; the next call for one mints it anew.
    pub(super) fn expire_all(&mut self, now_ms: i64) {
        for minted in self.minted.values_mut() {
            minted.expires_ms = minted.expires_ms.min(now_ms);
        }
    }

    fn still_fresh(&self, text: Option<String>, now_ms: i64) -> Option<Issued> {
        let text = text?;
        let left_ms = self.minted.get(&text)?.expires_ms - now_ms;
        (left_ms > self.overlap_ms.max(0)).then_some(Issued {
            text,
            expires_in_seconds: left_ms / 1000,
        })
    }

    fn supersede(&mut self, text: Option<String>, end_ms: i64) {
        if let Some(minted) = text.and_then(|text| self.minted.get_mut(&text)) {
            minted.superseded_ms = Some(end_ms);
        }
    }

    fn mint(&mut self, kind: Kind, now_ms: i64) -> Issued {
        self.serial += 1;
        let name = match kind {
            Kind::App => "71_emulated-app",
            Kind::Component => "72_emulated-component",
            Kind::Authorizer => "73_emulated-authorizer",
        };
        let mut text = format!("{name}-{:06}-", self.serial);
        while text.len() < TOKEN_CHARS {
            let _infallible = write!(text, "{:016x}", fastrand::u64(..));
        }
        text.truncate(TOKEN_CHARS);
        let minted = Minted {
            kind,
            expires_ms: now_ms.saturating_add(self.lifetime_ms),
            superseded_ms: None,
        };
        self.minted.insert(text.clone(), minted);
        Issued {
            text,
            expires_in_seconds: self.lifetime_ms / 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn book() -> TokenBook {
        TokenBook::new(&TokenOptions::default())
    }

    #[test]
    fn a_stable_token_stays_the_same_until_its_last_five_minutes() {
        let mut book = book();
        let first = book.stable(0);
        assert_eq!(first.expires_in_seconds, 7200);
        let later = book.stable(114 * MINUTE_MS);
        assert_eq!((&later.text, later.expires_in_seconds), (&first.text, 360));
        let next = book.stable(115 * MINUTE_MS);
        assert_ne!(next.text, first.text);
        for text in [&first.text, &next.text] {
            assert_eq!(
                book.standing(text, 119 * MINUTE_MS),
                Standing::Valid(Kind::App)
            );
        }
        assert_eq!(
            book.standing(&first.text, 120 * MINUTE_MS),
            Standing::Expired
        );
    }

    #[test]
    fn each_classic_call_retires_the_last_token_after_five_minutes() {
        let mut book = book();
        let stable = book.stable(0);
        let first = book.classic(0);
        let second = book.classic(MINUTE_MS);
        assert_ne!(first.text, second.text);
        assert_eq!(
            book.standing(&first.text, 5 * MINUTE_MS),
            Standing::Valid(Kind::App)
        );
        assert_eq!(
            book.standing(&first.text, 6 * MINUTE_MS),
            Standing::Superseded
        );
        assert_eq!(
            book.standing(&stable.text, 6 * MINUTE_MS),
            Standing::Valid(Kind::App)
        );
    }

    #[test]
    fn a_forced_refresh_ends_the_last_token_at_once_but_not_twice_in_half_a_minute() {
        let mut book = book();
        let first = book.stable(0);
        let second = book.stable_forced(1000);
        assert_eq!(book.standing(&first.text, 1000), Standing::Superseded);
        assert_eq!(book.stable_forced(2000).text, second.text);
        assert_ne!(book.stable_forced(31_000).text, second.text);
    }

    #[test]
    fn expiring_all_makes_every_holder_ask_again() {
        let mut book = book();
        let (app, platform) = (book.stable(0), book.held_component(0));
        assert_eq!(book.held_component(1).text, platform.text);
        assert_eq!(platform.text.len(), TOKEN_CHARS);
        book.expire_all(10);
        assert_eq!(book.standing(&app.text, 10), Standing::Expired);
        assert_ne!(book.held_component(10).text, platform.text);
        assert_ne!(book.stable(10).text, app.text);
        assert_eq!(book.standing("72_fake", 10), Standing::Unknown);
    }
}
