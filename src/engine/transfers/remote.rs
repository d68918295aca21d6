//! Where an account's files go, as its transfers see it.

use std::sync::Arc;

use super::platforms::Platforms;
use super::tokens::{self, Tokens};
use crate::engine::Ports;
use crate::engine::desk::Desk;
use crate::model::folder::{AccountSpec, Concurrency};
use crate::model::time::Timestamp;

/// The other side of an account.
pub(in crate::engine) enum Remote {
    /// The WeChat API and its object stores.
    Wechat(Box<Wechat>),
    /// A contact centre.
    Desk(Arc<Desk>),
}

/// An account of the WeChat API with its token.
pub(in crate::engine) struct Wechat {
    pub(super) account: AccountSpec,
    pub(super) tokens: Tokens,
}

impl Wechat {
    /// An account whose token has not been asked for.
    pub(in crate::engine) fn new(account: AccountSpec, platforms: &Platforms) -> Self {
        Self {
            tokens: Tokens::new(&account, platforms),
            account,
        }
    }
}

impl Remote {
    /// The account's name.
    pub(in crate::engine) fn name(&self) -> &str {
        match self {
            Self::Wechat(wechat) => &wechat.account.name,
            Self::Desk(desk) => &desk.spec.name,
        }
    }

    /// How many transfers run at once. A desk shows files in the order they are sent in.
    pub(super) fn concurrency(&self) -> Concurrency {
        match self {
            Self::Wechat(wechat) => wechat.account.concurrency,
            Self::Desk(_) => Concurrency::Fixed(1),
        }
    }

    /// A person, or a probe, tries afresh.
    pub(super) fn resumed(&self) {
        match self {
            Self::Wechat(wechat) => wechat.tokens.resumed(),
            Self::Desk(desk) => desk.resumed(),
        }
    }

    /// When the token in use runs out, on the wall clock.
    pub(super) fn expires_at(&self, ports: &Ports) -> Option<Timestamp> {
        match self {
            Self::Wechat(wechat) => wechat.tokens.expires_at(ports),
            Self::Desk(desk) => desk.expires_at(),
        }
    }

    /// Whether the token is read from a file, which somebody may replace.
    pub(super) fn has_token_file(&self) -> bool {
        match self {
            Self::Wechat(wechat) => tokens::token_file(&wechat.account).is_some(),
            Self::Desk(_) => false,
        }
    }

    /// Whether that file holds another token than the last one that was read.
    pub(super) async fn has_new_token_file(&self, ports: &Ports) -> bool {
        match self {
            Self::Wechat(wechat) => wechat.tokens.has_new_file(&wechat.account, ports).await,
            Self::Desk(_) => false,
        }
    }
}
