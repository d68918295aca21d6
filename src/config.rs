//! The configuration: found, read, checked as a whole, and resolved to plain values.
//!
//! Every mistake is reported with its place, all in one run. Nothing else of syncd looks at the
//! process environment or reads a secret. Only the command line and the daemon use this module; the
//! engine takes the values.

mod account;
mod address;
mod alerts;
pub mod check;
mod disk;
mod environment;
mod folder;
mod general;
mod http;
mod inbox;
pub mod keys;
mod later;
mod locate;
mod overlap;
mod problem;
mod program;
mod reader;
pub mod sample;
pub mod schema;
mod secret;
pub mod show;
mod unit;
mod value;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::model::alert::AlertSpec;
use crate::model::desk::{DeskSpec, InboxSpec};
use crate::model::folder::{AccountSpec, Concurrency, FolderSpec, TokenSource};
use crate::model::secret::Secret;

pub use address::Listen;
pub use environment::Environment;
pub use http::HttpSpec;
pub use problem::{ConfigError, Place, Problem};

use keys::Kind;
use reader::{Reader, Secrets, Section, Setting};

/// The bits that let group or others write.
const WRITE_BITS: u32 = 0o022;
/// The bits that let group or others do anything.
const OPEN_BITS: u32 = 0o077;

/// A valid configuration, everything resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub source: PathBuf,
    /// Where the state is: absolute.
    pub state_dir: PathBuf,
    /// `$RUNTIME_DIRECTORY` of the service, for the control socket.
    pub runtime_dir: Option<PathBuf>,
    /// `[log]`.
    pub log: LogSpec,
    /// `[network]`.
    pub network: NetworkSpec,
    /// `[http]`, where it is on.
    pub http: Option<HttpSpec>,
    /// `[alerts]`, where it is on; without addresses after [`Config::load_without_secrets`].
    pub alerts: Option<AlertSpec>,
    /// `[limits]`.
    pub limits: LimitsSpec,
    /// The accounts of the WeChat API by name; empty after [`Config::load_without_secrets`].
    pub accounts: Vec<AccountSpec>,
    /// The accounts of contact-centre desks by name; empty after [`Config::load_without_secrets`].
    pub desks: Vec<DeskSpec>,
    /// The folders in the order of the file.
    pub folders: Vec<FolderSpec>,
    /// The inboxes in the order of the file.
    pub inboxes: Vec<InboxSpec>,
    settings: Vec<Setting>,
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSpec {
    /// What is logged.
    pub level: LogLevel,
    /// How.
    pub format: LogFormat,
}

/// The least important thing that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// And warnings.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// And everything.
    Trace,
}

impl LogLevel {
    /// The word of the configuration, which `tracing` understands too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For the journal under systemd, else text.
    Auto,
    /// For people.
    Text,
    /// An object a line.
    Json,
    /// For systemd's journal.
    Journald,
}

/// `[network]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// The proxy's URL, which may hold a password.
    pub proxy: Option<Secret>,
    /// A PEM file with more roots to trust.
    pub ca_file: Option<PathBuf>,
}

/// `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsSpec {
    /// Parallel transfers per account.
    pub concurrency: Concurrency,
    /// Faults of a file until its job is dead.
    pub attempts: u32,
    /// Cap of the bytes of files that are being sent.
    pub memory_bytes: u64,
}

