//! `syncd report`: everything that a report of a defect needs, in one text without secrets.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::config::{Config, show};
use crate::model::path::escaped;
use crate::model::secret::Secret;
use crate::report::facts::fault_of;
use crate::report::redact::redacted;
use crate::report::words::meaning_of;
use crate::store::Selection;

use super::args;
use super::context::{Context, Failure, reader};
use super::exit::Exit;
use super::{doctor, status, terminal};

/// Jobs that are listed.
const JOBS_MAX: usize = 100;
/// Files whose failures are listed.
const FILES_MAX: usize = 20;

const INTRODUCTION: &str = "\
This text is for a report of a defect. Secrets, tokens and signed links are left out of it; names of files,
folders, accounts and hosts are in it. Read it before you pass it on.
";

const LOG_HINT: &str = "\
The log is not part of this text. Under systemd, add the hour around the trouble:
  journalctl -u syncd --since \"1 hour ago\" --no-pager
";

/// Runs the command.
pub fn run(context: &Context, asked: &args::Report) -> Result<Exit, Failure> {
    let text = text(context)?;
    match &asked.out {
        None => terminal::data(&text),
        Some(path) => {
            write_new(path, &text)?;
            let shown = escaped(path.as_os_str().as_encoded_bytes());
            terminal::note(&format!(
                "Wrote \"{shown}\". Read it before you pass it on."
            ));
        }
    }
    Ok(Exit::Done)
}

fn text(context: &Context) -> Result<String, Failure> {
    let whole = context.whole_config();
    let config = match &whole {
        Ok(config) => Ok(config.clone()),
        Err(_) => context.config(),
    };
    let mut out = INTRODUCTION.to_owned();
    section(&mut out, "checks", &doctor::examine(context)?.text());
    match &config {
        Ok(config) => {
            section(&mut out, "configuration", &show::text(config));
            section(&mut out, "status", &or_why(status_text(context, config)));
            section(&mut out, "queue", &or_why(queue(config)));
            section(&mut out, "failures", &or_why(failures(config)));
        }
        Err(failure) => section(&mut out, "configuration", &failure.message),
    }
    section(&mut out, "log", LOG_HINT);
    let secrets: Vec<Secret> = match &whole {
        Ok(config) => config.secrets().cloned().collect(),
        Err(_) => Vec::new(),
    };
    Ok(redacted(&out, &secrets))
}

fn section(out: &mut String, title: &str, text: &str) {
    let text = text.trim();
    let text = if text.is_empty() { "(nothing)" } else { text };
    let _ = write!(out, "\n== {title}\n\n{text}\n");
}

/// What could not be had says why in its place: the rest is worth having.
fn or_why(part: Result<String, Failure>) -> String {
    part.unwrap_or_else(|failure| format!("not to be had: {}", failure.message))
}

fn status_text(context: &Context, config: &Config) -> Result<String, Failure> {
    let status = status::report(context, config)?;
    serde_json::to_string_pretty(&status)
        .map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))
}

fn queue(config: &Config) -> Result<String, Failure> {
    let Some(reader) = reader(&config.state_dir)? else {
        return Ok(String::new());
    };
    let rows = reader.folders()?;
    let mut out = String::new();
    for job in reader.queue(&Selection::All, JOBS_MAX)? {
        let folder = rows.iter().find(|row| row.id == job.folder);
        let _ = writeln!(
            out,
            "{}:{} {} ({}, {}) release {}, {} B, attempts {}, tries {}, due {}, {}",
            folder.map_or("?", |row| &row.name),
            job.path,
            job.state.as_str(),
            job.reason.as_str(),
            job.stage.as_str(),
            job.release.0,
            job.bytes,
            job.attempts,
            job.tries,
            job.due,
            job.fault
                .as_ref()
                .map_or("no fault", |fault| fault.code.as_str()),
        );
    }
    Ok(out)
}

fn failures(config: &Config) -> Result<String, Failure> {
    let Some(reader) = reader(&config.state_dir)? else {
        return Ok(String::new());
    };
    let mut out = String::new();
    for row in reader.folders()? {
        for job in reader.problems(row.id, FILES_MAX)? {
            let _ = writeln!(out, "{}:{}", row.name, job.path);
            for attempt in reader.dossier(row.id, &job.path)?.attempts {
                let fault = fault_of(&attempt.fault);
                let _ = writeln!(
                    out,
                    "  {} {} {} after {} ms: {} ({})",
                    attempt.fault.at,
                    fault.call.as_str(),
                    fault.code,
                    attempt.took_ms,
                    meaning_of(&fault),
                    fault.message,
                );
            }
        }
    }
    Ok(out)
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        let message = format!("Could not write \"{shown}\": {error}; name another file");
        Failure::new(Exit::Unexpected, message)
    })
}
