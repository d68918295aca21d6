//! What a person asks of the running engine.

use super::inbox::InboxCommand;
use super::transfers::AccountCommand;
use super::{Engine, EngineError, intake, live};
use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::store::{Messages, Selection};

/// What a person asks of the running engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Scan all folders now.
    ScanNow,
    /// Try again.
    Retry(Selection),
    /// Let go of.
    Drop(Selection),
    /// Stop one folder or inbox.
    Pause(String),
    /// Start it again, and lift the pause of its account.
    Resume(String),
    /// Try to fetch again.
    RetryMessages(Messages),
    /// Let go of messages.
    DropMessages(Messages),
}

impl Engine {
    /// Does what a person asks. Answers how many jobs it concerned.
    ///
    /// # Errors
    /// No such folder, or the store failed.
    pub async fn command(&self, command: Command) -> Result<u64, EngineError> {
        let now = self.ports.clock.now();
        let count = match command {
            Command::ScanNow => {
                self.order_all(|| intake::Command::ScanNow).await;
                0
            }
            Command::Retry(selection) => {
                let retried = self.store.retry(selection, now).await?;
                self.look_again(retried.look_again);
                for account in &self.accounts {
                    let _ = account.commands.send(AccountCommand::Resume).await;
                }
                retried.jobs
            }
            Command::Drop(selection) => self.store.drop_jobs(selection, now).await?.jobs,
            Command::Pause(name) => self.set_paused(&name, true).await?,
            Command::Resume(name) => self.set_paused(&name, false).await?,
            Command::RetryMessages(messages) => {
                let count = self.store.retry_messages(messages, now).await?;
                for inbox in &self.inboxes {
                    let _ = inbox.commands.send(InboxCommand::Look).await;
                }
                count
            }
            Command::DropMessages(messages) => self.store.drop_messages(messages).await?,
        };
        for account in &self.accounts {
            let _ = account.commands.send(AccountCommand::Reclaim).await;
        }
        Ok(count)
    }

    async fn set_paused(&self, name: &str, paused: bool) -> Result<u64, EngineError> {
        let running = self
            .folders
            .iter()
            .find(|running| running.folder.spec.name == name);
        let Some(running) = running else {
            return self.set_inbox_paused(name, paused).await;
        };
        self.store.set_paused(running.folder.id, paused).await?;
        let was = running.folder.is_paused();
        running.folder.set_paused(paused);
        if paused {
            let _ = running.intake.commands.send(intake::Command::Pause).await;
        } else {
            let _ = running.intake.commands.send(intake::Command::Resume).await;
            let account = &running.folder.spec.account;
            for account in self.accounts.iter().filter(|have| have.name == *account) {
                let _ = account.commands.send(AccountCommand::Resume).await;
            }
        }
        Ok(u64::from(was != paused))
    }

    async fn set_inbox_paused(&self, name: &str, paused: bool) -> Result<u64, EngineError> {
        let inbox = self.inboxes.iter().find(|inbox| inbox.name == name);
        let inbox = inbox.ok_or_else(|| EngineError::NoSuchFolder(name.to_owned()))?;
        let was = inbox.live.borrow().state == live::InboxState::Paused;
        self.store.set_inbox_paused(name.to_owned(), paused).await?;
        let command = if paused {
            InboxCommand::Pause
        } else {
            InboxCommand::Resume
        };
        let _ = inbox.commands.send(command).await;
        Ok(u64::from(was != paused))
    }

    fn look_again(&self, paths: Vec<(FolderId, RelPath)>) {
        for (id, path) in paths {
            if let Some(running) = self.folders.iter().find(|running| running.folder.id == id) {
                running.folder.look_again(path);
            }
        }
    }

    async fn order_all(&self, command: impl Fn() -> intake::Command) {
        for running in &self.folders {
            let _ = running.intake.commands.send(command()).await;
        }
    }
}
