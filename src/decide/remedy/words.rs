//! Remedies in words, for `explain`, the manual, logs and events.

use std::time::Duration;

use super::{Blame, Remedy, Rule, Tries, WaitFor};
use crate::model::fault::Layer;

impl Remedy {
    /// The word of logs and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::RefreshToken => "refresh-token",
            Self::FreshLink => "fresh-link",
            Self::Wait(_) => "wait",
            Self::PauseAccount => "pause-account",
            Self::Replan => "replan",
            Self::Dead => "dead",
        }
    }
}

impl Rule {
    /// What syncd does, in one or two sentences.
    pub fn syncd_does(&self) -> String {
        let mut text = self.first_then();
        if self.slow_down {
            text.push_str(" Halves the number of parallel transfers.");
        }
        if self.ends_a_file() && !matches!(self.layer, Layer::Local | Layer::Transport) {
            text.push_str(" If 5 different files in a row end so, the account is paused instead.");
        }
        text
    }

    /// Whether the rule can give a file up.
    fn ends_a_file(&self) -> bool {
        self.remedy == Remedy::Dead || (self.then == Remedy::Dead && self.blames == Blame::File)
    }

    fn first_then(&self) -> String {
        match (self.remedy, self.tries) {
            (Remedy::Retry, Tries::AsLongAsItTakes) => {
                "Tries again after a growing pause, for as long as it takes; no file is given up \
                 for it."
                    .to_owned()
            }
            (Remedy::Retry, Tries::Attempts) => {
                "Tries again after a growing pause, as often as `limits.attempts` allows; then \
                 gives the file up."
                    .to_owned()
            }
            (Remedy::Retry, Tries::Times(times)) if self.blames == Blame::Account => format!(
                "Tries again {} after a growing pause; then, unless other files got through \
                 meanwhile, {}.",
                often(times),
                self.after()
            ),
            (Remedy::Retry, Tries::Times(times)) => {
                format!(
                    "Tries again {} after a growing pause; then {}.",
                    often(times),
                    self.after()
                )
            }
            (Remedy::RefreshToken, Tries::Times(times)) => format!(
                "Gets a new token and repeats the call, {}; then {}.",
                often(times),
                self.after()
            ),
            (Remedy::FreshLink, Tries::Times(times)) => format!(
                "Asks for a new link and sends again, {}; then {}.",
                often(times),
                self.after()
            ),
            (remedy, _) => capitalised(&phrase(remedy, self.probe_after)),
        }
    }

    fn after(&self) -> String {
        phrase(self.then, self.probe_after)
    }
}

/// A remedy as the end of a sentence, without the full stop.
fn phrase(remedy: Remedy, probe_after: Option<Duration>) -> String {
    match remedy {
        Remedy::Retry => "tries again later, for as long as it takes".to_owned(),
        Remedy::RefreshToken => "gets a new token".to_owned(),
        Remedy::FreshLink => "asks for a new link".to_owned(),
        Remedy::Wait(wait) => format!("stops the account's calls {}", wait_words(wait)),
        Remedy::PauseAccount => {
            let every = probe_after.map_or_else(|| "15 to 30 minutes".to_owned(), span);
            format!("pauses the account, keeps its queue, and probes it every {every}")
        }
        Remedy::Replan => "looks at the file again".to_owned(),
        Remedy::Dead => "gives this version of the file up and says so".to_owned(),
    }
}

fn wait_words(wait: WaitFor) -> String {
    match wait {
        WaitFor::NextMinute => "until the next minute".to_owned(),
        WaitFor::UntilNextDay { first_probe } if first_probe < Duration::from_hours(1) => {
            format!(
                "until 00:05 (UTC+8) of the next day; probes it after {} and then every hour",
                span(first_probe)
            )
        }
        WaitFor::UntilNextDay { .. } => {
            "until 00:05 (UTC+8) of the next day; probes it every hour".to_owned()
        }
        WaitFor::Span(time) => format!("for {}", span(time)),
        WaitFor::Doubling { first, max } => {
            format!("for {}, doubling up to {}", span(first), span(max))
        }
    }
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 3600 && seconds % 3600 == 0 => plural(seconds / 3600, "hour"),
        seconds if seconds % 60 == 0 => plural(seconds / 60, "minute"),
        seconds => plural(seconds, "second"),
    }
}

fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

fn often(times: u32) -> String {
    match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        times => format!("{times} times"),
    }
}

fn capitalised(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
