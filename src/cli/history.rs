//! `syncd history`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::model::path::escaped;
use crate::report::SCHEMA;
use crate::report::why::{Upload, upload};
use crate::report::words::{counted, relative, size};
use crate::store::{Reader, ReleaseRow};

use super::args;
use super::context::{Context, Failure, reader};
use super::exit::Exit;
use super::{place, terminal};

/// `history --json`.
#[derive(Debug, Serialize)]
struct Releases {
    schema: u32,
    folders: Vec<FolderReleases>,
}

#[derive(Debug, Serialize)]
struct FolderReleases {
    name: String,
    releases: Vec<Release>,
}

#[derive(Debug, Serialize)]
struct Release {
    id: i64,
    state: &'static str,
    started_at: String,
    finished_at: Option<String>,
    files: u64,
    bytes: u64,
    uploaded: u64,
    skipped: u64,
    failed: u64,
}

/// `history PATH --json`.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the field's name is part of the JSON form"
)]
struct Uploads {
    schema: u32,
    folder: String,
    path: String,
    uploads: Vec<Upload>,
}

/// Runs the command.
pub fn run(context: &Context, asked: &args::History) -> Result<Exit, Failure> {
    let config = context.config()?;
    let Some(reader) = reader(&config.state_dir)? else {
        let message = "There is no database yet: nothing was ever published";
        return Err(Failure::new(Exit::NotFound, message));
    };
    let now = context.now().to_string();
    if let Some(typed) = &asked.path {
        let place = place::find(&config, typed)?;
        if let Some(path) = place.path {
            let uploads = uploads(&reader, &place.folder.name, &path, asked.limit)?;
            if asked.json {
                terminal::json(&uploads);
            } else {
                terminal::data(&uploads_text(&uploads, &now));
            }
            return Ok(Exit::Done);
        }
    }
    let rows = reader.folders()?;
    let mut folders = Vec::new();
    for spec in &config.folders {
        let releases = match rows.iter().find(|row| row.name == spec.name) {
            Some(row) => reader.releases(row.id, asked.limit)?,
            None => Vec::new(),
        };
        let releases = releases.iter().map(release).collect();
        folders.push(FolderReleases {
            name: spec.name.clone(),
            releases,
        });
    }
    let releases = Releases {
        schema: SCHEMA,
        folders,
    };
    if asked.json {
        terminal::json(&releases);
    } else {
        terminal::data(&releases_text(&releases, &now));
    }
    Ok(Exit::Done)
}

fn uploads(
    reader: &Reader,
    folder: &str,
    path: &crate::model::path::RelPath,
    limit: usize,
) -> Result<Uploads, Failure> {
    let rows = reader.folders()?;
    let row = rows.iter().find(|row| row.name == folder);
    let dossier = row
        .map(|row| reader.dossier(row.id, path))
        .transpose()?
        .unwrap_or_default();
    if dossier.uploads.is_empty() {
        let message = format!("\"{path}\" of folder {folder} was never published");
        return Err(Failure::new(Exit::NotFound, message));
    }
    Ok(Uploads {
        schema: SCHEMA,
        folder: folder.to_owned(),
        path: path.to_string(),
        uploads: dossier.uploads.iter().take(limit).map(upload).collect(),
    })
}

fn release(row: &ReleaseRow) -> Release {
    Release {
        id: row.number.0,
        state: row.state.as_str(),
        started_at: row.started_at.to_string(),
        finished_at: row.finished_at.map(|at| at.to_string()),
        files: row.files,
        bytes: row.bytes,
        uploaded: row.uploaded,
        skipped: row.skipped,
        failed: row.failed,
    }
}

fn uploads_text(uploads: &Uploads, now: &str) -> String {
    let mut out = format!("{}:{}\n", uploads.folder, uploads.path);
    for upload in &uploads.uploads {
        let _ = writeln!(
            out,
            "  {:<14} release {}, {}, sha256 {}",
            relative(&upload.at, now),
            upload.release,
            size(upload.bytes),
            upload.sha256
        );
        if let (Some(message), Some(key)) = (&upload.remote_id, &upload.object_key) {
            let _ = writeln!(out, "  {:<14} message {message}, object {key}", "");
        } else if let Some(id) = &upload.remote_id {
            let _ = writeln!(out, "                 file id {}", escaped(id.as_bytes()));
        }
    }
    out
}

fn releases_text(releases: &Releases, now: &str) -> String {
    let mut out = String::new();
    for folder in &releases.folders {
        let _ = writeln!(out, "{}", folder.name);
        if folder.releases.is_empty() {
            out.push_str("  nothing was published yet\n");
        }
        for release in &folder.releases {
            let at = release.finished_at.as_ref().unwrap_or(&release.started_at);
            let _ = writeln!(
                out,
                "  {:<5} {:<10} {:<14} {} ({}): {} uploaded, {} skipped, {} failed",
                release.id,
                release.state,
                relative(at, now),
                counted(release.files, "file"),
                size(release.bytes),
                release.uploaded,
                release.skipped,
                release.failed
            );
        }
    }
    out
}
