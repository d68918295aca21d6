//! `[[inbox]]`: checked in full, though this version does not receive files yet.

use std::path::PathBuf;

use bytesize::ByteSize;

use super::account::{Account, Provider};
use super::folder;
use super::keys::Kind;
use super::problem::shown;
use super::reader::Section;
use super::unit;
use super::value::{self, Placed, Value, Wrong};

/// An inbox as it was written.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pub(super) name: Option<Placed<String>>,
    pub(super) path: Option<Placed<PathBuf>>,
}

/// All inboxes.
pub(super) fn read_all(top: &Section<'_, '_>, accounts: &[Account]) -> Vec<Inbox> {
    let mut used: Vec<String> = Vec::new();
    let sections = top.children("inbox", Kind::Inbox);
    let each = sections.iter().map(|section| {
        let account = folder::account(section, accounts, Some(Provider::Ccmessaging));
        if let Some(account) = account {
            if used.contains(&account) {
                let message = format!(
                    "account {} has an inbox already, and one process may poll it; use another",
                    shown(&account)
                );
                section.report("account", message);
            }
            used.push(account);
        }
        section.read("file_name", file_name);
        section.read("max_file", |value| unit::size(value, ByteSize::b(1)));
        section.read("sidecar", value::truth);
        section.list("on_receive", unit::argument);
        Inbox {
            name: folder::name(section),
            path: section.read("path", unit::absolute_path),
        }
    });
    each.collect()
}

fn file_name(value: &Value<'_>) -> Result<String, Wrong> {
    let text = unit::line(value)?;
    let has_bad_part = text
        .split('/')
        .any(|part| matches!(part, "" | "." | "..") || part.starts_with(".syncd"));
    if has_bad_part {
        return Err(
            "must be a path below the inbox without empty, `.` or `..` parts; mend it".to_owned(),
        );
    }
    Ok(text)
}
