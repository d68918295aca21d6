//! `state_dir`, `[log]`, `[network]`, `[limits]`.

use std::path::PathBuf;

use bytesize::ByteSize;

use super::address;
use super::keys::Kind;
use super::locate;
use super::problem::Place;
use super::reader::{Section, Setting};
use super::unit;
use super::value::{Placed, Value, Wrong};
use super::{LimitsSpec, LogFormat, LogLevel, LogSpec, NetworkSpec};
use crate::model::folder::Concurrency;
use crate::model::secret::Secret;

/// The state directory: configured, of the service, of the user.
pub(super) fn state_dir(top: &Section<'_, '_>) -> Option<Placed<PathBuf>> {
    let is_written =
        top.has("state_dir") || top.reader.environment.get("SYNCD_STATE_DIR").is_some();
    if is_written {
        return top.read("state_dir", unit::absolute_path);
    }
    let Some((path, variable)) = locate::state_dir(top.reader.environment) else {
        let message = "no place for the state: neither $STATE_DIRECTORY nor $XDG_STATE_HOME nor \
                       $HOME is an absolute path; set state_dir";
        top.reader.report(&Place::Whole, message);
        return None;
    };
    let place = Place::Environment(variable.to_owned());
    top.reader.note(Setting {
        kind: Kind::Top,
        section: String::new(),
        key: "state_dir",
        value: Some(path.to_string_lossy().into()),
        place: place.clone(),
    });
    Some(Placed { value: path, place })
}

/// `[log]`.
pub(super) fn log(top: &Section<'_, '_>) -> Option<LogSpec> {
    let section = top.child_or_absent("log", Kind::Log);
    let level = section.read("level", |value| {
        value.word(&[
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ])
    });
    let format = section.read("format", |value| {
        value.word(&[
            ("auto", LogFormat::Auto),
            ("text", LogFormat::Text),
            ("json", LogFormat::Json),
            ("journald", LogFormat::Journald),
        ])
    });
    Some(LogSpec {
        level: level?.value,
        format: format?.value,
    })
}

/// `[network]`.
pub(super) fn network(top: &Section<'_, '_>) -> NetworkSpec {
    let section = top.child_or_absent("network", Kind::Network);
    let proxy = section.read("proxy", address::proxy_url);
    if let Some(proxy) = &proxy
        && proxy.value.1
        && !top.reader.private
    {
        let message = "`proxy` has a password in a file that others can read; close the file \
                       to group and others (chmod 600)";
        top.reader.report(&proxy.place, message);
    }
    let ca_file = section.read("ca_file", unit::absolute_path);
    NetworkSpec {
        proxy: proxy.map(|proxy| Secret::new(proxy.value.0)),
        ca_file: ca_file.map(|path| path.value),
    }
}

/// `[limits]`.
pub(super) fn limits(top: &Section<'_, '_>) -> Option<LimitsSpec> {
    let section = top.child_or_absent("limits", Kind::Limits);
    let concurrency = section.read("concurrency", concurrency);
    let attempts = section.read("attempts", |value| value.integer(1..=100));
    let memory = section.read("memory", |value| unit::size(value, ByteSize::mib(32)));
    section.read("bandwidth", unit::rate);
    Some(LimitsSpec {
        concurrency: concurrency?.value,
        attempts: u32::try_from(attempts?.value).ok()?,
        memory_bytes: memory?.value,
    })
}

fn concurrency(value: &Value<'_>) -> Result<Concurrency, Wrong> {
    if value.text() == Ok("auto") {
        return Ok(Concurrency::Auto);
    }
    let number = value
        .integer(1..=512)
        .map_err(|_| "must be \"auto\" or a number from 1 to 512".to_owned())?;
    Ok(Concurrency::Fixed(usize::try_from(number).unwrap_or(1)))
}
