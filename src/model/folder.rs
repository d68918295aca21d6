//! What the configuration asks for, resolved: folders and accounts as the engine takes them.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::{Rotating, Secret};

/// The way a folder's files reach the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowKind {
    /// A link, then PUT.
    StaticWebsite,
    /// A link, then a form POST.
    CloudStorage,
    /// An outbox: upload, then a message.
    Ccmessaging,
}

impl FlowKind {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StaticWebsite => "static-website",
            Self::CloudStorage => "cloud-storage",
            Self::Ccmessaging => "ccmessaging",
        }
    }
}

/// How changes of a folder are noticed between full scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchMode {
    /// Native events where they work, else polling.
    Auto,
    /// Native events only.
    Native,
    /// Looking again every few seconds.
    Poll,
    /// Not at all: start, `rescan`, USR1 and `once`.
    Off,
}

/// A gitignore pattern and where it was written, for `syncd why`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The pattern's text.
    pub text: String,
    /// `FILE:LINE`.
    pub origin: String,
}

/// One `[[folder.header]]` rule; the first that matches a file is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    /// A gitignore pattern.
    pub pattern: Pattern,
    /// Lower-case names and their values.
    pub set: Vec<(String, String)>,
}

/// A watched folder and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSpec {
    /// Unique name.
    pub name: String,
    /// Absolute path of the root.
    pub path: PathBuf,
    /// Protocol.
    pub flow: FlowKind,
    /// Name of the account.
    pub account: String,
    /// Environment id of the WeChat flows; empty for others.
    pub env: String,
    /// Put in front of every key, as written.
    pub prefix: String,
    /// Patterns on top of the built-in list and `.syncdignore`.
    pub exclude: Vec<Pattern>,
    /// Published after all other pages.
    pub last: Vec<Pattern>,
    /// Stored headers.
    pub headers: Vec<HeaderRule>,
    /// Quiet time before a change is taken.
    pub settle: Duration,
    /// The longest a change waits for quiet.
    pub settle_max: Duration,
    /// Noticing changes.
    pub watch: WatchMode,
    /// Time between full scans, before jitter.
    pub rescan: Duration,
    /// The largest file that an outbox sends, in bytes, where it is not the desk's own bound.
    pub max_file: Option<u64>,
}

/// How many transfers of an account run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Concurrency {
    /// Found by measuring.
    Auto,
    /// Fixed.
    Fixed(usize),
}

/// A third-party platform, which makes its own token and those of the accounts it acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// App id.
    pub appid: String,
    /// App secret.
    pub secret: Secret,
    /// The newest verify ticket, which WeChat pushes to the platform every ten minutes.
    pub ticket: Rotating,
}

/// Where an account's API token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// `stable_token` or `token` with appid and secret.
    App {
        /// App id.
        appid: String,
        /// App secret.
        secret: Secret,
        /// `GET /cgi-bin/token` instead of `stable_token`.
        classic: bool,
    },
    /// The token of a third-party platform itself.
    Component(Platform),
    /// The token of an account that a platform acts for.
    Authorizer {
        /// The platform.
        platform: Platform,
        /// The account's app id.
        appid: String,
        /// Its refresh token; the cloud may answer a newer one.
        refresh_token: Rotating,
    },
    /// A program that prints the token.
    Command(Vec<String>),
    /// A GET that answers the token.
    Url {
        /// Address.
        url: String,
        /// Extra request headers.
        headers: Vec<(String, Secret)>,
    },
    /// A file that holds the token, read again when it changes.
    File(PathBuf),
    /// The file of a mounted `cloudbase_access_token`, sent under that query name.
    CloudbaseFile(PathBuf),
    /// A fixed token.
    Value(Secret),
}

/// An account of the WeChat API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSpec {
    /// Unique name.
    pub name: String,
    /// Origin of the API, without a `/` at the end.
    pub base_url: String,
    /// Where signed links may point: exact names, or `*.` and a suffix.
    pub upload_hosts: Vec<String>,
    /// Token.
    pub token: TokenSource,
    /// Cap of our own on API calls; 0 is none.
    pub requests_per_second: u32,
    /// Parallel transfers.
    pub concurrency: Concurrency,
}
