//! `syncd explain`: every meaning of a code, for people and as data.

use std::fmt;

use super::{Blame, Codes, Rule, classify, rules};
use crate::model::fault::{Call, Fault, Layer};

/// What stands before sections of the notes on the contact centre's desk.
const DESK: &str = "desk ";

/// One meaning of a code.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// The code as the table writes it; as it was asked for, if a catch-all covers it.
    pub code: String,
    /// Who reports it.
    pub layer: Layer,
    /// In which calls; empty for all.
    pub calls: Vec<Call>,
    /// Words the message must hold for this meaning.
    pub message: Option<&'static str>,
    /// Whether the code itself is in the table; else a catch-all covers it.
    pub known: bool,
    /// What it means.
    pub meaning: &'static str,
    /// What syncd does.
    pub syncd_does: String,
    /// What the person does.
    pub advice: &'static str,
    /// Whose trouble it is.
    pub blames: Blame,
    /// Sections of the protocol notes.
    pub source: &'static str,
}

/// Every meaning of a code (errcode, code of the object store, HTTP status, word of syncd's own),
/// whatever its case. A whole number that is not in the table is explained by the catch-all that
/// covers it. `None` for a word that is not known.
pub fn explain(code: &str) -> Option<Vec<Explanation>> {
    let code = code.trim();
    let known: Vec<_> = rules().filter_map(|rule| exactly(rule, code)).collect();
    let found = if known.is_empty() {
        covered(code)
    } else {
        known
    };
    (!found.is_empty()).then_some(found)
}

/// The catch-alls that a whole number falls to, in the calls where it can come.
fn covered(code: &str) -> Vec<Explanation> {
    let Ok(number) = code.parse::<i64>() else {
        return Vec::new();
    };
    let who: &[(Layer, Call)] = match number {
        100..600 => &[
            (Layer::Http, Call::Put),
            (Layer::Http, Call::Link),
            (Layer::Http, Call::Poll),
            (Layer::Http, Call::Download),
        ],
        0.. => &[
            (Layer::Errcode, Call::Link),
            (Layer::Errcode, Call::Token),
            (Layer::Result, Call::Poll),
            (Layer::Result, Call::Download),
        ],
        _ => &[(Layer::Errcode, Call::Link), (Layer::Errcode, Call::Token)],
    };
    let mut rules: Vec<_> = who
        .iter()
        .map(|(layer, call)| classify(&Fault::new(*call, *layer, code, "")))
        .collect();
    rules.dedup();
    rules
        .into_iter()
        .map(|rule| explanation(rule, code.to_owned(), false))
        .collect()
}

/// The text of `syncd explain`.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.code, reporter(self.layer))?;
        if !self.calls.is_empty() {
            write!(f, ", {}", during(&self.calls))?;
        }
        if let Some(words) = self.message {
            write!(f, ", the message says \"{words}\"")?;
        }
        writeln!(f, ")")?;
        if !self.known {
            writeln!(
                f,
                "  note        not in syncd's table; the general rule covers it"
            )?;
        }
        writeln!(f, "  means       {}", self.meaning)?;
        writeln!(f, "  syncd does  {}", self.syncd_does)?;
        writeln!(f, "  you do      {}", self.advice)?;
        match self.source.strip_prefix(DESK) {
            Some(sections) => write!(f, "  source      desk notes {sections}"),
            None => write!(f, "  source      protocol notes {}", self.source),
        }
    }
}

/// A layer for people.
pub(super) fn reporter(layer: Layer) -> &'static str {
    match layer {
        Layer::Transport => "connection",
        Layer::Http => "HTTP status",
        Layer::Errcode => "errcode of the WeChat API",
        Layer::Cos => "code of the object store",
        Layer::Result => "resultCode of ccmessaging",
        Layer::Local => "this machine",
    }
}

/// Calls for people.
pub(super) fn during(calls: &[Call]) -> String {
    let words: Vec<&str> = calls.iter().map(|call| doing(*call)).collect();
    words.join(" or ")
}

fn doing(call: Call) -> &'static str {
    match call {
        Call::Token => "getting a token",
        Call::Link => "asking for a link",
        Call::Put => "sending the bytes",
        Call::Post => "sending the form",
        Call::Api => "any other call of the API",
        Call::GatewayToken => "getting the gateway's token",
        Call::SessionToken => "getting a session's token",
        Call::Connect => "opening or closing the session",
        Call::QueueInfo => "asking about the queue",
        Call::Poll => "asking for messages",
        Call::History => "asking for earlier messages",
        Call::Download => "fetching a file",
        Call::Upload => "handing a file over",
        Call::Send => "sending the message",
        Call::Deliver => "putting a file into the inbox",
        Call::Source => "reading the file",
    }
}

fn exactly(rule: &'static Rule, code: &str) -> Option<Explanation> {
    let Codes::Exact(codes) = rule.codes else {
        return None;
    };
    let spelling = codes.iter().find(|have| have.eq_ignore_ascii_case(code))?;
    Some(explanation(rule, (*spelling).to_owned(), true))
}

fn explanation(rule: &Rule, code: String, known: bool) -> Explanation {
    Explanation {
        code,
        layer: rule.layer,
        calls: rule.calls.to_vec(),
        message: rule.message,
        known,
        meaning: rule.meaning,
        syncd_does: rule.syncd_does(),
        advice: rule.advice,
        blames: rule.blames,
        source: rule.source,
    }
}
