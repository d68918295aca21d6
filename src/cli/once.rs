//! `syncd once`: one pass, for CI and cron.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::daemon::lock::Lock;
use crate::daemon::observers::{JsonLines, LogLines, Several};
use crate::daemon::signals::{self, Signal};
use crate::daemon::{current_thread, database, hardening, logging, machine, world};
use crate::engine::live::GateState;
use crate::engine::{Engine, FolderSummary, Mode, OnceSummary, Settings};
use crate::model::event::Observer;
use crate::report::facts::{account_fault, fault_of};
use crate::report::words::{advice_of, counted, is_refusal, meaning_of};
use crate::store::{Reader, Store};

use super::args;
use super::context::{Context, Failure, folder};
use super::exit::Exit;
use super::progress::{Bar, Tally};
use super::terminal;

/// Runs the command.
pub fn run(context: &Context, asked: &args::Once) -> Result<Exit, Failure> {
    let config = context.whole_config()?;
    for name in &asked.names {
        folder(&config, name)?;
    }
    start_logging(context, &config, asked);
    hardening::raise_open_files();
    let _lock = Lock::take(&config.state_dir)?;
    for notice in machine::notices(&config, &context.environment) {
        tracing::warn!("{notice}");
    }
    let runtime = current_thread()?;
    let ended = runtime.block_on(pass(context, &config, asked));
    runtime.shutdown_background();
    ended
}

/// On a terminal the bar shows what happens, so the log says only what is wrong.
fn start_logging(context: &Context, config: &Config, asked: &args::Once) {
    let mut spec = config.log;
    if !asked.json && Bar::is_shown() && context.global.verbose == 0 {
        spec.level = crate::config::LogLevel::Warn;
    }
    let level = logging::level(spec, context.global.verbose, context.global.quiet);
    let journal = context.environment.get("JOURNAL_STREAM").is_some();
    let no_color = context.environment.get("NO_COLOR").is_some();
    logging::start(logging::lines(spec.format, journal), level, no_color);
}

async fn pass(context: &Context, config: &Config, asked: &args::Once) -> Result<Exit, Failure> {
    let mut signals = signals::listen().map_err(|error| {
        Failure::new(Exit::Unexpected, format!("Could not take signals: {error}"))
    })?;
    let store = Store::open(&database(&config.state_dir))?;
    let reader = store.reader()?;
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
    let ports = world::ports(config, Arc::new(Several(observers)));
    let engine = Engine::start(ports, store, settings(config), Mode::Once).await?;
    let ended = tokio::select! {
        summary = engine.once(&asked.names) => Ended::Done(summary?),
        failure = engine.failure() => Ended::Failed(failure),
        exit = asked_to_end(&mut signals) => Ended::Signal(exit),
    };
    let gates = engine.live().accounts;
    let stopped = tokio::select! {
        stopped = engine.stop() => stopped,
        exit = asked_to_end(&mut signals) => return Ok(exit),
    };
    if let Some(bar) = &bar {
        bar.finish();
    }
    stopped?;
    let summary = match ended {
        Ended::Signal(exit) => return Ok(exit),
        Ended::Failed(words) => {
            return Err(Failure::new(
                Exit::Unexpected,
                format!("The engine stopped: {words}"),
            ));
        }
        Ended::Done(summary) => summary,
    };
    let closed: Vec<(String, GateState)> = gates
        .into_iter()
        .map(|account| (account.name, account.gate))
        .collect();
    let verdict = Verdict {
        config,
        reader: &reader,
        closed: &closed,
    };
    let mut exit = Exit::Done;
    for folder in &summary.folders {
        exit = exit.or(verdict.of(folder)?);
    }
    conclude(context, asked, &summary, &tally);
    Ok(exit)
}

enum Ended {
    Done(OnceSummary),
    Failed(String),
    Signal(Exit),
}

/// How the engine works on a configuration.
fn settings(config: &Config) -> Settings {
    Settings {
        folders: config.folders.clone(),
        accounts: config.accounts.clone(),
        attempts_max: config.limits.attempts,
    }
}

async fn asked_to_end(signals: &mut mpsc::UnboundedReceiver<Signal>) -> Exit {
    loop {
        match signals.recv().await {
            Some(Signal::Interrupt) => return Exit::Interrupted,
            Some(Signal::Terminate) | None => return Exit::Terminated,
            Some(Signal::Reload | Signal::Scan) => {}
        }
    }
}

/// Judges what is left, and says it.
struct Verdict<'a> {
    config: &'a Config,
    reader: &'a Reader,
    closed: &'a [(String, GateState)],
}

/// Dead files that are named one by one.
const NAMED_MAX: usize = 10;

impl Verdict<'_> {
    fn of(&self, folder: &FolderSummary) -> Result<Exit, Failure> {
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
        let rows = self.reader.accounts()?;
        let fault = rows
            .iter()
            .find(|row| row.name == account)
            .and_then(account_fault);
        let gate = self.closed.iter().find(|(closed, _)| *closed == account);
        let is_paused = gate.is_some_and(|(_, gate)| *gate == GateState::Paused);
        let words = fault.as_ref().map(|fault| {
            format!(
                ": {} {} {}",
                fault.code,
                meaning_of(fault),
                advice_of(fault)
            )
        });
        terminal::error(&format!(
            "folder {name}: {left} left, which would wait for too long{}",
            words.unwrap_or_default()
        ));
        Ok(match fault {
            Some(fault) if is_paused && is_refusal(&fault) => Exit::Refused,
            _ => Exit::Temporary,
        })
    }
}

/// The last line of `once --json`.
#[derive(Debug, Serialize)]
struct SummaryLine {
    r#type: &'static str,
    at: String,
    folders: Vec<FolderLine>,
    inboxes: [(); 0],
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
    if asked.json {
        let at = context.now().to_string();
        terminal::json(&SummaryLine {
            r#type: "summary",
            at,
            folders,
            inboxes: [],
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
