//! One token for all who need it: who may fetch, who waits, when a refusal is believed, when to stop.
//!
//! Pure state by generation (protocol notes 1.7). The driver asks [`TokenState::need`] before a call,
//! reports what came of the call and of the fetch, and wakes those who wait after each fetch.
//! Invariants: at most one fetch is under way; a token is served until its successor is stored; a
//! refusal of an old generation changes nothing.

use std::time::Duration;

use crate::model::fault::Fault;
use crate::model::secret::Secret;
use crate::model::time::Monotonic;

mod requests;

pub use requests::{
    TOKEN_BYTES_MAX, authorizer_token_answer, authorizer_token_request, blames_platform_token,
    classic_token_request, component_token_request, provider_token, provider_token_reply,
    query_name, secret_line, stable_token_request, token_answer, url_token_request,
};

/// Two refreshes forced by a refusal are at least this far apart (R5).
pub const FORCED_SPACING: Duration = Duration::from_secs(10);
/// A token is replaced when less than this remains of it (R2) …
pub const EARLY_MIN: Duration = Duration::from_mins(5);
/// … or less than this part of its lifetime.
pub const EARLY_DIVISOR: u32 = 20;
/// So many new tokens in a row that were refused and never accepted pause the account (R4).
const NEW_REFUSED_MAX: u32 = 2;

/// A token as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedToken {
    /// The token.
    pub value: Secret,
    /// How long it is valid from now; `None` where nobody said.
    pub expires_in: Option<Duration>,
    /// Look again after this long although it has not expired; for files that are replaced in place.
    pub recheck: Option<Duration>,
}

/// A token to be used for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub value: Secret,
    /// Which one; to be named when it is refused or accepted.
    pub generation: u64,
}

/// What a caller who needs a token does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Use it. With `refresh`, this caller also fetches its successor, without waiting for it.
    Have {
        /// The token.
        token: Token,
        /// The caller has been given the only right to fetch.
        refresh: bool,
    },
    /// The caller has been given the only right to fetch, and there is nothing to use until it did.
    Fetch,
    /// Somebody fetches: ask again when that is over.
    InFlight,
    /// Ask again at this moment; with the fault of the last fetch, if that is the reason.
    Wait {
        /// When.
        until: Monotonic,
        /// Why, where a fetch failed.
        fault: Option<Fault>,
    },
    /// The account needs a person (or the next probe): see [`TokenState::resumed`].
    Paused(Fault),
}

/// What became of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The token has been replaced meanwhile: repeat the call with the new one.
    Stale,
    /// Believed: repeat the call once there is a new token.
    Believed,
    /// Too many new tokens were refused: the account is paused.
    Paused,
}

struct Held {
    token: Token,
    expires_at: Option<Monotonic>,
    refresh_at: Option<Monotonic>,
    /// The fault it was refused with.
    refused: Option<Fault>,
    accepted: bool,
}

/// The token of one account.
#[derive(Default)]
pub struct TokenState {
    held: Option<Held>,
    generation: u64,
    fetching: bool,
    forced_at: Option<Monotonic>,
    failed: Option<Failed>,
    paused: Option<Fault>,
    new_refused: u32,
    /// The token before the one that is held.
    replaced: Option<Secret>,
}

struct Failed {
    times: u32,
    at: Monotonic,
    fault: Fault,
}

impl TokenState {
    /// No token yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a caller who needs a token does. Whoever is given a right to fetch must report with
    /// [`Self::fetched`] or [`Self::abandoned`].
    pub fn need(&mut self, now: Monotonic) -> Need {
        if let Some(fault) = &self.paused {
            return Need::Paused(fault.clone());
        }
        let usable = self.held.as_ref().filter(|held| held.is_usable(now));
        if let Some(held) = usable {
            let token = held.token.clone();
            let due = held.refresh_at.is_some_and(|at| at <= now);
            let refresh = due && !self.fetching && self.fetch_blocked(now).is_none();
            self.fetching |= refresh;
            return Need::Have { token, refresh };
        }
        if self.fetching {
            return Need::InFlight;
        }
        if let Some(wait) = self.fetch_blocked(now) {
            return wait;
        }
        if self.is_refused() {
            self.forced_at = Some(now);
        }
        self.fetching = true;
        Need::Fetch
    }

    /// Why no fetch may begin now.
    fn fetch_blocked(&self, now: Monotonic) -> Option<Need> {
        if let Some(failed) = &self.failed {
            // 1, 2, 4, 8 and then always 10 seconds.
            let pause = Duration::from_secs(1 << failed.times.min(4)).min(FORCED_SPACING);
            let until = failed.at + pause;
            if now < until {
                return Some(Need::Wait {
                    until,
                    fault: Some(failed.fault.clone()),
                });
            }
        }
        let until = self.forced_at? + FORCED_SPACING;
        (self.is_refused() && now < until).then_some(Need::Wait { until, fault: None })
    }

