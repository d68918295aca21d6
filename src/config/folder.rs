//! `[[folder]]`: what is watched, and where it goes.

mod header;
mod outbox;

use std::path::PathBuf;
use std::time::Duration;

use super::account::{Account, Provider};
use super::keys::Kind;
use super::problem::{Place, shown, suggestion};
use super::reader::Section;
use super::unit::{self, DAY, HOUR};
use super::value::{Placed, Value, Wrong};
use crate::model::folder::{FlowKind, FolderSpec, HeaderRule, Pattern, WatchMode};
use crate::model::key::KEY_BYTES_MAX;

/// The characters of a folder's or inbox's name.
const NAME_CHARACTERS: &str = "a-z 0-9 -";

/// A folder as it was written: what the checks between folders need, wrong or not.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) name: Option<Placed<String>>,
    pub(super) path: Option<Placed<PathBuf>>,
    pub(super) prefix_place: Place,
    pub(super) spec: Option<FolderSpec>,
}

/// All folders.
pub(super) fn read_all(top: &Section<'_, '_>, accounts: &[Account]) -> Vec<Folder> {
    top.children("folder", Kind::Folder)
        .iter()
        .map(|section| read(section, accounts))
        .collect()
}

/// The name of a folder or inbox.
pub(super) fn name(section: &Section<'_, '_>) -> Option<Placed<String>> {
    section.read("name", |value| unit::identifier(value, 32, NAME_CHARACTERS))
}

fn read(section: &Section<'_, '_>, accounts: &[Account]) -> Folder {
    let name = name(section);
    let path = section.read("path", unit::absolute_path);
    let flow = section.read("flow", |value| {
        value.word(
            &[
                FlowKind::StaticWebsite,
                FlowKind::CloudStorage,
                FlowKind::Ccmessaging,
            ]
            .map(|flow| (flow.as_str(), flow)),
        )
    });
    let flow = flow.map(|flow| flow.value);
    let provider = flow.map(|flow| match flow {
        FlowKind::StaticWebsite | FlowKind::CloudStorage => Provider::Wechat,
        FlowKind::Ccmessaging => Provider::Ccmessaging,
    });
    let account = account(section, accounts, provider);
    let prefix_place = section.place_of("prefix");
    let (settle, settle_max) = settle(section);
    let rest = (
        patterns(section, "exclude"),
        section.read("watch", watch),
        section.read("rescan", |value| {
            unit::duration(value, &(Duration::from_secs(1)..=DAY * 30))
        }),
    );
    let target = if flow == Some(FlowKind::Ccmessaging) {
        outbox::read(section)
    } else {
        target(section, flow)
    };
    let spec = (|| {
        let target = target?;
        Some(FolderSpec {
            name: name.clone()?.value,
            path: path.clone()?.value,
            flow: flow?,
            account: account?,
            env: target.env,
            prefix: target.prefix,
            exclude: rest.0?,
            last: target.last,
            headers: target.headers,
            settle: settle?,
            settle_max: settle_max?,
            watch: rest.1?.value,
            rescan: rest.2?.value,
            max_file: target.max_file,
        })
    })();
    Folder {
        name,
        path,
        prefix_place,
        spec,
    }
}

/// Where a folder's files go, and how they are kept there. An outbox has only the bound.
#[derive(Default)]
struct Target {
    env: String,
    prefix: String,
    last: Vec<Pattern>,
    headers: Vec<HeaderRule>,
    max_file: Option<u64>,
}

fn target(section: &Section<'_, '_>, flow: Option<FlowKind>) -> Option<Target> {
    let env = env(section, flow);
    let prefix = section.read("prefix", prefix);
    let last = patterns(section, "last");
    check_unused(section);
    let headers = header::read_all(section, flow);
    outbox::refuse_max_file(section);
    Some(Target {
        env: env?,
        prefix: prefix?.value,
        last: last?,
        headers: headers?,
        max_file: None,
    })
}

/// The account's name, which must be known and of the right cloud.
pub(super) fn account(
    section: &Section<'_, '_>,
    accounts: &[Account],
    provider: Option<Provider>,
) -> Option<String> {
    let name = section.read("account", unit::line)?;
    let Some(account) = accounts.iter().find(|account| account.name == name.value) else {
        let known: Vec<&str> = accounts.iter().map(|known| known.name.as_str()).collect();
        let hint = match known.as_slice() {
            [] => "; add a table [accounts.NAME]".to_owned(),
            known => suggestion(&name.value, known),
        };
        let message = format!("there is no account {}{hint}", shown(&name.value));
        section.reader.report(&name.place, message);
        return None;
    };
    if let (Some(needed), Some(has)) = (provider, account.provider)
        && needed != has
    {
        let message = format!(
            "account {} has provider \"{}\", but a \"{}\" account is needed here; name another",
            shown(&name.value),
            has.as_str(),
            needed.as_str()
        );
        section.reader.report(&name.place, message);
        return None;
    }
    Some(name.value)
}

