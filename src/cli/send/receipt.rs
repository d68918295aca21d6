//! What became of sent files, by the records.

use serde::Serialize;

use crate::cli::context::Failure;
use crate::cli::exit::Exit;
use crate::cli::{terminal, why};
use crate::model::digest::Sha256;
use crate::model::folder::FolderSpec;
use crate::model::job::JobState;
use crate::model::path::RelPath;
use crate::report::SCHEMA;
use crate::report::facts::{account_fault, fault_of};
use crate::report::why::OnDisk;
use crate::report::words::{advice_of, is_refusal, meaning_of, relative};
use crate::store::{Dossier, QueuedJob, Reader};

use super::parcel::Parcel;

/// All files, in the order of the command line.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    files: Vec<Outcome>,
    /// Why nothing more will happen without a person.
    stopped: Option<String>,
    /// The cloud refused the account.
    is_refused: bool,
    /// A signal asked to end.
    interrupted: Option<Exit>,
}

/// One file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) end: End,
}

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The desk acknowledged the message that carries it.
    Sent {
        message_id: Option<String>,
        object_key: Option<String>,
        at: String,
    },
    /// Given up: the code, and what it means and asks for.
    Dead {
        code: String,
        words: String,
        is_refusal: bool,
    },
    /// Looked at, and left out for this reason.
    LeftOut { reason: String },
    /// Not yet; the last fault, where there was one.
    Waiting { fault: Option<String> },
}

/// Why the daemon leaves the file out that lies in the outbox now.
fn left_out(folder: &FolderSpec, path: &RelPath, dossier: &Dossier) -> Option<End> {
    let reason = dossier.local.as_ref()?.excluded.clone()?;
    let is_that_file = why::on_disk(folder, path, dossier) == OnDisk::File { changed: false };
    is_that_file.then_some(End::LeftOut { reason })
}

fn end(dossier: &Dossier, digest: Sha256) -> End {
    let acknowledged = dossier.synced.as_ref().filter(|synced| {
        let published = synced.published.as_ref();
        !synced.in_doubt && published.is_some_and(|published| published.digest == digest)
    });
    if let Some(synced) = acknowledged {
        let upload = dossier
            .uploads
            .iter()
            .find(|upload| upload.digest == digest);
        let at = upload.map(|upload| upload.at).or(synced.acknowledged_at);
        return End::Sent {
            message_id: upload
                .and_then(|upload| upload.remote_id.clone())
                .or_else(|| synced.remote_id.clone()),
            object_key: upload.and_then(|upload| upload.object_key.clone()),
            at: at.map(|at| at.to_string()).unwrap_or_default(),
        };
    }
    // A job of an earlier content of the path says nothing of this one.
    let is_ours = dossier
        .local
        .as_ref()
        .is_some_and(|local| local.digest == Some(digest));
    match dossier.job.as_ref().filter(|_| is_ours) {
        Some(job) => end_of_job(job),
        None => End::Waiting { fault: None },
    }
}

fn end_of_job(job: &QueuedJob) -> End {
    let fault = job.fault.as_ref().map(fault_of);
    let words = fault
        .as_ref()
        .map(|fault| format!("{} {}", meaning_of(fault), advice_of(fault)));
    let code = fault.as_ref().map(|fault| fault.code.clone());
    match job.state {
        JobState::Dead => End::Dead {
            code: code.unwrap_or_default(),
            words: words.unwrap_or_default(),
            is_refusal: fault.as_ref().is_some_and(is_refusal),
        },
        JobState::Ready | JobState::Running => End::Waiting {
            fault: code
                .zip(words)
                .map(|(code, words)| format!("{code}: {words}")),
        },
    }
}

/// `send --json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    folder: String,
    files: Vec<Line>,
    /// Why nothing more will happen without a person.
    stopped: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Line {
    path: String,
    sha256: String,
    /// `sent`, `dead`, `excluded`, `waiting`.
    state: &'static str,
    message_id: Option<String>,
    object_key: Option<String>,
    at: Option<String>,
    code: Option<String>,
    words: Option<String>,
}

impl Outcome {
    fn line(&self) -> Line {
        let line = Line {
            path: self.path.clone(),
            sha256: self.sha256.clone(),
            ..Line::default()
        };
        match &self.end {
            End::Sent {
                message_id,
                object_key,
                at,
            } => Line {
                state: "sent",
                message_id: message_id.clone(),
                object_key: object_key.clone(),
                at: Some(at.clone()),
                ..line
            },
            End::Dead { code, words, .. } => Line {
                state: "dead",
                code: Some(code.clone()),
                words: Some(words.clone()),
                ..line
            },
            End::LeftOut { reason } => Line {
                state: "excluded",
                words: Some(reason.clone()),
                ..line
            },
            End::Waiting { fault } => Line {
                state: "waiting",
                words: fault.clone(),
                ..line
            },
        }
    }
}

