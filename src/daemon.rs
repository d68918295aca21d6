//! `syncd run`: takes the lock, starts the engine on the real world, answers commands, obeys signals, and
//! stops in order. It decides nothing about files.

mod alerts;
pub mod client;
pub mod control;
pub mod hardening;
pub mod journal;
pub mod location;
pub mod lock;
pub mod logging;
pub mod machine;
pub mod observers;
pub mod protocol;
mod running;
pub mod selector;
pub mod service;
pub mod signals;
pub mod socket;
mod web;
pub mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, ConfigError, Environment, LogFormat};
use crate::engine::EngineError;
use crate::model::event::Observer;
use crate::port::priority::give_way;
use crate::store::StoreError;
use crate::web::counters::Counters;

use lock::{Lock, LockError};
use observers::{JsonLines, LogLines, Several};

/// How the command line asked for the daemon.
#[derive(Debug, Clone)]
pub struct Start {
    /// Variables of the process.
    pub environment: Environment,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// How often `-v` was given.
    pub verbose: u8,
    /// `-q`.
    pub quiet: bool,
}

/// Why the daemon ended other than asked.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state directory cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database is refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine could not start or stop.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A part of the engine failed.
    #[error("The engine stopped: {0}")]
    Failed(String),
    /// The operating system refused.
    #[error("Could not {attempt}: {source}")]
    System {
        /// A verb and its object.
        attempt: String,
        /// Its words.
        source: std::io::Error,
    },
}

impl DaemonError {
    /// The system refused `attempt`.
    pub(crate) fn system(attempt: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::System { attempt, source }
    }
}

/// The database of a state directory.
pub fn database(state_dir: &Path) -> PathBuf {
    state_dir.join("syncd.db")
}

/// Where the control socket of a configuration is.
pub fn control_socket(config: &Config) -> PathBuf {
    config
        .runtime_dir
        .as_ref()
        .unwrap_or(&config.state_dir)
        .join("syncd.sock")
}

/// Runs until a signal asks to stop.
///
/// # Errors
/// It could not start, or a part of it failed.
pub fn run(start: &Start) -> Result<(), DaemonError> {
    let config = Config::load(&start.environment, start.config.as_deref())?;
    let journal = start.environment.get("JOURNAL_STREAM");
    let level = logging::level(config.log, start.verbose, start.quiet);
    let no_color = start.environment.get("NO_COLOR").is_some();
    logging::start(logging::lines(config.log.format, journal), level, no_color);
    hardening::raise_open_files();
    let _lock = Lock::take(&config.state_dir)?;
    for notice in machine::notices(&config, &start.environment) {
        tracing::warn!("{notice}");
    }
    let runtime = current_thread()?;
    let ended = runtime.block_on(running::until_stopped(start, config));
    // A hash of a huge file on the blocking pool is not waited for: nothing of it is lost.
    runtime.shutdown_background();
    ended
}

/// The runtime of the engine.
///
/// # Errors
/// The system gives no descriptors for it.
pub fn current_thread() -> Result<tokio::runtime::Runtime, DaemonError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        // The threads for blocking work; the engine's own is there already.
        .on_thread_start(give_way)
        .build()
        .map_err(DaemonError::system("start the runtime"))
}

/// Who is told of events under this configuration, besides the counters.
fn observer(config: &Config, counters: Arc<Counters>) -> Arc<dyn Observer> {
    let mut observers: Vec<Arc<dyn Observer>> = vec![counters];
    if config.log.format == LogFormat::Json {
        observers.push(Arc::new(JsonLines));
    } else {
        observers.push(Arc::new(LogLines::default()));
    }
    Arc::new(Several(observers))
}