fn env(section: &Section<'_, '_>, flow: Option<FlowKind>) -> Option<String> {
    let env = section.read("env", |value| {
        unit::identifier(value, 64, "A-Z a-z 0-9 _ -")
    });
    match (flow?, env) {
        (_, Some(env)) => Some(env.value),
        (flow, None) => {
            if !section.has("env") {
                let message = format!(
                    "`env` is missing in [[folder]]; flow \"{}\" needs the environment's id",
                    flow.as_str()
                );
                section.reader.report(&section.place, message);
            }
            None
        }
    }
}

fn prefix(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    let has_bad_part = text
        .strip_suffix('/')
        .unwrap_or(text)
        .split('/')
        .any(|part| matches!(part, "" | "." | ".."));
    let wrong = match text {
        "" => return Ok(String::new()),
        _ if text.starts_with('/') => "must not begin with `/`; take it away",
        _ if text.starts_with('\\') => "must not begin with `\\`, which the cloud refuses",
        _ if has_bad_part => "must not have an empty, `.` or `..` part; write it like \"site/\"",
        _ if text.chars().any(char::is_control) => "has a control character; take it out",
        _ if text.contains("${filename}") => {
            "has `${filename}`, which the cloud would replace; take it out"
        }
        _ if text.len() >= KEY_BYTES_MAX => {
            "leaves no room for names: a key has at most 850 bytes; shorten it"
        }
        _ => return Ok(text.to_owned()),
    };
    Err(wrong.to_owned())
}

fn settle(section: &Section<'_, '_>) -> (Option<Duration>, Option<Duration>) {
    let settle = section.read("settle", |value| {
        unit::duration(value, &(Duration::ZERO..=HOUR))
    });
    let most = section.read("settle_max", |value| {
        unit::duration(value, &(Duration::ZERO..=DAY))
    });
    if let (Some(settle), Some(most)) = (&settle, &most)
        && settle.value > most.value
    {
        let place = match settle.place {
            Place::Default => &most.place,
            _ => &settle.place,
        };
        let message = format!(
            "`settle` ({}) is longer than `settle_max` ({}); shorten it, or raise settle_max",
            unit::duration_words(settle.value),
            unit::duration_words(most.value)
        );
        section.reader.report(place, message);
    }
    (
        settle.map(|settle| settle.value),
        most.map(|most| most.value),
    )
}

fn watch(value: &Value<'_>) -> Result<WatchMode, Wrong> {
    value.word(&[
        ("auto", WatchMode::Auto),
        ("native", WatchMode::Native),
        ("poll", WatchMode::Poll),
        ("off", WatchMode::Off),
    ])
}

fn patterns(section: &Section<'_, '_>, name: &'static str) -> Option<Vec<Pattern>> {
    let patterns = section.list(name, unit::pattern)?;
    let placed = patterns.into_iter().map(|pattern| Pattern {
        text: pattern.value,
        origin: origin(section, &pattern.place),
    });
    Some(placed.collect())
}

/// `FILE:LINE`, or `default`.
fn origin(section: &Section<'_, '_>, place: &Place) -> String {
    super::show::origin(section.reader.file, place)
}

/// Keys that are checked, though this version has no use for them.
fn check_unused(section: &Section<'_, '_>) {
    section.read("delete", |value| {
        value.word(&[("keep", ()), ("mirror", ()), ("tombstone", ())])
    });
    section.read("delete_limit", unit::count_or_percent);
    section.read("delete_after", |value| {
        unit::duration(value, &(Duration::ZERO..=DAY * 365))
    });
    patterns(section, "protect");
    section.read("verify", |value| match value.text() {
        Ok("off") => Ok(()),
        _ => unit::duration(value, &(Duration::from_mins(1)..=DAY * 30))
            .map(drop)
            .map_err(|wrong| wrong.replacen("must be ", "must be \"off\" or ", 1)),
    });
    section.read("keep_releases", |value| value.integer(0..=1000));
}
