//! What the emulated desk can be told before it starts.
//!
//! The defaults follow the newest documentation. Where pages contradict each other or say nothing
//! (protocol notes 10), there is a choice here, so that a client can be tried with each.

use std::time::Duration;

/// How the desk behaves.
#[derive(Debug, Clone, Default)]
pub struct DeskOptions {
    /// Who may ask for tokens, and which channel there is.
    pub credentials: DeskCredentials,
    /// How tokens live and end.
    pub tokens: DeskTokenOptions,
    /// How a conversation starts, waits and ends.
    pub session: DeskSessionOptions,
    /// How messages are handed out.
    pub poll: DeskPollOptions,
    /// What is taken and given of files.
    pub files: DeskFileOptions,
    /// Whether a message with a `messageId` that came before is taken only once.
    pub drop_repeats: bool,
    /// How the history is answered.
    pub history: DeskHistoryOptions,
    /// How answers are written.
    pub dialect: DeskDialect,
}

/// The account that the emulated desk knows. Made-up values, no secrets.
#[derive(Debug, Clone)]
pub struct DeskCredentials {
    /// The app key.
    pub app_key: String,
    /// The app secret.
    pub app_secret: String,
    /// The only channel, by its Configuration ID.
    pub channel_id: String,
    /// The user that is printed for a configuration, and meant where a control call names none.
    pub user_id: String,
}

impl Default for DeskCredentials {
    fn default() -> Self {
        Self {
            app_key: "ak-emulated-0001".to_owned(),
            app_secret: "emulated-desk-secret".to_owned(),
            channel_id: "202500000000000001".to_owned(),
            user_id: "syncd-node-01".to_owned(),
        }
    }
}

/// Both kinds of token (protocol notes 1 and 2.4).
#[derive(Debug, Clone)]
pub struct DeskTokenOptions {
    /// The longest life of an access token; `X-Token-Expire` may ask for a shorter one.
    pub access_lifetime_max: Duration,
    /// The HTTP status for an access token that is unknown or expired: 403 or 401.
    pub expired_access_status: u16,
    /// The life of a client token.
    pub client_lifetime: Duration,
    /// During a session, each so-manieth call is answered with a new client token.
    pub rotate_every: Option<u64>,
    /// How long a client token goes on working once a newer one was handed out.
    pub rotation_grace: Duration,
    /// What an expired client token is answered with.
    pub expired_client: ExpiredClient,
    /// Whether `applyToken` leaves the user's session alone.
    pub apply_keeps_session: bool,
}

impl Default for DeskTokenOptions {
    fn default() -> Self {
        Self {
            access_lifetime_max: Duration::from_hours(1),
            expired_access_status: 403,
            client_lifetime: Duration::from_hours(1),
            rotate_every: None,
            rotation_grace: Duration::ZERO,
            expired_client: ExpiredClient::Status,
            apply_keeps_session: true,
        }
    }
}

/// How an expired client token is refused (protocol notes 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiredClient {
    /// HTTP 401.
    Status,
    /// A code in the body: 3 from `queryQueueInfo`, 160028 elsewhere.
    Code,
}

/// Sessions (protocol notes 6.4 and 8).
#[derive(Debug, Clone)]
pub struct DeskSessionOptions {
    /// A session ends when it was not kept alive for so long.
    pub timeout: Duration,
    /// What keeps it alive; the pages contradict each other.
    pub kept_alive_by: KeepAlive,
    /// Whether the asynchronous switch is on: a time-out then leaves the client able to send
    /// (protocol notes 3.7).
    pub asynchronous: bool,
    /// Who takes a call.
    pub reception: Reception,
    /// How long a call waits for an agent.
    pub queue: Queueing,
    /// Whether files can only be uploaded during a session (protocol notes 5).
    pub upload_needs_session: bool,
}

impl Default for DeskSessionOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(5),
            kept_alive_by: KeepAlive::Poll,
            asynchronous: false,
            reception: Reception::Agent,
            queue: Queueing::None,
            upload_needs_session: true,
        }
    }
}

/// What keeps a session alive (protocol notes 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// Calling `poll`.
    Poll,
    /// Calling `send`.
    Send,
}

/// Who takes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// An agent.
    Agent,
    /// A robot, which `TRANS2AGENT` leaves for an agent.
    RobotFirst,
    /// A robot, and nobody else.
    RobotOnly,
}

