//! One pass of the engine in this process: for `once`, and for `send` where no daemon runs.

#![expect(
    clippy::disallowed_methods,
    reason = "a deadline towards a person; the engine does not see it"
)]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::Config;
use crate::daemon::signals::{self, Signal};
use crate::daemon::{current_thread, database, world};
use crate::engine::live::GateState;
use crate::engine::{Engine, Mode, OnceSummary};
use crate::model::event::Observer;
use crate::store::{Reader, Store};

use super::context::Failure;
use super::exit::Exit;

/// How a pass ended.
#[derive(Debug)]
pub enum Ended {
    /// Nothing more will happen soon.
    Done(OnceSummary),
    /// The time was over first.
    TimeOver,
    /// A part of the engine failed.
    Failed(String),
    /// A signal asked to end.
    Signal(Exit),
}

/// A pass, and what is known after it.
#[derive(Debug)]
pub struct Driven {
    /// How it ended.
    pub ended: Ended,
    /// The gates of the accounts as they were then.
    pub gates: Vec<(String, GateState)>,
    /// The records.
    pub reader: Reader,
}

/// Brings the named folders and inboxes up to date, within `limit`. The caller holds the lock.
///
/// # Errors
/// The engine cannot be started, or the store failed.
pub fn drive(
    config: &Config,
    names: &[String],
    observer: Arc<dyn Observer>,
    limit: Option<Duration>,
) -> Result<Driven, Failure> {
    let runtime = current_thread()?;
    let driven = runtime.block_on(pass(config, names, observer, limit));
    runtime.shutdown_background();
    driven
}

async fn pass(
    config: &Config,
    names: &[String],
    observer: Arc<dyn Observer>,
    limit: Option<Duration>,
) -> Result<Driven, Failure> {
    let mut signals = signals::listen().map_err(|error| {
        Failure::new(Exit::Unexpected, format!("Could not take signals: {error}"))
    })?;
    let path = database(&config.state_dir);
    let store = Store::open(&path)?;
    let ports = world::ports(config, observer);
    let engine = Engine::start(ports, store, world::settings(config), Mode::Once).await?;
    let mut ended = tokio::select! {
        summary = engine.once(names) => Ended::Done(summary?),
        failure = engine.failure() => Ended::Failed(failure),
        exit = asked_to_end(&mut signals) => Ended::Signal(exit),
        () = over(limit) => Ended::TimeOver,
    };
    let live = engine.live().accounts;
    let gates = live.into_iter().map(|account| (account.name, account.gate));
    let gates = gates.collect();
    tokio::select! {
        stopped = engine.stop() => stopped?,
        exit = asked_to_end(&mut signals) => ended = Ended::Signal(exit),
    }
    // Not opened before: who reads the database keeps it from being left as one whole.
    let reader = Reader::open(&path)?;
    Ok(Driven {
        ended,
        gates,
        reader,
    })
}

async fn over(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
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
