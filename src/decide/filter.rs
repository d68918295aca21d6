//! Which files are left out, and by which line of which file.
//!
//! Three lists in gitignore syntax, the most specific first: `exclude` of the configuration, the
//! `.syncdignore` at the folder's root, the built-in list. The first list that has a matching pattern
//! decides, so a `!pattern` keeps what a later list would leave out. As in git, nothing below an excluded
//! directory can be kept. Names that no cloud can hold are left out, too, with the reason.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::model::folder::{FolderSpec, Pattern};
use crate::model::key::Key;
use crate::model::path::RelPath;

mod builtin;

/// The name of the ignore file; it is never uploaded itself.
pub const IGNORE_FILE: &str = ".syncdignore";

/// The largest `.syncdignore` that is read, in bytes.
pub const IGNORE_FILE_BYTES_MAX: usize = 1024 * 1024;

/// A pattern that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: pattern \"{pattern}\" cannot be understood: {problem}")]
pub struct PatternError {
    /// `FILE:LINE`.
    pub origin: String,
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is published; by which rule, where a `!pattern` says so.
    Kept(Option<String>),
    /// It is left out, for this reason.
    Excluded(String),
}

/// The compiled lists of one folder.
pub struct Rules {
    configured: Gitignore,
    ignore_file: Gitignore,
    builtin: Gitignore,
    prefix: String,
}

impl Rules {
    /// Compiles the lists; `ignore_file` is the text of the folder's `.syncdignore`, if there is one.
    ///
    /// # Errors
    /// A pattern cannot be understood.
    pub fn new(folder: &FolderSpec, ignore_file: Option<&str>) -> Result<Self, PatternError> {
        let lines: Vec<Pattern> = ignore_file
            .unwrap_or_default()
            .trim_start_matches('\u{feff}')
            .lines()
            .enumerate()
            .map(|(index, line)| Pattern {
                text: line.to_owned(),
                origin: format!("{IGNORE_FILE}:{}", index + 1),
            })
            .collect();
        let builtin: Vec<Pattern> = builtin::PATTERNS
            .iter()
            .map(|text| Pattern {
                text: (*text).to_owned(),
                origin: "built-in list".to_owned(),
            })
            .collect();
        Ok(Self {
            configured: compile(&folder.exclude)?,
            ignore_file: compile(&lines)?,
            builtin: compile(&builtin)?,
            prefix: folder.prefix.clone(),
        })
    }

    /// What becomes of `path`, its directories looked at as well.
    pub fn decide(&self, path: &RelPath, is_directory: bool) -> Verdict {
        let mut above: Vec<RelPath> =
            std::iter::successors(path.parent(), RelPath::parent).collect();
        above.reverse();
        for directory in above {
            if let Verdict::Excluded(reason) = self.decide_entry(&directory, true) {
                return Verdict::Excluded(format!("its directory \"{directory}\" is: {reason}"));
            }
        }
        self.decide_entry(path, is_directory)
    }

    /// What becomes of `path`, whose directories are known to be kept.
    pub fn decide_entry(&self, path: &RelPath, is_directory: bool) -> Verdict {
        if path.file_name() == IGNORE_FILE.as_bytes() {
            return Verdict::Excluded("an ignore file is never uploaded".to_owned());
        }
        let kept = match self.matched(path, is_directory) {
            Some(Verdict::Excluded(reason)) => return Verdict::Excluded(reason),
            Some(Verdict::Kept(rule)) => rule,
            None if !is_directory && builtin::is_rsync_temporary(path.file_name()) => {
                return Verdict::Excluded(
                    "the built-in list: it is named like a temporary file of rsync".to_owned(),
                );
            }
            None => None,
        };
        if is_directory {
            return Verdict::Kept(kept);
        }
        match Key::of(&self.prefix, path) {
            Ok(_) => Verdict::Kept(kept),
            Err(unpublishable) => Verdict::Excluded(unpublishable.to_string()),
        }
    }

    fn matched(&self, path: &RelPath, is_directory: bool) -> Option<Verdict> {
        for list in [&self.configured, &self.ignore_file, &self.builtin] {
            if list.is_empty() {
                continue;
            }
            match list.matched(path.as_path(), is_directory) {
                Match::None => {}
                Match::Ignore(glob) => {
                    return Some(Verdict::Excluded(described(glob.from(), glob.original())));
                }
                Match::Whitelist(glob) => {
                    return Some(Verdict::Kept(Some(described(glob.from(), glob.original()))));
                }
            }
        }
        None
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

fn described(origin: Option<&Path>, pattern: &str) -> String {
    let origin = origin.map(Path::to_string_lossy).unwrap_or_default();
    format!("{origin}: \"{pattern}\"")
}

/// Compiles patterns; the origin of each is kept where the matcher keeps the file it came from.
pub(super) fn compile(patterns: &[Pattern]) -> Result<Gitignore, PatternError> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder
            .add_line(Some(PathBuf::from(&pattern.origin)), &pattern.text)
            .map_err(|error| refused(pattern, &error))?;
    }
    let all = Pattern {
        text: String::new(),
        origin: patterns
            .first()
            .map(|pattern| pattern.origin.clone())
            .unwrap_or_default(),
    };
    builder.build().map_err(|error| refused(&all, &error))
}

fn refused(pattern: &Pattern, error: &ignore::Error) -> PatternError {
    PatternError {
        origin: pattern.origin.clone(),
        pattern: pattern.text.clone(),
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
