//! `syncd send`: puts files in an outbox at once and waits for their receipts. The folder and the queue do
//! the rest, as for any file that somebody puts there.

#![expect(
    clippy::disallowed_methods,
    reason = "it waits for the daemon on behalf of a person"
)]

mod parcel;
mod receipt;

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;
use crate::daemon::client::{self, ClientError};
use crate::daemon::hardening;
use crate::daemon::lock::Lock;
use crate::daemon::observers::LogLines;
use crate::daemon::protocol::{Reply, Request};
use crate::model::event::Observer;
use crate::model::folder::{FlowKind, FolderSpec};
use crate::report::State;

use super::args;
use super::context::{Context, Failure, folder, reader};
use super::drive::{Ended, drive};
use super::exit::Exit;
use super::progress::Bar;
use super::{once, status, terminal};
use parcel::Parcel;
use receipt::Outcomes;

/// How often the receipts are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs the command.
pub fn run(context: &Context, asked: &args::Send) -> Result<Exit, Failure> {
    let config = context.config()?;
    let folder = outbox(&config, &asked.to)?;
    let parcels = parcel::check(folder, &asked.files)?;
    for parcel in &parcels {
        parcel.put(folder, &config.state_dir)?;
    }
    let outcomes = match client::ask(&config.state_dir, &Request::Scan) {
        Ok(Reply::Changed { .. }) => wait(context, &config, asked, (folder, &parcels))?,
        Ok(Reply::Failed { message }) => return Err(Failure::new(Exit::Unexpected, message)),
        Ok(_) => {
            let message = "The daemon speaks another language";
            return Err(Failure::new(Exit::Unexpected, message));
        }
        Err(ClientError::NotRunning) => alone(context, asked, (folder, &parcels))?,
        Err(error) => return Err(error.into()),
    };
    if asked.json {
        terminal::json(&outcomes.report(&asked.to));
    } else {
        outcomes.say(&context.now().to_string(), &asked.to);
    }
    Ok(outcomes.exit())
}

fn outbox<'a>(config: &'a Config, name: &str) -> Result<&'a FolderSpec, Failure> {
    let folder = folder(config, name)?;
    if folder.flow != FlowKind::Ccmessaging {
        let message = format!(
            "Folder {name} is no outbox (its flow is \"{}\"); name one with flow = \"ccmessaging\"",
            folder.flow.as_str()
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(folder)
}

/// Looks into the database, beside the daemon, until every file has its receipt or its fault.
fn wait(
    context: &Context,
    config: &Config,
    asked: &args::Send,
    (folder, parcels): (&FolderSpec, &[Parcel]),
) -> Result<Outcomes, Failure> {
    let begun = Instant::now();
    let bar = (!asked.json && !context.global.quiet && Bar::is_shown()).then(spinner);
    let mut outcomes;
    loop {
        outcomes = Outcomes::of(reader(&config.state_dir)?.as_ref(), folder, parcels)?;
        if let Some(bar) = &bar {
            let (done, all) = (outcomes.settled(), parcels.len());
            bar.set_message(format!("{done} of {all} answered"));
        }
        let is_over = begun.elapsed() >= asked.timeout;
        if outcomes.settled() == parcels.len() || is_over {
            break;
        }
        if let Some(reason) = stopped(context, config, &asked.to)? {
            outcomes.stop(reason);
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    Ok(outcomes)
}

/// Why nothing more will happen without a person.
fn stopped(context: &Context, config: &Config, name: &str) -> Result<Option<String>, Failure> {
    let report = status::report(context, config)?;
    if !report.daemon.running {
        let reason = "the daemon has ended; `syncd run` sends what is left".to_owned();
        return Ok(Some(reason));
    }
    let folder = report.folders.iter().find(|folder| folder.name == name);
    let stopped = folder.filter(|folder| matches!(folder.state, State::Blocked | State::Paused));
    Ok(stopped.map(|folder| {
        let state = folder.state.as_str();
        match &folder.reason {
            Some(reason) => format!("the outbox is {state}: {reason}"),
            None => format!("the outbox is {state}"),
        }
    }))
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} waiting for receipts  {msg}  {elapsed}");
    let bar = ProgressBar::new_spinner();
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Without a daemon: one pass over the outbox, as `once` makes it.
fn alone(
    context: &Context,
    asked: &args::Send,
    (folder, parcels): (&FolderSpec, &[Parcel]),
) -> Result<Outcomes, Failure> {
    let config = context.whole_config()?;
    once::start_logging(context, &config, asked.json);
    hardening::raise_open_files();
    let _lock = Lock::take(&config.state_dir)?;
    let observer: Arc<dyn Observer> = Arc::new(LogLines::default());
    let names = std::slice::from_ref(&asked.to);
    let driven = drive(&config, names, observer, Some(asked.timeout))?;
    let mut outcomes = Outcomes::of(Some(&driven.reader), folder, parcels)?;
    match driven.ended {
        Ended::Done(_) | Ended::TimeOver => {}
        Ended::Failed(words) => {
            let message = format!("The engine stopped: {words}");
            return Err(Failure::new(Exit::Unexpected, message));
        }
        Ended::Signal(exit) => outcomes.interrupted(exit),
    }
    Ok(outcomes)
}