impl Config {
    /// Finds, reads and checks the configuration, secrets included.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(environment: &Environment, flag: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with(environment, flag, Secrets::Fetch)
    }

    /// The same for commands that do not talk to the cloud: secrets, which a shell may not be able
    /// to read, are left alone, and so there are no accounts.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load_without_secrets(
        environment: &Environment,
        flag: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        Self::load_with(environment, flag, Secrets::Leave)
    }

    /// The environment variables that hold secrets: no child process may inherit them.
    pub fn secret_variables(&self) -> impl Iterator<Item = &str> {
        self.settings
            .iter()
            .filter(|setting| setting.kind == Kind::Secret && setting.key == "env")
            .filter_map(|setting| setting.value.as_ref()?.as_str())
    }

    /// Every secret that was read, so that texts can be searched for them.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let accounts = self
            .accounts
            .iter()
            .flat_map(|account| match &account.token {
                TokenSource::App { secret, .. } => vec![secret],
                TokenSource::Value(value) => vec![value],
                TokenSource::Url { headers, .. } => {
                    headers.iter().map(|(_, value)| value).collect()
                }
                TokenSource::Component(platform) => {
                    [Some(&platform.secret), platform.ticket.fixed()]
                        .into_iter()
                        .flatten()
                        .collect()
                }
                TokenSource::Authorizer {
                    platform,
                    refresh_token,
                    ..
                } => [
                    Some(&platform.secret),
                    platform.ticket.fixed(),
                    refresh_token.fixed(),
                ]
                .into_iter()
                .flatten()
                .collect(),
                TokenSource::Command(_) | TokenSource::File(_) | TokenSource::CloudbaseFile(_) => {
                    Vec::new()
                }
            });
        let desks = self.desks.iter().map(|desk| &desk.app_secret);
        let alerts = self
            .alerts
            .iter()
            .flat_map(|alerts| [&alerts.url, &alerts.secret, &alerts.heartbeat_url]);
        accounts
            .chain(desks)
            .chain(&self.network.proxy)
            .chain(alerts.flatten())
    }

    fn load_with(
        environment: &Environment,
        flag: Option<&Path>,
        secrets: Secrets,
    ) -> Result<Self, ConfigError> {
        let path = locate::config_file(environment, flag)?;
        let file = disk::read(&path).map_err(|wrong| {
            let message = format!("the configuration file {wrong}; mend that, or name another");
            ConfigError::whole(Some(&path), message)
        })?;
        let text = String::from_utf8(file.bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
            let line = 1 + before.matches('\n').count();
            let column = 1 + before
                .rsplit('\n')
                .next()
                .unwrap_or_default()
                .chars()
                .count();
            let message = "not UTF-8 from here on; save the file as UTF-8".to_owned();
            let place = Place::File { line, column };
            let problems = vec![Problem { place, message }];
            ConfigError {
                file: Some(path.clone()),
                problems,
            }
        })?;
        let private = file.mode & OPEN_BITS == 0;
        let reader = Reader::new(&path, &text, environment, private, secrets);
        if file.mode & WRITE_BITS != 0 {
            let message = format!(
                "group or others can write to it (mode {:04o}); run `chmod go-w` on it",
                file.mode
            );
            reader.report(&Place::Whole, message);
        }
        resolve(reader)
    }
}

/// What the tables say, where nothing is wrong.
struct Parts {
    state_dir: PathBuf,
    log: LogSpec,
    network: NetworkSpec,
    http: Option<HttpSpec>,
    alerts: Option<AlertSpec>,
    limits: LimitsSpec,
    accounts: Vec<AccountSpec>,
    desks: Vec<DeskSpec>,
    folders: Vec<FolderSpec>,
    inboxes: Vec<InboxSpec>,
}

/// Reads all tables, then checks them against each other.
fn resolve(reader: Reader<'_>) -> Result<Config, ConfigError> {
    let document = reader.parse();
    // After a mistake of syntax, what the parser guessed around it would only cause more messages.
    let parts = document
        .as_ref()
        .and_then(|table| read_parts(&reader, table));
    let settings = reader.settings();
    let source = reader.file.to_owned();
    let runtime_dir = locate::runtime_dir(reader.environment);
    reader.into_result()?;
    let parts = parts.ok_or_else(|| {
        ConfigError::whole(Some(&source), "a value could not be understood".to_owned())
    })?;
    Ok(Config {
        source,
        state_dir: parts.state_dir,
        runtime_dir,
        log: parts.log,
        network: parts.network,
        http: parts.http,
        alerts: parts.alerts,
        limits: parts.limits,
        accounts: parts.accounts,
        desks: parts.desks,
        folders: parts.folders,
        inboxes: parts.inboxes,
        settings,
    })
}

fn read_parts<'d>(reader: &Reader<'d>, document: &'d DeTable<'d>) -> Option<Parts> {
    let place = Place::File { line: 1, column: 1 };
    let top = Section::new(reader, Kind::Top, String::new(), Some(document), place);
    reader.check_variables();
    let state_dir = general::state_dir(&top);
    let log = general::log(&top);
    let http = http::read(&top);
    let alerts = alerts::read(&top);
    let network = general::network(&top);
    let limits = general::limits(&top);
    let concurrency = limits.map_or(Concurrency::Auto, |limits| limits.concurrency);
    let accounts = account::read_all(&top, concurrency);
    let folders = folder::read_all(&top, &accounts);
    let inboxes = inbox::read_all(&top, &accounts);
    overlap::check_names(reader, &folders, &inboxes);
    overlap::check_remote_trees(reader, &folders, &accounts);
    overlap::check_local_trees(reader, &folders, &inboxes, state_dir.as_ref());
    later::refuse(reader);
    let (accounts, desks) = account::specs(accounts);
    Some(Parts {
        state_dir: state_dir?.value,
        log: log?,
        network,
        http,
        alerts,
        limits: limits?,
        accounts,
        desks,
        folders: folders
            .into_iter()
            .filter_map(|folder| folder.spec)
            .collect(),
        inboxes: inboxes.into_iter().filter_map(|inbox| inbox.spec).collect(),
    })
}
