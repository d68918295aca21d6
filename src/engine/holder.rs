//! One token for all who need it: one fetch at a time, everybody else waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Ports;
use crate::flow::token::{FetchedToken, Need, Refusal, Token, TokenState};
use crate::model::fault::Fault;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// Holds one token.
#[derive(Default)]
pub(super) struct Holder {
    state: Mutex<TokenState>,
    fetched: Notify,
}

/// Gives the right to fetch back if the fetch is dropped half-way.
struct Right<'a>(Option<&'a Holder>);

impl Drop for Right<'_> {
    fn drop(&mut self) {
        if let Some(holder) = self.0 {
            holder.state().abandoned();
            holder.fetched.notify_waiters();
        }
    }
}

impl Holder {
    fn state(&self) -> MutexGuard<'_, TokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token to use now; waits for a fetch that is under way, or makes one.
    ///
    /// # Errors
    /// The fault of the last fetch, or the one that paused the account.
    pub(super) async fn current<F>(
        &self,
        ports: &Ports,
        fetch: impl Fn() -> F,
    ) -> Result<Token, Fault>
    where
        F: Future<Output = Result<FetchedToken, Fault>> + Send,
    {
        loop {
            let woken = self.fetched.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let need = self.state().need(ports.clock.monotonic());
            match need {
                Need::Have { token, refresh } => {
                    if !refresh {
                        return Ok(token);
                    }
                    // The old token is good for a while yet: a failed refresh is tried again later. Where
                    // it did not fail, the old one may be refused from now on.
                    let _ = self.fetch(ports, fetch()).await;
                }
                Need::Fetch => self.fetch(ports, fetch()).await?,
                Need::InFlight => woken.await,
                Need::Wait { until, fault: None } => ports.clock.sleep_until(until).await,
                Need::Wait {
                    fault: Some(fault), ..
                }
                | Need::Paused(fault) => return Err(fault),
            }
        }
    }

    async fn fetch(
        &self,
        ports: &Ports,
        fetch: impl Future<Output = Result<FetchedToken, Fault>> + Send,
    ) -> Result<(), Fault> {
        let mut right = Right(Some(self));
        let result = fetch.await;
        let answer = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.state().fetched(result, ports.clock.monotonic());
        right.0 = None;
        self.fetched.notify_waiters();
        answer
    }

    /// A call was answered in a way that calls its token invalid.
    /// Whether that was believed, and another is to be fetched.
    pub(super) fn refused(&self, generation: u64, fault: &Fault) -> bool {
        self.state().refused(generation, fault.clone()) == Refusal::Believed
    }

    /// The answer to a call with the token of generation `used` handed out a newer one.
    pub(super) fn rotated(&self, token: FetchedToken, used: u64, ports: &Ports) {
        self.state().rotated(token, used, ports.clock.monotonic());
        self.fetched.notify_waiters();
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

    /// Whether this is another token than the last one that was fetched.
    pub(super) fn is_news(&self, value: &Secret) -> bool {
        self.state().last_value() != Some(value)
    }

    /// When the token in use runs out, on the wall clock.
    pub(super) fn expires_at(&self, ports: &Ports) -> Option<Timestamp> {
        let at = self.state().expires_at()?;
        Some(ports.clock.now().plus(at.since(ports.clock.monotonic())))
    }
}
