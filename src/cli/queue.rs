//! `syncd queue`, `pause`, `resume`: asked of the daemon; without one, the database is edited under its
//! lock.

use std::ffi::OsString;
use std::fmt::Write as _;

use serde::Serialize;

use crate::config::Config;
use crate::daemon::client::{self, ClientError};
use crate::daemon::lock::Lock;
use crate::daemon::protocol::{Reply, Request, Selector};
use crate::daemon::selector::{self, Unknown};
use crate::daemon::{current_thread, database};
use crate::model::job::JobState;
use crate::model::path::RelPath;
use crate::report::SCHEMA;
use crate::report::facts::fault_of;
use crate::report::words::{counted, meaning_of, relative, size};
use crate::store::{QueuedJob, Reader, Store};

use super::args::{Queue, QueueList, Selectors};
use super::context::{Context, Failure, folder, reader, unknown_folder};
use super::exit::Exit;
use super::{place, terminal};

/// Runs `queue`.
pub fn run(context: &Context, queue: Queue) -> Result<Exit, Failure> {
    let config = context.config()?;
    match queue {
        Queue::List(list) => show(context, &config, &list),
        Queue::Retry(selectors) => {
            let count = edit(context, &config, selectors, Edit::Retry)?;
            terminal::data(&format!(
                "{} will be tried again now.\n",
                counted(count, "job")
            ));
            Ok(Exit::Done)
        }
        Queue::Drop(selectors) => {
            let count = edit(context, &config, selectors, Edit::Drop)?;
            terminal::data(&format!("{} dropped.\n", counted(count, "job")));
            Ok(Exit::Done)
        }
        Queue::Approve(named) => {
            folder(&config, &named.name)?;
            terminal::data("Nothing is held back: deletions are not sent.\n");
            Ok(Exit::Done)
        }
    }
}

/// Runs `pause`.
pub fn pause(context: &Context, name: &str) -> Result<Exit, Failure> {
    let config = context.config()?;
    folder(&config, name)?;
    let count = do_it(
        context,
        &config,
        Request::Pause {
            name: name.to_owned(),
        },
    )?;
    terminal::data(match count {
        0 => "It was paused already.\n",
        _ => "Paused; changes are still noticed, nothing is sent.\n",
    });
    Ok(Exit::Done)
}

/// Runs `resume`.
pub fn resume(context: &Context, name: &str) -> Result<Exit, Failure> {
    let config = context.config()?;
    folder(&config, name)?;
    let count = do_it(
        context,
        &config,
        Request::Resume {
            name: name.to_owned(),
        },
    )?;
    terminal::data(match count {
        0 => "It was not paused; its account is tried again at once.\n",
        _ => "Resumed.\n",
    });
    Ok(Exit::Done)
}

#[derive(Clone, Copy)]
enum Edit {
    Retry,
    Drop,
}

fn edit(
    context: &Context,
    config: &Config,
    selectors: Selectors,
    edit: Edit,
) -> Result<u64, Failure> {
    let requests = chosen(config, selectors)?;
    let Some(selectors) = requests else {
        let message = "Say which jobs: PATH…, --folder NAME, --dead or --all";
        return Err(Failure::new(Exit::Usage, message));
    };
    let mut count = 0;
    for selector in selectors {
        let request = match edit {
            Edit::Retry => Request::Retry { selector },
            Edit::Drop => Request::Drop { selector },
        };
        count += do_it(context, config, request)?;
    }
    Ok(count)
}

/// The selectors of a command line; `None` if it has none.
fn chosen(config: &Config, selectors: Selectors) -> Result<Option<Vec<Selector>>, Failure> {
    if selectors.all {
        return Ok(Some(vec![Selector::All]));
    }
    if selectors.dead {
        return Ok(Some(vec![Selector::Dead]));
    }
    if let Some(name) = selectors.folder {
        folder(config, &name)?;
        return Ok(Some(vec![Selector::Folder(name)]));
    }
    let paths: Result<Vec<Selector>, Failure> = selectors
        .paths
        .iter()
        .map(|path| path_selector(config, path))
        .collect();
    Ok(Some(paths?).filter(|paths| !paths.is_empty()))
}

fn path_selector(config: &Config, typed: &OsString) -> Result<Selector, Failure> {
    let place = place::find(config, typed)?;
    let name = place.folder.name.clone();
    let Some(path) = &place.path else {
        return Ok(Selector::Folder(name));
    };
    if !is_known(config, &place, path)? {
        let message =
            format!("Folder {name} has no \"{path}\", neither on disk nor in its records");
        return Err(Failure::new(Exit::NotFound, message));
    }
    Ok(Selector::Path(name, path.as_bytes().to_vec()))
}