impl Outcomes {
    /// What the records say of the files now.
    pub(super) fn of(
        reader: Option<&Reader>,
        folder: &FolderSpec,
        parcels: &[Parcel],
    ) -> Result<Self, Failure> {
        let mut outcomes = Self::default();
        let mut row = None;
        if let Some(reader) = reader {
            row = reader
                .folders()?
                .into_iter()
                .find(|row| row.name == folder.name);
            let accounts = reader.accounts()?;
            let account = accounts.iter().find(|row| row.name == folder.account);
            outcomes.is_refused = account.is_some_and(|row| {
                row.state == "paused" && account_fault(row).as_ref().is_some_and(is_refusal)
            });
        }
        for parcel in parcels {
            let dossier = match (reader, &row) {
                (Some(reader), Some(row)) => reader.dossier(row.id, &parcel.path)?,
                _ => Dossier::default(),
            };
            let end = match end(&dossier, parcel.digest) {
                End::Waiting { fault } => {
                    left_out(folder, &parcel.path, &dossier).unwrap_or(End::Waiting { fault })
                }
                end => end,
            };
            outcomes.files.push(Outcome {
                path: parcel.path.to_string(),
                sha256: parcel.digest.to_string(),
                end,
            });
        }
        Ok(outcomes)
    }

    /// How many files need not be waited for.
    pub(super) fn settled(&self) -> usize {
        let is_settled = |file: &&Outcome| !matches!(file.end, End::Waiting { .. });
        self.files.iter().filter(is_settled).count()
    }

    /// Nothing more will happen without a person.
    pub(super) fn stop(&mut self, reason: String) {
        self.stopped = Some(reason);
    }

    /// A signal asked to end.
    pub(super) fn interrupted(&mut self, exit: Exit) {
        self.interrupted = Some(exit);
    }

    pub(super) fn report(&self, folder: &str) -> Report {
        Report {
            schema: SCHEMA,
            folder: folder.to_owned(),
            files: self.files.iter().map(Outcome::line).collect(),
            stopped: self.stopped.clone(),
        }
    }

    /// Receipts to stdout, what went wrong to stderr.
    pub(super) fn say(&self, now: &str, folder: &str) {
        for file in &self.files {
            let path = &file.path;
            match &file.end {
                End::Sent {
                    message_id,
                    object_key,
                    at,
                } => {
                    let named = |name: &str, value: &Option<String>| {
                        let value = value.as_ref();
                        value
                            .map(|value| format!(", {name} {value}"))
                            .unwrap_or_default()
                    };
                    let message = named("message", message_id);
                    let object = named("object", object_key);
                    let at = relative(at, now);
                    let sha256 = &file.sha256;
                    terminal::data(&format!(
                        "{path}: sent {at}{message}{object}, sha256 {sha256}\n"
                    ));
                }
                End::Dead { code, words, .. } => {
                    terminal::error(&format!("{path} was not sent: {code}: {words}"));
                }
                End::LeftOut { reason } => {
                    terminal::error(&format!("{path} was not sent, it is left out: {reason}"));
                }
                End::Waiting { fault } => {
                    let fault = fault.as_ref().map(|fault| format!(" ({fault})"));
                    terminal::error(&format!(
                        "{path} is in the outbox and not acknowledged yet{}; `syncd why {folder}:{path}` \
                         tells more",
                        fault.unwrap_or_default()
                    ));
                }
            }
        }
        if let Some(reason) = &self.stopped {
            terminal::error(reason);
        }
    }

    /// What the command ends with.
    pub(super) fn exit(&self) -> Exit {
        let of_files = self.files.iter().map(|file| match &file.end {
            End::Sent { .. } => Exit::Done,
            End::Dead {
                is_refusal: true, ..
            } => Exit::Refused,
            End::Dead { .. } | End::LeftOut { .. } => Exit::NotInSync,
            End::Waiting { .. } if self.is_refused => Exit::Refused,
            End::Waiting { .. } if self.stopped.is_some() => Exit::NotInSync,
            End::Waiting { .. } => Exit::Temporary,
        });
        let of_files = of_files.fold(Exit::Done, Exit::or);
        self.interrupted.map_or(of_files, |exit| exit.or(of_files))
    }
}

#[cfg(test)]
mod tests;
