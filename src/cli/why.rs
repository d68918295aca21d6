//! `syncd why`.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;

use crate::adapter::os_disk::OsDisk;
use crate::config::Config;
use crate::daemon::client;
use crate::daemon::protocol::{Reply, Request};
use crate::decide::filter::{Rules, Verdict};
use crate::engine::ignore_file;
use crate::model::desk::InboxSpec;
use crate::model::folder::FolderSpec;
use crate::model::key::Key;
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::disk::Disk as _;
use crate::report::facts::LiveFacts;
use crate::report::facts::StoredClass;
use crate::report::gather::class;
use crate::report::why::{OnDisk, Rule, WhyFacts};
use crate::report::{received, why, why_text};
use crate::store::{Dossier, Reader};

use super::args;
use super::context::{Context, Failure, reader};
use super::exit::Exit;
use super::place::{self, InboxPlace};
use super::terminal;

/// The most assets that are looked up as holding pages.
const HOLDINGS_MAX: usize = 50;

/// Runs the command.
pub fn run(context: &Context, asked: &args::Why) -> Result<Exit, Failure> {
    let config = context.config()?;
    if let Some(place) = place::find_in_inbox(&config, &asked.path)? {
        return received(context, &config, &place, asked.json);
    }
    let place = place::find(&config, &asked.path)?;
    let Some(path) = place.path else {
        let name = &place.folder.name;
        let message = format!("That is the root of folder {name}; `syncd status` tells about it");
        return Err(Failure::new(Exit::Usage, message));
    };
    let facts = facts(context, &config, place.folder, &path)?;
    let is_nothing = facts.on_disk == OnDisk::Nothing
        && class(&facts.dossier) == StoredClass::Unknown
        && facts.dossier.synced.is_none();
    if is_nothing {
        let message = format!(
            "\"{path}\" is neither in folder {} nor in the records of syncd",
            place.folder.name
        );
        return Err(Failure::new(Exit::NotFound, message));
    }
    let why = why::why(facts);
    if asked.json {
        terminal::json(&why);
    } else {
        terminal::data(&why_text::why(&why, context.paint));
    }
    Ok(Exit::Done)
}

/// `why` of a received file.
fn received(
    context: &Context,
    config: &Config,
    place: &InboxPlace<'_>,
    json: bool,
) -> Result<Exit, Failure> {
    let name = &place.inbox.name;
    let shown = place.shown();
    if shown.is_empty() {
        let message = format!("That is the inbox {name} itself; `syncd status` tells about it");
        return Err(Failure::new(Exit::Usage, message));
    }
    let reader = reader(&config.state_dir)?;
    let row = match &reader {
        Some(reader) => place.message(reader)?,
        None => None,
    };
    let (Some(reader), Some(row)) = (&reader, row) else {
        let message = format!(
            "\"{shown}\" did not come through inbox {name}; `syncd inbox list {name}` shows what did"
        );
        return Err(Failure::new(Exit::NotFound, message));
    };
    let is_file = |path: &RelPath| {
        let metadata = place.inbox.path.join(path.as_path()).symlink_metadata();
        metadata.is_ok_and(|metadata| metadata.is_file())
    };
    let on_disk = row.file.as_ref().is_some_and(|file| is_file(&file.path));
    let stopped = inbox_stopped(config, reader, place.inbox)?;
    let why = received::why(&row, on_disk, stopped, context.now());
    if json {
        terminal::json(&why);
    } else {
        terminal::data(&received::why_text(&why, context.paint));
    }
    Ok(Exit::Done)
}

/// Why an inbox does not work now.
fn inbox_stopped(
    config: &Config,
    reader: &Reader,
    inbox: &InboxSpec,
) -> Result<Option<String>, Failure> {
    let name = &inbox.name;
    if reader
        .inboxes()?
        .iter()
        .any(|row| row.name == *name && row.paused)
    {
        let reason = format!("the inbox is paused; `syncd resume {name}` goes on");
        return Ok(Some(reason));
    }
    let live = live_facts(config, Some(reader))?;
    let known = live.inboxes.iter().find(|live| live.name == *name);
    let Some(known) = known else {
        return Ok(account_stopped(&live, &inbox.account));
    };
    if !matches!(known.state.as_str(), "waiting" | "blocked") {
        return Ok(None);
    }
    let mut text = format!("the inbox is {}", known.state);
    if let Some(reason) = &known.reason {
        let _ = write!(text, ": {reason}");
    }
    if let Some(until) = known.until {
        let _ = write!(text, " Next try at {}.", Timestamp(until));
    }
    Ok(Some(text))
}

/// From the daemon, else what the store remembers.
fn live_facts(config: &Config, reader: Option<&Reader>) -> Result<LiveFacts, Failure> {
    match (client::ask(&config.state_dir, &Request::Live), reader) {
        (Ok(Reply::Live { live }), _) => Ok(live),
        (_, Some(reader)) => Ok(LiveFacts::remembered(&reader.accounts()?)),
        (_, None) => Ok(LiveFacts::default()),
    }
}

