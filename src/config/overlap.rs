//! What must not lie inside of what: names, local trees and remote trees of different tables.
//!
//! Local paths are compared after links are resolved, as far as the paths exist.

use std::path::{Path, PathBuf};

use super::account::Account;
use super::disk;
use super::folder::Folder;
use super::inbox::Inbox;
use super::locate;
use super::problem::{Place, shown, shown_path};
use super::reader::Reader;
use super::value::Placed;
use crate::model::folder::{FlowKind, FolderSpec};

/// Names of folders and inboxes are unique: commands take either.
pub(super) fn check_names(reader: &Reader<'_>, folders: &[Folder], inboxes: &[Inbox]) {
    let names = folders
        .iter()
        .map(|folder| &folder.name)
        .chain(inboxes.iter().map(|inbox| &inbox.name))
        .flatten();
    let mut seen: Vec<&Placed<String>> = Vec::new();
    for name in names {
        if let Some(first) = seen.iter().find(|known| known.value == name.value) {
            let message = format!(
                "the name {} is taken{}; choose another",
                shown(&name.value),
                at_line(&first.place)
            );
            reader.report(&name.place, message);
        }
        seen.push(name);
    }
}

/// Two folders must not write the same keys: their trees in the cloud must be apart.
pub(super) fn check_remote_trees(reader: &Reader<'_>, folders: &[Folder], accounts: &[Account]) {
    let tree = |spec: &FolderSpec| {
        let account = accounts.iter().find(|known| known.name == spec.account)?;
        Some((account.base_url.clone()?, spec.env.clone(), spec.flow))
    };
    // What is sent to an agent has no place there that another could overwrite.
    let specs: Vec<(&Folder, &FolderSpec)> = folders
        .iter()
        .filter_map(|folder| Some((folder, folder.spec.as_ref()?)))
        .filter(|(_, spec)| spec.flow != FlowKind::Ccmessaging)
        .collect();
    for (index, (folder, spec)) in specs.iter().enumerate() {
        let earlier = specs.iter().take(index);
        let clash = earlier
            .filter(|(_, other)| tree(spec).is_some() && tree(spec) == tree(other))
            .find(|(_, other)| {
                spec.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&spec.prefix)
            });
        if let Some((_, other)) = clash {
            let message = format!(
                "folder {} (prefix {}) and folder {} (prefix {}) would write to the same place of \
                 env {}; give them prefixes of which none begins with the other",
                shown(&spec.name),
                shown(&spec.prefix),
                shown(&other.name),
                shown(&other.prefix),
                shown(&spec.env)
            );
            reader.report(&folder.prefix_place, message);
        }
    }
}

/// Own files must not be published, and received files must not be sent out again.
pub(super) fn check_local_trees(
    reader: &Reader<'_>,
    folders: &[Folder],
    inboxes: &[Inbox],
    state_dir: Option<&Placed<PathBuf>>,
) {
    let folder_paths = folders.iter().filter_map(|folder| folder.path.as_ref());
    let roots: Vec<Root<'_>> = folder_paths.map(|path| Root::of("folder", path)).collect();
    let inbox_paths = inboxes.iter().filter_map(|inbox| inbox.path.as_ref());
    let received: Vec<Root<'_>> = inbox_paths.map(|path| Root::of("inbox", path)).collect();
    for roots in [&roots, &received] {
        if let Some(state_dir) = state_dir {
            let what = "the state directory";
            check_directory(reader, roots, what, &state_dir.value, &state_dir.place);
        }
        if let Some(path) = locate::runtime_dir(reader.environment) {
            let place = Place::Environment("RUNTIME_DIRECTORY".to_owned());
            check_directory(reader, roots, "the runtime directory", &path, &place);
        }
    }
    for (index, inbox) in received.iter().enumerate() {
        let (path, place) = (&inbox.written.value, &inbox.written.place);
        check_directory(reader, &roots, "an inbox", path, place);
        let earlier = received.get(..index).unwrap_or_default();
        check_directory(reader, earlier, "an inbox", path, place);
    }
    check_file(reader, &roots, "the configuration file", reader.file);
    for file in reader.guarded() {
        check_file(reader, &roots, file.what, &file.path);
    }
}

/// A watched folder or an inbox, links resolved.
struct Root<'f> {
    kind: &'static str,
    written: &'f Placed<PathBuf>,
    real: PathBuf,
}

impl<'f> Root<'f> {
    fn of(kind: &'static str, written: &'f Placed<PathBuf>) -> Self {
        let real = disk::resolved(&written.value);
        Self {
            kind,
            written,
            real,
        }
    }
}

/// Neither inside the other. The mistake is shown at the folder where the other has no line.
fn check_directory(
    reader: &Reader<'_>,
    roots: &[Root<'_>],
    what: &str,
    path: &Path,
    place: &Place,
) {
    let real = disk::resolved(path);
    for root in roots {
        let relation = if real == root.real {
            "is the same as"
        } else if real.starts_with(&root.real) {
            "is inside of"
        } else if root.real.starts_with(&real) {
            "contains"
        } else {
            continue;
        };
        let message = format!(
            "{what} {} {relation} the {} {}; keep them apart",
            shown_path(path),
            root.kind,
            shown_path(&root.written.value)
        );
        let shown_at = match place {
            Place::File { .. } => place,
            _ => &root.written.place,
        };
        reader.report(shown_at, message);
    }
}

fn check_file(reader: &Reader<'_>, roots: &[Root<'_>], what: &str, path: &Path) {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // A link inside the folder is as much a leak of intent as the file: both ends are checked.
    let parent = absolute.parent().map(disk::resolved);
    let real = disk::resolved(&absolute);
    for root in roots {
        let named_inside = parent
            .as_ref()
            .is_some_and(|dir| dir.starts_with(&root.real));
        if real.starts_with(&root.real) || named_inside {
            let message = format!(
                "{what} {} is inside of this folder and would be published; move it out",
                shown_path(path)
            );
            reader.report(&root.written.place, message);
        }
    }
}

fn at_line(place: &Place) -> String {
    match place {
        Place::File { line, .. } => format!(" on line {line}"),
        _ => String::new(),
    }
}
