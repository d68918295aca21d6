//! The table as a page of the manual.

use std::fmt::Write;

use super::explain::{during, reporter};
use super::{Codes, Rule, rules};
use crate::model::fault::Layer;

const HEAD: &str = "# Errors and what syncd does about them

This page is made from the table that syncd itself looks faults up in
(`SYNCD_BLESS=1 cargo test --test remedies` writes it anew); `syncd explain CODE` shows one code.
Of the rows that fit a fault the most special one holds: words of the message before a bare code, a
code before a range, a call before all calls. A code of the object store that is not listed is
judged by its HTTP status.

*Whose*: trouble of a **file** counts as one of its attempts (`limits.attempts`); trouble of the
**account**, which includes the network and the cloud, never does. Three account faults in a row
without a success close the account; then one probe at a time is made until one succeeds.

*Notes*: sections of [the WeChat notes](protocol-wechat.md); with `desk` before them, of
[the notes on the desk](protocol-ccmessaging.md).
";

/// The layers, in the order of the manual.
pub const LAYERS: [Layer; 6] = [
    Layer::Transport,
    Layer::Http,
    Layer::Errcode,
    Layer::Cos,
    Layer::Result,
    Layer::Local,
];

/// The text of `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = HEAD.to_owned();
    for layer in LAYERS {
        page.push_str(&section(layer));
    }
    page
}

fn section(layer: Layer) -> String {
    let mut text = format!("\n## {}\n\n", title(layer));
    text.push_str("| code | when | whose | means | syncd does | you do | notes |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for rule in rules().filter(|rule| rule.layer == layer) {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            codes(rule),
            when(rule),
            rule.blames.as_str(),
            rule.meaning,
            rule.syncd_does(),
            rule.advice,
            rule.source
        );
    }
    text
}

/// What the manual calls a layer.
pub fn title(layer: Layer) -> &'static str {
    match layer {
        Layer::Transport => "The connection",
        Layer::Http => "HTTP statuses",
        Layer::Errcode => "The WeChat API and CloudBase (`errcode`)",
        Layer::Cos => "The object store (`Code`)",
        Layer::Result => "The contact centre (`resultCode`)",
        Layer::Local => "This machine",
    }
}

/// The codes of a rule, in backticks, or the words for a range.
pub fn codes(rule: &Rule) -> String {
    match rule.codes {
        Codes::Exact(codes) => {
            let quoted: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
            quoted.join(", ")
        }
        Codes::Between(i64::MIN, to) => format!("other below {}", to.saturating_add(1)),
        Codes::Between(from, i64::MAX) => format!("other from {from}"),
        Codes::Between(from, to) => format!("other {from} to {to}"),
        Codes::Any => format!("any other {}", reporter(rule.layer)),
    }
}

/// In which calls, and with which words of the message, a rule holds; empty for always.
pub fn when(rule: &Rule) -> String {
    let call = during(rule.calls);
    match rule.message {
        Some(words) if call.is_empty() => format!("message has \"{words}\""),
        Some(words) => format!("{call}; message has \"{words}\""),
        None => call,
    }
}
