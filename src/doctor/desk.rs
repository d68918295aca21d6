//! An account of a contact centre, as its inbox and its outboxes would use it: the server, the gateway's
//! token, the session's token. What cannot be tried because of what came before is skipped.

use std::sync::Arc;

use crate::flow::ccmessaging::access;
use crate::flow::token::FetchedToken;
use crate::flow::transport_fault;
use crate::model::desk::DeskSpec;
use crate::model::fault::{Call, Fault};
use crate::model::secret::Secret;
use crate::port::transport::{Reply, Request};

use super::account::{REQUEST_DEADLINE, of_fault};
use super::{Case, Finding, Verdict, in_time, server};

const GATEWAY: &str = "gateway token";
const SESSION: &str = "session token";

/// All checks of one account.
pub(super) async fn check(case: Arc<Case>, index: usize) -> Vec<Finding> {
    let Some(desk) = case.config.desks.get(index) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Err(finding) = try_all(&case, desk, &mut findings).await {
        findings.push(finding);
    }
    findings
}

/// Goes on for as long as the next check has something to stand on.
async fn try_all(case: &Case, desk: &DeskSpec, findings: &mut Vec<Finding>) -> Result<(), Finding> {
    let name = desk.name.as_str();
    server::check(case, (name, &desk.base_url), findings).await?;
    let bearer = in_time((GATEWAY, name), gateway_token(case, desk)).await?;
    let saw = "app_key and app_secret give one";
    findings.push(Finding::ok(GATEWAY, name, saw));
    if case.daemon.is_some() {
        let saw =
            "not asked for: a new token of the same user may end the running daemon's session";
        let advice = "`syncd status` shows how the daemon's session does";
        let about = (SESSION, name);
        findings.push(Finding::new(Verdict::Skipped, about, saw, advice));
        return Ok(());
    }
    in_time((SESSION, name), session_token(case, desk, &bearer)).await?;
    let saw = "channel_id and user_id give one";
    findings.push(Finding::ok(SESSION, name, saw));
    Ok(())
}

async fn gateway_token(case: &Case, desk: &DeskSpec) -> Result<Secret, Finding> {
    let request = access::gateway_token_request(desk);
    let read = access::gateway_token_answer;
    let fetched = fetch(case, Call::GatewayToken, request, read).await;
    fetched.map_err(|fault| of_fault((GATEWAY, &desk.name), &fault))
}

async fn session_token(case: &Case, desk: &DeskSpec, bearer: &Secret) -> Result<Secret, Finding> {
    let request = access::session_token_request(desk, bearer);
    let read = access::session_token_answer;
    let fetched = fetch(case, Call::SessionToken, request, read).await;
    fetched.map_err(|fault| of_fault((SESSION, &desk.name), &fault))
}

/// One call, as the daemon makes it.
async fn fetch(
    case: &Case,
    call: Call,
    request: Result<Request, Fault>,
    read: impl Fn(&Reply) -> Result<FetchedToken, Fault>,
) -> Result<Secret, Fault> {
    let mut request = request?;
    request.deadline = REQUEST_DEADLINE;
    let reply = case.transport.exchange(request).await;
    let reply = reply.map_err(|failed| transport_fault(call, &failed))?;
    Ok(read(&reply)?.value)
}