/// How long a call waits for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queueing {
    /// Not at all.
    None,
    /// Until this many polls have come.
    Polls(u32),
    /// For this long.
    For(Duration),
}

/// How messages are handed out (protocol notes 3.3 and 3.6).
#[derive(Debug, Clone)]
pub struct DeskPollOptions {
    /// How long a poll is held when there is nothing.
    pub hold: Duration,
    /// The most messages in one answer.
    pub batch_max: usize,
    /// How often a message is handed out.
    pub delivery: Delivery,
}

impl Default for DeskPollOptions {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(5),
            batch_max: 100,
            delivery: Delivery::Once,
        }
    }
}

/// How often a message is handed out; no page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Once: what was in an answer that got lost is lost for good.
    Once,
    /// Again, if a fault cut or dropped the answer. An answer shorter than the cut arrives twice.
    AgainIfLost,
    /// Each message twice.
    Twice,
}

/// Files (protocol notes 4 and 5).
#[derive(Debug, Clone)]
pub struct DeskFileOptions {
    /// The types there are.
    pub types: FileTypes,
    /// How messages and downloads name a file.
    pub ids: FileIds,
    /// How `send` names a file.
    pub media_content: MediaContent,
    /// The largest file in bytes that can be downloaded.
    pub download_bytes_max: u64,
    /// The largest file in bytes that can be uploaded.
    pub upload_bytes_max: u64,
    /// The same for `mp4`.
    pub video_bytes_max: u64,
}

impl Default for DeskFileOptions {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            types: FileTypes::New,
            ids: FileIds::TwoForms,
            media_content: MediaContent::Plain,
            download_bytes_max: 2 * MIB,
            upload_bytes_max: 2 * MIB,
            video_bytes_max: 4 * MIB,
        }
    }
}

/// Which `fileType`s exist (protocol notes 5.1; doubt D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileTypes {
    /// `bmp` and `jpeg`.
    New,
    /// `bpm`, and no `jpeg`.
    Old,
}

/// How a file is named (protocol notes 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileIds {
    /// Messages have a `contentType`; a library file is asked for with `multiMedia`.
    TwoForms,
    /// As old versions: no `contentType`, and `multiMedia` means nothing.
    OneForm,
}

/// The `content` of a picture, a sound or a film in `send` (doubt D4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaContent {
    /// The object key; four parts for `FILE`.
    Plain,
    /// The object key, a comma and the type, for `FILE` too.
    WithType,
}

/// How the history is answered; its elements are not documented (protocol notes 7).
#[derive(Debug, Clone, Copy)]
pub struct DeskHistoryOptions {
    /// Begins with the newest message.
    pub newest_first: bool,
    /// Gives the customer's `messageId` back.
    pub has_message_ids: bool,
}

impl Default for DeskHistoryOptions {
    fn default() -> Self {
        Self {
            newest_first: false,
            has_message_ids: true,
        }
    }
}

/// How answers are written (doubts D6 to D9).
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct DeskDialect {
    /// Writes scalars in the other type: codes and seconds as numbers, `timestamp` and
    /// `isOfflineStatus` as strings.
    pub swapped_scalars: bool,
    /// What is done with fields that have no value.
    pub nulls: Nulls,
    /// The upload's code is in `resultCode` instead of `returnCode`.
    pub upload_result_code: bool,
    /// A download that worked has no code, as in old samples.
    pub omit_download_code: bool,
    /// `applyToken` has no code when it worked.
    pub omit_apply_code: bool,
    /// The client token comes with literal quotes around it.
    pub quoted_token: bool,
    /// How a downloaded file is written.
    pub base64: Base64Form,
    /// A download also has a `fileUrl`, which a client had better leave alone.
    pub file_url: bool,
}

impl Default for DeskDialect {
    fn default() -> Self {
        Self {
            swapped_scalars: false,
            nulls: Nulls::AsSampled,
            upload_result_code: false,
            omit_download_code: false,
            omit_apply_code: false,
            quoted_token: false,
            base64: Base64Form::Padded,
            file_url: true,
        }
    }
}

/// What is done with fields that have no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// `null` in messages, left out of answers.
    AsSampled,
    /// `null` everywhere, an empty list of messages too.
    Everywhere,
    /// Left out everywhere, an empty list of messages too.
    Nowhere,
}

/// How a downloaded file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base64Form {
    /// Padded, in one line.
    Padded,
    /// Padded, with a line break after each 76 letters.
    Lines,
    /// Without padding.
    Unpadded,
}
