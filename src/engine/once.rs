//! One pass: scan, publish what differs, and end when nothing more will happen soon.

use std::time::Duration;

use tokio::sync::oneshot;

use super::inbox::InboxCommand;
use super::intake::Command as IntakeCommand;
use super::live::{InboxLive, Unreadable};
use super::transfers::AccountCommand;
use super::{Engine, EngineError, RunningFolder};
use crate::store::{FileCounts, InboxCounts};

/// `once` ends when what is left waits longer than this.
const PATIENCE: Duration = Duration::from_mins(1);

/// How one pass ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnceSummary {
    /// Folders, in configuration order.
    pub folders: Vec<FolderSummary>,
    /// Inboxes, in configuration order.
    pub inboxes: Vec<InboxSummary>,
}

/// How one pass ended for one inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InboxSummary {
    /// Name.
    pub name: String,
    /// What is left.
    pub counts: InboxCounts,
    /// How it stood at the end.
    pub live: InboxLive,
}

/// How one pass ended for one folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderSummary {
    /// Name.
    pub name: String,
    /// What is left; files that are gone here are not counted.
    pub counts: FileCounts,
    /// Why its root was not scanned.
    pub blocked: Option<String>,
    /// Directories and files that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl Engine {
    /// Brings the named folders (all, if none is named) as far as they get without waiting for longer
    /// than [`PATIENCE`].
    ///
    /// # Errors
    /// No such folder, or the store failed.
    pub async fn once(&self, names: &[String]) -> Result<OnceSummary, EngineError> {
        let known = |name: &String| {
            self.folders.iter().any(|f| f.folder.spec.name == *name)
                || self.inboxes.iter().any(|inbox| inbox.name == *name)
        };
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err(EngineError::NoSuchFolder(unknown.clone()));
        }
        let chosen = |name: &String| names.is_empty() || names.contains(name);
        let folders: Vec<_> = self
            .folders
            .iter()
            .filter(|running| chosen(&running.folder.spec.name))
            .collect();
        for running in &folders {
            let _ = running.intake.commands.send(IntakeCommand::ScanNow).await;
        }
        let inboxes = self.inboxes.iter().filter(|inbox| chosen(&inbox.name));
        let mut received = Vec::new();
        for inbox in inboxes {
            let (listener, heard) = oneshot::channel();
            let ask = InboxCommand::Once(PATIENCE, listener);
            let _ = inbox.commands.send(ask).await;
            received.push((inbox, heard));
        }
        loop {
            self.intakes_quiet(&folders).await?;
            let passes = passes(&folders);
            self.accounts_at_rest().await?;
            // A transfer may have found another version than was planned.
            self.intakes_quiet(&folders).await?;
            if passes == self::passes(&folders) {
                break;
            }
        }
        let mut summary = OnceSummary::default();
        for running in folders {
            let live = running.intake.live.borrow().clone();
            let counts = match live.at_rest {
                Some(counts) => counts,
                None => FileCounts {
                    remote_only: 0,
                    ..self.store.reader()?.counts(running.folder.id)?
                },
            };
            let blocked = (live.state == super::live::IntakeState::Blocked)
                .then(|| live.reason.clone().unwrap_or_default());
            let name = running.folder.spec.name.clone();
            summary.folders.push(FolderSummary {
                name,
                counts,
                blocked,
                unreadable: live.unreadable,
            });
        }
        for (inbox, heard) in received {
            heard.await.map_err(|_| self.ended())?;
            let live = inbox.live.borrow().clone();
            summary.inboxes.push(InboxSummary {
                name: inbox.name.clone(),
                counts: self.store.reader()?.inbox_counts(&inbox.name)?,
                live,
            });
        }
        Ok(summary)
    }

    /// Waits until no account has anything under way, or to begin before long.
    async fn accounts_at_rest(&self) -> Result<(), EngineError> {
        for account in &self.accounts {
            let (listener, heard) = oneshot::channel();
            let ask = AccountCommand::TellWhenAtRest(PATIENCE, listener);
            let _ = account.commands.send(ask).await;
            heard.await.map_err(|_| self.ended())?;
        }
        Ok(())
    }

    async fn intakes_quiet(&self, folders: &[&RunningFolder]) -> Result<(), EngineError> {
        for running in folders {
            let (listener, heard) = oneshot::channel();
            let ask = IntakeCommand::TellWhenQuiet(listener);
            let _ = running.intake.commands.send(ask).await;
            heard.await.map_err(|_| self.ended())?;
        }
        Ok(())
    }

    /// Why a task does not answer: it has ended, and what it had to do is not known to be done.
    fn ended(&self) -> EngineError {
        match self.failed.borrow().clone() {
            Some(words) => EngineError::Failed(words),
            None => EngineError::TaskEnded,
        }
    }
}

/// How many passes the intakes have made.
fn passes(folders: &[&RunningFolder]) -> u64 {
    folders
        .iter()
        .map(|running| running.intake.live.borrow().passes)
        .sum()
}
