//! An account of WeChat, as its transfers would use it: the server, one token, the website of each
//! environment. What cannot be tried because of what came before is skipped.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::decide::remedy::{self, Remedy};
use crate::engine::fetch_token::fetch_token;
use crate::flow::listing::{describe_answer, describe_call};
use crate::flow::{token, transport_fault};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::folder::{AccountSpec, FlowKind, TokenSource};
use crate::model::secret::Secret;
use crate::report::words::{advice_of, is_refusal, meaning_of};

use super::{Case, DEADLINE, Finding, Verdict, in_time, server};

/// A request gives up before its check is given up.
pub(super) const REQUEST_DEADLINE: Duration = DEADLINE.saturating_sub(Duration::from_secs(1));

/// All checks of one account.
pub(super) async fn check(case: Arc<Case>, index: usize) -> Vec<Finding> {
    let Some(account) = case.config.accounts.get(index) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Err(finding) = try_all(&case, account, &mut findings).await {
        findings.push(finding);
    }
    findings
}

/// Goes on for as long as the next check has something to stand on.
async fn try_all(
    case: &Case,
    account: &AccountSpec,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let name = account.name.as_str();
    server::check(case, (name, &account.base_url), findings).await?;
    if let Some(skipped) = would_disturb(case, account) {
        findings.push(skipped);
        return Ok(());
    }
    let token = in_time(("token", name), token(case, account)).await?;
    findings.push(Finding::ok("token", name, "the source gave one"));
    for env in environments(case, account) {
        let subject = format!("{name} {env}");
        let asked = in_time(
            ("website", &subject),
            website(case, account, &env, &subject, &token),
        );
        findings.push(asked.await.unwrap_or_else(|finding| finding));
    }
    Ok(())
}

/// Some tokens cannot be asked for without ending the one that the daemon works with.
fn would_disturb(case: &Case, account: &AccountSpec) -> Option<Finding> {
    let is_running = case.daemon.is_some();
    let saw = match account.token {
        TokenSource::App { classic: true, .. } if is_running => {
            "not asked for: in mode \"classic\" each new token ends the running daemon's"
        }
        TokenSource::Component(_) if is_running => {
            "not asked for: each new token of a platform ends the running daemon's"
        }
        TokenSource::Authorizer { .. } => {
            "not asked for: the answer may replace the account's refresh token"
        }
        _ => return None,
    };
    let advice = "`syncd status` shows how the daemon's token does";
    let about = ("token", account.name.as_str());
    Some(Finding::new(Verdict::Skipped, about, saw, advice))
}

/// One call of the account's source, as the daemon makes it.
async fn token(case: &Case, account: &AccountSpec) -> Result<Secret, Finding> {
    let fetched = fetch_token(account, &*case.transport, &*case.local_tokens).await;
    fetched
        .map(|fetched| fetched.value)
        .map_err(|fault| of_fault(("token", &account.name), &fault))
}

fn environments(case: &Case, account: &AccountSpec) -> BTreeSet<String> {
    let folders = case.config.folders.iter();
    folders
        .filter(|folder| folder.account == account.name && folder.flow == FlowKind::StaticWebsite)
        .map(|folder| folder.env.clone())
        .collect()
}

/// Whether the environment is there and its website takes uploads (protocol notes 3.4).
async fn website(
    case: &Case,
    account: &AccountSpec,
    env: &str,
    subject: &str,
    token: &Secret,
) -> Result<Finding, Finding> {
    let about = ("website", subject);
    let faulty = |fault: &Fault| of_fault(about, fault);
    let call = describe_call(env).map_err(|fault| faulty(&fault))?;
    let mut request = call.request(&account.base_url, token::query_name(&account.token), token);
    request.deadline = REQUEST_DEADLINE;
    let reply = case.transport.exchange(request).await;
    let reply = reply.map_err(|failed| faulty(&transport_fault(Call::Api, &failed)))?;
    let stores = describe_answer(&reply).map_err(|fault| faulty(&fault))?;
    let store = stores.iter().find(|store| store.env == env);
    let status = store.or(stores.first()).map(|store| store.status.as_str());
    let finding = |verdict, saw: &str, advice| Finding::new(verdict, about, saw, advice);
    Ok(match status {
        Some("online") => Finding::ok(about.0, about.1, "online"),
        Some(status @ ("init" | "process")) => finding(
            Verdict::Failing,
            &format!("it is being set up ({status})"),
            "wait a few minutes and try again",
        ),
        Some(status) => finding(
            Verdict::Wrong,
            &format!("it takes no uploads: its status is \"{status}\""),
            "look at static website hosting of this environment in the CloudBase console",
        ),
        None => finding(
            Verdict::Wrong,
            "static website hosting is not enabled in this environment",
            "enable it in the CloudBase console; that may cost money",
        ),
    })
}

/// A fault in the words of the table of remedies.
pub(super) fn of_fault(about: (&'static str, &str), fault: &Fault) -> Finding {
    let said = if fault.message.is_empty() {
        String::new()
    } else {
        format!(" (it said: {})", fault.message)
    };
    let saw = format!(
        "{}: {}{said}",
        fault.code,
        meaning_of(fault).trim_end_matches('.')
    );
    Finding::new(verdict_of(fault), about, saw, advice_of(fault))
}

fn verdict_of(fault: &Fault) -> Verdict {
    match (fault.layer, fault.code.as_str()) {
        (Layer::Transport, "tls" | "no-roots" | "encoded") | (Layer::Local, _) => Verdict::Wrong,
        (Layer::Transport, _) => Verdict::Failing,
        _ if is_refusal(fault) => Verdict::Refused,
        _ => match remedy::classify(fault).remedy {
            Remedy::Retry | Remedy::Wait(_) | Remedy::RefreshToken | Remedy::FreshLink => {
                Verdict::Failing
            }
            Remedy::PauseAccount | Remedy::Replan | Remedy::Dead => Verdict::Wrong,
        },
    }
}
