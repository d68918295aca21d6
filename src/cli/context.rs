//! What every command has at hand, and how one fails.

use std::path::Path;

use crate::adapter::system_clock::SystemClock;
use crate::config::{Config, ConfigError, Environment};
use crate::daemon::client::{ClientError, owner_of};
use crate::daemon::lock::LockError;
use crate::daemon::{DaemonError, database};
use crate::engine::EngineError;
use crate::model::desk::InboxSpec;
use crate::model::folder::FolderSpec;
use crate::model::time::Timestamp;
use crate::port::clock::Clock as _;
use crate::report::paint::Paint;
use crate::store::{Reader, StoreError};

use super::args::Global;
use super::exit::Exit;

/// The surroundings of a command.
#[derive(Debug)]
pub struct Context {
    /// Variables of the process.
    pub environment: Environment,
    /// Options of every command.
    pub global: Global,
    /// Colours of stdout.
    pub paint: Paint,
}

/// How a command failed: what a person reads, and what a script sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code to end with.
    pub exit: Exit,
    /// What, where, how to mend it.
    pub message: String,
}

impl Failure {
    /// A failure in words.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

impl Context {
    /// The surroundings of this process.
    pub fn new(environment: Environment, global: Global) -> Self {
        let paint = Paint::of_stdout(environment.get("NO_COLOR"));
        Self {
            environment,
            global,
            paint,
        }
    }

    /// The configuration without secrets, for commands that do not talk to a cloud.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(Config::load_without_secrets(
            &self.environment,
            self.global.config.as_deref(),
        )?)
    }

    /// The configuration with secrets.
    pub fn whole_config(&self) -> Result<Config, Failure> {
        Ok(Config::load(
            &self.environment,
            self.global.config.as_deref(),
        )?)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        SystemClock::new().now()
    }
}

/// The database, read-only; `None` if there is none yet.
pub fn reader(state_dir: &Path) -> Result<Option<Reader>, Failure> {
    match Reader::open(&database(state_dir)) {
        Ok(reader) => Ok(Some(reader)),
        Err(StoreError::Absent { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The folder of a name.
pub fn folder<'a>(config: &'a Config, name: &str) -> Result<&'a FolderSpec, Failure> {
    config
        .folders
        .iter()
        .find(|folder| folder.name == name)
        .ok_or_else(|| unknown_folder(config, name))
}

/// No such folder, with the name that was probably meant.
pub fn unknown_folder(config: &Config, name: &str) -> Failure {
    let names: Vec<&str> = folder_names(config).collect();
    unknown("folder", &names, name)
}

fn folder_names(config: &Config) -> impl Iterator<Item = &str> {
    config.folders.iter().map(|folder| folder.name.as_str())
}

fn inbox_names(config: &Config) -> impl Iterator<Item = &str> {
    config.inboxes.iter().map(|inbox| inbox.name.as_str())
}

/// The inbox of a name.
pub fn inbox<'a>(config: &'a Config, name: &str) -> Result<&'a InboxSpec, Failure> {
    let names: Vec<&str> = inbox_names(config).collect();
    let found = config.inboxes.iter().find(|inbox| inbox.name == name);
    found.ok_or_else(|| unknown("inbox", &names, name))
}

/// Whether a name is that of a folder or of an inbox.
pub fn check_name(config: &Config, name: &str) -> Result<(), Failure> {
    let names: Vec<&str> = folder_names(config).chain(inbox_names(config)).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let thing = if config.inboxes.is_empty() {
        "folder"
    } else {
        "folder or inbox"
    };
    Err(unknown(thing, &names, name))
}

/// No such thing, with the name that was probably meant.
fn unknown(thing: &str, known: &[&str], name: &str) -> Failure {
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4);
    let hint = match (nearest, known) {
        (Some((_, meant)), _) => format!("; did you mean \"{meant}\"?"),
        (None, []) if thing == "inbox" => "; no [[inbox]] is configured".to_owned(),
        (None, []) => "; no [[folder]] is configured".to_owned(),
        (None, known) => format!("; there are: {}", known.join(", ")),
    };
    let name = crate::model::path::escaped(name.as_bytes());
    Failure::new(
        Exit::NotFound,
        format!("There is no {thing} \"{name}\"{hint}"),
    )
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Configuration, error.to_string())
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let exit = match error {
            LockError::Taken { .. } => Exit::Daemon,
            LockError::Full { .. } => Exit::Temporary,
            LockError::Foreign { .. } | LockError::System { .. } => Exit::Configuration,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NoPermission { path, .. } => {
                let owner = owner_of(path);
                let message = format!("{}; run this as {owner}", in_words(&error));
                return Self::new(Exit::Configuration, message);
            }
            StoreError::Full { .. } | StoreError::Busy { .. } => Exit::Temporary,
            StoreError::Failed { .. } | StoreError::Closed { .. } => Exit::Unexpected,
            _ => Exit::Configuration,
        };
        Self::new(exit, in_words(&error))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::NoSuchFolder(_) => Self::new(Exit::NotFound, error.to_string()),
            error => Self::new(Exit::Unexpected, in_words(&error)),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match error {
            ClientError::NotRunning => Exit::Daemon,
            ClientError::NotPermitted { .. } => Exit::Unexpected,
            ClientError::Silent { .. } => Exit::Temporary,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Config(error) => error.into(),
            DaemonError::Lock(error) => error.into(),
            DaemonError::Store(error) => error.into(),
            DaemonError::Engine(error) => error.into(),
            error => Self::new(Exit::Unexpected, error.to_string()),
        }
    }
}

/// An error with its sources, each once.
pub fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
