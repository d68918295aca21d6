//! What is left after a pass: said to the person, and turned into the exit code.

use crate::cli::context::Failure;
use crate::cli::exit::Exit;
use crate::cli::terminal;
use crate::config::Config;
use crate::engine::live::{GateState, InboxState};
use crate::engine::{FolderSummary, InboxSummary};
use crate::model::fault::Fault;
use crate::model::path::escaped;
use crate::report::facts::{account_fault, fault_of};
use crate::report::words::{advice_of, counted, is_refusal, meaning_of};
use crate::store::Reader;

/// Judges what is left, and says it.
pub(super) struct Verdict<'a> {
    pub(super) config: &'a Config,
    pub(super) reader: &'a Reader,
    pub(super) closed: &'a [(String, GateState)],
}

/// Dead files that are named one by one.
const NAMED_MAX: usize = 10;

impl Verdict<'_> {
    pub(super) fn of(&self, folder: &FolderSummary) -> Result<Exit, Failure> {
        let name = &folder.name;
        if let Some(reason) = &folder.blocked {
            terminal::error(&format!("folder {name} is blocked: {reason}"));
            return Ok(Exit::NotInSync);
        }
        let rows = self.reader.folders()?;
        if rows.iter().any(|row| row.name == *name && row.paused) {
            terminal::error(&format!(
                "folder {name} is paused and was not looked at; `syncd resume {name}` goes on"
            ));
            return Ok(Exit::NotInSync);
        }
        let counts = folder.counts;
        let open = counts.queued + counts.in_flight + counts.failed + counts.settling;
        let mut exit = Exit::Done;
        if counts.dead > 0 {
            exit = exit.or(self.dead(folder)?);
        }
        if !folder.unreadable.is_empty() {
            exit = exit.or(unreadable(folder));
        }
        if open > 0 {
            exit = exit.or(self.open(folder, open)?);
        }
        Ok(exit)
    }

    fn dead(&self, folder: &FolderSummary) -> Result<Exit, Failure> {
        let mut exit = Exit::NotInSync;
        terminal::error(&format!(
            "folder {}: {} given up; mend the cause, then `syncd queue retry --dead`",
            folder.name,
            counted(folder.counts.dead, "file")
        ));
        let rows = self.reader.folders()?;
        let Some(row) = rows.iter().find(|row| row.name == folder.name) else {
            return Ok(exit);
        };
        for job in self.reader.problems(row.id, NAMED_MAX)? {
            if let Some(fault) = job.fault.as_ref().map(fault_of) {
                terminal::note(&format!(
                    "  {}: {} {} {}",
                    job.path,
                    fault.code,
                    meaning_of(&fault),
                    advice_of(&fault)
                ));
                if is_refusal(&fault) {
                    exit = exit.or(Exit::Refused);
                }
            }
        }
        Ok(exit)
    }

    fn open(&self, folder: &FolderSummary, open: u64) -> Result<Exit, Failure> {
        let name = &folder.name;
        let spec = self.config.folders.iter().find(|spec| spec.name == *name);
        let account = spec.map(|spec| spec.account.clone()).unwrap_or_default();
        let left = counted(open, "file");
        let fault = self.account_fault(&account)?;
        terminal::error(&format!(
            "folder {name}: {left} left, which would wait for too long{}",
            fault.as_ref().map(fault_words).unwrap_or_default()
        ));
        Ok(self.refusal(&account)?.unwrap_or(Exit::Temporary))
    }
}

/// Nothing is known of what cannot be read: neither whether it is in sync.
fn unreadable(folder: &FolderSummary) -> Exit {
    terminal::error(&format!(
        "folder {}: not all of it can be read; give the user syncd runs as the right to",
        folder.name
    ));
    for unreadable in folder.unreadable.iter().take(NAMED_MAX) {
        terminal::note(&format!("  {}", unreadable.reason));
    }
    let more = folder.unreadable.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        terminal::note(&format!("  and {more} more"));
    }
    Exit::NotInSync
}

/// An inbox that could not go on by itself: the desk refuses it, answers later, or its folder is not right.
fn stands_still(inbox: &InboxSummary) -> Exit {
    let live = &inbox.live;
    let reason = live.reason.as_deref().unwrap_or("it could not go on");
    let code = live.code.as_ref().map(|code| format!(" ({code})"));
    terminal::error(&format!(
        "inbox {}: {reason}{}",
        inbox.name,
        code.unwrap_or_default()
    ));
    match (live.state, &live.code) {
        (InboxState::Waiting, _) => Exit::Temporary,
        (_, Some(_)) => Exit::Refused,
        (_, None) => Exit::NotInSync,
    }
}

/// What is left of the inboxes.
impl Verdict<'_> {
    pub(super) fn of_inbox(&self, inbox: &InboxSummary) -> Result<Exit, Failure> {
        let name = &inbox.name;
        if self
            .reader
            .inboxes()?
            .iter()
            .any(|row| row.name == *name && row.paused)
        {
            terminal::error(&format!(
                "inbox {name} is paused and was not asked; `syncd resume {name}` goes on"
            ));
            return Ok(Exit::NotInSync);
        }
        let spec = self.config.inboxes.iter().find(|spec| spec.name == *name);
        let account = spec.map_or("", |spec| spec.account.as_str());
        if matches!(inbox.live.state, InboxState::Blocked | InboxState::Waiting) {
            return Ok(stands_still(inbox));
        }
        let mut exit = Exit::Done;
        if inbox.counts.dead > 0 {
            terminal::error(&format!(
                "inbox {name}: {} given up; mend the cause, then `syncd queue retry --dead`",
                counted(inbox.counts.dead, "file")
            ));
            exit = exit.or(self.name_problems(name)?.or(Exit::NotInSync));
        }
        if inbox.counts.pending > 0 {
            let fault = self.account_fault(account)?;
            terminal::error(&format!(
                "inbox {name}: {} left, which would wait for too long{}",
                counted(inbox.counts.pending, "file"),
                fault.as_ref().map(fault_words).unwrap_or_default()
            ));
            exit = exit.or(self.refusal(account)?.unwrap_or(Exit::Temporary));
        }
        Ok(exit)
    }

    fn name_problems(&self, inbox: &str) -> Result<Exit, Failure> {
        let mut exit = Exit::Done;
        for row in self.reader.message_problems(inbox, NAMED_MAX)? {
            if let Some(fault) = row.fault.as_ref().map(fault_of) {
                let message = escaped(row.identity.as_bytes());
                let words = fault_words(&fault);
                terminal::note(&format!("  message {message}{words}"));
                if is_refusal(&fault) {
                    exit = exit.or(Exit::Refused);
                }
            }
        }
        Ok(exit)
    }

    fn account_fault(&self, account: &str) -> Result<Option<Fault>, Failure> {
        let rows = self.reader.accounts()?;
        let row = rows.iter().find(|row| row.name == account);
        Ok(row.and_then(account_fault))
    }

    /// The account is paused because the cloud refused it.
    fn refusal(&self, account: &str) -> Result<Option<Exit>, Failure> {
        let gate = self.closed.iter().find(|(closed, _)| *closed == account);
        let is_paused = gate.is_some_and(|(_, gate)| *gate == GateState::Paused);
        let fault = self.account_fault(account)?;
        let is_refused = fault.as_ref().is_some_and(is_refusal);
        Ok((is_paused && is_refused).then_some(Exit::Refused))
    }
}

/// `: CODE what it means what to do`.
fn fault_words(fault: &Fault) -> String {
    format!(
        ": {} {} {}",
        fault.code,
        meaning_of(fault),
        advice_of(fault)
    )
}
