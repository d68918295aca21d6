//! The table: rules, told in the order of the manual, and the words they are written with.
//!
//! A row says the layer and the codes, then what is done, then what it means to a person. Rows
//! stand in files by who reports the code.

mod cloudbase;
mod contact_centre;
mod gateway;
mod machine;
mod object_store;
mod platform;

use std::time::Duration;

use super::{Blame, Codes, FRESH_LINKS_MAX, Remedy, Rule, Tries, WaitFor};
use crate::model::fault::{Call, Layer};

/// The rule of last resort; every layer has its own before it.
pub(super) static UNKNOWN: &Rule = &machine::LOCAL_UNKNOWN;

static TABLES: [&[Rule]; 8] = [
    machine::TRANSPORT,
    platform::RULES,
    cloudbase::RULES,
    object_store::RULES,
    gateway::RULES,
    contact_centre::RULES,
    contact_centre::MACHINE,
    machine::LOCAL,
];

/// Every rule, in the order of the manual.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The calls of the API that are about a file or a site, not about a token.
const API: &[Call] = &[Call::Link, Call::Api];
/// The calls that go to the API's origin or the token's.
const ASKING: &[Call] = &[Call::Token, Call::Link, Call::Api];
const TOKEN: &[Call] = &[Call::Token];
/// The calls that send a file's bytes.
const SENDING: &[Call] = &[Call::Put, Call::Post];
const POST: &[Call] = &[Call::Post];

const fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// The quota of a day, whose first probe comes after some minutes.
const fn next_day(first_probe_minutes: u64) -> WaitFor {
    WaitFor::UntilNextDay {
        first_probe: minutes(first_probe_minutes),
    }
}

impl Rule {
    /// A rule that, unless told otherwise, tries again for as long as it takes at the account's
    /// expense.
    const fn of(layer: Layer, codes: Codes) -> Self {
        Self {
            calls: &[],
            layer,
            codes,
            message: None,
            remedy: Remedy::Retry,
            tries: Tries::AsLongAsItTakes,
            then: Remedy::Retry,
            blames: Blame::Account,
            slow_down: false,
            probe_after: None,
            meaning: "",
            advice: "",
            source: "",
        }
    }

    const fn errcode(codes: &'static [&'static str]) -> Self {
        Self::of(Layer::Errcode, Codes::Exact(codes))
    }

    const fn cos(codes: &'static [&'static str]) -> Self {
        Self::of(Layer::Cos, Codes::Exact(codes)).on(SENDING)
    }

    const fn http(codes: &'static [&'static str]) -> Self {
        Self::of(Layer::Http, Codes::Exact(codes)).on(SENDING)
    }

    const fn result(codes: &'static [&'static str]) -> Self {
        Self::of(Layer::Result, Codes::Exact(codes))
    }

    const fn desk_status(codes: &'static [&'static str]) -> Self {
        Self::of(Layer::Http, Codes::Exact(codes))
    }

    const fn transport(codes: &'static [&'static str]) -> Self {
        Self::of(Layer::Transport, Codes::Exact(codes))
    }

    const fn local(codes: &'static [&'static str]) -> Self {
        Self::of(Layer::Local, Codes::Exact(codes))
    }

    const fn on(mut self, calls: &'static [Call]) -> Self {
        self.calls = calls;
        self
    }

    const fn saying(mut self, words: &'static str) -> Self {
        self.message = Some(words);
        self
    }

    /// So often in a row, then something else.
    const fn times(mut self, times: u32, then: Remedy) -> Self {
        self.tries = Tries::Times(times);
        self.then = then;
        self
    }

    /// Retried as often as a file may fail, then dead.
    const fn of_the_file(mut self) -> Self {
        self.blames = Blame::File;
        self.tries = Tries::Attempts;
        self.then = Remedy::Dead;
        self
    }

    /// Retried so often as the file's fault, then dead.
    const fn of_the_file_times(self, times: u32) -> Self {
        self.of_the_file().times(times, Remedy::Dead)
    }

    const fn refresh(mut self) -> Self {
        self.remedy = Remedy::RefreshToken;
        self.times(2, Remedy::PauseAccount)
    }

    /// Another link once, then the file is given up.
    const fn fresh_link_or_dead(mut self) -> Self {
        self.remedy = Remedy::FreshLink;
        self.blames = Blame::File;
        self.times(1, Remedy::Dead)
    }

    /// Another link once, then the account is paused.
    const fn fresh_link_or_pause(mut self) -> Self {
        self.remedy = Remedy::FreshLink;
        self.times(1, Remedy::PauseAccount)
    }

    /// Another link as often as an attempt may, then tried again later.
    const fn fresh_links(mut self) -> Self {
        self.remedy = Remedy::FreshLink;
        self.times(FRESH_LINKS_MAX, Remedy::Retry)
    }

    const fn wait(mut self, wait: WaitFor) -> Self {
        self.remedy = Remedy::Wait(wait);
        self.then = self.remedy;
        self
    }

    const fn pause(mut self) -> Self {
        self.remedy = Remedy::PauseAccount;
        self.then = self.remedy;
        self
    }

    const fn pause_probing(mut self, every: Duration) -> Self {
        self.probe_after = Some(every);
        self.pause()
    }

    const fn replan(mut self) -> Self {
        self.remedy = Remedy::Replan;
        self.then = self.remedy;
        self.blames = Blame::File;
        self
    }

    const fn dead(mut self) -> Self {
        self.remedy = Remedy::Dead;
        self.then = self.remedy;
        self.blames = Blame::File;
        self.tries = Tries::Times(1);
        self
    }

    const fn slow_down(mut self) -> Self {
        self.slow_down = true;
        self
    }

    /// The words for a person, and the sections of the protocol notes.
    const fn means(
        mut self,
        meaning: &'static str,
        advice: &'static str,
        source: &'static str,
    ) -> Self {
        self.meaning = meaning;
        self.advice = advice;
        self.source = source;
        self
    }
}
