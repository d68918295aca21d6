//! The token of an account: what calls are made with it, how fast, and what their answers say of it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::origin::Origin;
use super::platforms::Platforms;
use crate::engine::Ports;
use crate::engine::holder::Holder;
use crate::flow::cloud_storage::Door;
use crate::flow::token;
use crate::model::event::Event;
use crate::model::fault::{Call, Fault};
use crate::model::folder::{AccountSpec, Platform, TokenSource};
use crate::model::secret::Secret;
use crate::model::time::{Monotonic, Timestamp};

/// A token in the words of a request.
pub(super) struct Issued {
    pub value: Secret,
    pub query_name: &'static str,
    pub generation: u64,
}

/// Holds the token of one account.
pub(super) struct Tokens {
    holder: Arc<Holder>,
    origin: Origin,
    next_call: Mutex<Option<Monotonic>>,
    /// What the token proved to be good for.
    proven_door: Mutex<Option<Door>>,
}

impl Tokens {
    /// The tokens of an account; a platform's token is shared with the other accounts of the platform.
    pub(super) fn new(account: &AccountSpec, platforms: &Platforms) -> Self {
        let of = |platform: &Platform| platforms.holder(&account.base_url, &platform.appid);
        let holder = match &account.token {
            TokenSource::Component(platform) => of(platform),
            _ => Arc::default(),
        };
        let platform = match &account.token {
            TokenSource::Authorizer { platform, .. } => of(platform),
            _ => Arc::default(),
        };
        Self {
            holder,
            origin: Origin::new(platform),
            next_call: Mutex::default(),
            proven_door: Mutex::default(),
        }
    }

    /// The token to use now; waits for a fetch that is under way.
    ///
    /// # Errors
    /// The fault of the last fetch, or the one that paused the account.
    pub(super) async fn current(
        &self,
        account: &AccountSpec,
        ports: &Ports,
    ) -> Result<Issued, Fault> {
        let fetch = || async {
            let result = self.origin.fetch(account, ports).await;
            tell_answered(account, ports, result.as_ref().err());
            result
        };
        let token = self.holder.current(ports, fetch).await?;
        Ok(Issued {
            value: token.value,
            query_name: token::query_name(&account.token),
            generation: token.generation,
        })
    }

    /// A call was answered in a way that calls its token invalid.
    pub(super) fn refused(&self, generation: u64, fault: &Fault) {
        self.holder.refused(generation, fault);
    }

    /// A call was answered in a way that proves its token good.
    pub(super) fn accepted(&self, generation: u64) {
        self.holder.accepted(generation);
    }

    /// By which call this account's token gets links for cloud storage, where that is known.
    pub(super) fn door(&self, account: &AccountSpec) -> Option<Door> {
        Door::of(&account.token).or_else(|| *self.lock_door())
    }

    /// A link was got by this call.
    pub(super) fn prove_door(&self, door: Option<Door>) {
        if door.is_some() {
            *self.lock_door() = door;
        }
    }

    fn lock_door(&self) -> MutexGuard<'_, Option<Door>> {
        let door = self.proven_door.lock();
        door.unwrap_or_else(PoisonError::into_inner)
    }

    /// A person, or a probe, tries afresh; the next token may be of another kind.
    pub(super) fn resumed(&self) {
        self.holder.resumed();
        self.origin.resumed();
        *self.lock_door() = None;
    }

    /// Whether the account's token file holds another token than the last one that was read.
    pub(super) async fn has_new_file(&self, account: &AccountSpec, ports: &Ports) -> bool {
        let Some(path) = token_file(account) else {
            return false;
        };
        let Ok(held) = ports.local_tokens.file(path).await else {
            return false;
        };
        let found = token::provider_token(&held);
        found.is_ok_and(|found| self.holder.is_news(&found.value))
    }

    /// When the token in use runs out, on the wall clock.
    pub(super) fn expires_at(&self, ports: &Ports) -> Option<Timestamp> {
        self.holder.expires_at(ports)
    }

    /// Waits for this call's turn under `requests_per_second`.
    pub(super) async fn pace(&self, account: &AccountSpec, ports: &Ports) {
        if account.requests_per_second == 0 {
            return;
        }
        let gap = Duration::from_secs(1) / account.requests_per_second;
        let turn = {
            let mut next = self
                .next_call
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let turn = next.unwrap_or_default().max(ports.clock.monotonic());
            *next = Some(turn + gap);
            turn
        };
        ports.clock.sleep_until(turn).await;
    }
}

/// Tells how a request for a token ended, where one was made, for the counters.
fn tell_answered(account: &AccountSpec, ports: &Ports, fault: Option<&Fault>) {
    if !matches!(
        account.token,
        TokenSource::App { .. } | TokenSource::Url { .. }
    ) {
        return;
    }
    ports.tell(&Event::Answered {
        account: account.name.clone(),
        call: Call::Token,
        code: fault.map_or_else(|| "ok".to_owned(), |fault| fault.code.clone()),
    });
}

/// The file an account's token is read from.
pub(super) fn token_file(account: &AccountSpec) -> Option<&Path> {
    match &account.token {
        TokenSource::File(path) | TokenSource::CloudbaseFile(path) => Some(path),
        _ => None,
    }
}