fn facts(
    context: &Context,
    config: &Config,
    folder: &FolderSpec,
    path: &RelPath,
) -> Result<WhyFacts, Failure> {
    let reader = reader(&config.state_dir)?;
    let live = live_facts(config, reader.as_ref())?;
    let mut facts = WhyFacts {
        now: context.now(),
        folder: folder.name.clone(),
        path: path.to_string(),
        on_disk: OnDisk::Nothing,
        dossier: Dossier::default(),
        sending: None,
        rule: rule(folder, path),
        settling: live.is_settling(&folder.name, path),
        stopped: None,
        holdings: Vec::new(),
    };
    if let Some(reader) = &reader {
        read(reader, folder, path, &mut facts)?;
    }
    facts.on_disk = on_disk(folder, path, &facts.dossier);
    if facts.stopped.is_none() {
        facts.stopped = stopped(&live, folder);
    }
    Ok(facts)
}

fn read(
    reader: &Reader,
    folder: &FolderSpec,
    path: &RelPath,
    facts: &mut WhyFacts,
) -> Result<(), Failure> {
    let rows = reader.folders()?;
    let Some(row) = rows.iter().find(|row| row.name == folder.name) else {
        return Ok(());
    };
    facts.dossier = reader.dossier(row.id, path)?;
    facts.sending = reader.sending(row.id, path)?;
    facts.holdings = reader.held(row.id, HOLDINGS_MAX)?;
    if row.paused {
        let reason = format!(
            "the folder is paused; `syncd resume {}` goes on",
            folder.name
        );
        facts.stopped = Some(reason);
    }
    Ok(())
}

fn stopped(live: &LiveFacts, folder: &FolderSpec) -> Option<String> {
    let blocked = live
        .folders
        .iter()
        .find(|live| live.name == folder.name && live.state == "blocked");
    if let Some(blocked) = blocked {
        let reason = blocked.reason.clone().unwrap_or_default();
        return Some(format!("the folder is blocked: {reason}"));
    }
    account_stopped(live, &folder.account)
}

fn account_stopped(live: &LiveFacts, name: &str) -> Option<String> {
    let account = live
        .accounts
        .iter()
        .find(|live| live.name == name && live.gate != "ready")?;
    let mut text = format!("account {} is {}", account.name, account.gate);
    if let Some(code) = &account.code {
        let _ = write!(text, " ({code})");
    }
    if let Some(reason) = &account.reason {
        let _ = write!(text, ": {reason}");
    }
    if let Some(until) = account.until {
        let _ = write!(text, " Next probe at {}.", Timestamp(until));
    }
    Some(text)
}

/// What is at a path now, compared with the last look.
pub fn on_disk(folder: &FolderSpec, path: &RelPath, dossier: &Dossier) -> OnDisk {
    let below = path.as_path().ancestors().skip(1);
    let is_link = |directory: &std::path::Path| folder.path.join(directory).is_symlink();
    if below
        .filter(|directory| *directory != std::path::Path::new(""))
        .any(is_link)
    {
        return OnDisk::Link;
    }
    let Ok(metadata) = folder.path.join(path.as_path()).symlink_metadata() else {
        return OnDisk::Nothing;
    };
    let kind = metadata.file_type();
    if kind.is_dir() {
        return OnDisk::Directory;
    }
    if kind.is_symlink() {
        return OnDisk::Link;
    }
    if !kind.is_file() {
        return OnDisk::Special;
    }
    let nanoseconds = |second: i64, rest: i64| second.saturating_mul(1_000_000_000) + rest;
    let changed = dossier.local.as_ref().is_some_and(|local| {
        local.stat.size != metadata.size()
            || local.stat.ino != metadata.ino()
            || local.stat.mtime_ns != nanoseconds(metadata.mtime(), metadata.mtime_nsec())
            || local.stat.ctime_ns != nanoseconds(metadata.ctime(), metadata.ctime_nsec())
    });
    OnDisk::File { changed }
}

/// The rule as it is now, whatever the records say.
pub fn rule(folder: &FolderSpec, path: &RelPath) -> Rule {
    let wrong = |reason: String| Rule {
        kept: false,
        reason,
    };
    let rules = match rules(folder) {
        Ok(rules) => rules,
        Err(reason) => return wrong(reason),
    };
    match rules.decide(path, false) {
        Verdict::Excluded(reason) => wrong(reason),
        Verdict::Kept(by) => match Key::of(&folder.prefix, path) {
            Err(unpublishable) => wrong(unpublishable.to_string()),
            Ok(_) => Rule {
                kept: true,
                reason: by.unwrap_or_else(|| "no rule leaves it out".to_owned()),
            },
        },
    }
}

/// The folder's rules with its `.syncdignore`, as the daemon reads it. A folder that is not there has none.
fn rules(folder: &FolderSpec) -> Result<Rules, String> {
    match OsDisk.open_root(&folder.path) {
        Ok(root) => ignore_file::rules(&*root, folder),
        Err(_) => Rules::new(folder, None).map_err(|error| error.to_string()),
    }
}
