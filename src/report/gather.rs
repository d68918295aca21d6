//! Reads the facts of a report from the store. Nothing is written, and no lock is held for longer than
//! one question takes.

use std::path::Path;

use crate::engine::live::{FolderLive, Live};
use crate::model::desk::InboxSpec;
use crate::model::folder::FolderSpec;
use crate::model::job::{FolderId, JobState};
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::store::{Dossier, Reader, StoreError};

use super::facts::{DaemonFacts, Facts, FolderFacts, InboxFacts, SETTLING_MAX, StoredClass};
use super::{PROBLEMS_MAX, Status, build};

/// What a report is asked about.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Folders of the configuration.
    pub folders: &'a [FolderSpec],
    /// Inboxes of the configuration.
    pub inboxes: &'a [InboxSpec],
    /// The daemon, where one runs.
    pub daemon: Option<DaemonFacts>,
    /// What only it knows.
    pub live: Option<Live>,
}

/// The report.
///
/// # Errors
/// The database cannot be read.
pub fn status(reader: &Reader, asked: Asked<'_>, now: Timestamp) -> Result<Status, StoreError> {
    Ok(build::status(&facts(Some(reader), asked, now)?))
}

/// The report where no database exists yet.
pub fn nothing_yet(asked: Asked<'_>, now: Timestamp) -> Result<Status, StoreError> {
    Ok(build::status(&facts(None, asked, now)?))
}

fn facts(reader: Option<&Reader>, asked: Asked<'_>, now: Timestamp) -> Result<Facts, StoreError> {
    let rows = reader.map(Reader::folders).transpose()?.unwrap_or_default();
    let mut folders = Vec::new();
    for spec in asked.folders {
        let mut folder = unknown(spec);
        let row = rows.iter().find(|row| row.name == spec.name);
        let live = asked.live.as_ref();
        let live = live.and_then(|live| live.folders.iter().find(|live| live.name == spec.name));
        if let (Some(reader), Some(row)) = (reader, row) {
            folder.paused = row.paused;
            folder.known = row.scanned;
            read(reader, row.id, &mut folder)?;
            if let Some(live) = live {
                folder.settling = settling(reader, row.id, &spec.path, live)?;
            }
        }
        folders.push(folder);
    }
    Ok(Facts {
        now,
        daemon: asked.daemon,
        folders,
        inboxes: inboxes(reader, asked.inboxes)?,
        accounts: reader
            .map(Reader::accounts)
            .transpose()?
            .unwrap_or_default(),
        live: asked.live,
    })
}

/// What the store has of the inboxes.
fn inboxes(reader: Option<&Reader>, specs: &[InboxSpec]) -> Result<Vec<InboxFacts>, StoreError> {
    let rows = reader.map(Reader::inboxes).transpose()?.unwrap_or_default();
    let mut inboxes = Vec::new();
    for spec in specs {
        let mut inbox = InboxFacts {
            name: spec.name.clone(),
            path: spec.path.clone(),
            account: spec.account.clone(),
            ..InboxFacts::default()
        };
        if let Some(reader) = reader {
            inbox.paused = rows.iter().any(|row| row.name == spec.name && row.paused);
            inbox.counts = reader.inbox_counts(&spec.name)?;
            inbox.problems = reader.message_problems(&spec.name, PROBLEMS_MAX)?;
        }
        inboxes.push(inbox);
    }
    Ok(inboxes)
}

fn unknown(spec: &FolderSpec) -> FolderFacts {
    FolderFacts {
        name: spec.name.clone(),
        flow: spec.flow.as_str(),
        path: spec.path.clone(),
        account: spec.account.clone(),
        ..FolderFacts::default()
    }
}

fn read(reader: &Reader, id: FolderId, folder: &mut FolderFacts) -> Result<(), StoreError> {
    let tally = reader.tally(id)?;
    folder.counts = tally.counts;
    folder.bytes = (tally.bytes, tally.bytes_open);
    folder.excluded_dirs = reader.excluded_dirs(id)?;
    let release = reader.current_release(id)?;
    folder.release = release.map(|row| (row.number, row.files, row.done()));
    folder.last_success = reader.last_success(id)?;
    folder.waiting_since = reader.waiting_since(id)?;
    folder.problems = reader.problems(id, PROBLEMS_MAX)?;
    folder.bytes_per_second = rate(reader, id, folder.last_success)?;
    Ok(())
}

/// Bytes a second of the release under way: what is done of it, over the time since it began.
fn rate(
    reader: &Reader,
    id: FolderId,
    until: Option<Timestamp>,
) -> Result<Option<f64>, StoreError> {
    let (Some(row), Some(until)) = (reader.current_release(id)?, until) else {
        return Ok(None);
    };
    let seconds = row.started_at.until(until).as_secs_f64();
    if seconds < 1.0 || row.files == 0 {
        return Ok(None);
    }
    #[expect(clippy::cast_precision_loss, reason = "a guess")]
    let rate = row.bytes as f64 * (row.uploaded as f64 / row.files as f64) / seconds;
    Ok(Some(rate))
}

fn settling(
    reader: &Reader,
    id: FolderId,
    root: &Path,
    live: &FolderLive,
) -> Result<Vec<StoredClass>, StoreError> {
    let mut classes = Vec::new();
    for wait in live.settling.iter().take(SETTLING_MAX) {
        match class(&reader.dossier(id, &wait.path)?) {
            StoredClass::Unknown if !is_file(root, &wait.path) => {}
            class => classes.push(class),
        }
    }
    Ok(classes)
}

fn is_file(root: &Path, path: &RelPath) -> bool {
    root.join(path.as_path())
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file())
}

/// In which count the store has a file.
pub fn class(dossier: &Dossier) -> StoredClass {
    let Some(local) = &dossier.local else {
        return StoredClass::Unknown;
    };
    if local.excluded.is_some() {
        return StoredClass::Excluded;
    }
    match &dossier.job {
        None => StoredClass::Synced,
        Some(job) => match (job.state, &job.fault) {
            (JobState::Running, _) => StoredClass::InFlight,
            (JobState::Dead, _) => StoredClass::Dead,
            (JobState::Ready, Some(_)) => StoredClass::Failed,
            (JobState::Ready, None) => StoredClass::Queued,
        },
    }
}
