//! What the running daemon says of itself. It may be able to do less than the person who asks: its walls are
//! those of its unit.

use crate::report::facts::LiveAccount;

use super::{Case, Finding, Verdict};

/// The finding of a folder, unless the daemon is blocked by something that does not show from here.
pub(super) fn folder(case: &Case, found: Finding) -> Finding {
    let mut folders = case.live.folders.iter();
    let live = folders.find(|live| live.name == found.subject);
    match live {
        Some(live) if live.state == "blocked" => blocked(found, live.reason.as_deref()),
        _ => found,
    }
}

/// The same of an inbox.
pub(super) fn inbox(case: &Case, found: Finding) -> Finding {
    let mut inboxes = case.live.inboxes.iter();
    let live = inboxes.find(|live| live.name == found.subject);
    match live {
        Some(live) if live.state == "blocked" => blocked(found, live.reason.as_deref()),
        _ => found,
    }
}

/// What shows from here says more precisely what to do.
fn blocked(found: Finding, reason: Option<&str>) -> Finding {
    if found.verdict >= Verdict::Wrong {
        return found;
    }
    let saw = format!(
        "the daemon cannot work with it: {}",
        reason.unwrap_or("no reason given")
    );
    let advice = "mend that; where this user is allowed what the service is not, look at the unit \
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
