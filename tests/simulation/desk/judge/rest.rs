//! What holds at rest: the inbox got what the centre has, the agents got what the outbox has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syncd::engine::live::{GateState, InboxState, IntakeState, Live};
use syncd::model::digest::Sha256;
use syncd::model::job::JobState;
use syncd::model::message::{HookState, MessageState};
use syncd::model::path::RelPath;
use syncd::store::{MessageRow, QueuedJob, Selection};

use super::{ALL, FOLDER, INBOX};
use crate::desk::mix::OUTBOX;
use crate::desk::world::World;

/// Files that the centre takes by their names, with the most bytes.
const TYPES: &[&str] = &[
    "jpg", "jpeg", "png", "bmp", "mp3", "aac", "mp4", "txt", "csv",
];

impl World {
    /// After faults and events have stopped: nothing is missing, and nothing waits.
    pub fn at_rest(&self, live: &Live) -> Result<(), String> {
        for inbox in &live.inboxes {
            if inbox.state != InboxState::Idle {
                return Err(format!("the inbox is not at rest: {inbox:?}"));
            }
        }
        for folder in &live.folders {
            if folder.state == IntakeState::Blocked || folder.unsettled {
                return Err(format!("the outbox is not at rest: {folder:?}"));
            }
        }
        let queue = self.reader().queue(&Selection::All, ALL).unwrap();
        let closed = live
            .accounts
            .iter()
            .find(|account| account.gate != GateState::Ready);
        // A closed account without a job has nothing to probe with.
        let has_work = queue.iter().any(|job| job.state != JobState::Dead);
        if let Some(closed) = closed.filter(|_| has_work) {
            return Err(format!("the account is {:?}", closed.gate));
        }
        self.check_received()?;
        if !self.mix.has_outbox {
            return Ok(());
        }
        self.check_sent(&queue)
    }

    fn check_received(&self) -> Result<(), String> {
        self.look_at_inbox();
        let rows = self.rows();
        let mut expected: BTreeMap<Sha256, usize> = BTreeMap::new();
        let count = self.state().centre.messages.len();
        for number in 0..count {
            let row = self.row_of(&rows, number);
            let state = self.state();
            let message = &state.centre.messages[number];
            let Some(file) = &message.file else { continue };
            let Some(row) = row else {
                if state.centre.offers(number) {
                    return Err(format!("message {number} is not received"));
                }
                continue;
            };
            match row.state {
                MessageState::Delivered => *expected.entry(file.digest).or_default() += 1,
                MessageState::Dead if !file.can_be_fetched && row.fault.is_some() => {}
                state => return Err(format!("message {number} is {state:?}: {:?}", row.fault)),
            }
        }
        let appeared = self.state().judge.appeared.clone();
        let appeared: BTreeMap<_, _> = appeared.into_iter().filter(|(_, n)| *n > 0).collect();
        if appeared != expected {
            return Err("the inbox did not get what the journal says".to_owned());
        }
        self.check_programs(&rows)
    }

    /// How the messages came.
    pub fn mark_received(&self) {
        let rows = self.rows();
        let count = self.state().centre.messages.len();
        for number in 0..count {
            let is_known = self.row_of(&rows, number).is_some();
            let arrived = self.state().centre.messages[number].arrived;
            if !is_known && !self.state().centre.offers(number) {
                self.story
                    .mark("message lost for good, as the contract has it");
            }
            if is_known && !arrived {
                self.story.mark("message found in the history");
            }
        }
    }

    fn check_programs(&self, rows: &[MessageRow]) -> Result<(), String> {
        if self.mix.inbox.on_receive.is_empty() {
            return Ok(());
        }
        let ran: BTreeSet<String> = self.programs.ran().into_iter().flatten().collect();
        for row in rows
            .iter()
            .filter(|row| row.state == MessageState::Delivered)
        {
            let path = row
                .file
                .as_ref()
                .map(|file| format!("/srv/in/{}", file.path));
            let has_run = path.is_some_and(|path| ran.contains(&path));
            let is_done = row
                .hook
                .as_ref()
                .is_some_and(|hook| hook.state == HookState::Done);
            if !has_run || !is_done {
                return Err(format!("no program ran for {:?}: {:?}", row.file, row.hook));
            }
        }
        let counts = self.reader().inbox_counts(INBOX).unwrap();
        (counts.pending == 0)
            .then_some(())
            .ok_or_else(|| format!("{counts:?}"))
    }

    fn check_sent(&self, queue: &[QueuedJob]) -> Result<(), String> {
        self.look_at_sent();
        let contents = self.disk.contents(Path::new(OUTBOX)).into_iter();
        let contents: Vec<_> = contents
            .map(|(path, bytes)| (path, bytes.len(), self.state().digest(&bytes)))
            .collect();
        let state = self.state();
        let mut messages: BTreeMap<Sha256, BTreeSet<&str>> = BTreeMap::new();
        for sent in &state.centre.sent {
            messages
                .entry(sent.digest)
                .or_default()
                .insert(&sent.message_id);
        }
        for (digest, messages) in &messages {
            let times = state
                .versions
                .get(digest)
                .map_or(0, |version| version.times);
            if messages.len() as u64 > times {
                let messages = messages.len();
                return Err(format!(
                    "a content that was there {times} times went out as {messages}"
                ));
            }
        }
        let (mut total, mut dead) = (0, 0);
        let mut carried = BTreeSet::new();
        for (path, len, digest) in contents {
            total += 1;
            let name = String::from_utf8_lossy(&path).into_owned();
            let path = RelPath::from_bytes(path).unwrap();
            let job = queue.iter().find(|job| job.path == path);
            let code = job
                .and_then(|job| job.fault.as_ref())
                .map(|fault| fault.code.as_str());
            dead += u64::from(job.is_some());
            match (refused(&name, len), code) {
                (Some(refused), Some(code)) if refused == code => {}
                (None, Some("maybe-sent")) => {}
                (None, None) if job.is_none() => {
                    let message = self.message_of(&path);
                    let ids = messages.get(&digest);
                    let is_sent = ids.is_some_and(|ids| ids.contains(message.as_str()));
                    if !is_sent || !carried.insert(message.clone()) {
                        return Err(format!("{name} is not what message {message} carried"));
                    }
                }
                other => return Err(format!("{name} is not sent: {other:?} {job:?}")),
            }
        }
        drop(state);
        let counts = self
            .reader()
            .counts(FOLDER)
            .map_err(|error| error.to_string())?;
        if (counts.total, counts.synced, counts.dead) != (total, total - dead, dead) {
            return Err(format!(
                "{total} files, {dead} given up, are counted as {counts:?}"
            ));
        }
        Ok(())
    }
}

impl World {
    /// The message that carried a file, as it is recorded.
    fn message_of(&self, path: &RelPath) -> String {
        let dossier = self.reader().dossier(FOLDER, path).unwrap();
        let synced = dossier.synced.and_then(|synced| synced.remote_id);
        synced.unwrap_or_default()
    }
}

/// Why the centre would not take a file.
fn refused(name: &str, len: usize) -> Option<&'static str> {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let extension = extension.to_lowercase();
    let most = if extension == "mp4" { 4 << 20 } else { 2 << 20 };
    match len {
        _ if !TYPES.contains(&extension.as_str()) => Some("file-type"),
        0 => Some("file-empty"),
        _ if len > most => Some("file-too-large"),
        _ => None,
    }
}