/// Whether there is such a file or directory, or was.
fn is_known(config: &Config, place: &place::Place<'_>, path: &RelPath) -> Result<bool, Failure> {
    if place
        .folder
        .path
        .join(path.as_path())
        .symlink_metadata()
        .is_ok()
    {
        return Ok(true);
    }
    let Some(reader) = reader(&config.state_dir)? else {
        return Ok(false);
    };
    let rows = reader.folders()?;
    let Some(row) = rows.into_iter().find(|row| row.name == place.folder.name) else {
        return Ok(false);
    };
    let dossier = reader.dossier(row.id, path)?;
    Ok(dossier.local.is_some() || dossier.synced.is_some() || dossier.job.is_some())
}

/// Asks the daemon, or takes its place for a moment.
fn do_it(context: &Context, config: &Config, request: Request) -> Result<u64, Failure> {
    let reply = match client::ask(&config.state_dir, &request) {
        Err(ClientError::NotRunning) => return alone(context, config, request),
        reply => reply?,
    };
    match reply {
        Reply::Changed { count } => Ok(count),
        Reply::UnknownFolder { name } => Err(unknown_folder(config, &name)),
        Reply::Failed { message } => Err(Failure::new(Exit::Unexpected, message)),
        Reply::Status { .. } | Reply::Live { .. } => Err(Failure::new(
            Exit::Unexpected,
            "The daemon speaks another language",
        )),
    }
}

fn alone(context: &Context, config: &Config, request: Request) -> Result<u64, Failure> {
    let _lock = Lock::take(&config.state_dir)?;
    let store = Store::open(&database(&config.state_dir))?;
    let reader = store.reader()?;
    let now = context.now();
    current_thread()?.block_on(async {
        store.adopt_folders(&config.folders, now).await?;
        let unknown = |Unknown(name): Unknown| unknown_folder(config, &name);
        let count = match request {
            Request::Retry { selector } => {
                let selection = selector::selection(&reader, selector)?.map_err(unknown)?;
                store.retry(selection, now).await?.jobs
            }
            Request::Drop { selector } => {
                let selection = selector::selection(&reader, selector)?.map_err(unknown)?;
                store.drop_jobs(selection, now).await?.jobs
            }
            Request::Pause { name } => set_paused(&store, &reader, &name, true).await?,
            Request::Resume { name } => {
                lift(&store, &reader, config, &name).await?;
                set_paused(&store, &reader, &name, false).await?
            }
            Request::Status | Request::Live => 0,
        };
        store.close().await;
        Ok(count)
    })
}

async fn set_paused(
    store: &Store,
    reader: &Reader,
    name: &str,
    paused: bool,
) -> Result<u64, Failure> {
    let row = reader.folders()?.into_iter().find(|row| row.name == name);
    let Some(row) = row else {
        return Ok(0);
    };
    store.set_paused(row.id, paused).await?;
    Ok(u64::from(row.paused != paused))
}

/// Opens the gate of a folder's account, so that the next start probes at once.
async fn lift(store: &Store, reader: &Reader, config: &Config, name: &str) -> Result<(), Failure> {
    let account = &folder(config, name)?.account;
    for mut row in reader.accounts()? {
        if row.name == *account && row.state != "ready" {
            row.until = None;
            "ready".clone_into(&mut row.state);
            store.save_account(row).await?;
        }
    }
    Ok(())
}

/// `queue list --json`.
#[derive(Debug, Serialize)]
struct List {
    schema: u32,
    jobs: Vec<Line>,
    /// More jobs match than are listed.
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

fn show(context: &Context, config: &Config, list: &QueueList) -> Result<Exit, Failure> {
    let mut lines = List {
        schema: SCHEMA,
        jobs: Vec::new(),
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
        terminal::data(&text(&lines, &context.now().to_string()));
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
    let rows = reader.folders()?;
    let Ok(selection) = selector::selection(reader, selector)? else {
        // Configured, but never scanned: it has no jobs.
        return Ok(());
    };
    let room = limit.saturating_sub(list.jobs.len());
    let jobs = reader.queue(&selection, room.saturating_add(1))?;
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

fn text(list: &List, now: &str) -> String {
    if list.jobs.is_empty() {
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
    if list.truncated {
        out.push_str("There are more; raise --limit to see them.\n");
    }
    out
}
