//! `syncd queue`, `pause`, `resume`: asked of the daemon; without one, the database is edited under its
//! lock.

mod list;

use std::ffi::OsString;

use crate::config::Config;
use crate::daemon::client::{self, ClientError};
use crate::daemon::lock::Lock;
use crate::daemon::protocol::{Reply, Request, Selector};
use crate::daemon::selector::{self, Unknown};
use crate::daemon::{current_thread, database};
use crate::decide::filter::IGNORE_FILE;
use crate::model::path::RelPath;
use crate::report::words::counted;
use crate::store::{Reader, Store};

use super::args::{Queue, Selectors};
use super::context::{Context, Failure, check_name, folder, reader, unknown_folder};
use super::exit::Exit;
use super::{place, terminal};

/// Runs `queue`.
pub fn run(context: &Context, queue: Queue) -> Result<Exit, Failure> {
    let config = context.config()?;
    match queue {
        Queue::List(list) => list::show(context, &config, &list),
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
    check_name(&config, name)?;
    let count = do_it(
        context,
        &config,
        Request::Pause {
            name: name.to_owned(),
        },
    )?;
    terminal::data(match count {
        0 => "It was paused already.\n",
        _ if config.inboxes.iter().any(|inbox| inbox.name == name) => {
            "Paused; the desk is not asked, and nothing is fetched.\n"
        }
        _ => "Paused; changes are still noticed, nothing is sent.\n",
    });
    Ok(Exit::Done)
}

/// Runs `resume`.
pub fn resume(context: &Context, name: &str) -> Result<Exit, Failure> {
    let config = context.config()?;
    check_name(&config, name)?;
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
        check_name(config, &name)?;
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
    if let Some(place) = place::find_in_inbox(config, typed)? {
        return message_selector(config, &place);
    }
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

/// A received file or a message; the inbox itself stands for all of it.
fn message_selector(config: &Config, place: &place::InboxPlace<'_>) -> Result<Selector, Failure> {
    let name = place.inbox.name.clone();
    let shown = place.shown();
    if shown.is_empty() {
        return Ok(Selector::Folder(name));
    }
    let row = match reader(&config.state_dir)? {
        Some(reader) => place.message(&reader)?,
        None => None,
    };
    match row {
        Some(row) => Ok(Selector::Message(name, row.identity)),
        None => Err(Failure::new(
            Exit::NotFound,
            format!(
                "\"{shown}\" did not come through inbox {name}; `syncd inbox list {name}` shows what did"
            ),
        )),
    }
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
        let inboxes = config.inboxes.iter().map(|inbox| inbox.name.clone());
        store.adopt_inboxes(inboxes.collect()).await?;
        let unknown = |Unknown(name): Unknown| unknown_folder(config, &name);
        let count = match request {
            Request::Retry { selector } => {
                let chosen = selector::chosen(&reader, selector)?.map_err(unknown)?;
                let mut count = 0;
                if let Some(jobs) = chosen.jobs {
                    count += store.retry(jobs, now).await?.jobs;
                }
                if let Some(messages) = chosen.messages {
                    count += store.retry_messages(messages, now).await?;
                }
                count
            }
            Request::Drop { selector } => {
                let chosen = selector::chosen(&reader, selector)?.map_err(unknown)?;
                let mut count = 0;
                if let Some(jobs) = chosen.jobs {
                    count += store.drop_jobs(jobs, now).await?.jobs;
                }
                if let Some(messages) = chosen.messages {
                    count += store.drop_messages(messages).await?;
                }
                count
            }
            Request::Pause { name } => set_paused(&store, &reader, &name, true).await?,
            Request::Resume { name } => {
                lift(&store, &reader, config, &name).await?;
                set_paused(&store, &reader, &name, false).await?
            }
            Request::Status | Request::Live | Request::Scan => 0,
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
    if let Some(row) = reader.folders()?.iter().find(|row| row.name == name) {
        store.set_paused(row.id, paused).await?;
        if !paused
            && !row.paused
            && let Ok(ignore_file) = RelPath::from_bytes(IGNORE_FILE.as_bytes())
        {
            // What blocked it is taken as it is.
            store.forget_root(row.id, ignore_file).await?;
        }
        return Ok(u64::from(row.paused != paused));
    }
    if let Some(row) = reader.inboxes()?.iter().find(|row| row.name == name) {
        store.set_inbox_paused(name.to_owned(), paused).await?;
        return Ok(u64::from(row.paused != paused));
    }
    Ok(0)
}

/// Opens the gate of a folder's or inbox's account, so that the next start probes at once.
async fn lift(store: &Store, reader: &Reader, config: &Config, name: &str) -> Result<(), Failure> {
    let of_inbox = config.inboxes.iter().find(|inbox| inbox.name == name);
    let account = match of_inbox {
        Some(inbox) => &inbox.account,
        None => &folder(config, name)?.account,
    };
    for mut row in reader.accounts()? {
        if row.name == *account && row.state != "ready" {
            row.until = None;
            "ready".clone_into(&mut row.state);
            store.save_account(row).await?;
        }
    }
    Ok(())
}
