//! What is done about a fault: one constant table, looked up by layer, code and, where a code means
//! several things, words of the message.
//!
//! Invariants: every fault has exactly one rule; nothing unknown is taken for success; nothing
//! unknown is tried without end; trouble of the account never costs a file one of its attempts.

mod decision;
mod explain;
pub mod page;
mod table;
mod words;

use std::time::Duration;

use crate::model::fault::{Call, Fault, Layer};

pub use decision::{
    AccountNext, Closure, ClosureKind, Decision, FRESH_LINKS_MAX, JobNext, Same, Situation, decide,
};
pub use explain::{Explanation, explain};
pub use page::errors_page;
pub use table::rules;

/// What is done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try again after a backoff.
    Retry,
    /// Get another token and repeat the call within the same attempt.
    RefreshToken,
    /// Ask for another link and send from byte 0 within the same attempt.
    FreshLink,
    /// Stop the account's calls for a known time.
    Wait(WaitFor),
    /// Stop the account's calls until a probe succeeds or a person resumes it.
    PauseAccount,
    /// Look at the file again.
    Replan,
    /// Give this version of the file up and tell the person.
    Dead,
}

/// How long [`Remedy::Wait`] waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// Until the next minute of the wall clock begins, and a little longer.
    NextMinute,
    /// Until 00:05 in Beijing, where the counters are reset; probed every hour all the same.
    UntilNextDay {
        /// When it is probed first, because the documents disagree about the span.
        first_probe: Duration,
    },
    /// For a fixed span.
    Span(Duration),
    /// For `first`, then twice as long each time, up to `max`.
    Doubling {
        /// First wait.
        first: Duration,
        /// Longest wait.
        max: Duration,
    },
}

/// How often in a row a rule's remedy is taken before its `then`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// So many times.
    Times(u32),
    /// As often as a file may fail by the configuration (`limits.attempts`).
    Attempts,
    /// Until it works; the account's gate bounds how often a minute.
    AsLongAsItTakes,
}

/// Whose trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The file's: counts as one of its attempts.
    File,
    /// The account's, the network's or the cloud's: never counts, never kills a job.
    Account,
}

impl Blame {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Account => "account",
        }
    }
}

/// Which codes a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codes {
    /// These, whatever their case.
    Exact(&'static [&'static str]),
    /// Whole numbers from the first to the second, both included.
    Between(i64, i64),
    /// All that no other rule of the layer is about.
    Any,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The conversations it is about; empty for all.
    pub calls: &'static [Call],
    /// Layer.
    pub layer: Layer,
    /// Codes.
    pub codes: Codes,
    /// Words the message must hold, whatever their case.
    pub message: Option<&'static str>,
    /// What is done.
    pub remedy: Remedy,
    /// How often in a row.
    pub tries: Tries,
    /// What is done after that.
    pub then: Remedy,
    /// Whose trouble it is.
    pub blames: Blame,
    /// Fewer transfers at once from now on.
    pub slow_down: bool,
    /// How often a pause is probed, where it is not every 15 to 30 minutes.
    pub probe_after: Option<Duration>,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// What the person does.
    pub advice: &'static str,
    /// Sections of the protocol notes.
    pub source: &'static str,
}

/// The rule for a fault: a rule that asks for words of the message comes before one that does not,
/// an exact code before a range, a narrow range before a wide one, and a rule for this call before
/// one for all calls. An unknown code of the object store is judged by its HTTP status.
pub fn classify(fault: &Fault) -> &'static Rule {
    let by_code = best(fault, fault.layer, &fault.code);
    if by_code.is_some_and(|rule| rule.codes != Codes::Any) {
        return by_code.unwrap_or(table::UNKNOWN);
    }
    let by_status = fault
        .status
        .filter(|_| fault.layer == Layer::Cos)
        .and_then(|status| best(fault, Layer::Http, &status.to_string()))
        .filter(|rule| rule.codes != Codes::Any);
    by_status.or(by_code).unwrap_or(table::UNKNOWN)
}

fn best(fault: &Fault, layer: Layer, code: &str) -> Option<&'static Rule> {
    rules()
        .filter(|rule| rule.layer == layer && rule.is_about(fault.call, code, &fault.message))
        .max_by_key(|rule| rule.precedence())
}

impl Rule {
    /// Whether the rule covers a code with these words in this conversation.
    fn is_about(&self, call: Call, code: &str, message: &str) -> bool {
        (self.calls.is_empty() || self.calls.contains(&call))
            && self.codes.contain(code)
            && self.message.is_none_or(|words| {
                message
                    .to_ascii_lowercase()
                    .contains(&words.to_ascii_lowercase())
            })
    }

    /// Higher is more special.
    fn precedence(&self) -> (bool, u8, u64, bool) {
        let (kind, narrow) = match self.codes {
            Codes::Exact(_) => (2, 0),
            Codes::Between(from, to) => (1, u64::MAX - to.abs_diff(from)),
            Codes::Any => (0, 0),
        };
        (self.message.is_some(), kind, narrow, !self.calls.is_empty())
    }
}

impl Codes {
    /// Whether a code is one of these.
    pub fn contain(self, code: &str) -> bool {
        match self {
            Self::Exact(codes) => codes.iter().any(|have| have.eq_ignore_ascii_case(code)),
            Self::Between(from, to) => code
                .parse()
                .is_ok_and(|number: i64| from <= number && number <= to),
            Self::Any => true,
        }
    }
}

/// The rule's advice for this very fault: where the message names the address that was seen, it is
/// said.
pub fn advice_for(rule: &Rule, fault: &Fault) -> String {
    if !rule.advice.contains("whitelist") {
        return rule.advice.to_owned();
    }
    match address_in(&fault.message) {
        Some(address) => format!("{} The address that was seen is {address}.", rule.advice),
        None => rule.advice.to_owned(),
    }
}

/// The first IP address in a text.
fn address_in(text: &str) -> Option<std::net::IpAddr> {
    text.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
        .map(|word| word.trim_matches('.').trim_end_matches(':'))
        // "::a" in other words is an address too, but never the one of a client.
        .filter(|word| word.len() >= "1.1.1.1".len())
        .find_map(|word| word.parse().ok())
}
