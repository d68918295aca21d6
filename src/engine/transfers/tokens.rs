//! The token of an account: one holder, one fetch at a time, everybody else waits for it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::engine::Ports;
use crate::flow::token::{self, FetchedToken, Need, TokenState};
use crate::model::fault::{Call, Fault};
use crate::model::folder::{AccountSpec, TokenSource};
use crate::model::secret::Secret;
use crate::model::time::{Monotonic, Timestamp};
use crate::port::transport::Request;

/// How often a token file is read again.
const FILE_RECHECK: Duration = Duration::from_mins(1);

/// A token in the words of a request.
pub(super) struct Issued {
    pub value: Secret,
    pub query_name: &'static str,
    pub generation: u64,
}

/// Holds the token of one account.
#[derive(Default)]
pub(super) struct Tokens {
    state: Mutex<TokenState>,
    fetched: Notify,
    next_call: Mutex<Option<Monotonic>>,
}

/// Gives the right to fetch back if the fetch is dropped half-way.
struct Right<'a>(Option<&'a Tokens>);

impl Drop for Right<'_> {
    fn drop(&mut self) {
        if let Some(tokens) = self.0 {
            tokens.state().abandoned();
            tokens.fetched.notify_waiters();
        }
    }
}

impl Tokens {
    fn state(&self) -> MutexGuard<'_, TokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        loop {
            let woken = self.fetched.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let need = self.state().need(ports.clock.monotonic());
            match need {
                Need::Have { token, refresh } => {
                    if refresh {
                        // The old token is good for a while yet: a failed refresh is tried again later.
                        let _ = self.fetch(account, ports).await;
                    }
                    let query_name = token::query_name(&account.token);
                    return Ok(Issued {
                        value: token.value,
                        query_name,
                        generation: token.generation,
                    });
                }
                Need::Fetch => self.fetch(account, ports).await?,
                Need::InFlight => woken.await,
                Need::Wait { until, fault: None } => ports.clock.sleep_until(until).await,
                Need::Wait {
                    fault: Some(fault), ..
                }
                | Need::Paused(fault) => return Err(fault),
            }
        }
    }

    async fn fetch(&self, account: &AccountSpec, ports: &Ports) -> Result<(), Fault> {
        let mut right = Right(Some(self));
        let result = fetch(account, ports).await;
        let answer = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.state().fetched(result, ports.clock.monotonic());
        right.0 = None;
        self.fetched.notify_waiters();
        answer
    }

    /// A call was answered in a way that calls its token invalid.
    pub(super) fn refused(&self, generation: u64, fault: &Fault) {
        self.state().refused(generation, fault.clone());
    }

    /// A call was answered in a way that proves its token good.
    pub(super) fn accepted(&self, generation: u64) {
        self.state().accepted(generation);
    }

    /// A person, or a probe, tries afresh.
    pub(super) fn resumed(&self) {
        self.state().resumed();
        self.fetched.notify_waiters();
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
        found.is_ok_and(|found| self.state().last_value() != Some(&found.value))
    }

    /// When the token in use runs out, on the wall clock.
    pub(super) fn expires_at(&self, ports: &Ports) -> Option<Timestamp> {
        let at = self.state().expires_at()?;
        Some(ports.clock.now().plus(at.since(ports.clock.monotonic())))
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

/// The file an account's token is read from.
pub(super) fn token_file(account: &AccountSpec) -> Option<&Path> {
    match &account.token {
        TokenSource::File(path) | TokenSource::CloudbaseFile(path) => Some(path),
        _ => None,
    }
}

async fn fetch(account: &AccountSpec, ports: &Ports) -> Result<FetchedToken, Fault> {
    match &account.token {
        TokenSource::App {
            appid,
            secret,
            classic: false,
        } => {
            let request = token::stable_token_request(&account.base_url, appid, secret)?;
            token::token_answer(&ask(ports, request).await?)
        }
        TokenSource::App {
            appid,
            secret,
            classic: true,
        } => {
            let request = token::classic_token_request(&account.base_url, appid, secret);
            token::token_answer(&ask(ports, request).await?)
        }
        TokenSource::Url { url, headers } => {
            let request = token::url_token_request(url, headers);
            token::provider_token_reply(&ask(ports, request).await?)
        }
        TokenSource::Command(argv) => {
            let printed = ports.local_tokens.command(argv).await?;
            token::provider_token(&printed)
        }
        TokenSource::File(path) | TokenSource::CloudbaseFile(path) => {
            let held = ports.local_tokens.file(path).await?;
            let mut fetched = token::provider_token(&held)?;
            fetched.recheck = Some(FILE_RECHECK);
            Ok(fetched)
        }
        TokenSource::Value(value) => token::provider_token(value.expose().as_bytes()),
    }
}

async fn ask(ports: &Ports, request: Request) -> Result<crate::port::transport::Reply, Fault> {
    let exchanged = ports.transport.exchange(request).await;
    exchanged.map_err(|failed| crate::flow::transport_fault(Call::Token, &failed))
}