    fn is_refused(&self) -> bool {
        self.held
            .as_ref()
            .is_some_and(|held| held.refused.is_some())
    }

    /// A fetch ended.
    pub fn fetched(&mut self, result: Result<FetchedToken, Fault>, now: Monotonic) {
        self.fetching = false;
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(fault) => {
                let times = self
                    .failed
                    .as_ref()
                    .map_or(0, |failed| failed.times.saturating_add(1));
                self.failed = Some(Failed {
                    times,
                    at: now,
                    fault,
                });
                return;
            }
        };
        self.failed = None;
        let same = self
            .held
            .as_ref()
            .filter(|held| held.token.value == fetched.value);
        let (generation, accepted) = match same {
            // The token is not the trouble: another one cannot be had (protocol notes 1.3, trap).
            Some(Held {
                refused: Some(fault),
                ..
            }) => {
                self.paused = Some(fault.clone());
                return;
            }
            // The same token goes on under its number, so that a refusal under way still meets it.
            Some(held) => (held.token.generation, held.accepted),
            None => {
                self.generation += 1;
                self.replaced = self.held.take().map(|held| held.token.value);
                (self.generation, false)
            }
        };
        self.held = Some(Held::new(fetched, generation, accepted, now));
    }

    /// An answer to a call that was made with the token of generation `used` handed out a newer one
    /// (desk notes 2.4). Answers that cross each other must not bring an older token back.
    pub fn rotated(&mut self, handed_out: FetchedToken, used: u64, now: Monotonic) {
        let held = self.held.as_ref();
        let is_same = held.is_some_and(|held| held.token.value == handed_out.value);
        let is_late = held.is_some_and(|held| used < held.token.generation);
        if is_same || (is_late && self.replaced.as_ref() == Some(&handed_out.value)) {
            return;
        }
        self.generation += 1;
        self.replaced = self.held.take().map(|held| held.token.value);
        self.held = Some(Held::new(handed_out, self.generation, false, now));
    }

    /// The right to fetch was given back unused, or its owner was dropped.
    pub fn abandoned(&mut self) {
        self.fetching = false;
    }

    /// A call was answered in a way that proves its token good.
    pub fn accepted(&mut self, generation: u64) {
        if let Some(held) = self
            .held
            .as_mut()
            .filter(|held| held.token.generation == generation)
        {
            held.accepted = true;
            self.new_refused = 0;
        }
    }

    /// A call was answered with a code that calls its token invalid (R3, R4).
    pub fn refused(&mut self, generation: u64, fault: Fault) -> Refusal {
        if self.paused.is_some() {
            return Refusal::Paused;
        }
        let Some(held) = self
            .held
            .as_mut()
            .filter(|held| held.token.generation == generation)
        else {
            return Refusal::Stale;
        };
        if held.refused.is_some() {
            return Refusal::Believed;
        }
        if !held.accepted {
            self.new_refused += 1;
        }
        if self.new_refused >= NEW_REFUSED_MAX {
            self.paused = Some(fault);
            return Refusal::Paused;
        }
        held.refused = Some(fault);
        Refusal::Believed
    }

    /// The pause is over (a person's word or a probe): everything is tried afresh, at once.
    pub fn resumed(&mut self) {
        *self = Self {
            generation: self.generation,
            fetching: self.fetching,
            ..Self::default()
        };
    }

    /// The text of the last token that was fetched, whatever became of it.
    pub fn last_value(&self) -> Option<&Secret> {
        self.held.as_ref().map(|held| &held.token.value)
    }

    /// When the token that is served expires, for the metrics.
    pub fn expires_at(&self) -> Option<Monotonic> {
        self.held.as_ref()?.expires_at
    }
}

impl Held {
    fn new(fetched: FetchedToken, generation: u64, accepted: bool, now: Monotonic) -> Self {
        let early = fetched.expires_in.map(|lifetime| {
            let margin = EARLY_MIN.max(lifetime / EARLY_DIVISOR);
            // Never more often than half of the lifetime, or a token of four minutes would be
            // replaced without end.
            now + lifetime.saturating_sub(margin).max(lifetime / 2)
        });
        let recheck = fetched.recheck.map(|span| now + span);
        Self {
            token: Token {
                value: fetched.value,
                generation,
            },
            expires_at: fetched.expires_in.map(|lifetime| now + lifetime),
            refresh_at: early.into_iter().chain(recheck).min(),
            refused: None,
            accepted,
        }
    }

    fn is_usable(&self, now: Monotonic) -> bool {
        self.refused.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

#[cfg(test)]
mod tests;
