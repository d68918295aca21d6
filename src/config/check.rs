//! `syncd config check`: what is wrong, or what the configuration amounts to.

use serde_json::{Value as Json, json};

use super::keys::Kind;
use super::problem::{Place, shown_path};
use super::reader::Setting;
use super::{Config, ConfigError};

/// What a good configuration amounts to, in one line or two.
pub fn text(config: &Config) -> String {
    let (folders, inboxes) = (config.folders.len(), config.inboxes.len());
    // Where secrets were left alone, there are no accounts but in what was read.
    let is_account = |setting: &&Setting| {
        matches!(setting.kind, Kind::Wechat | Kind::Ccmessaging) && setting.key == "provider"
    };
    let accounts = config.settings.iter().filter(is_account).count();
    let source = shown_path(&config.source);
    let inboxes_words = match inboxes {
        0 => String::new(),
        _ => format!(", {}", counted(inboxes, "inbox", "inboxes")),
    };
    let mut text = format!(
        "{source}: ok, {}{inboxes_words} and {}, state in {}\n",
        counted(folders, "folder", "folders"),
        counted(accounts, "account", "accounts"),
        shown_path(&config.state_dir)
    );
    if folders + inboxes == 0 {
        text.push_str(
            "neither a [[folder]] nor an [[inbox]] is listed, so there is nothing to do yet\n",
        );
    }
    text
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// The result for scripts: `ok` and, where it is false, the problems with their places.
pub fn json(result: &Result<Config, ConfigError>) -> Json {
    let (file, problems) = match result {
        Ok(config) => (Some(&config.source), [].as_slice()),
        Err(error) => (error.file.as_ref(), error.problems.as_slice()),
    };
    let problems: Vec<Json> = problems
        .iter()
        .map(|problem| {
            let (line, column) = match problem.place {
                Place::File { line, column } => (Some(line), Some(column)),
                _ => (None, None),
            };
            let variable = match &problem.place {
                Place::Environment(name) => Some(name),
                _ => None,
            };
            json!({
                "line": line,
                "column": column,
                "environment": variable,
                "message": problem.message,
            })
        })
        .collect();
    json!({
        "schema": 1,
        "ok": result.is_ok(),
        "file": file.map(|file| file.to_string_lossy()),
        "problems": problems,
    })
}
