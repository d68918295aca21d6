//! What is wrong with a configuration, and where.
//!
//! A message never quotes the value of a secret, nor a line of the file, which may hold one.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::path::escaped;

/// Where a value of the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The configuration as a whole.
    Whole,
    /// A position in the file; both count from 1, columns count characters.
    File {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// An environment variable.
    Environment(String),
    /// Built in.
    Default,
}

/// One thing that is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, and how to mend it.
    pub message: String,
}

/// A configuration that cannot be used: everything that is wrong with it, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, as it was named; `None` where none was found.
    pub file: Option<PathBuf>,
    /// At least one.
    pub problems: Vec<Problem>,
}

/// The words of a secret that no shell can see.
pub(super) const NO_CREDENTIALS: &str = "$CREDENTIALS_DIRECTORY is not set";

impl ConfigError {
    /// Whether nothing is wrong but that this process was given no credentials: a service manager gives
    /// them to the service alone.
    pub fn is_without_credentials(&self) -> bool {
        let is_credential = |problem: &Problem| problem.message.contains(NO_CREDENTIALS);
        self.problems.iter().all(is_credential)
    }

    /// One problem with the file as a whole.
    pub(super) fn whole(file: Option<&Path>, message: String) -> Self {
        Self {
            file: file.map(Path::to_owned),
            problems: vec![Problem {
                place: Place::Whole,
                message,
            }],
        }
    }
}

/// One problem a line, each `FILE:LINE:COLUMN: what is wrong; how to mend it`.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match (&problem.place, &self.file) {
                (Place::Environment(name), _) => write!(f, "environment {name}: ")?,
                (Place::File { line, column }, Some(file)) => {
                    write!(f, "{}:{line}:{column}: ", shown_path(file))?;
                }
                (_, Some(file)) => write!(f, "{}: ", shown_path(file))?,
                (_, None) => {}
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

/// A path in a message: nothing in it can steer a terminal.
pub(super) fn shown_path(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes())
}

/// Text of the configuration in a message: quoted, escaped, and cut where it is long.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 60;
    let mut cut: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("\"{}\"", escaped(cut.as_bytes()))
}

/// The word that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|candidate| {
            let plain = candidate.to_lowercase().replace('-', "_");
            (strsim::damerau_levenshtein(&lower, &plain), *candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| candidate)
}

/// `; did you mean …?` or, where nothing is near, the words that are known.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    nearest(word, known).map_or_else(
        || match known {
            [] => String::new(),
            _ => format!("; known are {}", listed(known)),
        },
        |meant| format!("; did you mean `{meant}`?"),
    )
}

/// `` `a`, `b`, `c` ``.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
