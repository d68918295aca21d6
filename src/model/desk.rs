//! What the configuration asks of a contact-centre desk (`ccmessaging`): accounts and inboxes.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;
use super::template::Template;

/// An account of `ccmessaging`: one user towards one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskSpec {
    /// Unique name, among all accounts.
    pub name: String,
    /// Origin of the API, without a `/` at the end.
    pub base_url: String,
    /// Whole address of `tokenByAkSk`.
    pub token_url: String,
    /// App key.
    pub app_key: String,
    /// App secret.
    pub app_secret: Secret,
    /// Configuration ID of the WEB channel.
    pub channel_id: String,
    /// Our own user, `[A-Za-z0-9_-]{1,24}`.
    pub user_id: String,
    /// Our display name.
    pub user_name: String,
    /// Language, in its short form.
    pub locale: String,
    /// How messages name pictures, sounds and videos.
    pub media_content: MediaContent,
}

/// How a message names an uploaded picture, sound or video: pages of the service differ (desk notes 6.2,
/// D4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaContent {
    /// The key alone.
    Plain,
    /// The key, a comma, the type.
    WithExt,
}

/// A folder that received files are put into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxSpec {
    /// Unique name, among folders and inboxes.
    pub name: String,
    /// Absolute path of the directory.
    pub path: PathBuf,
    /// Name of the account.
    pub account: String,
    /// How files are named.
    pub file_name: Template,
    /// The largest file that is taken, in bytes.
    pub max_file: u64,
    /// Whether a `NAME.json` is put beside each file, before it.
    pub sidecar: bool,
    /// A program for each file and its arguments; empty for none.
    pub on_receive: Vec<String>,
}

/// Space that is left to others when a file is fetched, in bytes.
pub const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;
/// How long a program of `on_receive` may run.
pub const ON_RECEIVE_MAX: Duration = Duration::from_mins(1);
