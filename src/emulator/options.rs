//! What an emulator can be told before it starts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::ccmessaging::DeskOptions;
use super::faults::Fault;

/// How an emulator behaves. The default is a healthy cloud on ports the system chooses.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// Where the API listens; port 0 lets the system choose. The object store and the sites take
    /// the ports after it if they are free.
    pub listen: SocketAddr,
    /// The object store listens on a port of its own, so that what it is sent can be told apart.
    pub separate_cos: bool,
    /// The environments that exist, each with an online static website and a cloud storage.
    pub environments: Vec<String>,
    /// Whose tokens are minted, and how long they live.
    pub tokens: TokenOptions,
    /// How long a static website's link is valid (protocol notes 4.4).
    pub link_window: Duration,
    /// How long a cloud storage's link is valid (protocol notes 2.1).
    pub storage_window: Duration,
    /// How a link is written.
    pub link_form: LinkForm,
    /// How `staticfilelist` answers.
    pub list: ListOptions,
    /// Keeps the bytes of objects above 1 MiB in files; without it only their checksums are kept.
    pub keep_large: bool,
    /// Where objects above 1 MiB are kept; a temporary folder, removed at the end, if `None`.
    pub root: Option<PathBuf>,
    /// The largest object in bytes (protocol notes 4.1).
    pub object_bytes_max: u64,
    /// More uploads than this at a time are answered with 503 `SlowDown`.
    pub concurrent_puts_max: Option<usize>,
    /// How the contact-centre desk behaves.
    pub desk: DeskOptions,
    /// Faults in force from the start.
    pub faults: Vec<Fault>,
    /// Told one line per request and per violation.
    pub observer: Option<Observer>,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            separate_cos: true,
            environments: vec!["demo-1a2b3c".to_owned()],
            tokens: TokenOptions::default(),
            link_window: Duration::from_mins(1),
            storage_window: Duration::from_mins(15),
            link_form: LinkForm::default(),
            list: ListOptions::default(),
            keep_large: true,
            root: None,
            object_bytes_max: 5 * 1024 * 1024 * 1024,
            concurrent_puts_max: None,
            desk: DeskOptions::default(),
            faults: Vec::new(),
            observer: None,
        }
    }
}

/// Tokens: lifetimes and what is done about a token of the wrong kind.
#[derive(Debug, Clone)]
pub struct TokenOptions {
    /// Who may ask for tokens.
    pub credentials: Credentials,
    /// How long a token lives.
    pub lifetime: Duration,
    /// How long an old and a new token both work; a stable token is replaced this long before its
    /// end (protocol notes 1.3).
    pub overlap: Duration,
    /// The errcode for an app's token where a platform's is wanted (protocol notes 1.1).
    pub wrong_kind_errcode: i64,
    /// Lets an app's token pass where the real cloud wants a platform's.
    pub accept_app_token: bool,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            lifetime: Duration::from_hours(2),
            overlap: Duration::from_mins(5),
            wrong_kind_errcode: 61_014,
            accept_app_token: false,
        }
    }
}

/// The app and the platform that the emulated cloud knows. Made-up values, no secrets.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The app's id.
    pub appid: String,
    /// The app's secret.
    pub secret: String,
    /// The platform's id.
    pub component_appid: String,
    /// The platform's secret.
    pub component_secret: String,
    /// The platform's ticket, which the real cloud would push.
    pub ticket: String,
    /// The id of an account that the platform acts for.
    pub authorizer_appid: String,
    /// Its refresh token.
    pub refresh_token: String,
    /// What is answered as its refresh token from now on, if that is another one; both work.
    pub next_refresh_token: Option<String>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            appid: "wx00emulated000001".to_owned(),
            secret: "emulated-app-secret".to_owned(),
            component_appid: "wx00emulated000002".to_owned(),
            component_secret: "emulated-platform-secret".to_owned(),
            ticket: "ticket@@@emulated".to_owned(),
            authorizer_appid: "wx00emulated000003".to_owned(),
            refresh_token: "refreshtoken@@@emulated".to_owned(),
            next_refresh_token: None,
        }
    }
}

/// How `staticfilelist` answers (protocol notes 3.3).
#[derive(Debug, Clone)]
pub struct ListOptions {
    /// Entries a page.
    pub page_size: usize,
    /// Whether a page begins with the marker or after it.
    pub marker: Marker,
    /// How `md5` is written.
    pub digest: ListedDigest,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            page_size: 1000,
            marker: Marker::Exclusive,
            digest: ListedDigest::OnePart,
        }
    }
}

/// What a marker means; the documentation says both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// The page begins after it.
    Exclusive,
    /// The page begins with it.
    Inclusive,
}

/// How a listing writes the digest of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedDigest {
    /// 32 hex digits.
    Plain,
    /// The same in double quotes.
    Quoted,
    /// The same with `-1`, as an upload in one part has it; not an MD5 of the object.
    OnePart,
}

/// How a link writes its key and its signature; the documentation shows several ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkForm {
    /// Key and signature percent-encoded.
    #[default]
    Encoded,
    /// The key percent-encoded, the signature bare.
    BareSignature,
    /// The key's non-ASCII letters raw, the signature percent-encoded.
    RawKey,
}

/// Somebody who is told what happens, line by line.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&str) + Send + Sync>);

impl Observer {
    /// Calls `tell` with one line per request and per violation. Lines hold no token and no link.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
