//! `syncd queue list`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::config::Config;
use crate::daemon::protocol::Selector;
use crate::daemon::selector;
use crate::model::job::JobState;
use crate::model::message::MessageState;
use crate::model::path::RelPath;
use crate::report::SCHEMA;
use crate::report::facts::fault_of;
use crate::report::paint::Paint;
use crate::report::received::{self, Received};
use crate::report::words::{meaning_of, relative, size};
use crate::store::{MessageFilter, MessageRow, Messages, QueuedJob, Reader, Selection};

use super::super::args::{QueueList, Selectors};
use super::super::context::{Context, Failure, reader};
use super::super::exit::Exit;
use super::super::terminal;
use super::chosen;

/// `queue list --json`.
#[derive(Debug, Serialize)]
struct List {
    schema: u32,
    jobs: Vec<Line>,
    /// Messages of inboxes whose file is to come, or was given up.
    messages: Vec<Received>,
    /// More match than are listed.
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Line {
    folder: String,
    path: RelPath,
    state: JobState,
    reason: &'static str,
    stage: &'static str,
    release: i64,
    bytes: u64,
    attempts: u32,
    next_attempt_at: Option<String>,
    code: Option<String>,
    meaning: Option<String>,
}

pub(super) fn show(context: &Context, config: &Config, list: &QueueList) -> Result<Exit, Failure> {
    let mut lines = List {
        schema: SCHEMA,
        jobs: Vec::new(),
        messages: Vec::new(),
        truncated: false,
    };
    let selectors = Selectors {
        paths: list.selectors.paths.clone(),
        folder: list.selectors.folder.clone(),
        ..list.selectors
    };
    let selectors = chosen(config, selectors)?.unwrap_or_else(|| vec![Selector::All]);
    match reader(&config.state_dir)? {
        None => terminal::note("There is no database yet: nothing has ever been queued."),
        Some(reader) => {
            for selector in selectors {
                collect(&reader, config, selector, list.limit, &mut lines)?;
            }
        }
    }
    if list.json {
        terminal::json(&lines);
    } else {
        terminal::data(&text(&lines, &context.now().to_string(), context.paint));
    }
    Ok(Exit::Done)
}

fn collect(
    reader: &Reader,
    config: &Config,
    selector: Selector,
    limit: usize,
    list: &mut List,
) -> Result<(), Failure> {
    if let Selector::Message(inbox, identity) = &selector {
        let row = reader.message(inbox, identity)?;
        list.messages.extend(row.as_ref().map(received::received));
        return Ok(());
    }
    let Ok(chosen) = selector::chosen(reader, selector)? else {
        // Configured, but never scanned: it has no jobs.
        return Ok(());
    };
    if let Some(selection) = &chosen.jobs {
        collect_jobs(reader, config, selection, limit, list)?;
    }
    if let Some(messages) = &chosen.messages {
        collect_messages(reader, config, messages, limit, list)?;
    }
    Ok(())
}

fn collect_jobs(
    reader: &Reader,
    config: &Config,
    selection: &Selection,
    limit: usize,
    list: &mut List,
) -> Result<(), Failure> {
    let rows = reader.folders()?;
    let room = limit.saturating_sub(list.jobs.len() + list.messages.len());
    let jobs = reader.queue(selection, room.saturating_add(1))?;
    list.truncated |= jobs.len() > room;
    for job in jobs.into_iter().take(room) {
        let row = rows.iter().find(|row| row.id == job.folder);
        let name = row.map(|row| row.name.clone()).unwrap_or_default();
        if config.folders.iter().any(|folder| folder.name == name) {
            list.jobs.push(line(name, job));
        }
    }
    Ok(())
}

/// Messages whose file is to come or was given up; dead ones last.
fn collect_messages(
    reader: &Reader,
    config: &Config,
    messages: &Messages,
    limit: usize,
    list: &mut List,
) -> Result<(), Failure> {
    let states: &[MessageState] = match messages {
        Messages::Dead => &[MessageState::Dead],
        _ => &[
            MessageState::Received,
            MessageState::Fetched,
            MessageState::Dead,
        ],
    };
    let inbox = match messages {
        Messages::Inbox(name) => Some(name),
        _ => None,
    };
    for state in states {
        let filter = MessageFilter {
            inbox: inbox.cloned(),
            state: Some(*state),
            before: None,
        };
        let room = limit.saturating_sub(list.jobs.len() + list.messages.len());
        let rows = reader.messages(&filter, room.saturating_add(1))?;
        list.truncated |= rows.len() > room;
        let is_known = |row: &&MessageRow| config.inboxes.iter().any(|spec| spec.name == row.inbox);
        let rows = rows.iter().take(room).filter(is_known);
        list.messages.extend(rows.map(received::received));
    }
    Ok(())
}

fn line(folder: String, job: QueuedJob) -> Line {
    let fault = job.fault.as_ref().map(fault_of);
    Line {
        folder,
        state: job.state,
        reason: job.reason.as_str(),
        stage: job.stage.as_str(),
        release: job.release.0,
        bytes: job.bytes,
        attempts: job.tries,
        next_attempt_at: (job.state == JobState::Ready).then(|| job.due.to_string()),
        code: fault.as_ref().map(|fault| fault.code.clone()),
        meaning: fault.as_ref().map(meaning_of),
        path: job.path,
    }
}

fn text(list: &List, now: &str, paint: Paint) -> String {
    if list.jobs.is_empty() && list.messages.is_empty() {
        return "The queue is empty.\n".to_owned();
    }
    let mut out = String::new();
    for job in &list.jobs {
        let next = job.next_attempt_at.as_deref();
        let next = next
            .map(|at| format!(", due {}", relative(at, now)))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{:<8} {}:{}  {} {}, release {}, {}{next}",
            job.state.as_str(),
            job.folder,
            job.path,
            job.reason,
            job.stage,
            job.release,
            size(job.bytes)
        );
        if let (Some(code), Some(meaning)) = (&job.code, &job.meaning) {
            let _ = writeln!(
                out,
                "         {code}: {meaning} (tried {} times)",
                job.attempts
            );
        }
    }
    for message in &list.messages {
        message.write_line(&mut out, now, paint);
    }
    if list.truncated {
        out.push_str("There are more; raise --limit to see them.\n");
    }
    out
}
