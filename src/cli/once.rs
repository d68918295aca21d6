//! `syncd once`: one pass, for CI and cron.

mod verdict;

use std::sync::Arc;

use serde::Serialize;

use crate::config::Config;
use crate::daemon::lock::Lock;
use crate::daemon::observers::{JsonLines, LogLines, Several};
use crate::daemon::{hardening, logging, machine};
use crate::engine::{FolderSummary, OnceSummary};
use crate::model::event::Observer;
use crate::report::words::counted;

use super::args;
use super::context::{Context, Failure, check_name};
use super::drive::{Ended, drive};
use super::exit::Exit;
use super::progress::{Bar, Tally};
use super::terminal;
use verdict::Verdict;

/// Runs the command.
pub fn run(context: &Context, asked: &args::Once) -> Result<Exit, Failure> {
    let config = context.whole_config()?;
    for name in &asked.names {
        check_name(&config, name)?;
    }
    start_logging(context, &config, asked.json);
    hardening::raise_open_files();
    let _lock = Lock::take(&config.state_dir)?;
    for notice in machine::notices(&config, &context.environment) {
        tracing::warn!("{notice}");
    }
    pass(context, &config, asked)
}

/// On a terminal the bar shows what happens, so the log says only what is wrong.
pub fn start_logging(context: &Context, config: &Config, json: bool) {
    let mut spec = config.log;
    if !json && Bar::is_shown() && context.global.verbose == 0 {
        spec.level = crate::config::LogLevel::Warn;
    }
    let level = logging::level(spec, context.global.verbose, context.global.quiet);
    let journal = context.environment.get("JOURNAL_STREAM");
    let no_color = context.environment.get("NO_COLOR").is_some();
    logging::start(logging::lines(spec.format, journal), level, no_color);
}

fn pass(context: &Context, config: &Config, asked: &args::Once) -> Result<Exit, Failure> {
    let tally = Arc::new(Tally::default());
    let mut observers: Vec<Arc<dyn Observer>> = vec![Arc::clone(&tally) as Arc<dyn Observer>];
    let bar =
        (!asked.json && !context.global.quiet && Bar::is_shown()).then(|| Arc::new(Bar::start()));
    if asked.json {
        observers.push(Arc::new(JsonLines));
    } else {
        observers.push(Arc::new(LogLines::default()));
    }
    observers.extend(bar.iter().map(|bar| Arc::clone(bar) as Arc<dyn Observer>));
    let driven = drive(config, &asked.names, Arc::new(Several(observers)), None);
    if let Some(bar) = &bar {
        bar.finish();
    }
    let driven = driven?;
    let summary = match driven.ended {
        Ended::Signal(exit) => return Ok(exit),
        Ended::Failed(words) => {
            let message = format!("The engine stopped: {words}");
            return Err(Failure::new(Exit::Unexpected, message));
        }
        Ended::TimeOver => return Ok(Exit::Temporary),
        Ended::Done(summary) => summary,
    };
    let verdict = Verdict {
        config,
        reader: &driven.reader,
        closed: &driven.gates,
    };
    let mut exit = Exit::Done;
    for folder in &summary.folders {
        exit = exit.or(verdict.of(folder)?);
    }
    for inbox in &summary.inboxes {
        exit = exit.or(verdict.of_inbox(inbox)?);
    }
    conclude(context, asked, &summary, &tally);
    Ok(exit)
}

/// The last line of `once --json`.
#[derive(Debug, Serialize)]
struct SummaryLine {
    r#type: &'static str,
    at: String,
    folders: Vec<FolderLine>,
    inboxes: Vec<InboxLine>,
}

#[derive(Debug, Serialize)]
struct InboxLine {
    name: String,
    received: u64,
    failed: u64,
}

#[derive(Debug, Serialize)]
struct FolderLine {
    name: String,
    uploaded: u64,
    skipped: u64,
    deleted: u64,
    failed: u64,
}

fn conclude(context: &Context, asked: &args::Once, summary: &OnceSummary, tally: &Tally) {
    let folders: Vec<FolderLine> = summary
        .folders
        .iter()
        .map(|folder| line(folder, tally))
        .collect();
    let inboxes: Vec<InboxLine> = summary
        .inboxes
        .iter()
        .map(|inbox| InboxLine {
            name: inbox.name.clone(),
            received: tally.received(&inbox.name),
            failed: inbox.counts.pending + inbox.counts.dead,
        })
        .collect();
    if asked.json {
        let at = context.now().to_string();
        terminal::json(&SummaryLine {
            r#type: "summary",
            at,
            folders,
            inboxes,
        });
        return;
    }
    for folder in folders {
        let failed = match folder.failed {
            0 => String::new(),
            failed => format!(", {failed} not published"),
        };
        terminal::data(&format!(
            "{}: {} uploaded, {} in sync already{failed}\n",
            folder.name,
            counted(folder.uploaded, "file"),
            folder.skipped
        ));
    }
    for inbox in inboxes {
        let failed = match inbox.failed {
            0 => String::new(),
            failed => format!(", {failed} not received"),
        };
        terminal::data(&format!(
            "{}: {} received{failed}\n",
            inbox.name,
            counted(inbox.received, "file")
        ));
    }
}

fn line(folder: &FolderSummary, tally: &Tally) -> FolderLine {
    let uploaded = tally.uploaded(&folder.name);
    let counts = folder.counts;
    FolderLine {
        name: folder.name.clone(),
        uploaded,
        skipped: counts.synced.saturating_sub(uploaded),
        deleted: 0,
        failed: counts.total.saturating_sub(counts.synced),
    }
}
