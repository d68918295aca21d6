//! The two tokens of a desk: had, renewed where they are refused, and not renewed without end.

use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::Desk;
use crate::flow::ccmessaging::access;
use crate::flow::ccmessaging::mend::{Mend, Mended};
use crate::flow::token::{FetchedToken, Token};
use crate::model::fault::{Call, Fault};
use crate::model::secret::Secret;
use crate::model::time::Monotonic;

/// So many tokens refused within [`REFUSED_SPAN`] are too many: none is renewed any more for a while, so
/// that an account that is not served does not log in without end (desk notes 9).
const REFUSED_MAX: usize = 5;
/// See [`REFUSED_MAX`].
const REFUSED_SPAN: Duration = Duration::from_mins(10);

/// The tokens of one request.
pub(in crate::engine) struct Pass {
    bearer: Token,
    pub(super) session: Token,
}

impl Pass {
    /// The gateway's token and the session's.
    pub(in crate::engine) fn tokens(&self) -> (&Secret, &Secret) {
        (&self.bearer.value, &self.session.value)
    }
}

impl Desk {
    /// The tokens to use now.
    ///
    /// # Errors
    /// One of them cannot be had.
    pub(in crate::engine) async fn pass(&self) -> Result<Pass, Fault> {
        // First, because a session's token that could not be fetched is not asked for again at once.
        self.current_bearer().await?;
        let fetch = || self.fetch_session();
        let session = self.session.current(&self.ports, fetch).await?;
        // That may have renewed it.
        let bearer = self.current_bearer().await?;
        Ok(Pass { bearer, session })
    }

    async fn current_bearer(&self) -> Result<Token, Fault> {
        let fetch = || self.fetch_bearer();
        self.bearer.current(&self.ports, fetch).await
    }

    async fn fetch_bearer(&self) -> Result<FetchedToken, Fault> {
        let request = access::gateway_token_request(&self.spec)?;
        let reply = self.ask(Call::GatewayToken, request).await?;
        let fetched = access::gateway_token_answer(&reply);
        self.tell_answered(Call::GatewayToken, fetched.as_ref().err());
        fetched
    }

    /// A session's token; with a fresh one of the gateway where that was refused, once.
    async fn fetch_session(&self) -> Result<FetchedToken, Fault> {
        let mut mended = Mended::default();
        loop {
            let bearer = self.current_bearer().await?;
            let request = access::session_token_request(&self.spec, &bearer.value)?;
            let reply = self.ask(Call::SessionToken, request).await?;
            let fetched = access::session_token_answer(&reply);
            self.tell_answered(Call::SessionToken, fetched.as_ref().err());
            match fetched {
                Err(fault)
                    if mended.next(&fault) == Some(Mend::Bearer)
                        && self.refused(Some(&bearer), None, &fault) => {}
                answer => return answer,
            }
        }
    }

    /// The call was answered in a way that proves its tokens good.
    pub(in crate::engine) fn accepted(&self, pass: &Pass) {
        self.bearer.accepted(pass.bearer.generation);
        self.session.accepted(pass.session.generation);
    }

    /// Whether a call that ended in `fault` is to be repeated with other tokens.
    pub(in crate::engine) fn renews(
        &self,
        pass: &Pass,
        fault: &Fault,
        mended: &mut Mended,
    ) -> bool {
        let (bearer, session) = (Some(&pass.bearer), Some(&pass.session));
        match mended.next(fault) {
            Some(Mend::Session) => self.refused(None, session, fault),
            Some(Mend::Bearer) => self.refused(bearer, None, fault),
            Some(Mend::Both) => self.refused(bearer, session, fault),
            Some(Mend::Connect | Mend::AskQueue | Mend::OtherForm) | None => false,
        }
    }

    /// Reports tokens as refused. False where there were too many of late, and none is renewed.
    fn refused(&self, bearer: Option<&Token>, session: Option<&Token>, fault: &Fault) -> bool {
        let now = self.ports.clock.monotonic();
        let Some(mut refused) = self.refusals(now) else {
            return false;
        };
        // One that was replaced meanwhile needs no login.
        let logs_in = bearer.is_some_and(|token| self.bearer.refused(token.generation, fault))
            | session.is_some_and(|token| self.session.refused(token.generation, fault));
        if logs_in {
            refused.push_back(now);
        }
        true
    }

    /// The desk's servers make no sense of this session: the next call opens another chat, and has another
    /// token unless too many were refused of late. The token is not reported as refused, or servers in
    /// trouble would pause the account as if for its credentials.
    pub(in crate::engine) fn forget_session(&self) {
        self.hung_up();
        let now = self.ports.clock.monotonic();
        if let Some(mut refused) = self.refusals(now) {
            refused.push_back(now);
            self.session.resumed();
        }
    }

    /// The refusals of late; none where there were too many to renew a token.
    fn refusals(&self, now: Monotonic) -> Option<MutexGuard<'_, VecDeque<Monotonic>>> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|at| now.since(*at) < REFUSED_SPAN);
        (refused.len() < REFUSED_MAX).then_some(refused)
    }
}
