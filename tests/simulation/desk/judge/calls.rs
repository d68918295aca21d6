//! At the beginning and end of calls.

use syncd::port::transport::Reply;

use crate::desk::centre::{Asked, Pass, Said, is_older};
use crate::desk::line::Route;
use crate::desk::mix::Own;
use crate::desk::world::World;

/// So far back calls are counted.
const SPAN_MS: u64 = 60_000;
/// Calls of a minute, at any time; a burst of files has four calls for each.
const CALLS_MAX: usize = 400;
/// Calls of a minute in which nobody can be reached.
const CALLS_OUT_MAX: usize = 60;
/// Logins of a minute.
const LOGINS_MAX: usize = 24;
/// A message goes out so often at most, unless a person wants it once more.
const SENDS_MAX: usize = 2;

impl World {
    pub fn exchange_begins(&self, route: Route, pass: &Pass) -> u64 {
        let now = self.now_ms();
        let is_out = {
            let state = self.state();
            let mut outages = state.outages.iter();
            outages.any(|(from, to)| from + SPAN_MS <= now && now < *to)
        };
        if route == Route::Poll {
            self.check_journal();
        }
        let mut state = self.state();
        let judge = &mut state.judge;
        judge.number += 1;
        judge.calls_made += 1;
        let number = judge.number;
        let mut wrong = Vec::new();
        let others = judge.exchanges.values().filter(|other| **other == route);
        if matches!(route, Route::Poll | Route::Bearer | Route::Apply) && others.count() > 0 {
            wrong.push(format!("two of {route:?} at once"));
        }
        if judge
            .replaced
            .get(&pass.session)
            .is_some_and(|at| *at < now)
        {
            wrong.push(format!("{route:?} with a session token that was replaced"));
        }
        judge.exchanges.insert(number, route);
        judge.calls.push_back((now, route));
        while judge
            .calls
            .front()
            .is_some_and(|(at, _)| at + SPAN_MS < now)
        {
            judge.calls.pop_front();
        }
        let calls = judge.calls.len();
        let is_login = |(_, route): &&(u64, Route)| matches!(route, Route::Bearer | Route::Apply);
        let logins = judge.calls.iter().filter(is_login).count();
        if calls > CALLS_MAX || logins > LOGINS_MAX || (is_out && calls > CALLS_OUT_MAX) {
            wrong.push(format!(
                "a storm: {calls} calls and {logins} logins in a minute"
            ));
        }
        drop(state);
        for what in wrong {
            self.story.wrong(&what);
        }
        number
    }

    pub fn exchange_ended(&self, number: u64) {
        self.state().judge.exchanges.remove(&number);
    }

    /// A call was read.
    pub fn understood(&self, asked: &Asked) {
        let now = self.now_ms();
        match asked {
            Asked::History(look) if look.since.is_none() && look.offset == 0 => {
                self.state().judge.look = Some((now, false));
            }
            Asked::Send(said) if said.control == "CHAT" => self.check_repeat(said),
            _ => {}
        }
    }

    /// A message that may have gone out goes out again only if the history was looked at and did not
    /// show it, and not without end.
    fn check_repeat(&self, said: &Said) {
        let id = said.message_id.clone().unwrap_or_default();
        let is_late = self.is_late(&id);
        let mut state = self.state();
        let manners = state.centre.manners.clone();
        let judge = &mut state.judge;
        let before = judge.sent_at.get(&id).copied();
        let look = judge.look;
        let most = SENDS_MAX + judge.allowed.get(&id).copied().unwrap_or(0);
        let same = state
            .centre
            .sent
            .iter()
            .filter(|sent| sent.message_id == id);
        let out: Vec<u64> = same.map(|sent| sent.at_ms).collect();
        let times = out.len() + usize::from(is_late);
        drop(state);
        if times == 0 {
            return;
        }
        let (began, ended) = look.unwrap_or_default();
        let shows = |at: &u64| at + manners.lag_ms < began && manners.own != Own::NotAtAll;
        if !ended || before.is_some_and(|before| began < before) {
            self.story
                .wrong("a message was sent again without a look into the history");
        } else if out.iter().any(shows) {
            self.story
                .wrong("a message was sent again although the history shows it");
        } else if times >= most {
            self.story
                .wrong(&format!("a message was sent {} times", times + 1));
        }
    }

    /// A call had its effect, if it was let have one.
    pub fn took_effect(&self, asked: &Asked) {
        if let Asked::Send(Said {
            message_id: Some(id),
            ..
        }) = asked
        {
            let last = self.state().centre.sent.last().map(|sent| sent.at_ms);
            if last == Some(self.now_ms()) {
                self.is_out(id);
            }
            self.look_at_sent();
        }
    }

    /// A message has gone out, or will by itself.
    pub fn is_out(&self, message_id: &str) {
        let now = self.now_ms();
        self.state()
            .judge
            .sent_at
            .insert(message_id.to_owned(), now);
    }

    /// What the daemon is told.
    pub fn arrived(&self, route: Route, pass: &Pass, reply: &Reply, handed: &[usize]) {
        let now = self.now_ms();
        let mut state = self.state();
        let state = &mut *state;
        let newer = reply.header("ccmessaging-token");
        if let Some(newer) = newer {
            self.story.mark("session token renewed by an answer");
            if is_older(&pass.session, newer) {
                state
                    .judge
                    .replaced
                    .entry(pass.session.clone())
                    .or_insert(now);
            }
        }
        if route == Route::History
            && let Some((_, ended)) = &mut state.judge.look
        {
            *ended = true;
        }
        if route == Route::Poll && reply.body.windows(6).any(|words| words == b"160004") {
            self.story.mark("poll without a chat");
        }
        for number in handed {
            let message = &mut state.centre.messages[*number];
            if std::mem::replace(&mut message.arrived, true) {
                self.story.mark("message handed out twice");
            }
        }
        state.judge.unjournaled.extend(handed);
    }

    /// All that came with the last answer is written down before the next poll.
    fn check_journal(&self) {
        let came = std::mem::take(&mut self.state().judge.unjournaled);
        if came.is_empty() {
            return;
        }
        let rows = self.rows();
        for number in came {
            let is_kept = self.row_of(&rows, number).is_some();
            let carries_file = self.state().centre.messages[number].file.is_some();
            // Others are forgotten after a month, which a clock that is ahead may make of a minute.
            if !is_kept && (carries_file || self.story.ahead_ms() <= 0) {
                let message = self.state().centre.messages[number].value.to_string();
                let what = "a poll before the last one's messages were written down";
                self.story.wrong(&format!("{what}: {message}"));
            }
        }
    }
}
