//! Reads the tables of the configuration: every value with its place, every mistake collected.
//!
//! Nothing here knows what a key means. A mistake never stops the reading, so that one run of
//! `config check` names them all.

mod section;
mod tables;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::environment::Environment;
use super::keys::{self, Kind};
use super::problem::{ConfigError, Place, Problem, nearest};
use crate::model::path::escaped;
pub(super) use section::Section;

/// The word that stands for what a person has to write; `init` writes it.
pub(super) const BLANK: &str = "FILL-IN";

/// Whether secrets are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    /// Each must be there.
    Fetch,
    /// Only their form is checked: for commands that do not talk to the cloud.
    Leave,
}

/// A value as it was understood, for `show` and for what this version does not do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    pub(super) kind: Kind,
    /// `accounts.shop.token`, `folder.www`; empty at the top.
    pub(super) section: String,
    pub(super) key: &'static str,
    /// Masked; `None` for a table, whose keys follow.
    pub(super) value: Option<serde_json::Value>,
    pub(super) place: Place,
}

/// A file that must not lie in a watched folder.
#[derive(Debug, Clone)]
pub(super) struct GuardedFile {
    pub(super) what: &'static str,
    pub(super) path: PathBuf,
}

/// What all sections share.
pub(super) struct Reader<'d> {
    pub(super) file: &'d Path,
    pub(super) environment: &'d Environment,
    /// Closed to group and others, so that it may hold secrets.
    pub(super) private: bool,
    pub(super) secrets: Secrets,
    text: &'d str,
    problems: RefCell<Vec<Problem>>,
    settings: RefCell<Vec<Setting>>,
    guarded: RefCell<Vec<GuardedFile>>,
    blanks: RefCell<BTreeSet<Place>>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(
        file: &'d Path,
        text: &'d str,
        environment: &'d Environment,
        private: bool,
        secrets: Secrets,
    ) -> Self {
        Self {
            file,
            environment,
            private,
            secrets,
            text,
            problems: RefCell::default(),
            settings: RefCell::default(),
            guarded: RefCell::default(),
            blanks: RefCell::default(),
        }
    }

    /// Notes a mistake. One at a blank says nothing that the blank itself does not.
    pub(super) fn report(&self, place: &Place, message: impl Into<String>) {
        if !self.blanks.borrow().contains(place) {
            self.problems.borrow_mut().push(Problem {
                place: place.clone(),
                message: message.into(),
            });
        }
    }

    /// Notes a value that nobody has filled in.
    pub(super) fn report_blank(&self, place: Place) {
        self.report(
            &place,
            format!("{BLANK} is still here; write your own value in its place"),
        );
        self.blanks.borrow_mut().insert(place);
    }

    pub(super) fn note(&self, setting: Setting) {
        self.settings.borrow_mut().push(setting);
    }

    pub(super) fn guard(&self, what: &'static str, path: &Path) {
        self.guarded.borrow_mut().push(GuardedFile {
            what,
            path: path.to_owned(),
        });
    }

    pub(super) fn guarded(&self) -> Vec<GuardedFile> {
        self.guarded.borrow().clone()
    }

    pub(super) fn settings(&self) -> Vec<Setting> {
        self.settings.borrow().clone()
    }

    /// The line and column of a span's start.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let bytes = self.text.as_bytes();
        let before = bytes.get(..span.start).unwrap_or(bytes);
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = before.split(|byte| *byte == b'\n').count();
        let column = String::from_utf8_lossy(before.get(line_start..).unwrap_or_default())
            .chars()
            .filter(|character| *character != '\u{feff}')
            .count();
        Place::File {
            line,
            column: column + 1,
        }
    }

    /// The top of the file; `None` where it is not TOML, which is reported.
    pub(super) fn parse(&self) -> Option<DeTable<'d>> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let place = self.place(&error.span().unwrap_or(0..0));
            let message = escaped(error.message().as_bytes());
            self.report(&place, format!("not valid TOML: {message}; mend the line"));
        }
        errors.is_empty().then(|| document.into_inner())
    }

    /// Whether something is wrong there already.
    pub(super) fn has_problem_at(&self, place: &Place) -> bool {
        let problems = self.problems.borrow();
        problems.iter().any(|problem| problem.place == *place)
    }

    /// Refuses `SYNCD_SECTION__KEY` variables that set nothing.
    pub(super) fn check_variables(&self) {
        let known: Vec<String> = keys::all().filter_map(keys::Key::variable).collect();
        for name in self.environment.names() {
            let is_ours = name.starts_with("SYNCD_") && name.contains("__");
            if is_ours && !known.iter().any(|variable| variable == name) {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let hint = match nearest(name, &known) {
                    Some(meant) => format!("; did you mean {meant}?"),
                    None => "; variables set only state_dir and the keys of [log], [http], [network], [limits]"
                        .to_owned(),
                };
                let place = Place::Environment(name.to_owned());
                self.report(&place, format!("no such setting{hint}"));
            }
        }
    }

    /// All mistakes, in the order of the file.
    pub(super) fn into_result(self) -> Result<(), ConfigError> {
        let mut problems = self.problems.into_inner();
        problems.sort_by(|one, two| one.place.cmp(&two.place));
        problems.dedup();
        if problems.is_empty() {
            return Ok(());
        }
        Err(ConfigError {
            file: Some(self.file.to_owned()),
            problems,
        })
    }
}
