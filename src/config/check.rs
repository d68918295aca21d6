//! `syncd config check`: what is wrong, or what the configuration amounts to.

use serde_json::{Value as Json, json};

use super::problem::{Place, shown_path};
use super::{Config, ConfigError};

/// What a good configuration amounts to, in one line or two.
pub fn text(config: &Config) -> String {
    let (folders, accounts) = (config.folders.len(), config.accounts.len());
    let source = shown_path(&config.source);
    let mut text = format!(
        "{source}: ok, {} and {}, state in {}\n",
        counted(folders, "folder"),
        counted(accounts, "account"),
        shown_path(&config.state_dir)
    );
    if folders == 0 {
        text.push_str("no [[folder]] is listed, so there is nothing to do yet\n");
    }
    text
}

fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
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
