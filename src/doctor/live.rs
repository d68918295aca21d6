//! What the running daemon says of itself. It may be able to do less than the person who asks: its walls are
//! those of its unit.

use crate::report::facts::LiveAccount;

use super::{Case, Finding, Verdict};

/// What was found of a folder, or that the daemon is blocked by what does not show from here.
pub(super) fn folder(case: &Case, found: Finding) -> Finding {
    let mut folders = case.live.folders.iter();
    match folders.find(|live| live.name == found.subject) {
        Some(live) if live.state == "blocked" => blocked(found, live.reason.as_deref()),
        _ => found,
    }
}

/// The same of an inbox.
pub(super) fn inbox(case: &Case, found: Finding) -> Finding {
    let mut inboxes = case.live.inboxes.iter();
    match inboxes.find(|live| live.name == found.subject) {
        Some(live) if live.state == "blocked" => blocked(found, live.reason.as_deref()),
        _ => found,
    }
}

/// What is wrong from here, too, stays: it says more precisely what to do.
fn blocked(found: Finding, reason: Option<&str>) -> Finding {
    if found.verdict >= Verdict::Wrong {
        return found;
    }
    let saw = format!(
        "the daemon cannot work with it: {}",
        reason.unwrap_or("it does not say why")
    );
    let advice = "mend that; if this user may do what the service may not, look at the service's unit \
                  (`systemctl cat syncd`)";
    Finding::new(Verdict::Wrong, (found.name, &found.subject), saw, advice)
}

/// The accounts whose transfers wait for a person.
pub(super) fn accounts(case: &Case) -> Vec<Finding> {
    let accounts = case.live.accounts.iter();
    let paused = accounts.filter(|live| live.gate == "paused");
    paused.map(paused_account).collect()
}

fn paused_account(live: &LiveAccount) -> Finding {
    let code = live.code.as_deref().unwrap_or_default();
    let reason = live.reason.as_deref().unwrap_or_default();
    let saw = format!("the daemon has paused it: {code}: {reason}");
    let advice = format!("`syncd explain {code}` says what to do; then `syncd resume`");
    Finding::new(Verdict::Wrong, ("account", &live.name), saw, advice)
}
