//! Every key of the configuration, once: where it stands, what it is when left out, what it means.
//!
//! The parser takes its defaults from here and refuses what is not here; the tables of
//! docs/configuration.md are made from here.

mod accounts;
mod alerts;
mod folders;
mod general;

/// A table of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Outside of any table.
    Top,
    /// `[log]`.
    Log,
    /// `[http]`.
    Http,
    /// `[alerts]`.
    Alerts,
    /// `[network]`.
    Network,
    /// `[limits]`.
    Limits,
    /// `[accounts.NAME]` with `provider = "wechat"`.
    Wechat,
    /// `[accounts.NAME]` with `provider = "ccmessaging"`.
    Ccmessaging,
    /// `token` of an account.
    Token,
    /// `token.app`.
    App,
    /// `token.component`, also inside of `token.authorizer`.
    Component,
    /// `token.authorizer`.
    Authorizer,
    /// `cos` of an account.
    Cos,
    /// `ticket_receiver` of an account.
    TicketReceiver,
    /// `[[folder]]`.
    Folder,
    /// `[[folder.header]]`.
    Header,
    /// `[[inbox]]`.
    Inbox,
    /// A secret that is kept elsewhere.
    Secret,
}

impl Kind {
    /// All tables, in the order of the manual.
    pub const ALL: [Self; 18] = [
        Self::Top,
        Self::Log,
        Self::Http,
        Self::Alerts,
        Self::Network,
        Self::Limits,
        Self::Wechat,
        Self::Token,
        Self::App,
        Self::Component,
        Self::Authorizer,
        Self::Cos,
        Self::TicketReceiver,
        Self::Ccmessaging,
        Self::Folder,
        Self::Header,
        Self::Inbox,
        Self::Secret,
    ];

    /// How messages and the manual call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Top => "the top of the file",
            Self::Log => "[log]",
            Self::Http => "[http]",
            Self::Alerts => "[alerts]",
            Self::Network => "[network]",
            Self::Limits => "[limits]",
            Self::Wechat => "[accounts.NAME] with provider = \"wechat\"",
            Self::Ccmessaging => "[accounts.NAME] with provider = \"ccmessaging\"",
            Self::Token => "token",
            Self::App => "token.app",
            Self::Component => "token.component",
            Self::Authorizer => "token.authorizer",
            Self::Cos => "cos",
            Self::TicketReceiver => "ticket_receiver",
            Self::Folder => "[[folder]]",
            Self::Header => "[[folder.header]]",
            Self::Inbox => "[[inbox]]",
            Self::Secret => "a secret",
        }
    }

    /// Whether `SYNCD_<SECTION>__<KEY>` sets its keys, and the section's word in that name.
    pub fn variable_prefix(self) -> Option<&'static str> {
        match self {
            Self::Top => Some("SYNCD_"),
            Self::Log => Some("SYNCD_LOG__"),
            Self::Http => Some("SYNCD_HTTP__"),
            Self::Network => Some("SYNCD_NETWORK__"),
            Self::Limits => Some("SYNCD_LIMITS__"),
            _ => None,
        }
    }
}

/// What holds when a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It must not be left out.
    Required,
    /// This value, as it would be written.
    Value(&'static str),
    /// Nothing; the words say what that means.
    Unset(&'static str),
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The table it stands in.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// What holds when it is left out.
    pub absent: Absent,
    /// What it means, for the manual.
    pub meaning: &'static str,
}

impl Key {
    /// The environment variable that sets it, if one does.
    pub fn variable(&self) -> Option<String> {
        let prefix = self.kind.variable_prefix()?;
        (self.kind != Kind::Top || self.name == "state_dir")
            .then(|| format!("{prefix}{}", self.name.to_uppercase()))
    }

    /// Whether a plain string here is a secret.
    pub fn is_secret(&self) -> bool {
        matches!(
            (self.kind, self.name),
            (Kind::Token, "value" | "header")
                | (Kind::App, "secret")
                | (Kind::Component, "secret" | "ticket")
                | (Kind::Authorizer, "refresh_token")
                | (Kind::Cos, "secret_id" | "secret_key")
                | (Kind::TicketReceiver, "token" | "aes_key")
                | (Kind::Ccmessaging, "app_secret")
                | (Kind::Alerts, "url" | "secret" | "heartbeat_url")
        )
    }
}

/// All keys, table by table.
pub fn all() -> impl Iterator<Item = &'static Key> {
    [general::KEYS, accounts::KEYS, folders::KEYS, alerts::KEYS]
        .into_iter()
        .flatten()
}

/// The key of that name in a table.
pub fn find(kind: Kind, name: &str) -> Option<&'static Key> {
    all().find(|key| key.kind == kind && key.name == name)
}

/// The names of all keys of a table.
pub fn names(kind: Kind) -> Vec<&'static str> {
    all()
        .filter(|key| key.kind == kind)
        .map(|key| key.name)
        .collect()
}

/// A row of the tables of keys.
const fn key(kind: Kind, name: &'static str, absent: Absent, meaning: &'static str) -> Key {
    Key {
        kind,
        name,
        absent,
        meaning,
    }
}
