//! `[[inbox]]`: where received files go.

use std::path::PathBuf;

use bytesize::ByteSize;

use super::account::{Account, Provider};
use super::folder;
use super::keys::Kind;
use super::problem::{shown, suggestion};
use super::program;
use super::reader::Section;
use super::unit;
use super::value::{self, Placed, Value, Wrong};
use crate::model::desk::InboxSpec;
use crate::model::path::escaped;
use crate::model::template::{FIELDS, Template, TemplateError};

/// An inbox as it was written.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pub(super) name: Option<Placed<String>>,
    pub(super) path: Option<Placed<PathBuf>>,
    /// What the engine takes; `None` where something is wrong.
    pub(super) spec: Option<InboxSpec>,
}

/// All inboxes.
pub(super) fn read_all(top: &Section<'_, '_>, accounts: &[Account]) -> Vec<Inbox> {
    let mut used: Vec<String> = Vec::new();
    let sections = top.children("inbox", Kind::Inbox);
    let each = sections
        .iter()
        .map(|section| read(section, accounts, &mut used));
    each.collect()
}

fn read(section: &Section<'_, '_>, accounts: &[Account], used: &mut Vec<String>) -> Inbox {
    let name = folder::name(section);
    let path = section.read("path", unit::absolute_path);
    let account = folder::account(section, accounts, Some(Provider::Ccmessaging));
    if let Some(account) = &account {
        if used.contains(account) {
            let message = format!(
                "account {} has an inbox already, and one process may poll it; use another",
                shown(account)
            );
            section.report("account", message);
        }
        used.push(account.clone());
    }
    let file_name = section.read("file_name", file_name);
    let max_file = section.read("max_file", |value| unit::size(value, ByteSize::b(1)));
    let sidecar = section.read("sidecar", value::truth);
    let on_receive = on_receive(section);
    let spec = (|| {
        Some(InboxSpec {
            name: name.clone()?.value,
            path: path.clone()?.value,
            account: account?,
            file_name: file_name?.value,
            max_file: max_file?.value,
            sidecar: sidecar?.value,
            on_receive: on_receive?,
        })
    })();
    Inbox { name, path, spec }
}

fn on_receive(section: &Section<'_, '_>) -> Option<Vec<String>> {
    if section.has("on_receive") {
        program::read(section, "on_receive")
    } else {
        Some(Vec::new())
    }
}

fn file_name(value: &Value<'_>) -> Result<Template, Wrong> {
    let text = unit::line(value)?;
    match Template::parse(&text) {
        Ok(template) => Ok(template),
        Err(TemplateError::UnknownField(name)) => {
            let known = FIELDS.map(|(name, _)| name);
            let error = TemplateError::UnknownField(escaped(name.as_bytes()));
            Err(format!("{error}{}", suggestion(&name, &known)))
        }
        Err(error) => Err(format!("{error}; mend it")),
    }
}
