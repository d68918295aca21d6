//! One page, and how its text is set.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// One page of the manual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Without its section.
    pub(super) name: String,
    /// Of the manual: 1, 5 or 7.
    pub(super) section: u8,
    /// In roff.
    pub(super) text: String,
}

/// What every text of roff begins with: a straight apostrophe.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// When this version was made; it changes together with the version.
const DATE: &str = "2026-11-29";

impl Page {
    /// A page of texts that were set by [`Roff`], one after the other.
    pub(super) fn new(name: &str, section: u8, set: &str) -> Self {
        let title = name.to_uppercase();
        let version = env!("CARGO_PKG_VERSION");
        let mut text = format!(
            "{PREAMBLE}.TH \"{title}\" \"{section}\" \"{DATE}\" \"syncd {version}\" \"syncd\"\n"
        );
        let mut after_heading = false;
        for line in set.replace(PREAMBLE, "").lines() {
            let line = line.trim_end();
            // A heading begins a paragraph by itself.
            if !(after_heading && line == ".PP") {
                text.push_str(line);
                text.push('\n');
            }
            after_heading = line.starts_with(".SH ");
        }
        Self {
            name: name.to_owned(),
            section,
            text,
        }
    }

    /// `syncd.1`.
    pub(super) fn file_name(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }

    /// Whether a person means this one: the name, with its section or without.
    pub(super) fn is_called(&self, asked: &str) -> bool {
        asked == self.name || asked == self.file_name()
    }
}

/// Begins a page that is not about a command.
pub(super) fn begin(name: &str, about: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {about}"))]);
    roff
}

/// A paragraph; what stands between backticks becomes bold.
pub(super) fn paragraph(roff: &mut Roff, text: &str) {
    roff.control("PP", []);
    roff.text(inlines(text));
}

/// A word, and below it what is said about it.
pub(super) fn entry(roff: &mut Roff, head: Vec<Inline>, texts: &[&str]) {
    roff.control("TP", []);
    roff.text(head);
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text(inlines(text));
    }
}

/// Text as it stands, line by line.
pub(super) fn verbatim(roff: &mut Roff, text: &str) {
    roff.control("PP", []).control("nf", []);
    for line in text.lines() {
        roff.text([roman(if line.is_empty() { " " } else { line })]);
    }
    roff.control("fi", []);
}

/// Text with backticks, as bold and roman pieces.
pub(super) fn inlines(text: &str) -> Vec<Inline> {
    let pieces = text.split('`').enumerate();
    let pieces = pieces.filter(|(_, piece)| !piece.is_empty());
    pieces
        .map(|(index, piece)| {
            if index % 2 == 1 {
                bold(piece)
            } else {
                roman(piece)
            }
        })
        .collect()
}

/// As [`inlines`], in text that is roff already.
pub(super) fn embolden(roff: &str) -> String {
    let pieces = roff.split('`').enumerate();
    let pieces = pieces.map(|(index, piece)| match index {
        0 => piece.to_owned(),
        index if index % 2 == 1 => format!("\\fB{piece}"),
        _ => format!("\\fR{piece}"),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_the_version() {
        let changes = include_str!("../../../CHANGELOG.md");
        let newest = format!("## {}, ", env!("CARGO_PKG_VERSION"));
        let line = changes.lines().find(|line| line.starts_with("## "));
        let date = line.unwrap().strip_prefix(&newest).unwrap();
        assert!(date == "unreleased" || date == DATE, "{date}");
    }
}
