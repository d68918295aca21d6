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

impl Page {
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
pub(super) fn begin(name: &str, section: u8, about: &str) -> Roff {
    let mut roff = Roff::new();
    let (section, source) = (section.to_string(), source());
    roff.control("TH", [name, &section, "", &source, "syncd"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {about}"))]);
    roff
}

/// `syncd 0.1.0`.
pub(super) fn source() -> String {
    format!("syncd {}", env!("CARGO_PKG_VERSION"))
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
