//! Colours, for a terminal that wants them.

use std::io::{self, IsTerminal as _};

/// Whether to colour. Off unless the stream is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    Plain,
    /// Escape sequences.
    Colour,
}

/// What a word says about things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All right.
    Good,
    /// Under way.
    Busy,
    /// Worth a look.
    Caution,
    /// Needs a person.
    Wrong,
    /// A name.
    Strong,
}

impl Paint {
    /// For stdout; `no_color` is the value of that variable.
    pub fn of_stdout(no_color: Option<&str>) -> Self {
        if io::stdout().is_terminal() && no_color.is_none() {
            Self::Colour
        } else {
            Self::Plain
        }
    }

    /// A word in its colour.
    pub fn tone(self, tone: Tone, word: &str) -> String {
        let code = match (self, tone) {
            (Self::Plain, _) => return word.to_owned(),
            (Self::Colour, Tone::Good) => "32",
            (Self::Colour, Tone::Busy) => "36",
            (Self::Colour, Tone::Caution) => "33",
            (Self::Colour, Tone::Wrong) => "31",
            (Self::Colour, Tone::Strong) => "1",
        };
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    }
}
