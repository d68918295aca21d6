//! `[accounts.NAME]`: who syncd is towards a cloud.

mod desk;
mod token;

pub(super) use token::is_header_name;

use toml::de::{DeTable, DeValue};

use super::address;
use super::keys::Kind;
use super::problem::shown;
use super::reader::Section;
use super::secret;
use super::unit;
use super::value::Placed;
use crate::model::desk::DeskSpec;
use crate::model::folder::{AccountSpec, Concurrency};

/// The cloud that an account belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Wechat,
    Ccmessaging,
}

impl Provider {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Ccmessaging => "ccmessaging",
        }
    }
}

/// An account as it was written. It is known by name even where something in it is wrong.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    /// `None` where the provider itself is wrong.
    pub(super) provider: Option<Provider>,
    pub(super) base_url: Option<String>,
    /// What the engine takes; `None` where something is wrong, or secrets were left alone.
    pub(super) spec: Option<Spec>,
}

/// An account as the engine takes it.
#[derive(Debug, Clone)]
pub(super) enum Spec {
    Wechat(AccountSpec),
    Desk(DeskSpec),
}

/// All accounts.
pub(super) fn read_all(top: &Section<'_, '_>, concurrency: Concurrency) -> Vec<Account> {
    top.named_children("accounts", kind_of)
        .into_iter()
        .map(|(name, section)| read(&name, &section, concurrency))
        .collect()
}

/// The accounts as the engine takes them, by their cloud.
pub(super) fn specs(accounts: Vec<Account>) -> (Vec<AccountSpec>, Vec<DeskSpec>) {
    let (mut wechat, mut desks) = (Vec::new(), Vec::new());
    for account in accounts {
        match account.spec {
            Some(Spec::Wechat(spec)) => wechat.push(spec),
            Some(Spec::Desk(spec)) => desks.push(spec),
            None => {}
        }
    }
    (wechat, desks)
}

/// The keys of the account that this probably is.
fn kind_of(table: &DeTable<'_>) -> Kind {
    let is_desk =
        |node: &DeValue<'_>| matches!(node, DeValue::String(word) if word == "ccmessaging");
    match table.get("provider") {
        Some(node) if is_desk(node.get_ref()) => Kind::Ccmessaging,
        _ => Kind::Wechat,
    }
}

fn read(name: &Placed<&str>, section: &Section<'_, '_>, concurrency: Concurrency) -> Account {
    const NAME_CHARACTERS: &str = "A-Z a-z 0-9 . _ -";
    if !unit::is_identifier(name.value, 64, NAME_CHARACTERS) {
        let message = format!(
            "an account's name must be 1 to 64 of {NAME_CHARACTERS}, not {}",
            shown(name.value)
        );
        section.reader.report(&name.place, message);
    }
    let provider = section.read("provider", |value| {
        value.word(&[
            (Provider::Wechat.as_str(), Provider::Wechat),
            (Provider::Ccmessaging.as_str(), Provider::Ccmessaging),
        ])
    });
    let provider = provider.map(|provider| provider.value);
    let base_url = section
        .read("base_url", address::base_url)
        .map(|url| url.value);
    let spec = match provider {
        Some(Provider::Ccmessaging) => {
            desk::read(name.value, section, base_url.clone()).map(Spec::Desk)
        }
        _ => wechat(name.value, section, base_url.clone(), concurrency).map(Spec::Wechat),
    };
    Account {
        name: name.value.to_owned(),
        provider,
        base_url,
        spec,
    }
}

fn wechat(
    name: &str,
    section: &Section<'_, '_>,
    base_url: Option<String>,
    concurrency: Concurrency,
) -> Option<AccountSpec> {
    let hosts = section.list("upload_hosts", address::host_pattern);
    if hosts.as_ref().is_some_and(Vec::is_empty) {
        section.report(
            "upload_hosts",
            "`upload_hosts` is empty, so nothing could be sent; list a host",
        );
    }
    let rate = section.read("requests_per_second", |value| value.integer(0..=10_000));
    let token = token::read(section);
    check_unused(section);
    Some(AccountSpec {
        name: name.to_owned(),
        base_url: base_url?,
        upload_hosts: hosts?.into_iter().map(|host| host.value).collect(),
        token: token?,
        requests_per_second: u32::try_from(rate?.value).ok()?,
        concurrency,
    })
}

/// Tables that are checked, though this version has no use for them.
fn check_unused(section: &Section<'_, '_>) {
    if let Some(cos) = section.child("cos", Kind::Cos) {
        secret::check_form(&cos, "secret_id");
        secret::check_form(&cos, "secret_key");
    }
    if let Some(receiver) = section.child("ticket_receiver", Kind::TicketReceiver) {
        receiver.read("listen", address::listen);
        secret::check_form(&receiver, "token");
        secret::check_form(&receiver, "aes_key");
    }
}
