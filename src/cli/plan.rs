//! `syncd plan`.

use std::fmt::Write as _;

use crate::adapter::os_disk::OsDisk;
use crate::model::folder::FolderSpec;
use crate::report::paint::Tone;
use crate::report::plan::{self, FolderPlan, Plan, PlanError};
use crate::report::words::{counted, size};

use super::args;
use super::context::{Context, Failure, folder, reader};
use super::exit::Exit;
use super::terminal;

/// Runs the command.
pub fn run(context: &Context, asked: &args::Once) -> Result<Exit, Failure> {
    let config = context.config()?;
    for name in &asked.names {
        folder(&config, name)?;
    }
    let reader = reader(&config.state_dir)?;
    let rows = match &reader {
        Some(reader) => reader.folders()?,
        None => Vec::new(),
    };
    let chosen = |spec: &&FolderSpec| asked.names.is_empty() || asked.names.contains(&spec.name);
    let mut folders = Vec::new();
    for spec in config.folders.iter().filter(chosen) {
        let row = rows.iter().find(|row| row.name == spec.name);
        let stored = reader.as_ref().zip(row.map(|row| row.id));
        let planned = plan::folder(spec, &OsDisk, stored);
        folders.push(planned.map_err(|error| match error {
            PlanError::Store(error) => error.into(),
            PlanError::Pattern(error) => Failure::new(Exit::Configuration, error.to_string()),
        })?);
    }
    let plan = Plan::of(folders);
    if asked.json {
        terminal::json(&plan);
    } else {
        terminal::data(&text(&plan, context));
    }
    Ok(if plan.is_pending() {
        Exit::NotInSync
    } else {
        Exit::Done
    })
}

fn text(plan: &Plan, context: &Context) -> String {
    let mut out = String::new();
    for folder in &plan.folders {
        write_folder(&mut out, folder, context);
    }
    if plan.folders.is_empty() {
        out.push_str("No [[folder]] is configured.\n");
    }
    out
}

fn write_folder(out: &mut String, folder: &FolderPlan, context: &Context) {
    let paint = context.paint;
    if let Some(reason) = &folder.blocked {
        let word = paint.tone(Tone::Wrong, "blocked");
        let _ = writeln!(
            out,
            "{}  {word}: {reason}",
            paint.tone(Tone::Strong, &folder.name)
        );
        return;
    }
    let publish = folder
        .actions
        .iter()
        .filter(|action| action.stage.is_some());
    let bytes: u64 = publish.clone().map(|action| action.bytes).sum();
    let _ = writeln!(
        out,
        "{}  {} to publish ({}), {} in sync, {} left out",
        paint.tone(Tone::Strong, &folder.name),
        counted(publish.count() as u64, "file"),
        size(bytes),
        folder.skipped,
        folder.excluded.len()
    );
    for action in &folder.actions {
        let word = paint.tone(tone(action.action), &format!("{:<8}", action.action));
        let stage = action.stage.map_or("", crate::model::job::Stage::as_str);
        let _ = writeln!(
            out,
            "  {word} {stage:<5} {:>10}  {}  ({})",
            size(action.bytes),
            action.path,
            action.reason
        );
    }
    let word = paint.tone(Tone::Busy, &format!("{:<8}", "skip"));
    for left_out in &folder.excluded {
        let (path, reason) = (&left_out.path, &left_out.reason);
        let _ = writeln!(out, "  {word} {:<16}  {path}  ({reason})", "");
    }
    for path in &folder.not_followed {
        let _ = writeln!(out, "  {word} {:<16}  {path}  (a link or special file)", "");
    }
}

fn tone(action: &str) -> Tone {
    match action {
        "create" => Tone::Good,
        "dead" => Tone::Wrong,
        "keep" => Tone::Caution,
        _ => Tone::Busy,
    }
}
