//! What the tour tells: headings, sentences, commands with what they print.

use std::io::{self, Write};

use super::DemoError;

/// What the programs print is indented by this, so that it can be told from the tour's own words.
const MARGIN: &str = "  ";
/// Longer lines are folded, with what follows under the words that were begun.
const WIDTH: usize = 96;

/// The teller.
pub(super) struct Story {
    out: Box<dyn Write>,
    chapter: usize,
}

impl Story {
    /// Tells on standard output.
    pub(super) fn to_stdout() -> Self {
        Self {
            out: Box::new(io::stdout()),
            chapter: 0,
        }
    }

    /// Begins a numbered part.
    pub(super) fn chapter(&mut self, heading: &str) -> Result<(), DemoError> {
        self.chapter += 1;
        let chapter = self.chapter;
        self.write(&format!("\n{chapter}. {heading}\n\n"))
    }

    /// Says something; line ends as they are.
    pub(super) fn say(&mut self, text: &str) -> Result<(), DemoError> {
        self.write(&format!("{text}\n"))
    }

    /// Leaves a line free.
    pub(super) fn gap(&mut self) -> Result<(), DemoError> {
        self.write("\n")
    }

    /// Shows a command as it is typed.
    pub(super) fn typed(&mut self, command: &str) -> Result<(), DemoError> {
        self.write(&format!("{MARGIN}$ {command}\n"))
    }

    /// Shows what a program printed or a file holds.
    pub(super) fn printed(&mut self, text: &str) -> Result<(), DemoError> {
        let mut shown = String::new();
        for line in text.trim_end().lines() {
            for part in fold(line, WIDTH - MARGIN.len()) {
                shown.push_str(format!("{MARGIN}{part}").trim_end());
                shown.push('\n');
            }
        }
        self.write(&shown)
    }

    fn write(&mut self, text: &str) -> Result<(), DemoError> {
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(DemoError::Output)
    }
}

/// Breaks a line between words; the rest is indented like the last column of the line.
fn fold(line: &str, width: usize) -> Vec<String> {
    let text = line.trim_start();
    let lead = line.len() - text.len();
    let column = text.split_once("  ").map_or(lead, |(label, rest)| {
        lead + label.chars().count() + 2 + (rest.len() - rest.trim_start().len())
    });
    let indent = if column < width / 2 { column } else { lead };
    let mut lines = Vec::new();
    let mut current = line.to_owned();
    while current.chars().count() > width {
        let limit = current
            .char_indices()
            .nth(width + 1)
            .map_or(current.len(), |(at, _)| at);
        let (head, _) = current.split_at(limit);
        let Some(at) = head.rfind(' ').filter(|at| *at > indent) else {
            break;
        };
        let (head, tail) = current.split_at(at);
        let rest = format!("{}{}", " ".repeat(indent), tail.trim_start());
        lines.push(head.trim_end().to_owned());
        current = rest;
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_under_their_last_column() {
        let folded = fold("  means    one two three four", 24);
        assert_eq!(folded, ["  means    one two three", "           four"]);
    }

    #[test]
    fn short_lines_and_long_words_stay_as_they_are() {
        assert_eq!(fold("  short", 20), ["  short"]);
        let word = "x".repeat(30);
        assert_eq!(fold(&word, 20), [word]);
    }
}
