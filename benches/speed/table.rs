//! What was found, as a table for people and as JSON.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::Outcome;
use crate::timing::{Rounds, Spread};

/// One line of the table.
#[derive(Serialize)]
pub(crate) struct Finding {
    what: String,
    ours: String,
    other: String,
    /// The figure that the target is about: middle, least, most.
    figure: Option<(f64, f64, f64)>,
    unit: &'static str,
    target: String,
    reached: Option<bool>,
}

/// What a figure is held to.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// It is only told.
    None,
}

impl Target {
    fn reached(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(value <= most),
            Self::AtLeast(least) => Some(value >= least),
            Self::None => None,
        }
    }

    fn words(self, unit: &str) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most}{unit}"),
            Self::AtLeast(least) => format!(">= {least}{unit}"),
            Self::None => String::new(),
        }
    }
}

impl Finding {
    /// A figure of our own.
    pub(crate) fn own(what: &str, spread: Spread, unit: &'static str, target: Target) -> Self {
        Self {
            what: what.to_owned(),
            ours: String::new(),
            other: String::new(),
            figure: Some((spread.median, spread.least, spread.most)),
            unit,
            target: target.words(unit),
            reached: target.reached(spread.median),
        }
    }

    /// Our speed in those of another; we are the first of the rounds.
    pub(crate) fn speed(what: &str, rounds: &Rounds, other: usize, target: Target) -> Self {
        let mut finding = Self::own(what, rounds.ratio(other, 0), " x", target);
        finding.seconds(rounds, other);
        finding
    }

    /// Our time in those of another; we are the first of the rounds.
    pub(crate) fn time(what: &str, rounds: &Rounds, other: usize, target: Target) -> Self {
        let mut finding = Self::own(what, rounds.ratio(0, other), " x", target);
        finding.seconds(rounds, other);
        finding
    }

    fn seconds(&mut self, rounds: &Rounds, other: usize) {
        self.ours = format!("{:.3} s", rounds.of(0).median);
        self.other = format!("{:.3} s", rounds.of(other).median);
    }

    /// A row that could not be measured, by name.
    pub(crate) fn skipped(what: &str, why: &str) -> Self {
        Self {
            what: what.to_owned(),
            ours: String::new(),
            other: format!("skipped: {why}"),
            figure: None,
            unit: "",
            target: String::new(),
            reached: None,
        }
    }

    fn verdict(&self) -> &'static str {
        match self.reached {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "",
        }
    }

    fn figure(&self) -> String {
        let Some((median, least, most)) = self.figure else {
            return String::new();
        };
        let unit = self.unit;
        if least.to_bits() == most.to_bits() {
            return format!("{}{unit}", short(median));
        }
        format!("{}{unit} ({}-{})", short(median), short(least), short(most))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            ours,
            other,
            target,
            ..
        } = self;
        let (figure, verdict) = (self.figure(), self.verdict());
        write!(
            f,
            "{what} | {ours} | {other} | {figure} | {target} | {verdict}"
        )
    }
}

/// Three places where that says something.
fn short(value: f64) -> String {
    match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn markdown(findings: &[Finding]) -> String {
    let mut text = "| what | syncd | the other | median (least-most) | target | |\n\
                    | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for finding in findings {
        let _ = writeln!(text, "| {finding} |");
    }
    text
}

pub(crate) fn json(machine: &str, files: usize, findings: &[Finding]) -> Outcome<String> {
    let whole = serde_json::json!({ "machine": machine, "files": files, "findings": findings });
    Ok(serde_json::to_string_pretty(&whole)?)
}
